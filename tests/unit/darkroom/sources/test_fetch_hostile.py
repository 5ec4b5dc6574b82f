"""Servers that send false lengths, send slowly, break the connection or do not use HTTP."""

import io
import socket
import threading
import time
from pathlib import Path

import pytest

from darkroom.errors import SourceBlocked, SourceTooLarge, SourceUnavailable
from darkroom.sources.fetch import Limits, fetch
from tests.support.fakes.raw_server import (
    Talk,
    certificate,
    say,
    say_and_reset,
    say_for_ever,
    serve,
)

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SECONDS = 0.3
GENEROUS = 20.0  # the tolerance for a busy machine before the deadline counts as missed


def answer_of(talk: Talk, path: str = "/a.jpg?sig=secret", limits: Limits | None = None) -> bytes:
    into = io.BytesIO()
    with serve(talk) as port:
        fetch(
            f"http://127.0.0.1:{port}{path}", into, limits or Limits(1000, 60), allow_private=True
        )
    return into.getvalue()


@pytest.mark.parametrize(
    ("talk", "body"),
    [
        pytest.param(say(OK, b"\r\nabcdefgh"), b"abcdefgh", id="no length"),
        pytest.param(
            say(OK, b"Content-Length: 3\r\n\r\nabcdefgh"), b"abc", id="too short a length"
        ),
        pytest.param(say(OK, b"Content-Length: some\r\n\r\nabc"), b"abc", id="a length of words"),
        pytest.param(say(OK, b"Content-Length: -3\r\n\r\nabc"), b"abc", id="a negative length"),
        pytest.param(say(b"HTTP/1.0 200 OK\n\nabc"), b"abc", id="HTTP/1.0 and bare newlines"),
        pytest.param(say(CHUNKED, b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"), b"abcd", id="chunks"),
        pytest.param(
            say(b"HTTP/1.1 100 Continue\r\n\r\n", OK, b"\r\nabc"), b"abc", id="100 before it"
        ),
        pytest.param(
            say(
                b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nContent-Length: 9\r\n\r\n",
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102\nX: y\n\n" * 40,
                b"HTTP/1.1 199 Other\r\n\r\n",
                OK,
                b"\r\nabc",
            ),
            b"abc",
            id="1xx before it",
        ),
    ],
)
def test_an_unusual_but_valid_response_is_accepted(talk: Talk, body: bytes) -> None:
    assert answer_of(talk) == body


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        pytest.param(say(OK, b"Content-Length: 100\r\n\r\nabc"), "broke off", id="short body"),
        pytest.param(say(OK, b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"), "broke off",
                     id="two lengths"),
        pytest.param(say(OK, b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nabc"), "broke off",
                     id="a length of 5000 digits"),
        pytest.param(say(OK, b"Content-Length: \xb2\r\n\r\nabc"), "broke off", id="a digit?"),
        pytest.param(say(CHUNKED, b"3\r\nabc\r\n5\r\nab"), "broke off", id="short chunk"),
        pytest.param(say(CHUNKED, b"3\r\nabc\r\n"), "broke off", id="no last chunk"),
        pytest.param(say(CHUNKED, b"zz\r\nabc\r\n"), "broke off", id="chunk size that is none"),
        pytest.param(say(CHUNKED, b"0" * 100_000), "broke off", id="endless chunk size"),
        pytest.param(say_and_reset(b""), "broke off", id="reset before the answer"),
        pytest.param(say_and_reset(OK), "broke off", id="reset in the headers"),
        pytest.param(say_and_reset(OK + b"Content-Length: 9\r\n\r\nabc"), "broke off",
                     id="reset in the body"),
        pytest.param(say(OK, b"Content-Length: 9\r\n\r\nabc"),
                     "broke off after 3 bytes: 6 more were announced", id="shorter than announced"),
        pytest.param(say(b""), "broke off", id="closed without an answer"),
        pytest.param(say(b"SSH-2.0-OpenSSH_9.2\r\n"), "did not answer in HTTP", id="SSH"),
        pytest.param(say(b"220 mail.example ESMTP\r\n"), "did not answer in HTTP", id="SMTP"),
        pytest.param(say(b"\x00\x01\x02" * 100), "did not answer in HTTP", id="binary"),
        pytest.param(say(b"HTTP/1.1 abc OK\r\n\r\n"), "did not answer in HTTP", id="status abc"),
        pytest.param(say(b"x" * 100_000), "broke off", id="endless status line"),
        pytest.param(say_for_ever(OK, b"X: y\r\n"), "broke off", id="endless headers"),
        pytest.param(say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nabc"),
                     "broke off: it answered 101", id="101"),
        pytest.param(say_for_ever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
                     "broke off: it answered 1xx without end", id="endless 103"),
        pytest.param(say_for_ever(b"HTTP/1.1 103 Early Hints\r\n", b"X: y\r\n"),
                     "broke off", id="endless headers of 103"),
        pytest.param(say_for_ever(b"HTTP/1.1 103 Early Hints\r\n", b"X"),
                     "broke off", id="endless header of 103"),
        pytest.param(say(b"HTTP/1.1 103 Early Hints\r\n\r\n"), "broke off", id="only 103"),
        pytest.param(say(b"HTTP/1.1 103 Early Hints\r\nLink"), "broke off", id="half a 103"),
    ],
)  # fmt: skip
def test_what_breaks_off_or_makes_no_sense_may_be_tried_again(talk: Talk, reason: str) -> None:
    with pytest.raises(SourceUnavailable) as failure:
        answer_of(talk)

    assert str(failure.value).startswith("http://127.0.0.1:")
    assert f"/… {reason}" in str(failure.value)
    assert "secret" not in str(failure.value)
    assert len(str(failure.value)) < 500


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(say_for_ever(OK + b"\r\n", b"x" * 1000), id="no length"),
        pytest.param(say_for_ever(CHUNKED, b"3\r\nabc\r\n"), id="chunks"),
    ],
)
def test_an_endless_body_is_stopped_at_the_limit(talk: Talk) -> None:
    with pytest.raises(SourceTooLarge, match="larger than 1000 bytes: the download was stopped"):
        answer_of(talk)


