"""Turn an image gray the way an image professional expects it. Bytes in, bytes out, no AWS.

| in the file | in the result |
|---|---|
| colour | luma after ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B; of a JPEG, its own luma plane |
| orientation (Exif 274) | applied to the pixels, the tag is gone |
| transparency | kept as alpha in PNG and WebP, else flattened on white |
| 16 bits of gray | kept in PNG and TIFF, else scaled to 8 (never clipped) |
| colour profile | dropped: it describes colours that are no longer there |
| frames of an animation | kept with times and loops in PNG, GIF and WebP, else the first one |
"""

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageOps,
    ImageSequence,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from darkroom import footprint
from darkroom.errors import DarkroomError, ImageTooLarge, InvalidImage, UnsupportedFormat

# Pillow looks for all its forty parsers when a format is asked for that is not loaded yet. These
# are the only ones that a source may reach.
PLUGINS = (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF")

ORIENTATION = 274  # Exif 2.32, 4.6.4: tag 0x0112
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
CONTENT_TYPES = {
    "JPEG": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "TIFF": ("image/tiff", "tif"),
    "GIF": ("image/gif", "gif"),
    "BMP": ("image/bmp", "bmp"),
    "AVIF": ("image/avif", "avif"),
}
WITH_ALPHA = {"PNG", "WEBP"}
WITH_16_BITS = {"PNG", "TIFF"}
ANIMATED = {"PNG", "GIF", "WEBP"}
MAX_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535, "AVIF": 65_536}
"""Pixels that a side of an image can have in a format."""
MAX_FRAMES = 10_000
"""A frame takes a quarter of a millisecond, however small it is: this many take seconds."""
MAX_SCANS = 100
"""Of a progressive JPEG; encoders write about ten. Each goes over the whole image once more."""


@dataclass(frozen=True)
class Gray:
    """A developed image: the encoded file and what to call it."""

    data: bytes
    content_type: str
    extension: str
    width: int
    height: int


def grayscale(
    data: bytes,
    *,
    output: str,
    quality: int,
    max_pixels: int,
    max_memory: int | None = None,
) -> Gray:
    """Return an image in gray, upright and of the same size.

    Args:
        data: an encoded image in one of `FORMATS`.
        output: `auto` (the format of the source), `jpeg`, `png` or `webp`.
        quality: 1 to 100, for the formats that lose something.
        max_pixels: width x height x frames that may be decoded.
        max_memory: bytes that it may take, by the estimate of `footprint`.

    Raises:
        UnsupportedFormat: not one of `FORMATS`.
        ImageTooLarge: more pixels than `max_pixels`, more bytes than `max_memory`, or larger than
            the format of the result can be; nothing was decoded.
        InvalidImage: empty, broken or truncated.
    """
    if not data:
        raise InvalidImage("The source is empty: it has 0 bytes.")
    try:
        with warnings.catch_warnings():
            # Our own limit stands in `_check_size`; Pillow's warning of the same would be noise.
            warnings.simplefilter("ignore")
            return _develop(data, output, quality, max_pixels, max_memory)
    except DarkroomError:
        raise
    except UnidentifiedImageError as error:
        raise UnsupportedFormat(
            "The source is not an image in a format that Darkroom takes "
            f"({', '.join(FORMATS)}), whatever its name says."
        ) from error
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(str(error)) from error
    except Exception as error:
        # The parsers raise whatever a broken file leads them to: OSError, SyntaxError, TypeError,
        # struct.error and more. All of them mean the same.
        raise InvalidImage(f"The image cannot be decoded: {error}.") from error


def _develop(
    data: bytes, output: str, quality: int, max_pixels: int, max_memory: int | None
) -> Gray:
    image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    source = "JPEG" if image.format == "MPO" else str(image.format)  # MPO: a JPEG with a second one
    target = source if output == "auto" else output.upper()
    # What else is in a JPEG or a TIFF is another picture, not the next frame.
    frames = 1 if source in {"JPEG", "TIFF"} else getattr(image, "n_frames", 1)
    _check_size(image, frames, max_pixels)
    kept = frames if target in ANIMATED else 1
    _check_effort(image, source, target, kept, data)
    memory = footprint.needed(image, source, target, kept, data)
    if max_memory is not None and memory > max_memory:
        raise ImageTooLarge(
            f"The image, {image.width} x {image.height}, {kept} frames, could need {memory} bytes "
            f"of memory as {source} to {target}; there are {max_memory}."
        )
    if kept > 1:
        return _encode(target, quality, *_animation(image, target))
    # Of the same name, so that the colours are gone before the encoder asks for its memory.
    image = _frame(image, source, target)
    return _encode(target, quality, image)


