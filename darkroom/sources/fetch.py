"""Fetch a source over HTTP: count its bytes as they arrive, check each redirect like a first URL.

`http` has the protection against wrong addresses and slow servers.
"""

import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import urllib3

from darkroom.errors import (
    SourceBlocked,
    SourceError,
    SourceForbidden,
    SourceNotFound,
    SourceTooLarge,
    SourceUnavailable,
    UnsupportedFormat,
)
from darkroom.runtime.redaction import redacted_url
from darkroom.sources.content_encoding import decompressed
from darkroom.sources.cookies import Cookies
from darkroom.sources.http import Deadline, exchange
from darkroom.sources.urls import redirected
from darkroom.sources.web_pages import HEAD_BYTES, is_web_page

MAX_REDIRECTS = 5
CHUNK_BYTES = 64 * 1024

OK = 200
"""The only status with a whole file."""
SERVER_ERRORS = 500
REDIRECTS = {301, 302, 303, 307, 308}
FORBIDDEN = {401, 403}
RETRYABLE = {202, 408, 425, 429}
HEADERS = {
    "Accept": "image/*, */*;q=0.1",
    # A response that is compressed all the same is decompressed, see `content_encoding`.
    "Accept-Encoding": "identity",
}
TRANSFER_ENCODINGS = {"chunked", "identity"}
"""What is decoded. A server may only use others if the request allows it (RFC 9112, 7.4)."""
MAX_WAIT = 5.0
"""Seconds that a function waits itself for a server that sent `Retry-After`."""
MAX_RETRY_AFTER = 15.0
"""The longest `Retry-After`, in seconds, that is waited for.

The state machine retries three times, so `MAX_WAIT` before each retry covers it. After a longer one
no retry could come late enough, so there is no wait; the state's own delays apply.
"""


@dataclass(frozen=True)
class Limits:
    """Limits of one download: bytes of the body, seconds from the first DNS lookup to the end."""

    max_bytes: int
    seconds: float = 45.0


def fetch(url: str, into: IO[bytes], limits: Limits, *, allow_private: bool = False) -> int:
    """Write the body of the response, decompressed, and return its number of bytes.

    At most five redirects are followed, each checked like the first URL. Cookies are kept during
    these, for the host that set them.

    Raises:
        SourceNotFound, SourceForbidden, SourceBlocked, SourceTooLarge: not retryable.
        SourceUnavailable: retryable. If the server sent a short `Retry-After`, part of it has
            passed already, see `MAX_RETRY_AFTER`.
        UnsupportedFormat: not retryable. The body is a web page, or compressed in another way than
            gzip or deflate, or by its Transfer-Encoding.
    """
    cookies = Cookies()
    with Deadline(limits.seconds) as deadline:
        for _ in range(MAX_REDIRECTS + 1):
            headers = HEADERS | cookies.headers(url)
            with exchange(
                "GET", url, headers, deadline=deadline, allow_private=allow_private
            ) as response:
                if response.status == OK:
                    size = _save(url, response, into, limits.max_bytes)
                    if deadline.passed:  # a body without a length looks complete when it is cut off
                        raise ConnectionAbortedError
                    return size
                location = _location(url, response)
                if location is not None:
                    cookies.take(url, response)
                    url = redirected(url, location)
            if location is None:  # the connection is closed before the wait
                error, seconds = _refusal(url, response)
                if seconds:
                    time.sleep(deadline.left(seconds))
                raise error
    raise SourceBlocked(f"{redacted_url(url)} redirects more than {MAX_REDIRECTS} times.")


def _location(url: str, response: urllib3.BaseHTTPResponse) -> str | None:
    """Return where a response redirects to, if it does. Some servers say it twice."""
    found = set(response.headers.getlist("Location")) if response.status in REDIRECTS else set()
    if len(found) > 1:
        raise SourceBlocked(f"{redacted_url(url)} redirects to several URLs.")
    return found.pop() if found else None


def _refusal(url: str, response: urllib3.BaseHTTPResponse) -> tuple[SourceError, float]:
    """Return the error for a status, and the seconds to wait before it is raised."""
    status = response.status
    answered = f"{redacted_url(url)} answered {status}"
    if status in FORBIDDEN:
        return SourceForbidden(f"{answered}: access is forbidden."), 0
    if status not in RETRYABLE and status < SERVER_ERRORS:
        return SourceNotFound(f"{answered}."), 0
    seconds = _retry_after(response.headers.get("Retry-After", ""))
    if seconds is None:
        return SourceUnavailable(f"{answered}."), 0
    wait = min(seconds, MAX_WAIT) if seconds <= MAX_RETRY_AFTER else 0
    return SourceUnavailable(f"{answered} and asks to try again after {seconds:.0f} seconds."), wait


def _retry_after(header: str) -> float | None:
    """Return the seconds of a `Retry-After`, which has seconds or a date (RFC 9110, 10.2.3)."""
    try:
        return min(float(urllib3.Retry().parse_retry_after(header)), 1e9)
    except (ValueError, OverflowError, urllib3.exceptions.InvalidHeader):
        return None


def _save(url: str, response: urllib3.BaseHTTPResponse, into: IO[bytes], max_bytes: int) -> int:
    source = redacted_url(url)
    too_large = f"{source} is larger than {max_bytes} bytes"
    announced = response.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise SourceTooLarge(f"{too_large}: it announces {announced}.")
    stopped = f"{too_large}: the download was stopped there."
    if response.headers.get("Transfer-Encoding", "chunked").lower() not in TRANSFER_ENCODINGS:
        raise UnsupportedFormat(
            f"{source} sent the file with a Transfer-Encoding that was not requested and is not "
            "supported. Only chunked is."
        )
    encoding = response.headers.get("Content-Encoding", "")
    # Both sides are counted: compressed data without end may decompress to nothing.
    received = _limited(_chunks(response), max_bytes, stopped)
    total, head = 0, b""
    try:
        for chunk in _limited(decompressed(received, encoding, source), max_bytes, stopped):
            total += len(chunk)
            head += chunk[: HEAD_BYTES - len(head)]
            into.write(chunk)
    except (EOFError, zlib.error) as error:
        what = "end too early" if isinstance(error, EOFError) else "are damaged"
        raise SourceUnavailable(f"{source} broke off: its compressed data {what}.") from error
    if is_web_page(head):
        raise UnsupportedFormat(
            f"The source is a web page (text/html), not an image: {source} sent it. Give the "
            "address of the image itself; a page that asks for a login also looks like this."
        )
    return total


def _chunks(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    # `read1` returns the bytes that have arrived; `read` would wait for a full chunk. Both raise
    # `IncompleteRead` if the body is shorter than its Content-Length.
    while chunk := response.read1(CHUNK_BYTES):
        yield chunk


def _limited(chunks: Iterator[bytes], max_bytes: int, message: str) -> Iterator[bytes]:
    """Yield chunks until they have too many bytes together.

    Raises:
        SourceTooLarge: with this message.
    """
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > max_bytes:
            raise SourceTooLarge(message)
        yield chunk
