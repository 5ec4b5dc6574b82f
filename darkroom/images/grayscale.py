"""Convert an image to gray the way an image professional expects. No AWS calls.

| in the file | in the result |
|---|---|
| colour | luma by ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B; of a JPEG, its own luma plane |
| CMYK, YCCK | luma of (1 - ink)(1 - black); in a JPEG the inks are inverted, as Adobe does it |
| CIE Lab | luma of its colours in sRGB |
| a profile of gray (not in WebP, GIF, BMP) | applied: the result has the gray values of sRGB |
| a profile of colours, or one that is broken or foreign | ignored, and dropped |
| the gamma of a gray PNG, or of a gray palette | applied, unless it is 1/2.2 within 5 % |
| the gamma of colours | ignored |
| PQ, HLG, linear values, by `cICP` of PNG, `nclx` of AVIF, HEIC | as sRGB; white is 203 cd/m² |
| orientation: Exif 274, else XMP; `irot` and `imir` of AVIF and HEIC | applied, tag dropped |
| alpha, a transparent colour | kept in PNG, WebP, TIFF, AVIF; in GIF on or off; else on white |
| alpha that the colours are multiplied with | taken out of the colours |
| 16 bits of gray | kept in PNG and TIFF, else scaled to 8, never clipped |
| 9 to 15 bits of gray, of a JPEG's luma | scaled, then as 16 bits |
| 32 bits, signed, fractions | 0..1, 0..255 or 0..65535 if all colours fit, else min..max |
| of these, pixels without data, by GDAL's tag | the nearest data; the data are min..max |
| pixels that are not numbers, or the largest | as without data; without the tag InvalidImage |
| 16 bits with colour or alpha, or of an animation | 8 bits |
| a PNG's transparent colour of 16 bits a sample | compared in all bits |
| 1, 2 and 4 bits, palettes | 8 bits |
| a colour that the palette does not have | black in GIF and BMP, else InvalidImage |
| a palette that is missing, or breaks PNG's rules | InvalidImage |
| a scale where 0 is white | a scale where 0 is black |
| an animation | frames, times and loops kept in PNG, GIF, WebP and AVIF; else its first frame |
| parts of an APNG's canvas, their blending and disposal | composed as PNG defines it |
| an APNG's default image, not a frame | kept in PNG; the result of a still format; else dropped |
| a BMP of which all alpha is 0 | opaque |
| a TIFF's colour map of 8-bit values | scaled as one of 16 bits |
| a TIFF that names no color space | gray or RGB, by its samples, as in libtiff |
| an extra sample of a TIFF that is not declared as alpha | dropped |
| a fourth sample of RGB in 8 or 16 bits without any declaration | alpha, as in libtiff |
| a reduced copy or a mask in front of a TIFF's picture, or above it | dropped |
| the preview of a camera's raw file | UnsupportedFormat |
| a TIFF's strips, tiles, planes, predictors, byte orders, BigTIFF | decoded like any other |
| YCbCr with subsampled chroma | luma of its colours |
| a TIFF of Lab with more than 8 bits, LogLuv, volumes | UnsupportedFormat, which names the kind |
| a BMP's bit fields of up to 8 bits | scaled to 8 bits; wider ones UnsupportedFormat |
| a clean aperture of AVIF and HEIC | cropped; between pixels or in an animation UnsupportedFormat |
| HEIC: tiles, bursts, live photos, sequences | the primary picture |
| a thumbnail or a plane of another as the primary picture of AVIF and HEIC | the other |
| HEIC without the parameter `Heic` | UnsupportedFormat, which names HEIC and the parameter |
| JPEG 2000: file or codestream, any depth up to 16 bits, palettes | as the other formats |
| what the first frame of a GIF leaves free | transparent, as in browsers |
| what a frame of a GIF clears for the next | transparent, as in browsers |
| a GIF's frame that extends over the edge | cropped, unless the first is larger than the canvas |
| further pages of a TIFF, further pictures of a JPEG (MPO) | dropped |
| progressive, interlaced, tiled, in strips, with restart markers | decoded like any other |
| the compression of a TIFF | kept if it can hold gray, else Deflate |
| Exif's Copyright, Artist and time of the picture | kept in JPEG, PNG, WebP, TIFF and AVIF |
| `auto` for HEIC and JPEG 2000 | a JPEG; a PNG if it has transparency or 16 bits of gray |
| other metadata | dropped |
| bytes after the end | ignored |
| chunks and segments beside the pixels that are broken, long or misplaced | ignored |
| an APNG that is broken behind its first picture | its static picture |
| a PNG whose pixels differ from their checksum | InvalidImage |
| other files, and rare kinds of these formats | UnsupportedFormat, which names the kind |
| a missing end of a JPEG or a PNG | ignored if no pixel depends on what is missing |
| whatever is behind a JPEG without its end marker | ignored |
| a truncated file, also if a JPEG or JPEG 2000 is filled up with zeros | InvalidImage |
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageSequence

from darkroom.errors import DarkroomError, InvalidImage
from darkroom.images import apng, conversion, jpeg, limits, metadata, repairs
from darkroom.images.color import tones
from darkroom.images.decoders.picture import Picture
from darkroom.images.formats import (
    CONTENT_TYPES,
    automatic,
    encoder,
    identify,
    save,
    undecodable,
)
from darkroom.images.opening import opened

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
    heic: bool = False,
) -> Gray:
    """Return an image in gray, upright and of the same size.

    Args:
        source: an encoded image in one of the accepted formats, or the path of its file.
        output: `auto` (see `formats.automatic`), or one of `CONTENT_TYPES` in small letters.
        quality: 1 to 100, for lossy formats.
        max_pixels: width x height x frames that may be decoded.
        max_memory: bytes that it may need, by the estimate of `images.memory`.
        to: the file to write the result to, instead of returning its bytes.
        heic: whether HEIC may be decoded.

    Raises:
        UnsupportedFormat: the source is in none of the accepted formats, or of a kind of these
            that no decoder reads rightly; or the encoder cannot write the result.
        ImageTooLarge: more pixels than `max_pixels`, more bytes than `max_memory`, or larger than
            the result's format allows; nothing was decoded.
        InvalidImage: the source is empty, broken or truncated.
        OSError: the result cannot be written `to` the file, for example because the disk is full.
    """
    with limits.of_pillow(max_pixels):
        try:
            gray, target, options = _develop(
                source,
                output,
                quality,
                max_pixels=max_pixels,
                max_memory=max_memory,
                heic=heic,
            )
        except DarkroomError:
            raise
        except Exception as error:
            raise undecodable(error, max_pixels) from error
        return _write(gray, to, target, options)


def _develop(
    source: bytes | Path,
    output: str,
    quality: int,
    *,
    max_pixels: int,
    max_memory: int | None,
    heic: bool,
) -> tuple[Image.Image, str, dict[str, Any]]:
    """Return the gray image, its format and the encoder's options.

    It frees everything else, also the decoder, before the encoder allocates its memory.
    """
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if not size:
        raise InvalidImage("The source is empty: it has 0 bytes.")
    with opened(source, heic=heic) as image:
        target = automatic(image) if output == "auto" else output.upper()
        frames = limits.check(image, target, size, max_pixels=max_pixels, max_memory=max_memory)
        options = encoder(image, target, quality)
        tone = tones.tone(image)
        if frames == 1:
            gray, more = _still(image, target, tone)
            return gray, target, options | more
        try:
            gray, more = _animation(image, target, tone, max_pixels)
        except (DarkroomError, MemoryError):
            raise
        except Exception:
            if identify(image) != "PNG":
                raise
        else:
            return gray, target, options | more
    # The animation is broken: what programs that do not support it show is whole.
    with opened(source, still=True) as image:
        gray, more = _still(image, target, tone)
        return gray, target, options | more


def _still(image: Any, target: str, tone: tones.Tone | None) -> tuple[Image.Image, dict[str, Any]]:
    """Return the first frame in gray, upright, in a mode of the target format, and options."""
    file, size = getattr(image, "fp", None), repairs.canvas(image)
    try:
        _load(image)
    except OSError:
        if not file or file.closed:  # of the latter all was read, and is broken
            raise
        file.seek(0)
        found = _otherwise(identify(image), file.read())
        if found is None:
            raise
        image = found
    repairs.repair(image)
    turn = conversion.orientation(image)
    kept = metadata.fields(image)
    gray = conversion.fit([conversion.gray(image, target, tone)], target)[0]
    if size != gray.size and identify(image) == "GIF":
        gray = gray.crop((0, 0, *size))
    if gray is not image:
        image.close()  # frees the colours
    # Turned after it is gray, because gray has a quarter of the bytes.
    return conversion.upright(gray, turn), {"fields": kept}


def _otherwise(kind: str, data: bytes) -> Any:
    """Return a loaded image that Pillow has not decoded; None if pixels are missing."""
    if kind == "JPEG":
        return jpeg.without_end(data[: jpeg.end(data)], _reload)
    if kind == "JPEG2000":
        from darkroom.images.decoders import jpeg2000

        found = jpeg2000.opened(data, jpeg2000.header(data))
        found.load()
        return found
    return None


def _load(image: Any) -> None:
    is_color = image.mode == "RGB" and not isinstance(image, Picture)
    if identify(image) == "JPEG" and is_color and LOSSLESS not in _header(image.fp):
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


def _animation(
    image: Any, target: str, tone: tones.Tone | None, max_pixels: int
) -> tuple[Image.Image, dict[str, Any]]:
    """Return the first frame, and the encoder's options with the other frames."""
    size, durations, frames = repairs.canvas(image), [], []
    # A PNG's picture for programs that do not support animation.
    has_default_image = bool(image.info.get("default_image"))
    canvas = apng.Canvas(size) if identify(image) == "PNG" else None
    if canvas and image.info[repairs.ROWS](frames=True):
        raise EOFError("rows of the animation are missing")
    number = -1
    for number, frame in enumerate(ImageSequence.Iterator(image)):
        if number == 0 and has_default_image and target != "PNG":
            continue
        # A GIF frame that extends over the edge makes all following frames larger.
        limits.check_pixels(frame, image.n_frames, max_pixels)
        part = canvas.part(frame) if canvas else frame
        part.load()  # the duration of a WebP frame is known only after this
        durations.append(int(frame.info.get("duration", 0)))
        # Pillow reuses one object for all frames, so each frame is copied.
        if identify(image) == "GIF":
            repairs.clear_background(image)
            copy = repairs.without_alpha(frame.crop((0, 0, *size)))
        else:
            copy = part if canvas else frame.crop((0, 0, *size))
        # Pillow writes only what differs between frames, and finds no differences above 255.
        gray = conversion.eight_bits(conversion.gray(copy, target, tone))
        gray = canvas.show(gray) if canvas else gray
        frames.append(conversion.upright(gray, conversion.orientation(frame)))
    if number + 1 != image.n_frames:
        raise EOFError("the last frames of the animation are missing")
    frames = conversion.fit(frames, target)
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": durations}
    options["fields"] = metadata.fields(image)
    if target == "PNG" and has_default_image:
        options |= {"default_image": True, "duration": durations[1:]}
    if "loop" in image.info:
        options["loop"] = image.info["loop"]
    elif identify(image) == "GIF" and target != "GIF":
        # A GIF without a loop count plays once; in other formats that would mean forever.
        options["loop"] = 1
    if target == "GIF" and any("transparency" in frame.info for frame in frames):
        # With an optimized palette for each frame Pillow would mix up the transparent colours.
        options |= {"disposal": repairs.disposals(frames), "optimize": False}
    return frames[0], options


def _write(gray: Image.Image, to: Path | None, target: str, options: dict[str, Any]) -> Gray:
    file = io.BytesIO()
    save(gray, to or file, target, options)
    content_type, extension = CONTENT_TYPES[target]
    return Gray(file.getvalue(), content_type, extension, gray.width, gray.height)