def test_a_body_that_is_larger_than_announced_is_counted_to_what_it_announced() -> None:
    assert answer_of(say(OK, b"Content-Length: 1000\r\n\r\n", b"x" * 5000)) == b"x" * 1000


def test_the_length_of_a_body_in_chunks_is_that_of_its_chunks() -> None:
    announced = CHUNKED.removesuffix(b"\r\n") + b"Content-Length: 9\r\n\r\n"
    assert answer_of(say(announced, b"3\r\nabc\r\n0\r\n\r\n")) == b"abc"


DRIPS = {
    "in the body, no length": say_for_ever(OK + b"\r\n", b"x", 0.02),
    "in the body, with a length": say_for_ever(OK + b"Content-Length: 900\r\n\r\n", b"x", 0.02),
    "in the chunks": say_for_ever(CHUNKED, b"1\r\nx\r\n", 0.02),
    "in a header": say_for_ever(OK, b"X", 0.02),
    "between headers": say_for_ever(OK, b"X: y\r\n", 0.02),
    "in the status line": say_for_ever(b"HTTP/1.1 200 ", b"O", 0.02),
    "before the answer": say_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.02),
    "with silence": say_for_ever(b"", b"", 0.02),
    "with silence in the body": say_for_ever(OK + b"\r\nabc", b"", 0.02),
}


@pytest.mark.parametrize("talk", DRIPS.values(), ids=DRIPS)
def test_a_slow_server_is_cut_off_at_the_deadline(talk: Talk) -> None:
    started = time.monotonic()

    with pytest.raises(SourceUnavailable, match=r"/… was not complete within 0\.3 seconds"):
        answer_of(talk, limits=Limits(1000, SECONDS))

    assert SECONDS <= time.monotonic() - started < SECONDS + GENEROUS


def test_redirects_share_one_deadline() -> None:
    seconds = 4  # of which even a busy machine needs less than half for the first response

    def talk(connection: socket.socket, over: threading.Event) -> None:
        over.wait(seconds / 2)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")

    with pytest.raises(SourceUnavailable, match="/… was not complete within 4 seconds"):
        answer_of(talk, limits=Limits(1000, seconds))


