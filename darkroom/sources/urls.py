"""Decide which URLs Darkroom may call, and encode them as browsers do.

People paste URLs with spaces, and servers redirect to URLs with raw UTF-8 in them. Browsers encode
both (https://url.spec.whatwg.org/#url-parsing), so Darkroom does the same. The host is checked in
the same spelling that is resolved later; `address_guard` checks its addresses.
"""

import ipaddress
import re
import socket
import urllib.parse

from darkroom.errors import SourceBlocked
from darkroom.runtime.redaction import redacted_url

MAX_URL_LENGTH = 2048
MAX_NAME_LENGTH = 253  # RFC 1035, 2.3.4, as text
WHITESPACE = " \t\n\f\r"
"""What is ignored at both ends of a URL: copying and pasting leaves it there."""
FORBIDDEN_IN_URLS = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")
AUTHORITY = re.compile(
    r"(\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:%]+))(:(?P<port>.*))?", re.DOTALL
)
DIGITS = re.compile(r"[0-9]+")
HOST_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
NUMERIC = re.compile(r"(^|\.)([0-9]+|0[xX][0-9A-Fa-f]*)\.?$")
KEPT_IN_PATHS = "/%=&:;,+@!$'()*~[]"
"""Characters that are sent as they are. `%` is one, so that what is encoded already stays so."""
KEPT_IN_QUERIES = KEPT_IN_PATHS + "?"
ASCII = "".join(map(chr, range(128)))


def check_url(url: str) -> urllib.parse.SplitResult:
    """Return the parts of a URL that Darkroom may fetch from, with path and query encoded.

    The host is valid, so that this module, a browser and the command line all read the same host
    from the URL. Its address is checked later, when it is called.

    Raises:
        SourceBlocked: it is not an http or https URL with a host, has credentials, or is too long.
    """
    url = url.strip(WHITESPACE)
    if len(url) > MAX_URL_LENGTH:
        raise SourceBlocked(f"The URL is longer than {MAX_URL_LENGTH} characters.")
    if FORBIDDEN_IN_URLS.search(url):
        raise SourceBlocked("The URL contains control characters or backslashes.")
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise SourceBlocked("The URL is not well formed.") from error
    if parts.scheme not in {"http", "https"}:
        raise SourceBlocked("Only http and https URLs can be fetched.")
    if "@" in parts.netloc:
        raise SourceBlocked("The URL contains credentials. Use a signed URL instead.")
    authority = AUTHORITY.fullmatch(parts.netloc)
    if not authority or not _is_host(authority["name"], authority["ipv6"]):
        raise SourceBlocked("The URL names no host, or a host that is not valid.")
    port = authority["port"]
    if port and not (DIGITS.fullmatch(port) and 0 < int(port) < 2**16):
        raise SourceBlocked("The port of the URL must be a number from 1 to 65535.")
    return parts._replace(
        path=urllib.parse.quote(parts.path, KEPT_IN_PATHS),
        query=urllib.parse.quote(parts.query, KEPT_IN_QUERIES),
    )


def redirected(url: str, location: str) -> str:
    """Return the target of a redirect; `check_url` and `resolve` check it like any other URL.

    Args:
        url: where the redirect came from.
        location: the header, as `http.client` decodes it: a character for each byte. Servers send
            UTF-8 in it, although only ASCII is allowed (RFC 9110, 10.2.2). Bytes that are not UTF-8
            are percent-encoded one by one.

    Raises:
        SourceBlocked: it is not a URL.
    """
    try:
        sent = location.encode("latin-1")
        try:
            text = sent.decode()
        except UnicodeDecodeError:
            text = urllib.parse.quote(sent, safe=ASCII)
        return urllib.parse.urljoin(url.strip(WHITESPACE), text)
    except ValueError as error:
        raise SourceBlocked(f"{redacted_url(url)} redirects to an invalid URL.") from error


def _is_host(name: str | None, ipv6: str | None) -> bool:
    """Whether this is a valid host name or address. Whether it may be called is checked later."""
    if name is None:
        try:
            return bool(ipaddress.IPv6Address(ipv6 or ""))
        except ValueError:
            return False
    try:
        ascii_name = name.encode("idna").decode()
        # First, because `inet_aton` ignores a space and everything behind it.
        if not HOST_NAME.fullmatch(ascii_name) or len(ascii_name) > MAX_NAME_LENGTH:
            return False
        if NUMERIC.search(ascii_name):
            # A name that ends in a number must be an IPv4 address, also in an old spelling: 127.1
            # and 0x7f000001 are, 1.2.3.4.5 is not
            # (https://url.spec.whatwg.org/#concept-host-parser).
            socket.inet_aton(ascii_name)
    except (UnicodeError, OSError):
        return False
    return True
