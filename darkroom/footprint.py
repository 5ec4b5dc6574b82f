"""How much memory it takes to turn an image gray, told from its header before anything is decoded.

A pixel takes from 2 to 60 bytes, by format, so a limit in pixels alone does not keep a function
from running out of memory. The numbers are bytes per pixel, measured with images of noise, which
is what encoders need most for; `tests/unit/test_images_memory.py` holds them to the truth.
"""

from typing import Any, BinaryIO

from PIL import Image

from darkroom.formats import DEEP, identify

# What a decoder holds beside the pixels that it returns.
DECODER = {"JPEG": 0, "PNG": 0, "GIF": 2, "BMP": 3, "TIFF": 4, "WEBP": 12, "AVIF": 12}
# What an encoder holds beside the pixels that it is given, its file included: gray, gray and alpha.
ENCODER = {
    "JPEG": (2, 2),
    "PNG": (4, 4),
    "GIF": (3, 3),
    "TIFF": (6, 6),
    "BMP": (2, 2),
    "WEBP": (28, 46),
    "AVIF": (27, 27),
}
ANIMATION = 17
"""Of each pixel of each frame: all frames are held, and once more by the encoder."""
FRAME = 4096
"""Of each frame, however small."""
COEFFICIENT = 2
"""Of each sample of a JPEG that comes in more than one scan: libjpeg keeps them all."""
START_OF_SCAN = b"\xff\xda"
"""Of a JPEG. Inside a scan a byte 0xFF is always followed by 0 or by a restart marker."""
CHUNK = 2**16
TILE_WIDTH, TILE_LENGTH = 322, 323


def needed(image: Image.Image, target: str, frames: int, file_size: int) -> int:
    """Return the bytes that it takes at most to develop an image that was opened, not loaded.

    Args:
        image: what Pillow made of the header.
        target: format of the result.
        frames: frames that will be in the result.
        file_size: bytes of the source.
    """
    source = identify(image)
    area = image.width * image.height
    file = file_size * (2 if source == "WEBP" else 1)  # the decoder of WebP takes a copy
    if frames > 1:
        stored, convert = 4, 8
        each = DECODER[source] + stored + convert
        return file + area * (each + frames * ANIMATION) + frames * FRAME
    transparent = image.has_transparency_data
    deep = image.mode in DEEP
    gray = 4 if transparent else 2 if deep else 1
    if transparent:
        convert = 8  # as gray and alpha, which Pillow keeps in four bytes as well, and upright
    elif deep:
        convert = 9
    elif image.mode == "CMYK":
        convert = 5
    else:
        convert = 2 * gray  # the second one is upright
    decode = area * (DECODER[source] + _stored(image, source) + convert)
    encode = area * (gray + ENCODER[target][transparent])
    return file + max(decode + _special(image, source), encode)


def _stored(image: Image.Image, source: str) -> int:
    if image.mode in {"1", "L", "P"} or (source == "JPEG" and image.mode == "RGB"):
        return 1  # of a colour JPEG, the luma alone is decoded
    return 2 if image.mode.startswith("I;16") else 4


def _special(image: Any, source: str) -> int:
    """Return what the decoder takes for some files of a format and not for others."""
    area = image.width * image.height
    if source == "JPEG" and scans(image.fp, 2) > 1:
        full = max(h for _, h, _, _ in image.layer) * max(v for _, _, v, _ in image.layer)
        samples = sum(h * v for _, h, v, _ in image.layer) / full
        return int(area * samples * COEFFICIENT)
    if source == "TIFF":
        # A tile may be larger than the image, and is decoded as a whole.
        width = image.tag_v2.get(TILE_WIDTH, 0)
        return int(max(0, width * image.tag_v2.get(TILE_LENGTH, 0) - area) * 8)
    return 0


def scans(file: BinaryIO, most: int) -> int:
    """Return how many scans follow in the file of a JPEG that was opened, not loaded.

    Args:
        file: where Pillow left it, behind the header, which ends with the start of the first scan.
        most: where to stop counting.
    """
    start = file.tell()
    found, last = 1, b""
    while found < most and (chunk := file.read(CHUNK)):
        found += (last + chunk).count(START_OF_SCAN)
        last = chunk[-1:]
    file.seek(start)
    return found
