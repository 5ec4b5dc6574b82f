"""Gray of numpy's arrays of samples, of any type of number. The rules are those of `grayscale`.

All functions work on some rows at a time, because a fraction of 64 bits for each sample would be
eight times as much as the result.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from PIL import Image

from darkroom.errors import InvalidImage

Array: TypeAlias = Any
"""A `numpy.ndarray`, which is not imported here."""
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
WHITES = {"i": (0xFF, 0xFFFF), "u": (0xFF, 0xFFFF), "f": (1, 0xFF, 0xFFFF)}
"""The value of white in the usual files, for each of numpy's kinds of numbers."""
BLOCK = 2**18
"""Samples that are converted at a time."""
BASE = 80 * 2**20
"""Bytes that numpy, a decoder's library and the copies of one block take."""
NOT_FINITE = (
    "The image cannot be decoded: it has pixels that are not numbers (NaN or infinite), or the "
    "largest number of 32 bits. If they mean that there are no data, say so in the file, for "
    "example with `gdal_edit.py -a_nodata nan FILE`; otherwise replace them by numbers."
)
LARGEST = 3.4e38
"""From here on, a fraction is no value, but means that there is none: programs write the largest
number of 32 bits, and name it with fewer digits in GDAL's tag."""
MOST_BITS = 16
"""Unsigned integers of these depths use the whole range; others hold measurements."""


@dataclass(frozen=True)
class Meaning:
    """What the samples of a pixel are.

    `colors` is the number of samples in front that make the colour: 1 gray, 3 RGB, 4 CMYK. `alpha`
    is the number of the sample with alpha, or None. `multiplied` says whether the colours are
    multiplied with alpha. `bits` is the number of used bits of an integer. `white_is_zero` says
    that the scale of gray is inverted. `nodata` is the value of samples without data.
    """

    colors: int
    bits: int
    alpha: int | None = None
    multiplied: bool = False
    white_is_zero: bool = False
    nodata: float | None = None

    @property
    def mode(self) -> str:
        """The mode of the gray picture."""
        if self.alpha is not None:
            return "LA"
        return "I;16" if self.colors == 1 and self.bits > 8 else "L"  # noqa: PLR2004

    @property
    def result(self) -> int:
        """The bytes of a pixel that `gray` allocates."""
        # Level and alpha are merged to four bytes.
        masks = self.colors + 2 if self.nodata is not None else 0
        return {"LA": 6, "I;16": 2, "L": 1}[self.mode] + masks


def gray(samples: Array, meaning: Meaning) -> Image.Image:
    """Return the gray picture of samples: mode `L`, `LA` or `I;16`.

    Args:
        samples: height x width x samples. What has no data is changed.
        meaning: what the samples are.

    Raises:
        InvalidImage: a sample is not a finite number below `LARGEST`.
    """
    import numpy as np

    colors = samples[..., : meaning.colors]
    black, white = _range(colors, meaning)
    if meaning.nodata is not None:
        _fill(colors, _empty(colors, meaning.nodata))
    if meaning.white_is_zero:
        black, white = white, black
    levels = np.empty(samples.shape[:2], np.uint16 if meaning.mode == "I;16" else np.uint8)
    full = np.iinfo(levels.dtype).max
    opacity = None
    if meaning.alpha is not None:
        opacity = np.empty(levels.shape, np.uint8)
        clear, opaque = _range(samples[..., meaning.alpha], meaning)
    for rows in _blocks(samples):
        light = (colors[rows].astype(np.float64) - black) / (white - black)
        if opacity is not None:
            cover = (samples[rows, :, meaning.alpha].astype(np.float64) - clear) / (opaque - clear)
            cover = cover.clip(0, 1)
            opacity[rows] = cover * 0xFF + 0.5
            if meaning.multiplied:
                light = light / np.where(cover > 0, cover, 1)[..., None]
        levels[rows] = _luma(light.clip(0, 1)) * full + 0.5
    if opacity is None:
        return Image.fromarray(levels)
    return Image.merge("LA", (Image.fromarray(levels), Image.fromarray(opacity)))


