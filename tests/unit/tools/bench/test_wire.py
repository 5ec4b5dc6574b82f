"""The wire passes on each call unchanged, and records it."""

from collections.abc import Iterator

import httpx
import pytest
from pytest_httpserver import HTTPServer

from tools.bench.billing.wire import Wire

SIGNED = "AWS4-HMAC-SHA256 Credential=KEY/20261125/us-east-1/{}/aws4_request, Signature=0"


@pytest.fixture
def wire(httpserver: HTTPServer) -> Iterator[Wire]:
    with Wire(httpserver.port) as found:
        yield found


def test_a_call_is_passed_on_and_recorded_with_its_answer(wire: Wire, httpserver: HTTPServer):
    httpserver.expect_request("/", method="POST", data="{}").respond_with_data("[]", status=400)
    headers = {"Authorization": SIGNED.format("dynamodb"), "X-Amz-Target": "DynamoDB_1.PutItem"}

    answer = httpx.post(wire.url, content="{}", headers=headers)

    assert (answer.status_code, answer.text) == (400, "[]")
    (call,) = wire.take()
    assert (call.caller, call.service, call.operation) == ("KEY", "dynamodb", "PutItem")
    assert (call.status, call.request, call.response) == (400, b"{}", b"[]")
    assert wire.take() == []


@pytest.mark.parametrize(
    ("request_line", "more", "operation"),
    [
        ("GET /bucket/a/b", {}, "GetObject"),
        ("PUT /bucket/a", {}, "PutObject"),
        ("PUT /bucket/a", {"x-amz-copy-source": "/bucket/b"}, "CopyObject"),
        ("HEAD /bucket/a", {}, "HeadObject"),
        ("HEAD /bucket", {}, "HeadBucket"),
    ],
)
def test_requests_to_s3_are_known_by_their_form(
    wire: Wire, httpserver: HTTPServer, request_line: str, more: dict, operation: str
):
    method, path = request_line.split()
    httpserver.expect_request(path, method=method).respond_with_data("file")
    headers = {"Authorization": SIGNED.format("s3"), **more}

    answer = httpx.request(method, wire.url + path, headers=headers)

    assert answer.headers["content-length"] == "4"
    (call,) = wire.take()
    assert call.operation == operation
    assert call.request == call.response == b""


def test_a_request_that_nobody_signed_is_passed_on_only(wire: Wire, httpserver: HTTPServer):
    httpserver.expect_request("/health").respond_with_data("ok")

    assert httpx.get(wire.url + "/health").text == "ok"
    assert wire.take() == []
