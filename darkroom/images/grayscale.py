"""Convert an image to gray the way an image professional expects. No AWS calls.

| in the file | in the result |
|---|---|
| colour | luma by ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B; of a JPEG, its own luma plane |
| CMYK, YCCK | luma of (1 - ink)(1 - black); in a JPEG the inks are inverted, as Adobe does it |
| CIE Lab | luma of its colours in sRGB |
| colour profile, gamma | not applied, and dropped: they describe colours that are gone |
| orientation: Exif 274, else XMP; `irot` and `imir` of AVIF | applied to the pixels, tag dropped |
| alpha, a transparent colour | kept in PNG, WebP, TIFF, AVIF; in GIF on or off; else on white |
| 16 bits of gray | kept in PNG and TIFF, else scaled to 8, never clipped |
| 12 bits of gray | scaled, then as 16 bits |
| 32 bits, signed, fractions | 16 bits of 0..1, 0..255 or 0..65535 if all fit, else of min..max |
| values that are no data, by GDAL's tag | black, and the others are scaled from min to max |
| 16 bits with colour or alpha, or of an animation | 8 bits |
| a PNG's transparent colour of 16 bits a sample | UnsupportedFormat |
| 1, 2 and 4 bits, palettes | 8 bits |
| a scale where 0 is white | a scale where 0 is black |
| an animation | frames, times and loops kept in PNG, GIF, WebP and AVIF; else its first frame |
| parts of an APNG's canvas, their blending and disposal | composed as PNG defines it |
| an APNG's default image, not a frame | kept in PNG; the result of a still format; else dropped |
| a BMP of which all alpha is 0 | opaque |
| a TIFF's colour map of 8-bit values | scaled as one of 16 bits |
| an extra sample of a TIFF that is not declared as alpha | dropped |
| a reduced copy or a mask in front of a TIFF's picture | dropped |
| the preview of a camera's raw file | UnsupportedFormat |
| a TIFF's separate planes of 16 bits, of gray and alpha, of multiplied alpha | UnsupportedFormat |
| uncompressed YCbCr with subsampled chroma in a TIFF, WebP in a TIFF | UnsupportedFormat |
| an AVIF that is cropped by a clean aperture | UnsupportedFormat |
| what the first frame of a GIF leaves free | transparent, as in browsers |
| a GIF's frame that extends over the edge | cropped, unless the first is larger than the canvas |
| further pages of a TIFF, further pictures of a JPEG (MPO) | dropped |
| progressive, interlaced, tiled, in strips, with restart markers | decoded like any other |
| the compression of a TIFF | kept if it can hold gray, else Deflate |
| other metadata | dropped |
| bytes after the end | ignored |
| chunks and segments beside the pixels that are broken, long or misplaced | ignored |
| an APNG that is broken behind its first picture | its static picture |
| a PNG whose pixels differ from their checksum | InvalidImage |
| other files, and rare kinds of these formats | UnsupportedFormat, which names the kind |
| a missing end of a JPEG or a PNG | ignored if no pixel depends on what is missing |
| a truncated file | InvalidImage, never half a picture |
"""

import io
import mmap
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageSequence, UnidentifiedImageError

from darkroom.errors import DarkroomError, ImageTooLarge, InvalidImage, UnsupportedFormat
from darkroom.images import apng, conversion, jpeg, limits, parts, repairs, structure, tiff
from darkroom.images.formats import CONTENT_TYPES, FORMATS, encoder, identify, unidentified

LOSSLESS = b"\xff\xc3"
"""The marker of a lossless JPEG, which can be decoded only to its own colours."""


@dataclass(frozen=True)
class Gray:
    """A result: the encoded file (empty if written `to` a path), its type and its size."""

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
        source: an encoded image in one of `FORMATS`, or the path of its file.
        output: `auto` (the format of the source), `jpeg`, `png` or `webp`.
        quality: 1 to 100, for lossy formats.
        max_pixels: width x height x frames that may be decoded.
        max_memory: bytes that it may need, by the estimate of `images.memory`.
        to: the file to write the result to, instead of returning its bytes.

    Raises:
        UnsupportedFormat: the source is not in one of `FORMATS`, or of a kind of these that
            Pillow does not read or reads wrongly; or the encoder cannot write the result.
        ImageTooLarge: more pixels than `max_pixels`, more bytes than `max_memory`, or larger than
            the result's format allows; nothing was decoded.
        InvalidImage: the source is empty, broken or truncated.
    """
    try:
        with limits.of_pillow(max_pixels):
            gray, target, options = _develop(
                source, output, quality, max_pixels=max_pixels, max_memory=max_memory
            )
            return _write(gray, to, target, options)
    except DarkroomError:
        raise
    except Image.DecompressionBombError as error:
        counted = re.search(r"\d+ pixels", str(error))
        pixels = counted[0] if counted else "more pixels"
        raise ImageTooLarge(
            f"The image has {pixels}; the limit is {max_pixels}. Make it smaller, or split it."
        ) from error
    except MemoryError as error:
        raise ImageTooLarge("The image needs more memory than is available.") from error
    except Exception as error:
        # For a broken file the parsers raise OSError, SyntaxError, TypeError, struct.error and
        # more. All of them mean the same.
        raise InvalidImage(f"The image cannot be decoded: {error}. {_advice(error)}") from error


def _advice(error: Exception) -> str:
    if "truncated" in str(error).lower():
        return "A part of the file is missing: copy it again from where it came from."
    return "Copy it again, or save it again with the program that made it."


def _develop(
    source: bytes | Path, output: str, quality: int, *, max_pixels: int, max_memory: int | None
) -> tuple[Image.Image, str, dict[str, Any]]:
    """Return the gray image, its format and the encoder's options.

    It frees everything else, also the decoder, before the encoder allocates its memory.
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
        try:
            gray, more = _animation(image, target, max_pixels)
        except (DarkroomError, MemoryError):
            raise
        except Exception:
            if identify(image) != "PNG":
                raise
        else:
            return gray, target, options | more
    # The animation is broken: what programs that do not support it show is whole.
    with _open(source, still=True) as image:
        return _still(image, target), target, options


