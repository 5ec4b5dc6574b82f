"""Open image files without blocking, and detect their media type by their first bytes."""

import errno
import os
import re
import stat
from pathlib import Path
from typing import IO

# The first bytes of a file and its media type. Darkroom itself checks whether the image is valid.
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
# The API takes only `image/…`. If the file is not an image, the step that decodes it fails with
# `UnsupportedFormat`.
UNKNOWN = "image/x-unknown"


def open_file(path: Path) -> IO[bytes]:
    """Open a regular file for reading: opening a pipe would block, and a device may have no end.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
        ValueError: the path is not a valid file name.
    """
    _regular(path.stat(), path)  # opening a device may have an effect
    # Non-blocking, in case it was replaced by a pipe in the meantime.
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
