"""The cases of the corpus: a generated file, and its expected result.

The expected result is computed with numpy from the numbers in the file, by the rules in the
docstring of `darkroom.images.grayscale`. No decoder takes part.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
LEVEL = 1 / 255
"""One step of gray of 8 bits, where white is 1."""
EXACT, EXACT_16, ROUNDED, LOSSY = 0.01 * LEVEL, 0.51 / 65535, 1.01 * LEVEL, 3 * LEVEL
"""How far a result may be off: gray of 8 bits, gray of 16 bits, luma, after a lossy compression."""


@dataclass(frozen=True)
class Case:
    """One file of the corpus.

    Attributes:
        labels: what the file has, such as `tiff`, `rgb`, `16 bits`, `tiles`. They name the case.
        make: returns the file.
        level: the right gray, from 0 (black) to 1 (white); frames x height x width if animated.
        alpha: the right alpha, from 0 to 1, or None if the result is opaque.
        tolerance: how far the gray may be off.
    """

    labels: tuple[str, ...]
    make: Callable[[], bytes]
    level: np.ndarray
    alpha: np.ndarray | None = None
    tolerance: float = EXACT

    @property
    def name(self) -> str:
        """The labels as one text."""
        return ", ".join(self.labels)


def noise(*shape: int, most: int = 255, seed: int = 0) -> np.ndarray:
    """Return whole numbers from 0 to `most`, both included, so that every wrong value is
    noticed."""
    numbers = np.random.default_rng([seed, *shape]).integers(0, most, shape, endpoint=True)
    if numbers.size > 2:
        numbers.reshape(-1)[:2] = 0, most
    return numbers


def soft(height: int, width: int, samples: int = 3) -> np.ndarray:
    """Return soft shades of 8 bits without symmetry, which lossy compressions hardly change."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    planes = [50 + 150 * x, 70 + 110 * y, 190 - 90 * x * y, 60 + 70 * x + 60 * y]
    return np.stack(planes[:samples], axis=-1).round().astype(int)


def luma(colors: np.ndarray) -> np.ndarray:
    """Return the luma of red, green and blue from 0 to 1."""
    return np.asarray(colors[..., :3] @ LUMA)


def luma_of_inks(inks: np.ndarray) -> np.ndarray:
    """Return the luma of cyan, magenta, yellow and black, where 1 is all of the ink."""
    return luma((1 - inks[..., :3]) * (1 - inks[..., 3:4]))


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return what a viewer shows of stored pixels, for Exif's orientation (Exif 2.32, 4.6.4)."""
    turns: dict[int, Callable[[Any], Any]] = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: p[::-1].swapaxes(0, 1),
        7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
        8: lambda p: p[:, ::-1].swapaxes(0, 1),
    }
    return np.asarray(turns[orientation](pixels))


def by_range(values: np.ndarray) -> np.ndarray:
    """Return values of 32 bits, signed ones or fractions from 0 (black) to 1 (white)."""
    values = values.astype(float)
    low, high = values.min(), values.max()
    whites = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
    for white in whites:
        if low >= 0 and high <= white:
            return np.asarray(values / white)
    return np.asarray((values - low) / (high - low))
