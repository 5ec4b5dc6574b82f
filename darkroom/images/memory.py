"""How much memory it takes to turn an image gray, told from its header before anything is decoded.

A pixel takes from 3 to 50 bytes, by format, so a limit in pixels alone does not keep a function
from running out of memory. The numbers are bytes per pixel, measured with images of noise, which
is what encoders need most for; `tests/unit/darkroom/images/test_memory.py` holds them to the truth.
"""

import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from darkroom.images.formats import DEEP, identify

DECODER = {"JPEG": 0, "PNG": 0, "GIF": 2, "BMP": 1, "TIFF": 0, "WEBP": 13, "AVIF": 11}
"""What a decoder holds beside the picture that it returns."""
ENCODER = {
    "JPEG": (2, 2),
    "PNG": (2, 4),
    "GIF": (4, 4),
    "TIFF": (5, 10),
    "BMP": (2, 2),
    "WEBP": (13, 44),
    "AVIF": (23, 40),
}
"""What an encoder holds beside the picture that it is given, its file included, without and with
transparency."""
ANIMATION = {"PNG": (6, 13), "GIF": (11, 11), "WEBP": (7, 14), "AVIF": (12, 24)}
"""The same of each frame: all of them are held, and once more by the encoder."""
FRAME = 4096
"""Bytes of each frame, however small."""
COEFFICIENT = 2
"""Of each sample of a JPEG that comes in more than one scan: libjpeg keeps them all."""
START_OF_SCAN = re.compile(rb"\xff\xda")
"""Of a JPEG. Inside a scan a byte 0xFF is always followed by 0 or by a restart marker. An
expression finds it in a third of the time of `bytes.count`, which was a twentieth of everything."""
CHUNK = 2**16
ROWS_PER_STRIP, TILE_WIDTH, TILE_LENGTH = 278, 322, 323  # TIFF 6.0, section 8 and 15


STATUS = Path("/proc/self/status")


@contextmanager
def enforced(memory: int) -> Iterator[None]:
    """Let the process have no more than so many bytes beside what it has now.

    What asks for more gets a `MemoryError`, a parser in C as well, where Lambda would end the
    process without a word. The kernel counts what is asked for, not what is used (RLIMIT_DATA,
    getrlimit(2)). On a system that is not Linux nothing is enforced.
    """
    if not STATUS.exists():
        yield
        return
    status = STATUS.read_text().splitlines()
    held = next(int(line.split()[1]) for line in status if line.startswith("VmData:"))
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (held * 1024 + memory, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


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
    picture, converted = _pixel(image, source)
    decode = file + area * (DECODER[source] + picture + converted) + _special(image, source)
    # A GIF tells of the transparency of its first frame only.
    transparent = image.has_transparency_data or (source == "GIF" and frames > 1)
    if frames > 1:
        return decode + frames * (FRAME + area * ANIMATION[target][transparent])
    gray = 4 if transparent else 2 if image.mode in DEEP else 1
    return max(decode, file + area * (gray + ENCODER[target][transparent]))


def _pixel(image: Image.Image, source: str) -> tuple[int, int]:
    """Return the bytes of a decoded pixel, and what is made of it on its way to gray."""
    if source == "JPEG" and image.mode == "RGB":
        return 1, 1  # the luma alone is decoded; the other one is upright
    picture = 1 if image.mode in {"1", "L", "P"} else 2 if image.mode.startswith("I;16") else 4
    if image.has_transparency_data:
        return picture, 8  # gray and alpha take four bytes as well; then upright, or on white
    if image.mode in DEEP:
        return picture, 10
    return picture, 5 if image.mode in {"CMYK", "LAB"} else 1


def _special(image: Any, source: str) -> int:
    """Return what the decoder takes for some files of a format and not for others."""
    area = image.width * image.height
    if source == "JPEG" and scans(image.fp, 2) > 1:
        full = max(h for _, h, _, _ in image.layer) * max(v for _, _, v, _ in image.layer)
        samples = sum(h * v for _, h, v, _ in image.layer) / full
        return int(area * samples * COEFFICIENT)
    if source == "TIFF":
        # Decoded as a whole each; a tile may be larger than the image.
        tile = image.tag_v2.get(TILE_WIDTH, 0) * image.tag_v2.get(TILE_LENGTH, 0)
        strip = image.width * min(image.height, image.tag_v2.get(ROWS_PER_STRIP, image.height))
        return int(8 * tile or 4 * strip)
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
        found += len(START_OF_SCAN.findall(last + chunk))
        last = chunk[-1:]
    file.seek(start)
    return found
