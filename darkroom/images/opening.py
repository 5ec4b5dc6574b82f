"""Open an image: by Pillow, or by the decoder of `images.decoders` that reads it rightly."""

import io
import mmap
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from darkroom.errors import DarkroomError, UnsupportedFormat
from darkroom.images import boxes, conversion, jpeg, parts, repairs, structure, tiff
from darkroom.images.color import tones
from darkroom.images.decoders.picture import Picture
from darkroom.images.formats import FORMATS, identify, unidentified

AVIF_DECODING = 15
"""Bytes of memory per pixel of the whole picture."""


def opened(source: bytes | Path, *, still: bool = False, heic: bool = False) -> Image.Image:
    """Return an image that is opened but not decoded.

    Args:
        source: an encoded image, or the path of its file.
        still: whether to leave out the animation of a PNG.
        heic: whether HEIC may be decoded.

    Raises:
        UnsupportedFormat: no decoder reads it rightly.
        ImageTooLarge: it has too many parts.
        InvalidImage: its header is broken.
    """
    data = source if isinstance(source, bytes) else _mapped(source)
    structure.check(data)
    if data[4:8] == b"ftyp" and (named := boxes.with_own_picture(data)) is not data:
        source = data = named
    image = _opened(source, data, still=still, heic=heic)
    tones.note(image, data)
    repairs.note_palette(image)
    return image


def _opened(source: bytes | Path, data: Any, *, still: bool, heic: bool) -> Image.Image:
    if image := _of_boxes(source, data, heic=heic):
        return image
    if bytes(data[:4]) in tiff.STARTS:
        return _tiff(source, data, heic=heic)
    if bytes(data[12:16]) == b"CgBI":  # Pillow takes its pixels for broken ones
        raise unidentified(_stream(source), heic=heic)
    end = None
    if data[:3] == jpeg.START and data[-2:] != jpeg.ENDS[0]:  # else it most likely has an end
        end = jpeg.end(data)
    needed = parts.needed(data, still=still, jpeg_end=end)
    try:
        image = _by_pillow(source, needed)
    except (UnidentifiedImageError, OSError) as error:  # a BMP's parser raises OSError
        found = _of_rare_kind(needed.whole() if needed else data)
        if not found:
            raise unidentified(_stream(source), heic=heic) from error
        return found
    return _read_rightly(image, data, needed)


def _of_boxes(source: bytes | Path, data: Any, *, heic: bool) -> Image.Image | None:
    """Open a HEIC or a JPEG 2000; return None for any other file."""
    if data[4:8] == b"ftyp":
        from darkroom.images.decoders import heic as decoder

        if decoder.begins(data):
            if not heic:
                raise decoder.refused()
            return decoder.opened(data)
    elif data[:4] in {b"\0\0\0\x0c", b"\xff\x4f\xff\x51"}:
        from PIL import Jpeg2KImagePlugin

        from darkroom.images.decoders import jpeg2000

        if jpeg2000.begins(data):
            header = jpeg2000.header(data)
            if not jpeg2000.is_usual(header):
                return jpeg2000.opened(data, header)
            file: Any = _stream(source) if isinstance(source, bytes) else source
            try:
                image = Image.open(file, formats=(Jpeg2KImagePlugin.Jpeg2KImageFile.format,))
            except UnidentifiedImageError:  # the other decoder says what is wrong
                return jpeg2000.opened(data, header)
            image.info["icc_profile"] = header.profile  # which Pillow does not return
            return image
    return None


def _of_rare_kind(data: Any) -> Image.Image | None:
    """Open what Pillow has refused."""
    from darkroom.images.decoders import files

    return files.opened_jpeg(data) if data[:3] == jpeg.START else files.opened_bmp(data)


def _read_rightly(image: Image.Image, data: Any, needed: parts.Parts | None) -> Image.Image:
    """Return an image that Pillow has opened, as the decoder that reads it rightly."""
    conversion.repair_transparency(image)
    if identify(image) == "GIF":
        repairs.note_canvas(image)
    if identify(image) == "PNG":
        image.info[repairs.ROWS] = partial(parts.lacks_rows, data)
    if identify(image) == "AVIF":
        return _cropped(image, data)
    if repairs.key_of_16_bits(image):
        from darkroom.images.decoders import files

        return files.opened_png(needed.whole() if needed else bytes(data), image)
    if identify(image) == "BMP" and image.mode != "RGBA" and (repairs.bit_fields(data) or [0])[-1]:
        from darkroom.images.decoders import files

        # In bit fields, Pillow reads alpha only with 32 bits.
        return files.opened_bmp(data) or image
    return image


def _tiff(source: bytes | Path, data: Any, *, heic: bool) -> Image.Image:
    """Open the page of a TIFF that is the picture."""
    file: Any = data if isinstance(data, mmap.mmap) else io.BytesIO(data)
    try:
        page = tiff.picture(file)
    except (DarkroomError, MemoryError):
        raise
    except Exception as error:
        raise unidentified(file, heic=heic) from error
    if tiff.is_usual(page) and tiff.is_complete(file, page.tags):
        try:
            image: Any = _by_pillow(source, None)
            image.seek(page.number)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001, S110 - the other decoder says what is wrong
            pass
        else:
            tiff.prepare(image)
            return image  # type: ignore[no-any-return]
    from darkroom.images.decoders import tiff as decoder

    try:
        return decoder.opened(file, page)
    except (DarkroomError, MemoryError):
        raise
    except Exception as error:
        raise unidentified(file, heic=heic) from error


def _cropped(image: Any, data: Any) -> Image.Image:
    """Return an AVIF without what is outside of its clean aperture."""
    area = repairs.aperture(data, image.size)
    moving = boxes.find(data, b"moov")
    if image.n_frames > 1 and (
        area or (moving and data.find(b"clap", moving.start, moving.end) > 0)
    ):
        raise UnsupportedFormat(
            "This AVIF is an animation that is cropped by a clean aperture (clap), which Darkroom "
            "does not read. Save it with the cropped pixels only."
        )
    if not area:
        return image  # type: ignore[no-any-return]
    left, top, right, bottom = area
    size = right - left, bottom - top
    whole = image.width * image.height / (size[0] * size[1])
    return Picture(
        "AVIF",
        image.mode,
        size,
        lambda: image.crop(area),
        decoding=AVIF_DECODING * whole,
        info=image.info,
        exif=image.getexif(),
    )


def _by_pillow(source: bytes | Path, needed: parts.Parts | None) -> Image.Image:
    file: Any = needed or (_stream(source) if isinstance(source, bytes) else source)
    return Image.open(file, formats=FORMATS)


def _stream(source: bytes | Path) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
