"""The image formats: which ones Darkroom accepts, what each can hold, and how it is written."""

import contextlib
import itertools
import re
import struct
from pathlib import Path
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

from darkroom.errors import DarkroomError, ImageTooLarge, InvalidImage, UnsupportedFormat
from darkroom.images import boxes, jpeg, kinds, metadata, parts

CONTENT_TYPES = {
    "JPEG": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "TIFF": ("image/tiff", "tif"),
    "GIF": ("image/gif", "gif"),
    "BMP": ("image/bmp", "bmp"),
    "AVIF": ("image/avif", "avif"),
}
"""The formats of results, with their types and extensions."""
FORMATS = tuple(CONTENT_TYPES)
"""The formats whose parsers are always loaded. `images.opening` loads those of two more."""
ACCEPTED = "JPEG, PNG, WEBP, TIFF, GIF, BMP, AVIF, JPEG 2000"
ANIMATED = {"PNG", "GIF", "WEBP", "AVIF"}
WITH_ALPHA = {"PNG", "WEBP", "TIFF", "AVIF"}
WITH_KEY = {"GIF"}
"""Formats in which one colour of the palette can mean transparent."""
DEEP = {"I;16", "I;16L", "I;16B", "I;16N", "I", "F"}
"""Pillow's modes for gray with more than 8 bits."""
WITH_16_BITS = {"PNG", "TIFF"}
MAX_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535, "AVIF": 65_536}
"""The largest width and height, in pixels, of a format."""
AVIF_DECODER = 32_768, 2**28
"""The longest side, and the most pixels, that the decoder of AVIF reads (libavif's defaults)."""
AVIF_QUALITIES = ((1, 1), (50, 50), (75, 62), (90, 78), (95, 88), (100, 100))
"""Qualities, and those of AVIF's encoder with the same structural similarity as JPEG's, or a higher
one, and fewer bytes. Measured with a photograph's spectrum, a test card and a page of text."""
READABLE = (OSError, SyntaxError, ValueError, EOFError)
"""Errors of Pillow whose messages are for people."""
CODE = re.compile(r"error -\d|0x[0-9a-f]|^\d+$")
"""Numbers in messages that mean nothing to people."""
UNPROCESSED = re.compile(r" \(\d+ bytes not processed\)")
BROKEN = "its data are broken"
TIFF_COMPRESSIONS = {"raw", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "lzma"}
"""The lossless compressions that can hold gray."""


def identify(image: Image.Image) -> str:
    """Return the format of an opened image: one of `FORMATS`, `JPEG2000` or `HEIC`."""
    return "JPEG" if image.format == "MPO" else str(image.format)  # MPO: a JPEG with more pictures


def automatic(image: Image.Image) -> str:
    """Return the format of the result if the caller leaves it to us.

    It is that of the source. JPEG 2000 and HEIC are not written, because few programs show them:
    they become a JPEG, as a phone's photo does when it is shared, or a PNG where a JPEG would lose
    transparency or the depth of 16 bits.
    """
    found = identify(image)
    if found in CONTENT_TYPES:
        return found
    return "PNG" if image.has_transparency_data or image.mode in DEEP else "JPEG"


def unidentified(file: BinaryIO, *, heic: bool) -> DarkroomError:
    """Return the error for a file that Pillow cannot open: it is foreign, rare or broken.

    Args:
        file: the file.
        heic: whether HEIC is accepted, too.
    """
    accepted = ACCEPTED + ", HEIC" * heic
    file.seek(0)
    start = file.read(kinds.LENGTH)
    # Not what begins like a HEIC, which an AVIF can as well.
    begins = (name for name in FORMATS if (accepts := Image.OPEN[name][1]) and accepts(start))
    name = next(begins, None)
    if name == "AVIF" and (large := _too_large_avif(file)):
        return large
    kind = _rare(file, name) if name else None
    kind = kind or kinds.foreign(start)
    if name and not kind:
        return parts.damaged(f"it begins like {name}, but the rest of its header is broken")
    text = ": it is a text" if kinds.is_text(start) else ""
    what = (
        f"{kind}, which Darkroom does not read"
        if kind
        else f"not an image that Darkroom recognizes, whatever its name says{text}"
    )
    advice = kinds.advice(kind or text)
    if advice:
        advice += f" Darkroom accepts {accepted}."
    else:
        advice = f"Convert it to a usual form of a format that Darkroom accepts ({accepted})."
    return UnsupportedFormat(f"The source is {what}. {advice}")


