"""Samples of TIFFs, and the expected results."""

from pathlib import Path
from typing import Any

import numpy as np

from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.pictures import pixels, read
from tests.support.images.tiffs import BLACK_IS_ZERO, CMYK, RGB

LUMA = np.array([0.299, 0.587, 0.114])
X, Y = np.meshgrid(np.linspace(0, 1, 53), np.linspace(0, 1, 37))
LIGHT = np.stack([X, Y, (1 - X) * 0.9, (X + Y) / 2, 0.3 + 0.7 * X], axis=-1)
"""Five samples of each pixel, from 0 to 1, all different. The last one serves as alpha."""
COLORS = {"gray": (1, BLACK_IS_ZERO), "RGB": (3, RGB), "CMYK": (4, CMYK)}
DEPTHS = ["u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8"]


def develop(data: bytes | Path, output: str = "png", **limits: Any) -> Gray:
    return grayscale(data, output=output, quality=90, **{"max_pixels": 10_000, **limits})


def stored(light: np.ndarray, depth: str) -> np.ndarray:
    """Return values of 0 to 1 as a program stores them: up to 1, or up to the type's maximum."""
    kind = np.dtype(depth)
    if kind.kind == "f":
        return light.astype(kind)
    return np.round(light * np.iinfo(kind).max).astype(kind)


def scaled(samples: np.ndarray) -> np.ndarray:
    """Return stored values from 0 to 1, by the rule in the table of `grayscale`."""
    kind, values = samples.dtype, samples.astype(float)
    if kind.kind == "u" and kind.itemsize < 4:
        return values / np.iinfo(kind).max
    for white in [1, 255, 65535] if kind.kind == "f" else [255, 65535]:
        if values.min() >= 0 and values.max() <= white:
            return values / white
    return (values - values.min()) / np.ptp(values)


def expected(colors: np.ndarray) -> np.ndarray:
    """Return the gray, from 0 to 1, of gray, RGB or CMYK."""
    if colors.shape[-1] == 1:
        return colors[..., 0]
    if colors.shape[-1] == 4:
        colors = (1 - colors[..., :3]) * (1 - colors[..., 3:])
    return colors @ LUMA


def gray_and_alpha(result: Gray) -> tuple[np.ndarray, np.ndarray]:
    image = read(result)
    if image.mode == "I;16":
        return pixels(image) / 65535, np.ones(image.size[::-1])
    both = pixels(image.convert("LA")) / 255
    return both[..., 0], both[..., 1]
