"""Cookies within one chain of redirects: some servers set one and redirect to the same URL.

A cookie is only ever sent to the host that set it, whatever domain it names. That is stricter than
RFC 6265, 5.3, where `Domain` also covers the hosts below a domain.
"""

import http.cookiejar
import urllib.request
from collections import defaultdict

import urllib3

from darkroom.sources.urls import check_url

MAX_COOKIE_BYTES = 16 * 1024
"""Cookies of one response. RFC 6265, 6.1 asks for 4 KiB for each."""


class Cookies:
    """The cookies of one chain, in one jar per host. The jar applies path, expiry and `Secure`."""

    def __init__(self) -> None:
        self._jars: defaultdict[str, http.cookiejar.CookieJar] = defaultdict(
            http.cookiejar.CookieJar
        )

    def take(self, url: str, response: urllib3.BaseHTTPResponse) -> None:
        """Keep the cookies that the host of a URL has set."""
        sizes = map(len, response.headers.getlist("Set-Cookie"))
        if 0 < sum(sizes) <= MAX_COOKIE_BYTES:
            host, request = _request(url)
            # The jar needs nothing of the response but `info().get_all`, which urllib3 has.
            self._jars[host].extract_cookies(response, request)  # type: ignore[arg-type]

    def headers(self, url: str) -> dict[str, str]:
        """Return the header `Cookie` for a URL; nothing if its host has set none."""
        host, request = _request(url)
        if host in self._jars:
            self._jars[host].add_cookie_header(request)
        cookie = request.get_header("Cookie")
        return {"Cookie": cookie} if cookie else {}


def _request(url: str) -> tuple[str, urllib.request.Request]:
    """Return the host of a URL, and the form in which `http.cookiejar` takes the URL.

    Raises:
        SourceBlocked: as `check_url`.
    """
    parts = check_url(url)
    return parts.hostname or "", urllib.request.Request(parts.geturl())  # noqa: S310 - not opened
