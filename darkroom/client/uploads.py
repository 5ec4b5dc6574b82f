"""Files to upload: opened without blocking, of a media type, a fixed size and not too large."""

import base64
import errno
import io
import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from darkroom.client.errors import ApiError

# The first bytes of a file and its media type. Darkroom itself checks whether the image is valid.
SIGNATURES = [
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "image/tiff"),
    (re.compile(rb"BM"), "image/bmp"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "image/avif"),
    (re.compile(rb"....ftyp(he[iv][cxms]|m[is]f1)", re.DOTALL), "image/heic"),
    (re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n"), "image/jp2"),
    (re.compile(rb"\xff\x4f\xff\x51"), "image/j2c"),
]
HEAD_BYTES = 16
# The API takes only `image/…`. If the file is not an image, the step that decodes it fails with
# `UnsupportedFormat`.
UNKNOWN = "image/x-unknown"
TOO_LARGE = "EntityTooLarge"
"""S3's error code for a file that is larger than the form allows."""
MIB = 1024**2


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


class FixedSizeFile(io.RawIOBase):
    """A file whose size is announced before it is sent: a change of its size is an OSError."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        """Store a seekable file and its size in bytes."""
        super().__init__()
        self._file, self._size = file, size

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes, or the rest.

        Raises:
            OSError: the file has become shorter or longer.
        """
        if size == 0:
            return b""
        left = self._size - self._file.tell()
        wanted = left if size < 0 else min(size, left)
        data = self._file.read(wanted or 1)
        if len(data) != wanted:
            raise OSError(errno.EIO, "The file changed during the upload")
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position; the end is the one of the announced size."""
        if whence == os.SEEK_END:
            offset, whence = self._size + offset, os.SEEK_SET
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()


def check(form: Mapping[str, Any], size: int) -> None:
    """Check that a form of `POST /uploads` accepts a file of this size, if its policy has a limit.

    S3 enforces the policy; checking it here avoids sending gigabytes that S3 would refuse.
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html

    Raises:
        ApiError: it does not.
    """
    most = _most(form)
    if most is not None and size > most:
        raise too_large(size, f"the {most / MIB:.1f} MiB that this stack accepts")


def too_large(size: int, limit: str = "this stack accepts") -> ApiError:
    """Return the error for a file that is too large."""
    return ApiError(400, TOO_LARGE, f"The file has {size / MIB:.1f} MiB, more than {limit}.")


def _most(form: Mapping[str, Any]) -> int | None:
    try:
        conditions = json.loads(base64.b64decode(form["fields"]["policy"]))["conditions"]
        lengths = [c for c in conditions if isinstance(c, list) and c[0] == "content-length-range"]
        return int(lengths[0][2])
    except (LookupError, TypeError, ValueError):
        return None  # no limit is known here; S3 still enforces it
