"""Responses of servers that are not hostile, but do not follow the standard."""

import gzip
import io
import time
import zlib
from email.utils import formatdate

import pytest
from urllib3 import HTTPHeaderDict

from darkroom.errors import SourceBlocked, SourceTooLarge, SourceUnavailable, UnsupportedFormat
from darkroom.sources.content_encoding import PIECE_BYTES, decompressed
from darkroom.sources.cookies import Cookies
from darkroom.sources.fetch import Limits, fetch
from tests.support.fakes.raw_server import Talk, say, serve

OK = b"HTTP/1.1 200 OK\r\n"
DATA = bytes(range(256)) * 3
RAW = zlib.compressobj(wbits=-15)


def body_of(talk: Talk, limits: Limits | None = None, requests: list[bytes] | None = None) -> bytes:
    into = io.BytesIO()
    with serve(talk, requests=requests) as port:
        url = f"http://127.0.0.1:{port}/a.png?sig=secret"
        assert fetch(url, into, limits or Limits(1000, 5), allow_private=True) == into.tell()
    return into.getvalue()


def encoded(name: bytes, body: bytes) -> Talk:
    return say(OK, b"Content-Encoding: " + name + b"\r\n\r\n", body)


# ── Content-Encoding ─────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("name", "body"),
    [
        (b"gzip", gzip.compress(DATA)),
        (b"X-GZIP", gzip.compress(DATA)),
        (b"gzip", gzip.compress(DATA[:300]) + gzip.compress(DATA[300:])),
        (b"gzip", gzip.compress(DATA) + bytes(512)),  # padding, as of tapes
        (b"deflate", zlib.compress(DATA)),
        (b"deflate", RAW.compress(DATA) + RAW.flush()),
        (b"identity, gzip", gzip.compress(DATA)),
        (b"gzip", DATA),  # not compressed, whatever the header says
        (b"aws-chunked", DATA),
        (b"identity", DATA),
    ],
)
def test_a_body_that_was_compressed_without_a_request_is_decompressed(name: bytes, body: bytes):
    assert body_of(encoded(name, body)) == DATA


def test_a_body_that_arrives_byte_by_byte_is_decompressed():
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in gzip.compress(DATA))
    talk = say(
        OK, b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", chunks, b"0\r\n\r\n"
    )

    assert body_of(talk) == DATA


def test_an_empty_body_with_an_encoding_is_empty():
    assert body_of(encoded(b"gzip", b"")) == b""


@pytest.mark.parametrize("name", [b"gzip", b"deflate"])
def test_a_bomb_is_stopped_at_the_limit_of_the_decompressed_bytes(name: bytes):
    bomb = {b"gzip": gzip.compress, b"deflate": zlib.compress}[name](bytes(100_000_000))
    into = io.BytesIO()

    with (
        serve(encoded(name, bomb)) as port,
        pytest.raises(SourceTooLarge, match="larger than 200000 bytes: the download was stopped"),
    ):
        fetch(f"http://127.0.0.1:{port}/", into, Limits(200_000, 20), allow_private=True)

    assert len(into.getvalue()) <= 200_000


def test_a_bomb_is_decompressed_in_small_pieces():
    pieces = decompressed([gzip.compress(bytes(10_000_000))], "gzip", "https://a.example/…")

    assert max(map(len, pieces)) <= PIECE_BYTES


def test_compressed_data_that_decompress_to_nothing_are_stopped_at_the_limit():
    with pytest.raises(SourceTooLarge):
        body_of(encoded(b"gzip", gzip.compress(b"") * 100))


def test_exactly_the_limit_is_not_too_large():
    assert len(body_of(encoded(b"gzip", gzip.compress(bytes(1000))))) == 1000
    with pytest.raises(SourceTooLarge):
        body_of(encoded(b"gzip", gzip.compress(bytes(1001))))


@pytest.mark.parametrize(
    ("body", "reason"),
    [(gzip.compress(DATA)[:-9], "end too early"), (b"\x1f\x8b" + b"\xff" * 50, "are damaged")],
)
def test_damaged_compression_may_be_tried_again(body: bytes, reason: str):
    with pytest.raises(SourceUnavailable, match=f"broke off: its compressed data {reason}"):
        body_of(encoded(b"gzip", body))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"br", "br"),
        (b"zstd", "zstd"),
        (b"compress", "compress"),
        (b"gzip, br", "gzip, br"),
        (b"gzip, gzip", "gzip, gzip"),
        (b"<b>bold", "…"),
    ],
)
def test_any_other_encoding_is_refused_by_its_name(name: bytes, shown: str):
    with pytest.raises(UnsupportedFormat, match=f"the Content-Encoding {shown}, which"):
        body_of(encoded(name, DATA))


