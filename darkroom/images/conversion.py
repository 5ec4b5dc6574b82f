"""Turn one decoded picture gray, by the rules in the docstring of `darkroom.images.grayscale`.

What comes out has nothing in `info` but, where a colour of the result means transparent, that one.
"""

import math
from typing import Any

from PIL import Image

from darkroom.errors import InvalidImage, UnsupportedFormat
from darkroom.images.formats import DEEP, WITH_16_BITS, WITH_ALPHA, WITH_KEY

WHITE = 0xFFFF
WHITES = {"I": (0xFF, WHITE), "F": (1, 0xFF, WHITE)}
"""What white is in the usual files of whole numbers and of fractions."""
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # TIFF 6.0, section 8 and 19
MIN_IS_WHITE, UNSIGNED = 0, 1
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture upright, for each value of Exif's orientation but 1."""
ORIENTATION = 274  # Exif 2.32, 4.6.4: tag 0x0112


def orientation(image: Image.Image) -> int:
    """Return how a loaded image has to be turned: 1 to 8, by Exif 274, else by its XMP."""
    if image.format == "AVIF":
        # Its own `irot` and `imir` count, which Pillow tells as Exif, and nothing that a camera or
        # an editor wrote beside them (MIAF, ISO/IEC 23000-22).
        image.info.pop("xmp", None)
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - a broken Exif block says nothing about orientation
        return 1
    return int(found) if found in TURNS else 1


def upright(gray: Image.Image, turn: int) -> Image.Image:
    """Return a picture turned as `orientation` says."""
    return gray.transpose(TURNS[turn]) if turn in TURNS else gray


def repair_transparency(image: Any) -> None:
    """Give the transparent gray of a PNG, not loaded yet, the scale of its pixels.

    Pillow brings pixels of 2 and 4 bits to 8 and leaves the key in `tRNS` as it is.
    """
    depth = {"L;2": 2, "L;4": 4}.get(str(image.tile[0].args)) if image.tile else None
    if image.format == "PNG" and depth and "transparency" in image.info:
        image.info["transparency"] *= 0xFF // (2**depth - 1)


def gray(image: Image.Image, target: str) -> Image.Image:
    """Return a loaded image in gray: `L`, or `LA` if it has transparency, or of 16 bits.

    Args:
        image: the picture, in any mode.
        target: format of the result; `WITH_16_BITS` alone get 16 bits.

    Raises:
        InvalidImage: a pixel is no number.
        UnsupportedFormat: whole numbers of 32 bits that Pillow cannot hold.
    """
    if image.mode in DEEP:
        return _deep(image, target)
    if image.has_transparency_data:
        return _clean(image.convert("LA"))
    if image.mode == "LAB":
        image = image.convert("RGB")
    return _clean(image if image.mode == "L" else image.convert("L"))


def fit(frames: list[Image.Image], target: str) -> list[Image.Image]:
    """Return gray frames in one mode, which the format takes, transparent as it can be there."""
    if all(frame.mode != "LA" for frame in frames):
        return frames
    shaded = [frame if frame.mode == "LA" else frame.convert("LA") for frame in frames]
    if target in WITH_ALPHA:
        return shaded
    return _keyed(shaded) if target in WITH_KEY else [_on_white(frame) for frame in shaded]


def _on_white(shaded: Image.Image) -> Image.Image:
    level, alpha = shaded.split()
    paper = Image.new("L", shaded.size, 0xFF)
    paper.paste(level, mask=alpha)
    return paper


def _keyed(shaded: list[Image.Image]) -> list[Image.Image]:
    """Return frames in which one gray, that nothing visible has, means transparent."""
    parts = []
    for frame in shaded:
        level, alpha = frame.split()
        parts.append((level, alpha.point([0] * 128 + [0xFF] * 128)))
    histograms = [level.histogram(visible) for level, visible in parts]
    counts = [sum(count) for count in zip(*histograms, strict=True)]
    key = counts.index(min(counts))
    # Where all 256 are in use, what has this one gets the one beside it.
    free = [value ^ (value == key) for value in range(256)]
    frames = []
    for level, visible in parts:
        frame = Image.new("L", level.size, key)
        frame.paste(level.point(free), mask=visible)
        frame.info["transparency"] = key
        frames.append(frame)
    return frames


def _deep(image: Image.Image, target: str) -> Image.Image:
    key = image.info.get("transparency")
    image = _sixteen_bits(image)
    if target in WITH_16_BITS and (key is None or target == "PNG"):
        image = _clean(image)
        if key is not None:
            image.info["transparency"] = key
        return image
    whole = image.convert("I")
    level = whole.point([(value + 128) // 257 for value in range(WHITE + 1)], "L")
    if key is None:
        return _clean(level)
    opaque = whole.point([0xFF * (value != key) for value in range(WHITE + 1)], "L")
    return Image.merge("LA", (level, opaque))


def _sixteen_bits(image: Image.Image) -> Image.Image:
    """Return gray of any depth as gray of 16 bits, black 0 and white 65535."""
    tags: Any = getattr(image, "tag_v2", {})  # of a TIFF; a PNG has 16 bits and no more to say
    black, white = _range(image, tags)
    if tags.get(PHOTOMETRIC) == MIN_IS_WHITE:
        black, white = white, black
    if (black, white) == (0, WHITE):
        return image if image.mode == "I;16" else image.convert("I").convert("I;16")
    scale = WHITE / (white - black)
    exact = image.convert("F").point(lambda value: value * scale + (0.5 - black * scale))
    return exact.convert("I").convert("I;16")


def _range(image: Any, tags: Any) -> tuple[float, float]:
    """Return the values of black and white.

    Of 32 bits: the usual ones between which all values lie, else the extremes of those there are.
    """
    if image.mode not in WHITES:
        return 0, 2**12 - 1 if tags.get(BITS) == (12,) else WHITE
    low, high = image.getextrema()
    if not math.isfinite(low) or not math.isfinite(high):
        raise InvalidImage("The image cannot be decoded: it has pixels that are no numbers.")
    if image.mode == "I" and low < 0 and tags.get(SAMPLE_FORMAT, (UNSIGNED,))[0] == UNSIGNED:
        raise UnsupportedFormat("The image has pixels of 32 bits above 2147483647.")
    usual = (white for white in WHITES[image.mode] if low >= 0 and high <= white)
    return next(((0, white) for white in usual), (low, high if high > low else low + 1))


def _clean(image: Image.Image) -> Image.Image:
    if hasattr(image, "tag_v2"):
        image = image.copy()  # of a TIFF itself, Pillow would write the XMP and IPTC again
    image.info = {}
    return image
