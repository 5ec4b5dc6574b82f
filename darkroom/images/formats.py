"""The image formats: which ones Darkroom accepts, what each can hold, and how it is written."""

from typing import Any, BinaryIO

# The only parsers that a source may reach. They are imported here, because Pillow loads all of its
# forty parsers when it needs one that is not loaded.
from PIL import (  # noqa: F401
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from darkroom.errors import DarkroomError, InvalidImage, UnsupportedFormat
from darkroom.images import kinds

CONTENT_TYPES = {
    "JPEG": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "TIFF": ("image/tiff", "tif"),
    "GIF": ("image/gif", "gif"),
    "BMP": ("image/bmp", "bmp"),
    "AVIF": ("image/avif", "avif"),
}
FORMATS = tuple(CONTENT_TYPES)
ANIMATED = {"PNG", "GIF", "WEBP", "AVIF"}
WITH_ALPHA = {"PNG", "WEBP", "TIFF", "AVIF"}
WITH_KEY = {"GIF"}
"""Formats in which one colour of the palette can mean transparent."""
DEEP = {"I;16", "I;16L", "I;16B", "I;16N", "I", "F"}
"""Pillow's modes for gray with more than 8 bits."""
WITH_16_BITS = {"PNG", "TIFF"}
MAX_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535, "AVIF": 65_536}
"""The largest width and height, in pixels, of a format."""
TIFF_COMPRESSIONS = {"raw", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "lzma"}
"""The lossless compressions that can hold gray."""


def identify(image: Image.Image) -> str:
    """Return the format of an opened image, one of `FORMATS`."""
    return "JPEG" if image.format == "MPO" else str(image.format)  # MPO: a JPEG with more pictures


def unidentified(file: BinaryIO) -> DarkroomError:
    """Return the error for a file that Pillow cannot open: it is foreign, rare or broken."""
    file.seek(0)
    start = file.read(kinds.LENGTH)
    # Not what begins like a HEIC, which an AVIF can as well.
    begins = (name for name in FORMATS if (accepts := Image.OPEN[name][1]) and accepts(start))
    name = next(begins, None)
    kind = _rare(file, name) if name else None
    kind = kind or kinds.foreign(start)
    if name and not kind:
        return InvalidImage(
            f"The image cannot be decoded: it begins like {name}, but the rest of its header "
            "is broken. Copy it again, or save it again with the program that made it."
        )
    text = ": it is a text" if kinds.is_text(start) else ""
    what = (
        f"{kind}, which Darkroom does not read"
        if kind
        else f"not an image, whatever its name says{text}"
    )
    accepted = ", ".join(FORMATS)
    advice = kinds.advice(kind or text)
    if advice:
        advice += f" Darkroom accepts {accepted}."
    else:
        advice = f"Convert it to a usual form of a format that Darkroom accepts ({accepted})."
    return UnsupportedFormat(f"The source is {what}. {advice}")


def _rare(file: BinaryIO, name: str) -> str | None:
    if name == "TIFF":
        return kinds.rare_tiff(file)
    file.seek(0)
    try:
        Image.OPEN[name][0](file, "")  # Image.open does not say why it failed
    except Exception as error:  # noqa: BLE001
        return kinds.rare(error)
    return None


def encoder(source: Image.Image, target: str, quality: int) -> dict[str, Any]:
    """Return Pillow's options for writing the result of an opened image."""
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": quality},
        # 2 to 7 % more bytes than with the default, in half the time.
        "WEBP": {"quality": quality, "method": 2},
        # 7 % more bytes, in 40 % of the time.
        "AVIF": {"quality": quality, "speed": 8},
        # Run-length matching only, because PNG's filters leave little else to match. Four times as
        # fast, and no more bytes for a photograph.
        "PNG": {"compress_level": 1, "compress_type": 3},
        "TIFF": _compression(source, quality),
    }
    return options.get(target, {})


def _compression(source: Image.Image, quality: int) -> dict[str, Any]:
    own = source.info.get("compression")
    # A JPEG holds 8 bits of gray without transparency.
    if own == "jpeg" and not source.has_transparency_data and source.mode not in DEEP:
        return {"compression": own, "quality": quality}
    return {"compression": own if own in TIFF_COMPRESSIONS else "tiff_adobe_deflate"}
