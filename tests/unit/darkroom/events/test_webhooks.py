"""Which webhooks count as delivered, which are tried again, and which URLs are never called."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from darkroom.events.webhooks import MAX_DELAY, Delivery, deliver, retry_delay
from tests.support.fakes.raw_server import Talk, certificate, say, serve

SECRET = bytes(32)


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    with HTTPServer() as server:
        yield server


def send(url: str, *, allow_private: bool = True) -> Delivery:
    task: dict[str, Any] = {
        "taskId": "5b0c", "status": "CANCELLED", "attempt": 1, "callbackUrl": url,
        "createdAt": "2026-11-25T04:26:32.612Z", "completedAt": "2026-11-25T04:26:32.686Z",
    }  # fmt: skip
    return deliver(task, [SECRET], allow_private=allow_private)


@pytest.mark.parametrize(
    ("status", "delivered", "final"),
    [
        (200, True, True), (202, True, True), (204, True, True), (299, True, True),
        (410, False, True),
        (301, False, False), (400, False, False), (404, False, False), (429, False, False),
        (500, False, False), (503, False, False),
    ],
)  # fmt: skip
def test_a_2xx_is_delivered_and_a_410_is_final(
    receiver: HTTPServer, status: int, delivered: bool, final: bool
) -> None:
    receiver.expect_oneshot_request("/told", "POST").respond_with_data(status=status)

    found = send(receiver.url_for("/told?a=b"))

    assert (found.status, found.delivered, found.final) == (status, delivered, final)
    assert (found.message is None) == delivered


def test_the_body_is_json_and_its_signature_is_beside_it(receiver: HTTPServer) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        request.get_data()
        seen.append(request)
        return Response(status=200)

    receiver.expect_request("/told").respond_with_handler(answer)

    send(receiver.url_for("/told"))

    [request] = seen
    assert request.json["type"] == "task.cancelled"
    assert request.headers["webhook-id"] == "5b0c-1"
    assert request.headers["webhook-signature"].startswith("v1,")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (301, "The receiver answered 301: a redirect, which Darkroom does not follow."),
        (403, "The receiver answered 403: check the secret with which it verifies"),
        (404, "The receiver answered 404: nothing receives webhooks at this path."),
        (405, "The receiver answered 405: it does not accept POST requests at this path."),
        (501, "The receiver answered 501: it does not accept POST requests at this path."),
        (500, "The receiver answered 500."),
    ],
)
def test_a_refusal_says_what_is_wrong_with_the_receiver(
    receiver: HTTPServer, status: int, said: str
) -> None:
    receiver.expect_request("/told").respond_with_data(status=status)

    assert (send(receiver.url_for("/told")).message or "").startswith(said)


def test_a_redirect_is_not_followed(receiver: HTTPServer) -> None:
    receiver.expect_request("/away").respond_with_data(
        status=307, headers={"Location": receiver.url_for("/private")}
    )
    assert send(receiver.url_for("/away")).status == 307
    assert [request.path for request, _ in receiver.log] == ["/away"]


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://169.254.169.254/"],
)
def test_a_private_address_is_never_called(receiver: HTTPServer, url: str) -> None:
    found = send(url.format(port=receiver.port), allow_private=False)

    assert not found.delivered
    assert not found.final
    assert "not on the public internet" in (found.message or "")
    assert not receiver.log


def test_a_missing_server_is_reported() -> None:
    found = send("http://127.0.0.1:9/")
    assert (found.status, found.delivered, found.final) == (None, False, False)
    assert "refused the connection" in (found.message or "")
    assert found.item(3)["tries"] == 3


def test_each_pause_is_six_times_as_long_up_to_what_a_queue_can_hide() -> None:
    assert [retry_delay(tries, 5) for tries in range(1, 6)] == [5, 30, 180, 1080, 6480]
    assert retry_delay(6, 3600) == MAX_DELAY


TOKEN = "/hooks/t0ken"  # noqa: S105 - of the test


@pytest.mark.parametrize(
    ("talk", "secure", "reason"),
    [
        (say(b""), False, "broke off: the connection was closed"),
        (say(b"no HTTP, but POST /hooks/t0ken\r\n"), False, "did not answer in HTTP"),
        (say(b"HTTP/1.1 302 Found\r\nLocation: /hooks/t0ken\r\n\r\n"), False, "answered 302"),
        (say(b"HTTP/1.1 500 /hooks/t0ken\r\n\r\n"), False, "answered 500"),
        (say(b"HTTP/1.1 200 OK\r\n\r\n"), True, "broke off: TLS failed"),
    ],
)
def test_no_failure_shows_the_path_of_the_callback(talk: Talk, secure: bool, reason: str) -> None:
    with serve(talk) as port:
        found = send(f"http{'s' * secure}://127.0.0.1:{port}{TOKEN}?{TOKEN}")

    assert reason in (found.message or "")
    assert "t0ken" not in (found.message or "")


def test_a_certificate_that_is_not_trusted_is_reported_without_the_path(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    with serve(say(b""), context) as port:
        found = send(f"https://127.0.0.1:{port}{TOKEN}")

    assert "/… has a certificate that cannot be verified" in (found.message or "")