def _too_large_avif(file: BinaryIO) -> ImageTooLarge | None:
    """Return the error for an AVIF that is larger than its decoder reads."""
    file.seek(0)
    with contextlib.suppress(LookupError, struct.error):  # its header is broken
        properties = dict(boxes.primary_properties(file.read()))
        width, height = struct.unpack_from(">2I", properties[b"ispe"], 4)
        if max(width, height) > AVIF_DECODER[0] or width * height > AVIF_DECODER[1]:
            return ImageTooLarge(
                f"The image is {width} x {height}; an AVIF can have at most {AVIF_DECODER[1]} "
                f"pixels and sides of {AVIF_DECODER[0]}. Make it smaller, or split it."
            )
    return None


def _rare(file: BinaryIO, name: str) -> str | None:
    if name == "TIFF":
        return kinds.rare_tiff(file)
    file.seek(0)
    if name == "JPEG":
        frame = jpeg.frame(file.read())
        file.seek(0)
        if frame and not frame.height:
            return "a JPEG that says its height only behind its pixels (DNL)"
    try:
        Image.OPEN[name][0](file, "")  # Image.open does not say why it failed
    except Exception as error:  # noqa: BLE001
        return kinds.rare(error)
    return None


def undecodable(error: Exception, max_pixels: int) -> DarkroomError:
    """Return what an error of Pillow means for the image that it decoded."""
    if isinstance(error, Image.DecompressionBombError):
        counted = re.search(r"\d+ pixels", str(error))
        pixels = counted[0] if counted else "more pixels"
        return ImageTooLarge(
            f"The image has {pixels}; the limit is {max_pixels}. Make it smaller, or split it."
        )
    if out_of_memory(error):
        return ImageTooLarge("The image needs more memory than is available.")
    # For a broken file the parsers raise OSError, SyntaxError, TypeError, struct.error and more.
    # All of them mean the same.
    said = str(error) if isinstance(error, READABLE) and not CODE.search(str(error)) else BROKEN
    said = UNPROCESSED.sub("", said)
    return InvalidImage(f"The image cannot be decoded: {said}. {_advice(error)}")


def _advice(error: Exception) -> str:
    return parts.INCOMPLETE if "truncated" in str(error).lower() else parts.DAMAGED


def encoder(source: Image.Image, target: str, quality: int) -> dict[str, Any]:
    """Return Pillow's options for writing the result of an opened image."""
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": quality},
        # 2 to 7 % more bytes than with the default, in half the time.
        "WEBP": {"quality": quality, "method": 2},
        # 7 % more bytes, in 40 % of the time. Speed 9 needs half of that for a photograph, with 3 %
        # more bytes, but doubles the bytes of text and drawings.
        "AVIF": {"quality": _avif_quality(quality), "speed": 8},
        # Run-length matching only, because PNG's filters leave little else to match. Four times as
        # fast, and no more bytes for a photograph.
        "PNG": {"compress_level": 1, "compress_type": 3},
        "TIFF": _compression(source, quality),
    }
    return options.get(target, {})


def _avif_quality(quality: int) -> int:
    for (low, least), (high, most) in itertools.pairwise(AVIF_QUALITIES):
        if quality <= high:
            return round(least + (quality - low) * (most - least) / (high - low))
    return quality


def _compression(source: Image.Image, quality: int) -> dict[str, Any]:
    own = source.info.get("compression")
    # A JPEG holds 8 bits of gray without transparency.
    if own == "jpeg" and not source.has_transparency_data and source.mode not in DEEP:
        return {"compression": own, "quality": quality}
    return {"compression": own if own in TIFF_COMPRESSIONS else "tiff_adobe_deflate"}


def out_of_memory(error: Exception) -> bool:
    """Whether an error means that there was not enough memory. Not every codec raises the same."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in said or "coder error -9" in said


def save(image: Image.Image, to: Path | BinaryIO, target: str, options: dict[str, Any]) -> None:
    """Write a result.

    Args:
        image: in a mode that the format supports.
        to: an open file, or the path of a new one.
        target: its format.
        options: Pillow's, and in `fields` the `metadata.Fields` that the file gets.

    Raises:
        ImageTooLarge: it needs too much memory, or has too much detail for a WebP.
        UnsupportedFormat: the encoder cannot write it.
        OSError: of the file system.
    """
    fields = options.get("fields", {})
    options = {name: value for name, value in options.items() if name != "fields"}
    try:
        image.save(to, target, **options, **metadata.options(fields, target))
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise
        if out_of_memory(error):
            raise ImageTooLarge("The image needs more memory than is available.") from error
        if target == "WEBP" and isinstance(error, ValueError):  # its first partition holds 512 KiB
            raise ImageTooLarge(f"The image has too much detail for {target}: {error}.") from error
        raise UnsupportedFormat(
            f"The result cannot be written as {target}: {error}. Choose another output format."
        ) from error
    if target == "TIFF" and fields:
        if isinstance(to, Path):
            with to.open("r+b") as file:
                metadata.add_to_tiff(file, fields)
        else:
            metadata.add_to_tiff(to, fields)
