"""Fetch a source over HTTP: bytes are counted as they come, redirects checked like first URLs.

How it is called without being led astray or held up is in `outbound`.
"""

import urllib.parse
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
from darkroom.runtime.redaction import shown
from darkroom.sources.http import Deadline, exchange

MAX_REDIRECTS = 5
CHUNK_BYTES = 64 * 1024

REDIRECTS = {301, 302, 303, 307, 308}
FORBIDDEN = {401, 403}
TRY_AGAIN = {202, 408, 425, 429}
HEADERS = {
    "Accept": "image/*, */*;q=0.1",
    # The file as it is: nothing that unpacks to a thousand times its size.
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True)
class Limits:
    """What one download may take: bytes of the body, seconds from the first look-up to the end."""

    max_bytes: int
    seconds: float = 45.0


def fetch(url: str, into: IO[bytes], limits: Limits, *, allow_private: bool = False) -> int:
    """Write the body that a URL answers with and return its number of bytes.

    At most five redirects are followed, each checked like the first URL.

    Raises:
        SourceNotFound, SourceForbidden, SourceBlocked, SourceTooLarge: no retry would help.
        SourceUnavailable: a later try may help.
    """
    with Deadline(limits.seconds) as deadline:
        for _ in range(MAX_REDIRECTS + 1):
            with exchange(
                "GET", url, HEADERS, deadline=deadline, allow_private=allow_private
            ) as answer:
                if answer.status not in REDIRECTS or "Location" not in answer.headers:
                    size = _save(url, answer, into, limits.max_bytes)
                    if deadline.passed:  # a body without a length just ends when it is cut off
                        raise ConnectionAbortedError
                    return size
                url = _redirected(url, answer.headers["Location"])
    raise SourceBlocked(f"{shown(url)} redirects more than {MAX_REDIRECTS} times.")


def _redirected(url: str, location: str) -> str:
    """Return where a redirect leads; `check_url` and `resolve` judge it like any other URL."""
    try:
        return urllib.parse.urljoin(url, location)
    except ValueError as error:
        raise SourceBlocked(f"{shown(url)} redirects to what is no URL.") from error


def _save(url: str, answer: urllib3.BaseHTTPResponse, into: IO[bytes], max_bytes: int) -> int:
    status = answer.status
    if status in FORBIDDEN:
        raise SourceForbidden(f"{shown(url)} answered {status}: it may not be read.")
    if status in TRY_AGAIN or status >= 500:  # noqa: PLR2004 - server errors begin at 500
        raise SourceUnavailable(f"{shown(url)} answered {status}.")
    if status != 200:  # noqa: PLR2004 - nothing else carries a whole file
        raise SourceNotFound(f"{shown(url)} answered {status}.")
    too_large = f"{shown(url)} is larger than {max_bytes} bytes"
    announced = answer.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise SourceTooLarge(f"{too_large}: it announces {announced}.")
    total = 0
    # `read1` returns what has arrived; `read` would wait for a full chunk. Both raise
    # `IncompleteRead` where the body ends before what its Content-Length announced.
    while chunk := answer.read1(CHUNK_BYTES):
        total += len(chunk)
        if total > max_bytes:
            raise SourceTooLarge(f"{too_large}: the download was stopped there.")
        into.write(chunk)
    return total
