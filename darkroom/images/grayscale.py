"""Turn an image gray the way an image professional expects it. No AWS.

| in the file | in the result |
|---|---|
| colour | luma after ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B; of a JPEG, its own luma plane |
| CMYK, YCCK | luma of (1 - ink)(1 - black); in a JPEG the inks are inverted, as Adobe has them |
| CIE Lab | luma of its colours in sRGB |
| colour profile, gamma | not applied, and dropped: they describe colours that are gone |
| orientation: Exif 274, else XMP; `irot` and `imir` of AVIF | applied to the pixels, tag dropped |
| alpha, a transparent colour | kept in PNG, WebP, TIFF, AVIF, as on or off in GIF; else on white |
| 16 bits of gray | kept in PNG and TIFF, else scaled to 8, never clipped |
| 12 bits of gray | as 16 bits, scaled |
| 32 bits, signed, fractions | 16 bits: 0..1, 0..255 or 0..65535 if it holds all, else min..max |
| 16 bits with colour or alpha | 8 bits |
| 1, 2 and 4 bits, palettes | 8 bits |
| a scale where 0 is white | one where 0 is black |
| an animation | frames, times and loops kept in PNG, GIF, WebP and AVIF; else its first frame |
| an APNG's picture that is no frame | kept in PNG; alone in what has no animation; else dropped |
| a GIF's frame that reaches over the edge | cut off there |
| more pages of a TIFF, more pictures of a JPEG (MPO) | dropped |
| progressive, interlaced, tiled, in strips, with restart markers | decoded as any other |
| the compression of a TIFF | kept if it can hold gray, else Deflate |
| other metadata | dropped |
| bytes behind the end | ignored |
| an end that comes too early | InvalidImage, never half a picture |
"""

import io
import mmap
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageSequence, UnidentifiedImageError

from darkroom.errors import DarkroomError, ImageTooLarge, InvalidImage
from darkroom.images import conversion as luma
from darkroom.images import limits, structure
from darkroom.images.formats import CONTENT_TYPES, FORMATS, encoder, identify, unidentified

_one_at_a_time = threading.Lock()
LOSSLESS = b"\xff\xc3"
"""The marker of a JPEG without loss, which can be decoded to its own colours only."""


@dataclass(frozen=True)
class Gray:
    """A developed image: the encoded file (empty if it went `to` one) and what to call it."""

    data: bytes
    content_type: str
    extension: str
    width: int
    height: int


def grayscale(
    source: bytes | Path,
    *,
    output: str,
    quality: int,
    max_pixels: int,
    max_memory: int | None = None,
    to: Path | None = None,
) -> Gray:
    """Return an image in gray, upright and of the same size.

    Args:
        source: an encoded image in one of `FORMATS`, or where its file is.
        output: `auto` (the format of the source), `jpeg`, `png` or `webp`.
        quality: 1 to 100, for the formats that lose something.
        max_pixels: width x height x frames that may be decoded.
        max_memory: bytes that it may take, by the estimate of `footprint`.
        to: where to write the result, instead of returning its bytes.

    Raises:
        UnsupportedFormat: not one of `FORMATS`.
        ImageTooLarge: more pixels than `max_pixels`, more bytes than `max_memory`, or larger than
            the format of the result can be; nothing was decoded.
        InvalidImage: empty, broken or truncated.
    """
    try:
        with _limits_of_pillow(max_pixels):
            gray, target, options = _develop(
                source, output, quality, max_pixels=max_pixels, max_memory=max_memory
            )
            return _write(gray, to, target, options)
    except DarkroomError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(str(error)) from error
    except MemoryError as error:
        raise ImageTooLarge("The image needs more memory than there is.") from error
    except Exception as error:
        # The parsers raise whatever a broken file leads them to: OSError, SyntaxError, TypeError,
        # struct.error and more. All of them mean the same.
        raise InvalidImage(f"The image cannot be decoded: {error}.") from error


