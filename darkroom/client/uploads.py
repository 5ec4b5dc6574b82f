"""The form of `POST /uploads`: the size limit of its policy, and a file with a fixed size.

S3 enforces the policy; checking it here avoids sending gigabytes that S3 would refuse.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import errno
import io
import json
import os
from collections.abc import Mapping
from typing import IO, Any

from darkroom.client.errors import ApiError

TOO_LARGE = "EntityTooLarge"
"""S3's error code for a file that is larger than the form allows."""
MIB = 1024**2


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
    """Check that a form accepts a file of this size, if its policy has a limit.

    Raises:
        ApiError: it does not; S3 would refuse the file as well.
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
