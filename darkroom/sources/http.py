"""Call an address that somebody else chose without being led astray or held up.

What is enforced, and where: the form of the URL in `check_url`; the address in `addresses.resolve`,
which gives the connection the very addresses that it checked; seconds in `Deadline`. Sources are
fetched through this, and callbacks sent.
"""

import contextlib
import http
import http.client
import ipaddress
import os
import re
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from darkroom.errors import SourceBlocked, SourceError, SourceUnavailable
from darkroom.runtime.redaction import shown
from darkroom.sources.address_guard import resolve

MAX_URL_LENGTH = 2048
MAX_NAME_LENGTH = 253  # RFC 1035, 2.3.4, as text
NOT_IN_URLS = re.compile(r"[\x00- \x7f-\x9f\\\ud800-\udfff]")
PLACE = re.compile(
    r"(\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:%]+))(:(?P<port>.*))?", re.DOTALL
)
DIGITS = re.compile(r"[0-9]+")
NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
NUMERIC = re.compile(r"(^|\.)([0-9]+|0[xX][0-9A-Fa-f]*)\.?$")
MAX_INTERIM = 100
MAX_INTERIM_BYTES = 64 * 1024
LOOK_UP_SECONDS = 10.0
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
USER_AGENT = "Darkroom/1"
OF_FIXED_TEXT = {http.client.HTTPException, http.client.LineTooLong}
"""Errors that say what was too many or too long, and nothing that was received."""


def check_url(url: str) -> urllib.parse.SplitResult:
    """Return the parts of a URL that Darkroom may fetch from.

    What passes names a host that there can be, so that whoever reads it later, this module, a
    browser or the command line, takes it for the same. Its address is judged when it is called.

    Raises:
        SourceBlocked: it is no http or https URL with a host, has credentials, or is too long.
    """
    if len(url) > MAX_URL_LENGTH:
        raise SourceBlocked(f"The URL is longer than {MAX_URL_LENGTH} characters.")
    if NOT_IN_URLS.search(url):
        raise SourceBlocked("The URL has spaces, control characters or backslashes in it.")
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise SourceBlocked("The URL is not well formed.") from error
    if parts.scheme not in {"http", "https"}:
        raise SourceBlocked("Only http and https URLs can be fetched.")
    if "@" in parts.netloc:
        raise SourceBlocked("The URL has credentials in it. Use a signed URL instead.")
    place = PLACE.fullmatch(parts.netloc)
    if not place or not _is_host(place["name"], place["ipv6"]):
        raise SourceBlocked("The URL names no host, or none that there can be.")
    if place["port"] and not (DIGITS.fullmatch(place["port"]) and 0 < int(place["port"]) < 2**16):
        raise SourceBlocked("The port of the URL is not one of 1 to 65535.")
    return parts


def _is_host(name: str | None, ipv6: str | None) -> bool:
    """Whether there can be a host of this name or address, wherever it leads."""
    if name is None:
        try:
            return bool(ipaddress.IPv6Address(ipv6 or ""))
        except ValueError:
            return False
    try:
        ascii_name = name.encode("idna").decode()
        if not NUMERIC.search(ascii_name):
            return bool(NAME.fullmatch(ascii_name)) and len(ascii_name) <= MAX_NAME_LENGTH
        # What ends in a number is an address (https://url.spec.whatwg.org/#concept-host-parser),
        # in one of its old spellings at least: 127.1 and 0x7f000001 are, 1.2.3.4.5 is not.
        socket.inet_aton(ascii_name)
    except (UnicodeError, OSError):
        return False
    return True


class FinalResponse(http.client.HTTPResponse):
    """An answer without the interim ones before it, of which `http.client` knows 100 alone.

    A client must be able to read any number of them (RFC 9110, 15.2): 103 is common.
    """

    def _read_status(self) -> tuple[str, int, str]:
        left = MAX_INTERIM_BYTES
        for _ in range(MAX_INTERIM):
            status: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if status[1] == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("it answered 101, which was not asked for")
            if status[1] >= http.HTTPStatus.OK:
                return status
            while (line := self.fp.readline(left + 1)) not in {b"\r\n", b"\n", b""}:
                left -= len(line)
                if left < 0:
                    raise http.client.LineTooLong("interim answers")
        raise http.client.HTTPException("it answered 1xx without end")


class Deadline:
    """Cuts a connection off when the time for the whole exchange is over.

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
    parts: urllib.parse.SplitResult, deadline: Deadline, *, allow_private: bool
) -> HTTPConnection:
    """Return a connection that dials only addresses that were checked."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    seconds = deadline.left(LOOK_UP_SECONDS)
    addresses = resolve(host, port, seconds=seconds, allow_private=allow_private)
    base = HTTPSConnection if parts.scheme == "https" else HTTPConnection

    # `_new_conn` is urllib3's own seam for the dial; host name checks and SNI stay with `host`.
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
    """Send one request; give its answer, headers read and body not. No redirect is followed.

    Raises:
        SourceBlocked: the URL or its address is not one that Darkroom may call.
        SourceUnavailable: no answer, or it broke off, here or while the caller reads it.
    """
    parts = check_url(url)
    connection = _connection(parts, deadline, allow_private=allow_private)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(
            method,
            urllib.parse.quote(target, safe="/%?=&:;,+@!$'()*~#[]"),
            body=body,
            headers={"User-Agent": USER_AGENT, **headers},
            preload_content=False,
            decode_content=False,
        )
        # The answer of a server that closes keeps the socket to itself, so it is closed by itself.
        with contextlib.closing(connection.getresponse()) as answer:
            yield answer
    except SourceError:
        raise
    except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException, ValueError) as error:
        late = f"was not complete within {deadline.seconds:g} seconds"
        reason = late if deadline.passed else _reason(error)
        raise SourceUnavailable(f"{shown(url)} {reason}.") from error
    finally:
        connection.close()


def _reason(error: Exception) -> str:
    """Return why there is no whole answer, in words of ours.

    Those of a library can have the request's path in them, or what the server has sent.
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
        case http.client.HTTPException() as found if type(found) in OF_FIXED_TEXT:
            reason = f"broke off: {found}"
        case OSError(errno=int(number)):
            reason = f"broke off: {os.strerror(number)}"
    return reason
