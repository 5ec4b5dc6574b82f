"""Estimate the memory that a conversion to gray needs, from the image's header.

A pixel takes from 3 to 50 bytes, depending on the format, so a limit in pixels alone does not keep
a function from running out of memory. The numbers are bytes per pixel. They were measured with
images of noise, for which encoders need most. `tests/unit/darkroom/images/test_memory.py` checks
them.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from darkroom.images import jpeg, tiff
from darkroom.images.color import tones
from darkroom.images.decoders.picture import Picture
from darkroom.images.formats import DEEP, identify

DECODER = {
    "JPEG": 0,
    "PNG": 0,
    "GIF": 2,
    "BMP": 1,
    "TIFF": 0,
    "WEBP": 13,
    "AVIF": 11,
    "JPEG2000": 0,
}
"""Memory of a decoder in addition to the picture that it returns."""
ENCODER = {
    "JPEG": (2, 2),
    "PNG": (2, 4),
    "GIF": (4, 4),
    "TIFF": (5, 10),
    "BMP": (2, 2),
    "WEBP": (13, 44),
    "AVIF": (23, 40),
}
"""Memory of an encoder in addition to the picture that it gets, with its file: without and with
transparency."""
ANIMATION = {"PNG": (6, 13), "GIF": (11, 11), "WEBP": (7, 14), "AVIF": (12, 24)}
"""The same for each frame of an animation: we hold all frames, and the encoder holds them again."""
FRAME = 4096
"""Bytes that even the smallest frame needs."""
BYTES_PER_WAVELET = 6
"""For each sample of a JPEG 2000: OpenJPEG keeps it in 32 bits, and a tile's once more."""
BYTES_PER_COEFFICIENT = 2
"""For each sample of a JPEG with more than one scan: libjpeg keeps all coefficients."""
STATUS = Path("/proc/self/status")


@contextmanager
def enforced(memory: int) -> Iterator[None]:
    """Limit the memory that the process may allocate in addition to what it has now, in bytes.

    An allocation beyond the limit raises `MemoryError`, also in a parser written in C; without the
    limit, Lambda would kill the process. The kernel counts allocated bytes, not used ones
    (RLIMIT_DATA, getrlimit(2)). Nothing is enforced on other systems than Linux.
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
    """Return the bytes that a conversion needs at most. The image is opened but not loaded.

    Args:
        image: as Pillow opened it from its header.
        target: format of the result.
        frames: number of frames of the result.
        file_size: bytes of the source.
    """
    source = identify(image)
    area = image.width * image.height
    file = file_size * (2 if source == "WEBP" else 1)  # the decoder of WebP makes a copy
    picture, converted = _pixel(image, source)
    converted += tones.bytes_per_pixel(image)
    file += tones.table_bytes(image)
    if isinstance(image, Picture):
        decode = file + image.base + int(area * max(image.decoding, picture + converted))
    else:
        decode = (
            file + area * (DECODER.get(source, 0) + picture + converted) + _special(image, source)
        )
    # Pillow knows only whether the first frame of a GIF is transparent.
    transparent = image.has_transparency_data or (
        source == "GIF"
        and (frames > 1 or getattr(image, "dispose_extent", None) != (0, 0, *image.size))
    )
    if frames > 1:
        return decode + frames * (FRAME + area * ANIMATION[target][transparent])
    gray = 4 if transparent else 2 if image.mode in DEEP else 1
    return max(decode, file + area * (gray + ENCODER[target][transparent]))


def _pixel(image: Image.Image, source: str) -> tuple[int, int]:
    """Return the bytes of a decoded pixel, and those of its copies on the way to gray."""
    if source == "JPEG" and image.mode == "RGB":
        return 1, 1  # only luma is decoded; the copy is the upright picture
    picture = 1 if image.mode in {"1", "L", "P"} else 2 if image.mode.startswith("I;16") else 4
    if source == "GIF" and getattr(image, "dispose_extent", None) != (0, 0, *image.size):
        return picture + 4, 8  # the rest of the canvas becomes transparent
    if image.has_transparency_data:
        return picture, 8  # gray and alpha take 4 bytes; upright or on white they take 4 more
    if image.mode in DEEP:
        return picture, 10
    return picture, 5 if image.mode in {"CMYK", "LAB"} else 1


def _special(image: Any, source: str) -> int:
    """Return the memory that a decoder needs only for some files of its format."""
    area = image.width * image.height
    if source == "JPEG" and jpeg.scans(image.fp, 2) > 1:
        full = max(h for _, h, _, _ in image.layer) * max(v for _, _, v, _ in image.layer)
        samples = sum(h * v for _, h, v, _ in image.layer) / full
        return int(area * samples * BYTES_PER_COEFFICIENT)
    if source == "JPEG2000":
        return int(area * BYTES_PER_WAVELET * len(image.getbands()))
    if source == "TIFF":
        # Each tile or strip is decoded as a whole; a tile may be larger than the image.
        tags = image.tag_v2
        tile = tags.get(tiff.TILE_WIDTH, 0) * tags.get(tiff.TILE_LENGTH, 0)
        strip = image.width * min(image.height, tags.get(tiff.ROWS_PER_STRIP, image.height))
        return int(8 * tile or 4 * strip)
    return 0
