"""Files of images: opened without waiting, and their kind by how they begin."""

import errno
import os
import re
import stat
from pathlib import Path
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


def open_file(path: Path) -> IO[bytes]:
    """Open a file to read it. To open a pipe would wait for its writer, and a device has no end.

    Raises:
        OSError: it cannot be opened, or is no regular file.
        ValueError: a file cannot have this name.
    """
    _regular(path.stat(), path)  # to open a device may already do something
    # If it is a pipe by now, that is no reason to wait either.
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    file = os.fdopen(descriptor, "rb")
    try:
        _regular(os.fstat(descriptor), path)
    except OSError:
        file.close()
        raise
    return file


def _regular(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))


def head(file: IO[bytes]) -> bytes:
    """Return the first bytes of a file, enough for `media_type`."""
    return file.read(HEAD_BYTES)


def media_type(data: bytes) -> str:
    """Return the media type of an image by its first bytes."""
    return next((kind for start, kind in SIGNATURES if start.match(data)), UNKNOWN)
