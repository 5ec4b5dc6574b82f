"""What kind of image a file is, by how it begins."""

import re
from typing import IO

# How a file begins, and what it is then. Whether it is a whole image, Darkroom finds out.
SIGNATURES = [
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"II\*\0|MM\0\*"), "image/tiff"),
    (re.compile(rb"BM"), "image/bmp"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "image/avif"),
]
HEAD_BYTES = 16
# The API takes `image/…` only, and judges an image by its bytes: what is no image is told so by the
# step that opens it.
UNKNOWN = "image/x-unknown"


def head(file: IO[bytes]) -> bytes:
    """Return the first bytes of a file, enough for `media_type`."""
    return file.read(HEAD_BYTES)


def media_type(data: bytes) -> str:
    """Return the media type of an image by its first bytes."""
    return next((kind for start, kind in SIGNATURES if start.match(data)), UNKNOWN)
