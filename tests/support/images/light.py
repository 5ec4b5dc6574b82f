"""The curves of HDR, from light to the values of a file. Light of 1 is diffuse white."""

import numpy as np


def pq(light: np.ndarray) -> np.ndarray:
    """The inverse of the curve, from light to values (ITU-R BT.2100, table 4)."""
    share = (light * 203 / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * share) / (1 + 18.6875 * share)) ** 78.84375


def hlg(light: np.ndarray) -> np.ndarray:
    """From light on a display of 1,000 cd/m² to values (ITU-R BT.2100, table 5)."""
    scene = (light * 0.203) ** (1 / 1.2)
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)
