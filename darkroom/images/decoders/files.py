"""PNG, BMP and JPEG of kinds that Pillow does not read, or reads wrongly: imagecodecs decodes them.

Its decoders are libpng, libjpeg-turbo and its own small one for BMP.
"""

import io
import struct
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from darkroom.errors import ImageTooLarge
from darkroom.images import jpeg, limits, parts, repairs
from darkroom.images.decoders import levels
from darkroom.images.decoders.picture import Picture

MOST_FIELD = 8
JPEG_COMPONENTS = {1, 3}


def opened_png(data: Any, image: Image.Image) -> Picture:
    """Return a PNG of RGB in 16 bits with a transparent colour, which libpng compares in full.

    Args:
        data: the file, or the parts of it that are needed.
        image: as Pillow opened it.
    """
    meaning = levels.Meaning(3, bits=16, alpha=3)

    def decode() -> Image.Image:
        from imagecodecs import png_decode

        return levels.gray(png_decode(data), meaning)

    return _picture("PNG", meaning, image.size, decode, samples=8, exif=image.getexif())


def opened_bmp(data: Any) -> Picture | None:
    """Return a BMP with bit fields that the decoder reads rightly; None for any other file.

    These are fields of up to 8 bits in pixels of 16 bits, and of 8 bits in pixels of 32 bits.
    """
    masks = repairs.bit_fields(data)
    if not masks or not all(masks[:3]):
        return None
    (pixel,) = struct.unpack_from("<H", data, 14 + 14)
    allowed = range(MOST_FIELD + 1) if pixel == 16 else (0, MOST_FIELD)  # noqa: PLR2004
    if any(_length(mask) not in allowed for mask in masks):
        return None
    width, height = struct.unpack_from("<ii", data, 14 + 4)
    samples = 4 if masks[3] else 3
    meaning = levels.Meaning(3, bits=8, alpha=3 if masks[3] else None)

    def decode() -> Image.Image:
        import numpy as np
        from imagecodecs import bmp_decode

        pixels = bmp_decode(bytes(data))[..., :samples]
        if samples > 3 and not np.any(pixels[..., 3]):  # noqa: PLR2004
            # Alpha of 0 everywhere means that the program did not write any.
            pixels[..., 3] = 0xFF
        return levels.gray(pixels, meaning)

    return _picture("BMP", meaning, (width, abs(height)), decode, samples=4)


def _length(mask: int) -> int:
    """Return the number of bits of a field."""
    return (mask // (mask & -mask)).bit_length() if mask else 0


def opened_jpeg(data: Any) -> Picture | None:
    """Return a JPEG of more than 8 bits a sample, of gray or YCbCr; None for any other file.

    Raises:
        ImageTooLarge: it has too many scans.
    """
    whole = bytes(data)
    frame = jpeg.frame(whole)
    if not frame or frame.bits <= 8 or frame.components not in JPEG_COMPONENTS:  # noqa: PLR2004
        return None
    if frame.scans > limits.MAX_SCANS:
        raise ImageTooLarge(f"The image has more than {limits.MAX_SCANS} scans.")
    # Chroma is not decoded, except of a lossless JPEG, which has RGB.
    is_rgb = frame.is_lossless and frame.components > 1
    meaning = levels.Meaning(3 if is_rgb else 1, bits=frame.bits)

    def load(file: Any) -> Image.Image:
        from imagecodecs import jpeg8_decode

        samples = jpeg8_decode(file.read(), outcolorspace=None if is_rgb else "GRAYSCALE")
        return levels.gray(samples.reshape(*samples.shape[:2], -1), meaning)

    def decode() -> Image.Image:
        found = load(io.BytesIO(whole)) if frame.has_end else jpeg.without_end(whole, load)
        if found is None:
            raise parts.incomplete("it is truncated")
        return found

    coefficients = 2 * frame.components if frame.scans > 1 else 0
    return _picture(
        "JPEG",
        meaning,
        (frame.width, frame.height),
        decode,
        samples=coefficients + 2 * meaning.colors,
        exif=jpeg.exif_tags(frame.exif),
    )


def _picture(
    kind: str,
    meaning: levels.Meaning,
    size: tuple[int, int],
    decode: Callable[[], Image.Image],
    *,
    samples: int,
    exif: Mapping[int, Any] | None = None,
) -> Picture:
    """Return a picture whose decoder needs this number of bytes per pixel for its samples."""
    decoding = samples + meaning.result
    return Picture(kind, meaning.mode, size, decode, decoding=decoding, base=levels.BASE, exif=exif)
