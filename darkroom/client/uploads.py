"""The form of `POST /uploads`: how large a file it takes, and how a larger one is refused.

Its policy says so (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html).
S3 enforces it in any case; to read it here saves sending gigabytes for nothing.
"""

import base64
import errno
import io
import json
import os
from collections.abc import Mapping
from typing import IO, Any

from darkroom.client.transport import ApiError

TOO_LARGE = "EntityTooLarge"
"""What S3 answers to more bytes than the form allows."""
MIB = 1024**2


class Unchanged(io.RawIOBase):
    """A file that is sent with the length that it had: to read what it has become is an OSError."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        """Take a file that can be sought, and its size in bytes."""
        super().__init__()
        self._file, self._size = file, size

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, `size` or as many as there were.

        Raises:
            OSError: they are not there (any more), or there are others behind the last one.
        """
        if size == 0:
            return b""
        left = self._size - self._file.tell()
        wanted = left if size < 0 else min(size, left)
        data = self._file.read(wanted or 1)
        if len(data) != wanted:
            raise OSError(errno.EIO, "The file has changed while it was sent")
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place: its end is where it was."""
        if whence == os.SEEK_END:
            offset, whence = self._size + offset, os.SEEK_SET
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._file.tell()


def check(form: Mapping[str, Any], size: int) -> None:
    """See that a form takes a file of so many bytes, as far as it tells.

    Raises:
        ApiError: it does not; S3 would say the same.
    """
    most = _most(form)
    if most is not None and size > most:
        raise too_large(size, f"the {most / MIB:.1f} MiB that this Darkroom takes")


def too_large(size: int, limit: str = "this Darkroom takes") -> ApiError:
    """Return S3's refusal of a large file in our words."""
    return ApiError(400, TOO_LARGE, f"The file has {size / MIB:.1f} MiB, more than {limit}.")


def _most(form: Mapping[str, Any]) -> int | None:
    try:
        conditions = json.loads(base64.b64decode(form["fields"]["policy"]))["conditions"]
        lengths = [c for c in conditions if isinstance(c, list) and c[0] == "content-length-range"]
        return int(lengths[0][2])
    except (LookupError, TypeError, ValueError):
        return None  # S3 reads it all the same
