"""Fetch a source over HTTP without being led astray, drowned or held up.

What is enforced, and where: the form of the URL in `check_url`; the address in `addresses.resolve`,
which gives the connection the very addresses that it checked; bytes and seconds in `fetch`.
"""

import contextlib
import http.client
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from darkroom.addresses import resolve
from darkroom.errors import (
    SourceBlocked,
    SourceError,
    SourceForbidden,
    SourceNotFound,
    SourceTooLarge,
    SourceUnavailable,
)

MAX_URL_LENGTH = 2048
MAX_REDIRECTS = 5
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
CHUNK_BYTES = 64 * 1024

REDIRECTS = {301, 302, 303, 307, 308}
FORBIDDEN = {401, 403}
TRY_AGAIN = {408, 425, 429}
HEADERS = {
    "User-Agent": "Darkroom/1",
    "Accept": "image/*, */*;q=0.1",
    # The file as it is: nothing that unpacks to a thousand times its size.
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True)
class Limits:
    """What one download may take: bytes of the body, seconds from the first look-up to the end."""

    max_bytes: int
    seconds: float = 45.0


def check_url(url: str) -> urllib.parse.SplitResult:
    """Return the parts of a URL that Darkroom may fetch from.

    Raises:
        SourceBlocked: it is no http or https URL with a host, has credentials, or is too long.
    """
    if len(url) > MAX_URL_LENGTH:
        raise SourceBlocked(f"The URL is longer than {MAX_URL_LENGTH} characters.")
    if any(character <= " " or character in "\x7f\\" for character in url):
        raise SourceBlocked("The URL has spaces, control characters or backslashes in it.")
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SourceBlocked("The URL is not well formed.") from error
    if parts.scheme not in {"http", "https"}:
        raise SourceBlocked("Only http and https URLs can be fetched.")
    if not parts.hostname or port == 0:
        raise SourceBlocked("The URL names no host.")
    if parts.username is not None or parts.password is not None:
        raise SourceBlocked("The URL has credentials in it. Use a signed URL instead.")
    return parts


def display(url: str) -> str:
    """Return a URL for messages and logs: the query, where signatures are kept, is left out."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def fetch(url: str, into: IO[bytes], limits: Limits, *, allow_private: bool = False) -> int:
    """Write the body that a URL answers with and return its number of bytes.

    At most five redirects are followed, each checked like the first URL.

    Raises:
        SourceNotFound, SourceForbidden, SourceBlocked, SourceTooLarge: no retry would help.
        SourceUnavailable: a later try may help.
    """
    with _Deadline(limits.seconds) as deadline:
        for _ in range(MAX_REDIRECTS + 1):
            with _answer(url, deadline, allow_private=allow_private) as answer:
                if answer.status not in REDIRECTS or "Location" not in answer.headers:
                    size = _save(url, answer, into, limits.max_bytes)
                    if deadline.passed:  # a body without a length just ends when it is cut off
                        raise ConnectionAbortedError
                    return size
                url = _redirected(url, answer.headers["Location"])
    raise SourceBlocked(f"{display(url)} redirects more than {MAX_REDIRECTS} times.")


def _redirected(url: str, location: str) -> str:
    """Return where a redirect leads; `check_url` and `resolve` judge it like any other URL."""
    try:
        return urllib.parse.urljoin(url, location)
    except ValueError as error:
        raise SourceBlocked(f"{display(url)} redirects to what is no URL.") from error


class _Deadline:
    """Cuts a connection off when the time for the whole download is over.

    A timeout for each read is not enough: a server that sends a byte every nine seconds would never
    meet it. Shutting the socket down ends whatever read is under way, in headers and body alike.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self._end = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._socket:
            self._socket.close()

    def left(self, at_most: float) -> float:
        """Return the seconds that are left, up to `at_most`; never 0, which means no timeout."""
        return min(at_most, max(self._end - time.monotonic(), 0.001))

    def watch(self, connected: socket.socket) -> None:
        """Cut this connection when the time comes, or at once if it has."""
        if self._socket:
            self._socket.close()
        # A second descriptor of the connection: TLS takes the first one out of `connected`.
        self._socket = connected.dup()
        if self.passed:
            self._cut()

    def _cut(self) -> None:
        self.passed = True
        if self._socket:
            with contextlib.suppress(OSError):  # it is closed already
                self._socket.shutdown(socket.SHUT_RDWR)