def _check_size(image: Image.Image, frames: int, max_pixels: int) -> None:
    pixels = image.width * image.height * frames
    if pixels > max_pixels:
        raise ImageTooLarge(
            f"The image has {pixels} pixels ({image.width} x {image.height}, {frames} frames); "
            f"the limit is {max_pixels}."
        )


def _check_effort(image: Image.Image, source: str, target: str, frames: int, data: bytes) -> None:
    """Refuse what would take for ever, or could not be written in the end."""
    side = max(image.size)
    if side > MAX_SIDE.get(target, side):
        raise ImageTooLarge(
            f"The image is {image.width} x {image.height}; as {target} a side can have "
            f"{MAX_SIDE[target]} pixels."
        )
    if frames > MAX_FRAMES:
        raise ImageTooLarge(f"The image has {frames} frames; the limit is {MAX_FRAMES}.")
    if source == "JPEG" and footprint.scans(image, data) > MAX_SCANS:
        raise ImageTooLarge(f"The image comes in more than {MAX_SCANS} scans.")


def _frame(image: Image.Image, source: str, target: str) -> Image.Image:
    """Return the first frame in gray, upright, in a mode that the target format takes."""
    if source == "JPEG" and image.mode == "RGB":
        # Y'CbCr holds the luma as a plane of its own: this decodes that plane alone.
        image.draft("L", image.size)
    image.load()
    gray = _gray(image, target)
    # On the gray image and not before: a quarter of the bytes to turn.
    return _upright(gray, image)


def _gray(image: Image.Image, target: str) -> Image.Image:
    if image.mode in SIXTEEN_BITS or image.mode == "I":
        if target in WITH_16_BITS and "transparency" not in image.info:
            return image if image.mode == "I;16" else image.convert("I").convert("I;16")
        # `convert("L")` would clip every value above 255 to white.
        return image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if image.has_transparency_data:
        # A palette or a colour key may hold the transparency: RGBA brings all of them to one form.
        shaded = image.convert("RGBA").convert("LA")
        if target in WITH_ALPHA:
            return shaded
        paper = Image.new("L", image.size, 255)
        paper.paste(shaded.getchannel("L"), mask=shaded.getchannel("A"))
        return paper
    return image if image.mode == "L" else image.convert("L")


def _upright(gray: Image.Image, source: Image.Image) -> Image.Image:
    try:
        orientation = source.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - a broken Exif block says nothing about orientation
        orientation = 1
    if orientation not in range(2, 9):
        return gray
    gray.getexif()[ORIENTATION] = orientation
    return ImageOps.exif_transpose(gray)


def _animation(image: Image.Image, target: str) -> tuple[Image.Image, dict[str, Any]]:
    durations: list[int] = []

    def frames() -> Iterator[Image.Image]:
        for frame in ImageSequence.Iterator(image):
            frame.load()  # a WebP knows the time of a frame only then
            durations.append(int(frame.info.get("duration", 0)))
            # GIF knows no alpha, only a transparent colour of the palette, which Pillow makes.
            gray = frame.convert("RGBA").convert("LA") if target != "GIF" else _gray(frame, target)
            # All frames of a file are one object, which shows the one that was read last.
            yield gray.copy() if gray is frame else gray

    first, *rest = frames()
    options: dict[str, Any] = {"save_all": True, "append_images": rest, "duration": durations}
    if "loop" in image.info:
        options["loop"] = image.info["loop"]
    return first, options


def _encode(
    target: str, quality: int, gray: Image.Image, options: dict[str, Any] | None = None
) -> Gray:
    # Everything that the file said about its colours would be wrong now.
    gray.info = {}
    options = dict(options or {})
    if target in {"JPEG", "WEBP", "AVIF"}:
        options["quality"] = quality
    if target == "PNG":
        # Run-length matching only: PNG's filters leave little else, and it is four times as fast.
        options |= {"compress_level": 1, "compress_type": 3}
    if target == "TIFF":
        options["compression"] = "tiff_adobe_deflate"
    encoded = io.BytesIO()
    gray.save(encoded, target, **options)
    content_type, extension = CONTENT_TYPES[target]
    return Gray(encoded.getvalue(), content_type, extension, gray.width, gray.height)
