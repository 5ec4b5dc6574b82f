"""Convert one decoded picture to gray, by the rules in the docstring of `images.grayscale`.

The `info` of a result is empty, except for the colour that means transparent, if there is one.
"""

from typing import Any

from PIL import Image

from darkroom.images import repairs, tiff
from darkroom.images.color import tones
from darkroom.images.formats import DEEP, WITH_16_BITS, WITH_ALPHA, WITH_KEY

WHITE = 0xFFFF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, for each value of Exif's orientation except 1 (upright)."""
ORIENTATION = 274  # Exif 2.32, 4.6.4: tag 0x0112


def orientation(image: Image.Image) -> int:
    """Return the orientation of a loaded image, 1 to 8: from Exif 274, else from its XMP."""
    if image.format == "AVIF":
        # Only the file's `irot` and `imir` count, which Pillow returns as Exif, and not metadata
        # that a camera or an editor added (MIAF, ISO/IEC 23000-22).
        image.info.pop("xmp", None)
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - a broken Exif block has no orientation
        return 1
    return int(found) if found in TURNS else 1


def upright(gray: Image.Image, turn: int) -> Image.Image:
    """Return a picture turned upright, given its `orientation`."""
    return gray.transpose(TURNS[turn]) if turn in TURNS else gray


def repair_transparency(image: Any) -> None:
    """Scale the transparent gray of a PNG to 8 bits, before the PNG is loaded.

    Pillow scales pixels of 2 and 4 bits to 8 bits, but not the transparent gray in `tRNS`.
    """
    depth = {"L;2": 2, "L;4": 4}.get(str(image.tile[0].args)) if image.tile else None
    if image.format == "PNG" and depth and "transparency" in image.info:
        image.info["transparency"] *= 0xFF // (2**depth - 1)


def gray(image: Image.Image, target: str, tone: tones.Tone | None = None) -> Image.Image:
    """Return a loaded image in gray: mode `L`, `LA` if it has transparency, or 16 bits.

    Args:
        image: the picture, in any mode.
        target: format of the result; only formats in `WITH_16_BITS` get 16 bits.
        tone: what makes its values those of sRGB, if anything has to.
    """
    if image.mode in DEEP:
        return _deep(image, target, tone)
    repairs.check_palette(image)
    image = tones.applied(image, tone)
    if image.has_transparency_data:
        return _clean(image if image.mode == "LA" else image.convert("LA"))
    if image.mode == "LAB":
        image = image.convert("RGB")
    return _clean(image if image.mode == "L" else image.convert("L"))


def fit(frames: list[Image.Image], target: str) -> list[Image.Image]:
    """Return gray frames in one mode that the format supports, keeping transparency if it can."""
    if all(frame.mode != "LA" for frame in frames):
        return frames
    with_alpha = [frame if frame.mode == "LA" else frame.convert("LA") for frame in frames]
    if target in WITH_ALPHA:
        return with_alpha
    if target in WITH_KEY:
        return _with_key(with_alpha)
    return [_on_white(frame) for frame in with_alpha]


def _on_white(frame: Image.Image) -> Image.Image:
    level, alpha = frame.split()
    flattened = Image.new("L", frame.size, 0xFF)
    flattened.paste(level, mask=alpha)
    return flattened


def _with_key(frames_with_alpha: list[Image.Image]) -> list[Image.Image]:
    """Return frames in which one gray, which no visible pixel has, means transparent."""
    parts = []
    for frame in frames_with_alpha:
        level, alpha = frame.split()
        parts.append((level, alpha.point([0] * 128 + [0xFF] * 128)))
    histograms = [level.histogram(visible) for level, visible in parts]
    counts = [sum(count) for count in zip(*histograms, strict=True)]
    key = counts.index(min(counts))
    # If all 256 grays are in use, visible pixels with this gray get the neighbouring one.
    without_key = [value ^ (value == key) for value in range(256)]
    frames = []
    for level, visible in parts:
        frame = Image.new("L", level.size, key)
        frame.paste(level.point(without_key), mask=visible)
        frame.info["transparency"] = key
        frames.append(frame)
    return frames


def _deep(image: Image.Image, target: str, tone: tones.Tone | None) -> Image.Image:
    """Return an image of more than 8 bits, as 16 bits where the format allows, else as 8."""
    key = image.info.get("transparency")
    image = tones.applied_deep(_sixteen_bits(image), tone, key)
    if target in WITH_16_BITS and (key is None or target == "PNG"):
        image = _clean(image)
        if key is not None:
            image.info["transparency"] = key
        return image
    if key is not None:
        image.info["transparency"] = key
    return eight_bits(image)


def eight_bits(image: Image.Image) -> Image.Image:
    """Return gray of 16 bits as 8 bits, mode `L` or, if a value is transparent, `LA`."""
    if image.mode in {"L", "LA"}:
        return image
    key = image.info.get("transparency")
    whole = image.convert("I")
    level = whole.point([(value + 128) // 257 for value in range(WHITE + 1)], "L")
    if key is None:
        return _clean(level)
    opaque = whole.point([0xFF * (value != key) for value in range(WHITE + 1)], "L")
    return Image.merge("LA", (level, opaque))


def _sixteen_bits(image: Image.Image) -> Image.Image:
    """Return gray of 12 or 16 bits as 16-bit gray, with black 0 and white 65535."""
    tags: Any = getattr(image, "tag_v2", {})  # only a TIFF has tags; a deep PNG always has 16 bits
    black, white = 0, 2**12 - 1 if tags.get(tiff.BITS) == (12,) else WHITE
    if tags.get(tiff.PHOTOMETRIC) == tiff.WHITE_IS_ZERO:
        black, white = white, black
    if (black, white) == (0, WHITE):
        return image if image.mode == "I;16" else image.convert("I").convert("I;16")
    scale = WHITE / (white - black)
    exact = image.convert("F").point(lambda value: value * scale + (0.5 - black * scale))
    return exact.convert("I").convert("I;16")


def _clean(image: Image.Image) -> Image.Image:
    """Return an image without metadata."""
    if hasattr(image, "tag_v2"):
        image = image.copy()  # Pillow would write the XMP and IPTC of an opened TIFF again
    image.info = {}
    return image