def _connection(
    parts: urllib.parse.SplitResult, deadline: _Deadline, *, allow_private: bool
) -> HTTPConnection:
    """Return a connection that dials only addresses that were checked."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = resolve(host, port, allow_private=allow_private)
    base = HTTPSConnection if parts.scheme == "https" else HTTPConnection

    # `_new_conn` is urllib3's own seam for the dial; host name checks and SNI stay with `host`.
    class Checked(base):  # type: ignore[misc, valid-type]
        def _new_conn(self) -> socket.socket:
            failure: OSError | None = None
            for address in addresses:
                try:
                    dialled = socket.create_connection(
                        (address, port), deadline.left(CONNECT_SECONDS)
                    )
                except OSError as error:
                    failure = error
                    if deadline.passed:
                        break
                    continue
                deadline.watch(dialled)
                dialled.settimeout(READ_SECONDS)
                return dialled
            raise failure or OSError("no address")

    return Checked(host, port, timeout=READ_SECONDS)


@contextlib.contextmanager
def _answer(
    url: str, deadline: _Deadline, *, allow_private: bool
) -> Iterator[urllib3.BaseHTTPResponse]:
    """Send one GET; give its answer, headers read and body not. Every way to fail has its error."""
    parts = check_url(url)
    connection = _connection(parts, deadline, allow_private=allow_private)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(
            "GET",
            urllib.parse.quote(target, safe="/%?=&:;,+@!$'()*~#[]"),
            headers=HEADERS,
            preload_content=False,
            decode_content=False,
        )
        # The answer of a server that closes keeps the socket to itself, so it is closed by itself.
        with contextlib.closing(connection.getresponse()) as answer:
            yield answer
    except SourceError:
        raise
    except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException, ValueError) as error:
        if deadline.passed:
            reason = f"was not complete within {deadline.seconds:g} seconds"
        elif isinstance(error, ConnectionRefusedError):
            reason = "refused the connection"
        elif isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
            reason = f"did not answer within {READ_SECONDS:g} seconds"
        elif isinstance(error, http.client.BadStatusLine) and not isinstance(error, OSError):
            reason = "did not answer in HTTP"
        else:
            reason = f"broke off: {error}"
        raise SourceUnavailable(f"{display(url)} {reason}.") from error
    finally:
        connection.close()


def _save(url: str, answer: urllib3.BaseHTTPResponse, into: IO[bytes], max_bytes: int) -> int:
    status = answer.status
    if status in FORBIDDEN:
        raise SourceForbidden(f"{display(url)} answered {status}: it may not be read.")
    if status in TRY_AGAIN or status >= 500:  # noqa: PLR2004 - server errors begin at 500
        raise SourceUnavailable(f"{display(url)} answered {status}.")
    if status != 200:  # noqa: PLR2004 - nothing else carries a whole file
        raise SourceNotFound(f"{display(url)} answered {status}.")
    too_large = f"{display(url)} is larger than {max_bytes} bytes"
    announced = answer.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise SourceTooLarge(f"{too_large}: it announces {announced}.")
    total = 0
    # `read1` returns what has arrived; `read` would wait for a full chunk.
    while chunk := answer.read1(CHUNK_BYTES):
        total += len(chunk)
        if total > max_bytes:
            raise SourceTooLarge(f"{too_large}: the download was stopped there.")
        into.write(chunk)
    if announced.isdigit() and total < int(announced):
        raise SourceUnavailable(
            f"{display(url)} broke off after {total} of the {announced} bytes that it announced."
        )
    return total