def test_dialling_many_dead_addresses_ends_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []

    def create_connection(_: object, timeout: float) -> socket.socket:
        waits.append(timeout)
        threading.Event().wait(timeout)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", create_connection)
    dead = [(socket.AF_INET, 1, 6, "", (f"8.8.8.{n}", 80)) for n in range(200)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: dead)
    started = time.monotonic()

    with pytest.raises(SourceUnavailable):
        fetch("http://dead.example/", io.BytesIO(), Limits(1000, SECONDS))

    assert max(waits) <= SECONDS
    assert time.monotonic() - started < SECONDS + GENEROUS


def test_a_closed_port_may_be_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    with pytest.raises(SourceUnavailable) as failure:
        fetch(f"http://127.0.0.1:{port}/a.jpg?secret", io.BytesIO(), Limits(9), allow_private=True)

    assert str(failure.value) == f"http://127.0.0.1:{port}/… refused the connection."


@pytest.mark.parametrize(
    "location",
    [
        b"http://127.0.0.1:99999/",
        b"http://[::1",
        b"file:///etc/passwd",
        b"http://a:b@127.0.0.1/",
        b"http://127.0.0.1 /a",
        b"http://127.0.0.1\\@8.8.8.8/",
        b"http://b\xfccher.example/",
        b"//127.0.0.1:0/",
    ],
)
def test_a_redirect_to_an_invalid_url_is_not_retryable(location: bytes) -> None:
    with pytest.raises(SourceBlocked):
        answer_of(say(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\n\r\n"))


def test_the_request_is_for_the_path_as_it_was_given() -> None:
    """Some releases of Python's `urlunsplit` write four slashes here."""
    requests: list[bytes] = []

    with serve(say(OK, b"\r\n"), requests=requests) as port:
        fetch(f"http://127.0.0.1:{port}//a//b", io.BytesIO(), Limits(9), allow_private=True)

    assert requests[0].startswith(b"GET //a//b HTTP/1.1\r\n")


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────
def https(port: int, limits: Limits) -> bytes:
    into = io.BytesIO()
    fetch(f"https://127.0.0.1:{port}/a.jpg?secret", into, limits, allow_private=True)
    return into.getvalue()


def test_a_source_behind_tls_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

    with serve(say(OK, b"Content-Length: 3\r\n\r\nabc"), context) as port:
        assert https(port, Limits(1000, 5)) == b"abc"


def test_a_certificate_without_a_trusted_issuer_is_refused(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)

    with (
        serve(say(OK, b"\r\nabc"), context) as port,
        pytest.raises(SourceUnavailable, match="/… has a certificate that cannot be verified"),
    ):
        https(port, Limits(1000, 5))


@pytest.mark.parametrize("talk", DRIPS.values(), ids=DRIPS)
def test_a_slow_server_with_tls_is_also_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, talk: Talk
) -> None:
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    started = time.monotonic()

    with (
        serve(talk, context) as port,
        pytest.raises(SourceUnavailable, match=r"not complete within 0\.3 seconds"),
    ):
        https(port, Limits(1000, SECONDS))

    assert time.monotonic() - started < SECONDS + GENEROUS


@pytest.mark.parametrize(
    ("talk", "seconds", "reason"),
    [
        pytest.param(say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), GENEROUS, "TLS failed",
                     id="plain HTTP"),
        pytest.param(say_for_ever(b"", b"", 0.02), SECONDS, "not complete within", id="silence"),
        pytest.param(say_for_ever(b"\x16\x03\x03\x40\x00", b"\x02", 0.02), SECONDS,
                     "not complete within", id="a handshake that drips"),
    ],
)  # fmt: skip
def test_tls_to_a_port_without_it_ends_as_unavailable(
    talk: Talk, seconds: float, reason: str
) -> None:
    with serve(talk) as port, pytest.raises(SourceUnavailable, match=reason) as failure:
        https(port, Limits(1000, seconds))

    assert "secret" not in str(failure.value)