def _open(source: bytes | Path, *, still: bool = False) -> Image.Image:
    """Open an image; if `still`, without its animation if it is a PNG."""
    data = source if isinstance(source, bytes) else _mapped(source)
    structure.check(data)
    file: Any = parts.needed(data, still=still)
    try:
        image: Image.Image = Image.open(
            file or (_stream(source) if isinstance(source, bytes) else source), formats=FORMATS
        )
    except (UnidentifiedImageError, OSError) as error:  # a BMP's parser raises OSError
        raise unidentified(_stream(source)) from error
    conversion.repair_transparency(image)
    if identify(image) == "TIFF":
        tiff.prepare(image)
    elif identify(image) == "GIF":
        repairs.note_canvas(image)
    elif identify(image) == "AVIF":
        repairs.refuse_cropped(data, image.size)
    elif repairs.key_of_16_bits(image):
        raise UnsupportedFormat(
            "This PNG has a transparent colour of 16 bits, of which Darkroom would read 8. "
            "Save it with an alpha channel, or with 8 bits."
        )
    return image


def _stream(source: bytes | Path) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _still(image: Any, target: str) -> Image.Image:
    """Return the first frame in gray, upright, in a mode that the target format supports."""
    file, size = image.fp, repairs.canvas(image)
    try:
        _load(image)
    except OSError:
        if file.closed:  # all was read, and is broken
            raise
        file.seek(0)
        found = jpeg.without_end(file.read(), _reload) if identify(image) == "JPEG" else None
        if found is None:
            raise
        image = found
    repairs.repair(image)
    turn = conversion.orientation(image)
    gray = conversion.fit([conversion.gray(image, target)], target)[0]
    if size != gray.size:
        gray = gray.crop((0, 0, *size))
    if gray is not image:
        image.close()  # frees the colours
    # Turned after it is gray, because gray has a quarter of the bytes.
    return conversion.upright(gray, turn)


def _load(image: Any) -> None:
    if identify(image) == "JPEG" and image.mode == "RGB" and LOSSLESS not in _header(image.fp):
        # Y'CbCr has luma as a separate plane: this decodes only that plane.
        image.draft("L", image.size)
    image.load()


def _reload(file: Any) -> Any:
    image = Image.open(file, formats=("JPEG",))
    _load(image)
    return image


def _header(file: Any) -> bytes:
    """Return the part of the file that Pillow read to open the image, before loading it."""
    end = file.tell()
    file.seek(0)
    return bytes(file.read(end))


def _animation(image: Any, target: str, max_pixels: int) -> tuple[Image.Image, dict[str, Any]]:
    """Return the first frame, and the encoder's options with the other frames."""
    size, durations, frames = repairs.canvas(image), [], []
    # A PNG's picture for programs that do not support animation.
    has_default_image = bool(image.info.get("default_image"))
    canvas = apng.Canvas(size) if identify(image) == "PNG" else None
    number = -1
    for number, frame in enumerate(ImageSequence.Iterator(image)):
        if number == 0 and has_default_image and target != "PNG":
            continue
        # A GIF frame that extends over the edge makes all following frames larger.
        limits.check_pixels(frame, image.n_frames, max_pixels)
        part = canvas.part(frame) if canvas else frame
        part.load()  # the duration of a WebP frame is known only after this
        durations.append(int(frame.info.get("duration", 0)))
        if identify(image) == "GIF":
            repairs.clear_background(image)
        # Pillow reuses one object for all frames, so each frame is copied.
        gray = conversion.gray(part if canvas else frame.crop((0, 0, *size)), target)
        # Pillow writes only what differs between frames, and finds no differences above 255.
        gray = conversion.eight_bits(gray)
        gray = canvas.show(gray) if canvas else gray
        frames.append(conversion.upright(gray, conversion.orientation(frame)))
    if number + 1 != image.n_frames:
        raise EOFError("the last frames of the animation are missing")
    frames = conversion.fit(frames, target)
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": durations}
    if target == "PNG" and has_default_image:
        options |= {"default_image": True, "duration": durations[1:]}
    if "loop" in image.info:
        options["loop"] = image.info["loop"]
    elif identify(image) == "GIF" and target != "GIF":
        # A GIF without a loop count plays once; in other formats that would mean for ever.
        options["loop"] = 1
    if target == "GIF" and any("transparency" in frame.info for frame in frames):
        # Dispose each frame, or its transparent pixels would show the previous one. No optimized
        # palettes: with one for each frame Pillow would mix up the transparent colours.
        options |= {"disposal": 2, "optimize": False}
    return frames[0], options


def _write(gray: Image.Image, to: Path | None, target: str, options: dict[str, Any]) -> Gray:
    file = io.BytesIO()
    try:
        gray.save(to or file, target, **options)
    except ValueError as error:  # only libwebp raises it: its first partition holds 512 KiB
        raise ImageTooLarge(f"The image has too much detail for {target}: {error}.") from error
    except OSError as error:
        if error.errno:  # of the file system
            raise
        raise UnsupportedFormat(
            f"The result cannot be written as {target}: {error}. Choose another output format."
        ) from error
    content_type, extension = CONTENT_TYPES[target]
    return Gray(file.getvalue(), content_type, extension, gray.width, gray.height)
