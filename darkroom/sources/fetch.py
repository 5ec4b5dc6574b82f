"""Fetch a source over HTTP: count its bytes as they arrive, check each redirect like a first URL.

`http` has the protection against wrong addresses and slow servers.
"""

from dataclasses import dataclass
from typing import IO

import urllib3

from darkroom.errors import (
    SourceBlocked,
    SourceForbidden,
    SourceNotFound,
    SourceTooLarge,
    SourceUnavailable,
)
from darkroom.runtime.redaction import redacted_url
from darkroom.sources.http import Deadline, exchange
from darkroom.sources.urls import redirected

MAX_REDIRECTS = 5
CHUNK_BYTES = 64 * 1024

REDIRECTS = {301, 302, 303, 307, 308}
FORBIDDEN = {401, 403}
RETRYABLE = {202, 408, 425, 429}
HEADERS = {
    "Accept": "image/*, */*;q=0.1",
    # No compression: a response could expand to a thousand times its size.
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True)
class Limits:
    """Limits of one download: bytes of the body, seconds from the first DNS lookup to the end."""

    max_bytes: int
    seconds: float = 45.0


def fetch(url: str, into: IO[bytes], limits: Limits, *, allow_private: bool = False) -> int:
    """Write the body of the response and return its number of bytes.

    At most five redirects are followed, each checked like the first URL.

    Raises:
        SourceNotFound, SourceForbidden, SourceBlocked, SourceTooLarge: not retryable.
        SourceUnavailable: retryable.
    """
    with Deadline(limits.seconds) as deadline:
        for _ in range(MAX_REDIRECTS + 1):
            with exchange(
                "GET", url, HEADERS, deadline=deadline, allow_private=allow_private
            ) as response:
                if response.status not in REDIRECTS or "Location" not in response.headers:
                    size = _save(url, response, into, limits.max_bytes)
                    if deadline.passed:  # a body without a length looks complete when it is cut off
                        raise ConnectionAbortedError
                    return size
                url = redirected(url, response.headers["Location"])
    raise SourceBlocked(f"{redacted_url(url)} redirects more than {MAX_REDIRECTS} times.")


def _save(url: str, response: urllib3.BaseHTTPResponse, into: IO[bytes], max_bytes: int) -> int:
    status = response.status
    if status in FORBIDDEN:
        raise SourceForbidden(f"{redacted_url(url)} answered {status}: access is forbidden.")
    if status in RETRYABLE or status >= 500:  # noqa: PLR2004 - server errors begin at 500
        raise SourceUnavailable(f"{redacted_url(url)} answered {status}.")
    if status != 200:  # noqa: PLR2004 - nothing else carries a whole file
        raise SourceNotFound(f"{redacted_url(url)} answered {status}.")
    too_large = f"{redacted_url(url)} is larger than {max_bytes} bytes"
    announced = response.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise SourceTooLarge(f"{too_large}: it announces {announced}.")
    total = 0
    # `read1` returns the bytes that have arrived; `read` would wait for a full chunk. Both raise
    # `IncompleteRead` if the body is shorter than its Content-Length.
    while chunk := response.read1(CHUNK_BYTES):
        total += len(chunk)
        if total > max_bytes:
            raise SourceTooLarge(f"{too_large}: the download was stopped there.")
        into.write(chunk)
    return total
