"""The requests to Step Functions, from Lambda and from elsewhere."""

import pytest
from pytest_httpserver import HTTPServer

from darkroom.aws.stepfunctions import StateMachine

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:tasks"
INVOCATION = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
REQUEST = "Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1"


@pytest.fixture
def machine(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> StateMachine:
    """A machine whose service is a local server."""
    started = {"executionArn": "arn", "startDate": 0}
    httpserver.expect_request("/", method="POST").respond_with_json(started)
    monkeypatch.setenv("AWS_ENDPOINT_URL", httpserver.url_for("/"))
    return StateMachine(MACHINE)


@pytest.fixture
def _in_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "dispatch")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", INVOCATION)


def trace_sent(httpserver: HTTPServer) -> str | None:
    request, _ = httpserver.log[-1]
    return request.headers.get("X-Amzn-Trace-Id")


@pytest.mark.usefixtures("_in_lambda")
def test_a_start_continues_the_trace_of_the_request_and_not_of_the_invocation(
    machine: StateMachine, httpserver: HTTPServer
):
    machine.start("n", {}, REQUEST)
    assert trace_sent(httpserver) == REQUEST


@pytest.mark.usefixtures("_in_lambda")
def test_each_start_of_one_invocation_has_its_own_trace(
    machine: StateMachine, httpserver: HTTPServer
):
    traces = [REQUEST, None, REQUEST.replace("1-6", "1-7")]
    sent = []
    for trace in traces:
        machine.start("n", {}, trace)
        sent.append(trace_sent(httpserver))
    assert sent == [traces[0], INVOCATION, traces[2]]


def test_a_trace_is_sent_from_outside_of_lambda_too(machine: StateMachine, httpserver: HTTPServer):
    machine.start("n", {}, REQUEST)
    assert trace_sent(httpserver) == REQUEST
    machine.start("n", {})
    assert trace_sent(httpserver) is None


def test_a_trace_can_send_no_other_header(machine: StateMachine, httpserver: HTTPServer):
    machine.start("n", {}, "Root=1\r\nX-Other: 1")
    assert trace_sent(httpserver) == "Root=1%0D%0AX-Other:%201"
    assert "X-Other" not in httpserver.log[-1][0].headers
