"""Responses of servers with valid HTTP."""

import io
import re
import socket
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from darkroom.errors import (
    SourceBlocked,
    SourceError,
    SourceForbidden,
    SourceNotFound,
    SourceTooLarge,
    SourceUnavailable,
)
from darkroom.sources.fetch import Limits, fetch

LIMITS = Limits(max_bytes=1000, seconds=5)


def body_of(url: str, limits: Limits = LIMITS) -> bytes:
    into = io.BytesIO()
    size = fetch(url, into, limits, allow_private=True)
    assert size == len(into.getvalue())
    return into.getvalue()


def test_the_body_arrives_unchanged(httpserver: HTTPServer) -> None:
    data = bytes(range(256)) * 3
    httpserver.expect_request("/a.jpg").respond_with_data(data)

    assert body_of(httpserver.url_for("/a.jpg")) == data


def test_an_empty_body_is_no_error_here(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data(b"")

    assert body_of(httpserver.url_for("/a.jpg")) == b""


def test_query_and_path_are_sent_as_they_were_given(httpserver: HTTPServer) -> None:
    httpserver.expect_request(re.compile(".*")).respond_with_data(b"ok")

    body_of(httpserver.url_for("/b%20c/bücher") + "?sig=a%2Fb+c&x=~(1)")

    (sent, _) = httpserver.log[0]
    assert sent.environ["REQUEST_URI"] == "/b%20c/b%C3%BCcher?sig=a%2Fb+c&x=~(1)"


def test_the_fragment_is_not_sent(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data(b"ok")

    assert body_of(httpserver.url_for("/a.jpg#part")) == b"ok"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (202, SourceUnavailable),
        (203, SourceNotFound),
        (204, SourceNotFound),
        (205, SourceNotFound),
        (206, SourceNotFound),
        (300, SourceNotFound),
        (304, SourceNotFound),
        (400, SourceNotFound),
        (401, SourceForbidden),
        (403, SourceForbidden),
        (404, SourceNotFound),
        (405, SourceNotFound),
        (408, SourceUnavailable),
        (410, SourceNotFound),
        (418, SourceNotFound),
        (425, SourceUnavailable),
        (429, SourceUnavailable),
        (451, SourceNotFound),
        (500, SourceUnavailable),
        (502, SourceUnavailable),
        (503, SourceUnavailable),
        (504, SourceUnavailable),
        (599, SourceUnavailable),
        (302, SourceNotFound),  # without Location it leads nowhere
    ],
)
def test_each_status_has_its_error_which_names_host_and_status_but_no_path(
    httpserver: HTTPServer, status: int, error: type[SourceError]
) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data(b"no", status=status)

    with pytest.raises(error) as failure:
        body_of(httpserver.url_for("/a.jpg?signature=secret"))

    assert type(failure.value) is error
    assert f"{httpserver.url_for('/…')} answered {status}" in str(failure.value)
    assert "secret" not in str(failure.value)


def test_an_error_page_is_not_saved(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data(b"a page", status=404)
    into = io.BytesIO()

    with pytest.raises(SourceNotFound):
        fetch(httpserver.url_for("/a.jpg"), into, LIMITS, allow_private=True)

    assert into.getvalue() == b""


# ── Size ─────────────────────────────────────────────────────────────────────────────────────────
def test_exactly_the_limit_is_not_too_large(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data(b"x" * 1000)

    assert len(body_of(httpserver.url_for("/a.jpg"))) == 1000


def test_a_source_that_announces_too_many_bytes_is_not_read(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data(b"x" * 1001)
    into = io.BytesIO()

    with pytest.raises(SourceTooLarge, match=r"/… is larger than 1000 bytes: it announces"):
        fetch(httpserver.url_for("/a.jpg?secret"), into, LIMITS, allow_private=True)

    assert into.getvalue() == b""


def test_no_compression_is_requested(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.jpg", headers={"Accept-Encoding": "identity"}).respond_with_data(
        b"ok"
    )

    assert body_of(httpserver.url_for("/a.jpg")) == b"ok"


# ── Redirects ────────────────────────────────────────────────────────────────────────────────────
def chain(httpserver: HTTPServer, length: int, status: int = 302) -> str:
    """Serve this number of redirects with an image at the end; return the first URL."""
    for n in range(length):
        httpserver.expect_request(f"/{n}").respond_with_data(
            status=status, headers={"Location": httpserver.url_for(f"/{n + 1}")}
        )
    httpserver.expect_request(f"/{length}").respond_with_data(b"image")
    return httpserver.url_for("/0")


def redirect(httpserver: HTTPServer, location: str) -> str:
    httpserver.expect_request("/from/here").respond_with_data(
        status=302, headers={"Location": location}
    )
    return httpserver.url_for("/from/here")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(httpserver: HTTPServer, status: int) -> None:
    assert body_of(chain(httpserver, 1, status)) == b"image"


def test_five_redirects_are_followed(httpserver: HTTPServer) -> None:
    assert body_of(chain(httpserver, 5)) == b"image"


def test_six_redirects_are_refused(httpserver: HTTPServer) -> None:
    with pytest.raises(SourceBlocked, match="redirects more than 5 times"):
        body_of(chain(httpserver, 6))

    assert len(httpserver.log) == 6


def test_a_relative_redirect_is_relative_to_where_it_came_from(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/from/there").respond_with_data(b"image")

    assert body_of(redirect(httpserver, "there")) == b"image"


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/a",
        "gopher://127.0.0.1:11211/_stats",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "http://user:secret@127.0.0.1/",
    ],
)
def test_a_redirect_to_another_scheme_is_refused(httpserver: HTTPServer, location: str) -> None:
    with pytest.raises(SourceBlocked) as refused:
        body_of(redirect(httpserver, location))

    assert "secret" not in str(refused.value)


def test_a_redirect_to_a_private_address_is_refused(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first address is public, but the connection goes to the test's server."""
    url = redirect(httpserver, "http://169.254.169.254/latest/meta-data/")
    real = socket.create_connection
    monkeypatch.setattr(
        socket, "create_connection", lambda *_: real(("127.0.0.1", httpserver.port))
    )

    with pytest.raises(SourceBlocked, match=r"^169\.254\.169\.254 has an address that is not on"):
        fetch(url.replace("localhost", "8.8.8.8"), io.BytesIO(), LIMITS, allow_private=False)

    assert len(httpserver.log) == 1


def test_an_international_host_is_asked_by_its_ascii_name(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/a.jpg").respond_with_data(b"image")
    answer: list[Any] = [(socket.AF_INET, 1, 6, "", ("127.0.0.1", 0))]
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: answer if "ü" in host else real(host, *a, **k)
    )

    body_of(f"http://bücher.example:{httpserver.port}/a.jpg")

    assert httpserver.log[0][0].headers["Host"] == f"xn--bcher-kva.example:{httpserver.port}"