@contextmanager
def _limits_of_pillow(max_pixels: int) -> Iterator[None]:
    """Let Pillow refuse nothing that our own limit allows, and warn of nothing.

    Both are switches of the whole process, so other threads wait. In Lambda there are none.
    """
    with _one_at_a_time, warnings.catch_warnings(action="ignore"):
        before = Image.MAX_IMAGE_PIXELS
        # Never less than Pillow's own: it also counts what reaches over the edge, as tiles do.
        Image.MAX_IMAGE_PIXELS = max(before or 0, max_pixels)
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _develop(
    source: bytes | Path, output: str, quality: int, *, max_pixels: int, max_memory: int | None
) -> tuple[Image.Image, str, dict[str, Any]]:
    """Return the gray image, its format and what the encoder is told.

    All else is let go, the decoder too, before the encoder asks for its memory.
    """
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if not size:
        raise InvalidImage("The source is empty: it has 0 bytes.")
    with _open(source) as image:
        target = identify(image) if output == "auto" else output.upper()
        frames = limits.check(image, target, size, max_pixels=max_pixels, max_memory=max_memory)
        options = encoder(image, target, quality)
        if frames == 1:
            return _still(image, target), target, options
        gray, more = _animation(image, target, max_pixels)
        return gray, target, options | more


def _open(source: bytes | Path) -> Image.Image:
    _check_structure(source)
    try:
        image: Image.Image = Image.open(
            io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS
        )
    except UnidentifiedImageError as error:
        raise unidentified(_start(source)) from error
    luma.repair_transparency(image)
    return image


def _check_structure(source: bytes | Path) -> None:
    if isinstance(source, bytes):
        structure.check(source)
        return
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        structure.check(data)


def _start(source: bytes | Path) -> bytes:
    if isinstance(source, bytes):
        return source[:16]
    with source.open("rb") as file:
        return file.read(16)


def _still(image: Any, target: str) -> Image.Image:
    """Return the first frame in gray, upright, in a mode that the target format takes."""
    if identify(image) == "JPEG" and image.mode == "RGB" and LOSSLESS not in _header(image.fp):
        # Y'CbCr holds the luma as a plane of its own: this decodes that plane alone.
        image.draft("L", image.size)
    image.load()
    turn = luma.orientation(image)
    gray = luma.fit([luma.gray(image, target)], target)[0]
    if gray is not image:
        image.close()  # the colours
    # Turned when it is gray and not before: a quarter of the bytes.
    return luma.upright(gray, turn)


def _header(file: Any) -> bytes:
    """Return what was read of the file of an image that was opened, not loaded."""
    end = file.tell()
    file.seek(0)
    return bytes(file.read(end))


def _animation(image: Any, target: str, max_pixels: int) -> tuple[Image.Image, dict[str, Any]]:
    """Return the first frame, and what the encoder has to know of the others."""
    size, durations, frames = image.size, [], []
    poster = bool(image.info.get("default_image"))  # of a PNG: for those who know no animation
    for number, frame in enumerate(ImageSequence.Iterator(image)):
        if number == 0 and poster and target != "PNG":
            continue
        # A frame of a GIF that reaches over the edge makes all that follow larger.
        limits.check_pixels(frame, image.n_frames, max_pixels)
        frame.load()  # a WebP knows the time of a frame only then
        durations.append(int(frame.info.get("duration", 0)))
        # All frames of a file are one object, which shows the one that was read last: a copy.
        gray = luma.gray(frame.crop((0, 0, *size)), target)
        frames.append(luma.upright(gray, luma.orientation(frame)))
    frames = luma.fit(frames, target)
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": durations}
    if target == "PNG" and poster:
        options |= {"default_image": True, "duration": durations[1:]}
    if "loop" in image.info:
        options["loop"] = image.info["loop"]
    elif identify(image) == "GIF" and target != "GIF":
        options["loop"] = 1  # a GIF that says nothing plays once; elsewhere that means for ever
    if target == "GIF" and any("transparency" in frame.info for frame in frames):
        # What a frame leaves open would show the one before; a palette of its own for each would
        # make Pillow take one transparent colour for another.
        options |= {"disposal": 2, "optimize": False}
    return frames[0], options


def _write(gray: Image.Image, to: Path | None, target: str, options: dict[str, Any]) -> Gray:
    file = io.BytesIO()
    try:
        gray.save(to or file, target, **options)
    except ValueError as error:  # of libwebp alone, whose first partition holds 512 KiB
        raise ImageTooLarge(f"The image has too much detail for {target}: {error}.") from error
    content_type, extension = CONTENT_TYPES[target]
    return Gray(file.getvalue(), content_type, extension, gray.width, gray.height)