def _luma(light: Array) -> Array:
    """Return the luma of gray, RGB or CMYK, all from 0 to 1."""
    if light.shape[-1] == 1:
        return light[..., 0]
    if light.shape[-1] == 4:  # noqa: PLR2004 - CMYK, see the table of rules
        light = (1 - light[..., :3]) * (1 - light[..., 3:])
    return light @ LUMA


def _blocks(samples: Array) -> Iterator[slice]:
    height, width, count = samples.shape
    rows = max(1, BLOCK // (width * count))
    return (slice(start, start + rows) for start in range(0, height, rows))


def _range(samples: Array, meaning: Meaning) -> tuple[float, float]:
    """Return the values of black and white.

    For unsigned integers of at most 16 bits: the lowest and the highest. For others: 0 and the
    first usual white that all values fit below, else minimum and maximum, as in maps.
    """
    import numpy as np

    kind = samples.dtype.kind
    if kind == "u" and meaning.bits <= MOST_BITS:
        return 0, 2**meaning.bits - 1
    low, high = np.inf, -np.inf
    for rows in _blocks(samples.reshape(*samples.shape[:2], -1)):
        part = samples[rows]
        if meaning.nodata is not None:
            part = part[~_equal(part, meaning.nodata)]
        if part.size:
            # NaN wins over every number.
            low, high = np.minimum(low, part.min()), np.maximum(high, part.max())
    if low == np.inf and high == -np.inf and meaning.nodata is not None:
        return 0, 1  # there are no data
    if not (low > -LARGEST and high < LARGEST):  # also if one is NaN
        raise InvalidImage(NOT_FINITE)
    low, high = float(low), float(high)
    # A map's values are measurements, which have no usual white.
    whites = WHITES[kind] if meaning.nodata is None and low >= 0 else ()
    usual = next((white for white in whites if high <= white), None)
    if usual is not None:
        return 0, usual
    return low, high if high > low else low + 1


def _equal(samples: Array, value: float) -> Array:
    """Return where samples are no data: of a value that may be out of their range, or no number."""
    if samples.dtype.kind == "f":
        import numpy as np

        most = np.float32(LARGEST)
        return (samples == samples.dtype.type(value)) | ~((samples > -most) & (samples < most))
    return samples == value


def _empty(colors: Array, nodata: float) -> Array:
    """Return the pixels that have a sample without data."""
    return _equal(colors, nodata).any(axis=-1)


def _fill(colors: Array, empty: Array) -> None:
    """Give pixels without data the value of the nearest one with data.

    It is the nearest one above or below. In columns without data, it is the nearest one to the
    left or to the right. In a picture without data, all is black.
    """
    import numpy as np

    if not empty.any():
        return
    if empty.all():
        colors[...] = 0
        return
    _fill_columns(colors, empty)
    columns = empty.all(axis=0)
    if columns.any():
        _fill_columns(colors.swapaxes(0, 1), np.broadcast_to(columns[:, None], empty.T.shape))


def _fill_columns(colors: Array, empty: Array) -> None:
    import numpy as np

    height, width = empty.shape
    rows = np.arange(height, dtype=np.int32)[:, None]
    step = max(1, BLOCK // height)
    for start in range(0, width, step):
        part = slice(start, start + step)
        holes = empty[:, part]
        columns = np.flatnonzero(holes.any(axis=0) & ~holes.all(axis=0))
        if not columns.size:
            continue
        holes = holes[:, columns]
        above = np.maximum.accumulate(np.where(holes, -height * 2, rows), axis=0)
        below = np.minimum.accumulate(np.where(holes, height * 3, rows)[::-1], axis=0)[::-1]
        nearest = np.where(rows - above <= below - rows, above, below)
        whole = colors[:, part]
        whole[:, columns] = whole[nearest, columns[None, :]]
