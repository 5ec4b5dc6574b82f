"""Send HTTP requests safely to URLs that callers chose: to fetch sources and deliver webhooks.

`urls.check_url` checks the form of the URL. `address_guard.resolve` checks the addresses, and the
connection uses exactly these. `Deadline` limits the total time.
"""

import contextlib
import http
import http.client
import os
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from darkroom.errors import SourceError, SourceUnavailable
from darkroom.runtime.redaction import redacted_url
from darkroom.sources.address_guard import resolve
from darkroom.sources.urls import check_url

MAX_INTERIM = 100
MAX_INTERIM_BYTES = 64 * 1024
LOOK_UP_SECONDS = 10.0
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
USER_AGENT = "Darkroom/1"
WITHOUT_RECEIVED_TEXT = {http.client.HTTPException, http.client.LineTooLong}
"""Errors whose messages never contain text that the server sent."""


class FinalResponse(http.client.HTTPResponse):
    """The final response, after all interim (1xx) ones. `http.client` skips only status 100.

    A client must accept interim responses before the final one (RFC 9110, 15.2): 103 is common.
    """

    def _read_status(self) -> tuple[str, int, str]:
        left = MAX_INTERIM_BYTES
        for _ in range(MAX_INTERIM):
            status: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if status[1] == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("it answered 101, which was not requested")
            if status[1] >= http.HTTPStatus.OK:
                return status
            while (line := self.fp.readline(left + 1)) not in {b"\r\n", b"\n", b""}:
                left -= len(line)
                if left < 0:
                    raise http.client.LineTooLong("interim responses")
        raise http.client.HTTPException("it answered 1xx without end")


class Deadline:
    """Closes a connection when the time for the whole exchange is over.

    A timeout for each read is not enough: a server that sends a byte every nine seconds would never
    reach it. Shutting the socket down ends any pending read, of headers or body.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self._end = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._shut_down)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._socket:
            self._socket.close()

    def left(self, at_most: float) -> float:
        """Return the remaining seconds, up to `at_most`; never 0, which would mean no timeout."""
        return min(at_most, max(self._end - time.monotonic(), 0.001))

    def watch(self, connected: socket.socket) -> None:
        """Shut this connection down when the time is over, or at once if it is over already."""
        if self._socket:
            self._socket.close()
        # A second descriptor, because TLS takes the first one out of `connected`.
        self._socket = connected.dup()
        if self.passed:
            self._shut_down()

    def _shut_down(self) -> None:
        self.passed = True
        if self._socket:
            with contextlib.suppress(OSError):  # the connection is closed already
                self._socket.shutdown(socket.SHUT_RDWR)


def _connection(
    parts: urllib.parse.SplitResult, deadline: Deadline, *, allow_private: bool
) -> HTTPConnection:
    """Return a connection that only uses the addresses that were checked."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    seconds = deadline.left(LOOK_UP_SECONDS)
    addresses = resolve(host, port, seconds=seconds, allow_private=allow_private)
    base = HTTPSConnection if parts.scheme == "https" else HTTPConnection

    # urllib3 dials in `_new_conn`. TLS still verifies the name `host` and sends it as SNI.
    class Checked(base):  # type: ignore[misc, valid-type]
        response_class = FinalResponse

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
def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    *,
    deadline: Deadline,
    allow_private: bool,
) -> Iterator[urllib3.BaseHTTPResponse]:
    """Send one request and yield its response before the body is read. Follow no redirect.

    Raises:
        SourceBlocked: Darkroom may not call the URL or its address.
        SourceUnavailable: there is no response, or it was interrupted, also while the caller reads
        it.
    """
    parts = check_url(url)
    connection = _connection(parts, deadline, allow_private=allow_private)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(
            method,
            target,
            body=body,
            headers={"User-Agent": USER_AGENT, **headers},
            preload_content=False,
            decode_content=False,
        )
        # If the server closes the connection, only the response holds the socket, so close it as
        # well.
        with contextlib.closing(connection.getresponse()) as response:
            yield response
    except SourceError:
        raise
    except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException, ValueError) as error:
        late = f"was not complete within {deadline.seconds:g} seconds"
        reason = late if deadline.passed else _reason(error)
        raise SourceUnavailable(f"{redacted_url(url)} {reason}.") from error
    finally:
        connection.close()


def _reason(error: Exception) -> str:
    """Return why there is no complete response, in our own words.

    A library's message may contain the request's path, or text that the server sent.
    """
    cause = error.__cause__ if isinstance(error, urllib3.exceptions.HTTPError) else None
    reason = "broke off: its answer is not valid HTTP"
    match cause or error:
        case ConnectionRefusedError():
            reason = "refused the connection"
        case TimeoutError() | urllib3.exceptions.TimeoutError():
            reason = f"did not answer within {READ_SECONDS:g} seconds"
        case ssl.SSLCertVerificationError() as found:
            why = found.verify_message.rstrip(".")
            reason = f"has a certificate that cannot be verified: {why}"
        case ssl.SSLError() as found:
            reason = f"broke off: TLS failed ({found.reason or 'no reason was given'})"
        case ConnectionError():
            reason = "broke off: the connection was closed"
        case http.client.BadStatusLine():
            reason = "did not answer in HTTP"
        case urllib3.exceptions.IncompleteRead() as short:
            reason = f"broke off after {short.partial} bytes: {short.expected} more were announced"
        case http.client.HTTPException() as found if type(found) in WITHOUT_RECEIVED_TEXT:
            reason = f"broke off: {found}"
        case OSError(errno=int(number)):
            reason = f"broke off: {os.strerror(number)}"
    return reason