# ── Web pages ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><title>Sign in</title>",
        b"\xef\xbb\xbf\r\n <HTML lang=en>",
        b"<!-- a --> <!-- b -->\n<head>",
        b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x">',
        "<html >".encode("utf-16"),
        b"<script>location='/login'</script>",
    ],
)
def test_a_web_page_is_refused_as_one_whatever_its_type(page: bytes):
    with pytest.raises(
        UnsupportedFormat, match=r"source is a web page .*, not an image"
    ) as refused:
        body_of(say(OK, b"Content-Type: image/png\r\n\r\n", page))

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "data",
    [b"<svg>", b"<!-- x --><svg>", b"<?xml?><svg>", b"a <html>", b"<bold>", b"<!--" * 1000, DATA],
)
def test_an_image_with_the_type_of_a_web_page_is_accepted(data: bytes):
    limits = Limits(5000, 5)
    assert body_of(say(OK, b"Content-Type: text/html\r\n\r\n", data), limits) == data


def test_a_transfer_encoding_that_is_not_supported_is_named():
    packed = gzip.compress(DATA)
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)

    with pytest.raises(UnsupportedFormat, match="Transfer-Encoding that was not requested"):
        body_of(say(OK, b"Transfer-Encoding: gzip, chunked\r\n\r\n", body))
    assert body_of(say(OK, b"Transfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")) == b"x"


# ── Redirects ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("second", [b"/b.png", b"/c.png"])
def test_a_redirect_that_is_sent_twice_counts_once_and_two_are_refused(second: bytes):
    requests: list[bytes] = []

    def talk(connection, over) -> None:
        if b"GET /b.png " in requests[-1]:
            return say(OK, b"\r\nimage")(connection, over)
        locations = b"Location: /b.png\r\nLocation: %s\r\n\r\n" % second
        return say(b"HTTP/1.1 302 Found\r\n", locations)(connection, over)

    if second == b"/b.png":
        assert body_of(talk, requests=requests) == b"image"
    else:
        with pytest.raises(SourceBlocked, match="redirects to several URLs"):
            body_of(talk, requests=requests)


# ── Cookies ──────────────────────────────────────────────────────────────────────────────────────
def test_a_cookie_that_a_redirect_sets_is_sent_to_its_target():
    requests: list[bytes] = []

    def talk(connection, over) -> None:
        if b"Cookie: seen=1; b=2" in requests[-1]:
            return say(OK, b"\r\nimage")(connection, over)
        cookies = b"Set-Cookie: seen=1; Path=/; HttpOnly\r\nSet-Cookie: b=2\r\n"
        return say(b"HTTP/1.1 302 Found\r\nLocation: /a.png\r\n", cookies, b"\r\n")(
            connection, over
        )

    assert body_of(talk, requests=requests) == b"image"
    assert b"Cookie" not in requests[0]


class Answer:
    """A response with cookies."""

    def __init__(self, *cookies: str) -> None:
        self.headers = HTTPHeaderDict([("Set-Cookie", cookie) for cookie in cookies])

    def info(self):
        return self.headers


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/",
        "https://www.a.example/",
        "https://example/",
        "https://a.example.evil.example/",
        "http://a.example/",  # the cookie is `Secure`
    ],
)
@pytest.mark.parametrize("domain", ["", "; Domain=a.example", "; Domain=.example"])
def test_a_cookie_is_sent_to_no_other_host(url: str, domain: str):
    cookies = Cookies()
    cookies.take("https://a.example/", Answer(f"a=1; Secure{domain}"))

    assert cookies.headers(url) == {}


def test_a_cookie_comes_back_to_the_host_that_set_it_until_it_is_removed():
    cookies = Cookies()
    cookies.take("https://a.b.example:8443/x", Answer("a=1; Domain=b.example; Path=/"))
    assert cookies.headers("https://A.B.example/y z?ü") == {"Cookie": "a=1"}

    cookies.take("https://a.b.example/", Answer("a=; Domain=b.example; Path=/; Max-Age=0"))
    assert cookies.headers("https://a.b.example/") == {}


def test_cookies_that_are_too_large_are_ignored():
    cookies = Cookies()
    cookies.take("https://a.example/", Answer("a=" + "1" * 20_000))

    assert cookies.headers("https://a.example/") == {}


# ── Retry-After ──────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("status", "header", "waits", "message"),
    [
        (202, "2", [2.0], "answered 202 and asks to try again after 2 seconds."),
        (503, "15", [5.0], "answered 503 and asks to try again after 15 seconds."),
        (429, "3600", [], "answered 429 and asks to try again after 3600 seconds."),
        (429, "0", [], "answered 429 and asks to try again after 0 seconds."),
        (503, formatdate(0, usegmt=True), [], "answered 503 and asks to try again after 0 sec"),
        (503, "soon", [], "answered 503."),
        (503, "-5", [], "answered 503."),
        (503, "9" * 5000, [], "answered 503"),
    ],
)
def test_a_short_retry_after_passes_before_the_error_is_raised(
    monkeypatch: pytest.MonkeyPatch, status: int, header: str, waits: list[float], message: str
):
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    head = f"HTTP/1.1 {status} X\r\nRetry-After: {header}\r\nContent-Length: 0\r\n\r\n"

    with pytest.raises(SourceUnavailable) as failure:
        body_of(say(head.encode()), Limits(1000, 60))

    assert message in str(failure.value)
    assert waited == waits


def test_the_wait_for_a_server_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)

    with pytest.raises(SourceUnavailable):
        body_of(say(b"HTTP/1.1 503 X\r\nRetry-After: 5\r\n\r\n"), Limits(1000, 4))

    assert waited[0] < 4
