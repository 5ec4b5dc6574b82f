"""The sources of the acceptance test, and the comparison of a result with its source."""

import io
import zlib
from math import isqrt

import pillow_heif
from PIL import Image, ImageChops, ImageDraw, ImageStat

MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
}
"""The media type of each format that Darkroom reads and writes."""
READ_ONLY = {"JPEG2000": "image/jp2", "HEIC": "image/heic"}
"""Those that it only reads: with the output `auto` they become JPEG."""
LOSSY = {"JPEG", "WEBP", "AVIF"}
SIZE = 96, 64
"""Pixels: small, because what is tested is the path and not the conversion's speed."""
TOLERANCE, LOSSY_TOLERANCE = 1.0, 2.5
"""Average difference in levels of gray that is allowed for a lossless and a lossy result."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXT = b"This is not a picture, whatever its name says.\n" * 20


def picture(format_name: str) -> bytes:
    """Return a colour picture in a format: gradients, so that lossy formats change it little."""
    ramps = Image.linear_gradient("L").resize(SIZE)
    across = Image.linear_gradient("L").rotate(90).resize(SIZE)
    image = Image.merge("RGB", (across, ramps, ImageChops.invert(across)))
    ImageDraw.Draw(image).rectangle((8, 8, 39, 39), fill=(255, 0, 0))
    file = io.BytesIO()
    if format_name == "HEIC":  # Pillow does not write it; it has no loss, as the PNG has none
        pillow_heif.from_pillow(image).save(file, quality=-1, chroma=444)
    else:
        image.save(file, format_name)
    return file.getvalue()


def broken_picture() -> bytes:
    """Return the first half of a PNG."""
    whole = picture("PNG")
    return whole[: len(whole) // 2]


def large_picture(max_pixels: int) -> bytes:
    """Return a valid white PNG of some kilobytes with more than this number of pixels."""
    side = isqrt(max_pixels) + 1
    row = b"\0" + b"\xff" * ((side + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = side.to_bytes(4, "big") * 2 + b"\x01\0\0\0\0"  # 1 bit, gray, no interlacing
    return PNG_SIGNATURE + b"".join(
        len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4)
        for kind, content in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    )


def difference(source: bytes, result: bytes, format_name: str) -> str | None:
    """Return how a result differs from the gray version of its source; None if it does not.

    The expected gray is ITU-R 601 luma, as Pillow calculates it.

    Args:
        source: the colour picture.
        result: the file that the stack has made of it.
        format_name: the format that the result must have, for example `PNG`.
    """
    with Image.open(io.BytesIO(source)) as colour, Image.open(io.BytesIO(result)) as gray:
        if (gray.format, gray.size) != (format_name, colour.size):
            return f"{gray.format} of {gray.size} pixels"
        channels = gray.convert("RGB").split()
        tint = max(_average(channels[0], other) for other in channels[1:])
        if tint > TOLERANCE:
            return f"a coloured picture: its channels differ by {tint:.1f} levels on average"
        error = _average(gray.convert("L"), colour.convert("RGB").convert("L"))
    allowed = LOSSY_TOLERANCE if format_name in LOSSY else TOLERANCE
    return f"gray levels that differ by {error:.1f} on average" if error > allowed else None


def _average(one: Image.Image, other: Image.Image) -> float:
    (average,) = ImageStat.Stat(ImageChops.difference(one, other)).mean
    return average
