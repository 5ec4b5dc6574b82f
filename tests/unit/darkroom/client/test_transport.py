"""What the client sends again, and what it does not."""

import json
import socket
import threading
from collections.abc import Callable

import pytest
from pytest_httpserver import HTTPServer

from darkroom.cli.stack import Stack
from darkroom.client import ApiError, Darkroom, Unreachable
from darkroom.client.transport import MAX_DELAY, MOST_BYTES, TRIES

KEY = "the-key"
URL = {"imageUrl": "https://example.com/a.png"}
TASK = {"taskId": "t1", "status": "PENDING"}


@pytest.mark.parametrize("status", [429, 503])
def test_a_submission_that_was_not_accepted_is_sent_again(
    client: Darkroom, httpserver: HTTPServer, naps: list[float], status: int
) -> None:
    httpserver.expect_ordered_request("/dev/tasks").respond_with_data(
        status=status, headers={"Retry-After": "3"}
    )
    httpserver.expect_ordered_request("/dev/tasks").respond_with_json(TASK, status=202)

    assert client.submit(URL)["taskId"] == "t1"
    assert naps == [3.0]


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_submission_whose_answer_is_lost_is_sent_again_with_the_same_key(
    client: Darkroom, httpserver: HTTPServer, status: int
) -> None:
    httpserver.expect_ordered_request("/dev/tasks").respond_with_data(status=status)
    httpserver.expect_ordered_request("/dev/tasks").respond_with_json(TASK, status=202)

    client.submit(URL)

    first, second = (request.headers["Idempotency-Key"] for request, _ in httpserver.log)
    assert first == second


def test_no_two_submissions_have_the_same_key(client: Darkroom, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/dev/tasks").respond_with_json(TASK, status=202)

    client.submit(URL)
    client.submit(URL)

    first, second = (request.headers["Idempotency-Key"] for request, _ in httpserver.log)
    assert first != second


def test_a_submission_survives_a_connection_that_breaks_off(naps: list[float]) -> None:
    # Accepts, reads and closes without a response, like a proxy that crashes.
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        tries = threading.Thread(target=hang_up, args=(deaf, TRIES))
        tries.start()
        stack = Stack(f"http://127.0.0.1:{deaf.getsockname()[1]}", KEY, endpoint_url="http://x")
        with (
            Darkroom(stack.api_url, stack.api_key, proxies=False, sleep=naps.append) as client,
            pytest.raises(Unreachable),
        ):
            client.submit(URL)
        tries.join()

    assert len(naps) == TRIES - 1


def hang_up(server: socket.socket, times: int) -> None:
    for _ in range(times):
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)


@pytest.mark.parametrize("act", [Darkroom.retry, Darkroom.cancel])
@pytest.mark.parametrize("status", [500, 502, 504])
def test_what_has_no_key_is_not_sent_again_when_it_may_have_been_done(
    client: Darkroom, httpserver: HTTPServer, act: Callable[..., object], status: int
) -> None:
    httpserver.expect_request("/dev/tasks/t1/" + act.__name__).respond_with_data(status=status)

    with pytest.raises(ApiError):
        act(client, "t1")

    assert len(httpserver.log) == 1


@pytest.mark.parametrize("act", [Darkroom.retry, Darkroom.cancel])
def test_a_throttled_request_is_sent_again_when_the_api_says(
    client: Darkroom, httpserver: HTTPServer, naps: list[float], act: Callable[..., object]
) -> None:
    place = "/dev/tasks/t1/" + act.__name__
    httpserver.expect_ordered_request(place, method="POST").respond_with_data(
        status=429, headers={"Retry-After": "2"}
    )
    httpserver.expect_ordered_request(place, method="POST").respond_with_json(TASK, status=202)

    assert act(client, "t1") == TASK
    assert naps == [2.0]


def test_a_server_that_is_always_busy_is_given_up(
    client: Darkroom, httpserver: HTTPServer, naps: list[float]
) -> None:
    httpserver.expect_request("/dev/tasks/t1").respond_with_data(status=503)

    with pytest.raises(ApiError, match="503"):
        client.task("t1")

    assert len(httpserver.log) == TRIES
    assert len(naps) == TRIES - 1


def test_no_retry_after_makes_us_wait_for_an_hour(
    client: Darkroom, httpserver: HTTPServer, naps: list[float]
) -> None:
    httpserver.expect_ordered_request("/dev/tasks/t1").respond_with_data(
        status=429, headers={"Retry-After": "3600"}
    )
    httpserver.expect_ordered_request("/dev/tasks/t1").respond_with_json(TASK)

    client.task("t1")

    assert naps == [MAX_DELAY]


def test_a_missing_server_is_reported_after_some_tries(naps: list[float]) -> None:
    # Port 1 is reserved: nothing listens there.
    stack = Stack("http://127.0.0.1:1/dev", KEY, endpoint_url="http://127.0.0.1:1")

    with (
        Darkroom(stack.api_url, stack.api_key, proxies=False, sleep=naps.append) as client,
        pytest.raises(Unreachable, match=r"127\.0\.0\.1:1 does not answer .*make up"),
    ):
        client.submit(URL)

    assert len(naps) == TRIES - 1


def data_url(size: int) -> dict[str, str]:
    """A source for which the body, as a string of JSON, has this number of bytes."""
    around = len(json.dumps(json.dumps({"imageUrl": ""})))
    return {"imageUrl": "x" * (size - around)}


def test_a_request_over_the_limit_is_not_sent(client: Darkroom, httpserver: HTTPServer) -> None:
    for source in (data_url(MOST_BYTES + 1), {"imageUrl": '"' * (MOST_BYTES // 4)}):
        with pytest.raises(ApiError, match="6 MB") as caught:
            client.submit(source)
        assert (caught.value.status, caught.value.code) == (413, "RequestTooLarge")
    assert httpserver.log == []


def test_a_request_at_the_limit_is_sent(client: Darkroom, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/dev/tasks").respond_with_json({"taskId": "t1"}, 202)
    assert client.submit(data_url(MOST_BYTES))["taskId"] == "t1"


def test_sources_that_are_too_long_for_one_request_are_a_manifest(
    client: Darkroom, httpserver: HTTPServer
) -> None:
    form = {"uploadId": "u1", "url": httpserver.url_for("/s3"), "fields": {}}
    httpserver.expect_request("/dev/uploads").respond_with_json(form, 201)
    httpserver.expect_request("/s3").respond_with_data(status=204)
    items = [{"imageUrl": f"https://x/{'a' * 7000}"}] * 1000

    source = client.batches.source(items)

    assert source == {"manifest": {"uploadId": "u1", "format": "jsonl"}}
    assert client.batches.source(items[:10]) == {"sources": items[:10]}


def test_a_refusal_of_api_gateway_itself_is_reported(
    client: Darkroom, httpserver: HTTPServer
) -> None:
    """As AWS answered requests of more than 6 MB, and of more than 10 MB."""
    httpserver.expect_oneshot_request("/dev/tasks").respond_with_json(
        {"message": "Request Too Long"}, 413
    )
    httpserver.expect_oneshot_request("/dev/tasks").respond_with_data(
        "HTTP content length exceeded 10485760 bytes.", 413
    )
    for _ in range(2):
        with pytest.raises(ApiError, match="413") as caught:
            client.submit({"imageUrl": "https://x/a.png"})
        assert caught.value.status == 413
