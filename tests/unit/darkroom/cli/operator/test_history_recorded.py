"""Histories and logs of executions are read as AWS was recorded to write them."""

from typing import Any

import pytest
from botocore.stub import Stubber

from darkroom.cli.errors import CommandError
from darkroom.cli.operator import history
from darkroom.cli.stack import Stack
from darkroom.tasks.history import from_history, from_log, visits
from tests.support.recorded.executions import EXECUTION, EXPRESS, FAILURE, REFUSED, START
from tests.support.recorded.histories import (
    HISTORIES,
    INVOKE,
    INVOKED,
    LOGGED,
    NO_FUNCTION,
    SUCCEEDED,
    TOO_LARGE,
    entered,
    exited,
    log_lines,
    work,
)

RAISED = "Some exception was raised."
NO_MESSAGE = "which has no message."


@pytest.mark.parametrize(
    ("name", "error", "message", "failures", "seconds"),
    [
        ("an exception that is caught", "Exception", RAISED, ["Exception"], 4),
        ("an exception that nothing catches", "Exception", RAISED, ["Exception"], 4),
        ("three retries", "Exception", RAISED, ["Exception"] * 4, 13),
        (
            "a time limit of a state",
            "States.Timeout",
            "The step Work did not end within its time limit.",
            ["States.Timeout"],
            4,
        ),
        (
            "a result over the limit",
            "States.DataLimitExceeded",
            TOO_LARGE,
            ["States.DataLimitExceeded"],
            4,
        ),
        (
            "a function that does not exist",
            "Lambda.ResourceNotFoundException",
            NO_FUNCTION,
            ["Lambda.ResourceNotFoundException"],
            4,
        ),
        (
            "stopped in a Wait state",
            "Aborted",
            f"The step Work ended with the error Aborted, {NO_MESSAGE}",
            [],
            1,
        ),
        (
            "a Fail state with an error only",
            "Exception",
            f"The step Work ended with the error Exception, {NO_MESSAGE}",
            [],
            1,
        ),
        (
            "a Fail state with a cause only",
            "Error",
            "This failed to due an Exception.",
            [],
            1,
        ),
        (
            "a Fail state with neither",
            "Error",
            f"The step Work ended with the error Error, {NO_MESSAGE}",
            [],
            1,
        ),
    ],
)
def test_a_history_shows_the_state_with_its_error_retries_and_duration(
    name: str, error: str, message: str, failures: list[str], seconds: float
) -> None:
    first, *rest = visits(map(from_history, HISTORIES[name].answer))

    assert (first.state, first.error, first.message) == ("Work", error, message)
    assert (first.failures, first.retries) == (failures, max(len(failures) - 1, 0))
    assert first.seconds == seconds
    assert [(visit.state, visit.error) for visit in rest] in ([], [("Caught", None)])


def test_the_log_of_an_express_execution_reads_as_its_history_would() -> None:
    (first,) = visits(map(from_log, log_lines(LOGGED.answer)))

    assert (first.state, first.error, first.message) == ("Work", "SomeFailure", FAILURE)
    assert first.seconds == pytest.approx(0.001)


def test_a_log_is_read_from_pages_as_cloudwatch_returns_them() -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html"""
    client = Stack("http://127.0.0.1:1", "key", endpoint_url="http://127.0.0.1:1").client("logs")
    stack = _stack(client, StateMachineLogGroup="group")
    lines = log_lines(LOGGED.answer)
    with Stubber(client) as stub:
        stub.add_response("filter_log_events", _page(lines[2:], nextToken="more"))
        stub.add_response("filter_log_events", _page(lines[:2]))

        (first,) = history.read(stack, EXPRESS, START)

    assert (first.state, first.error) == ("Work", "SomeFailure")


@pytest.mark.parametrize(
    "name",
    [
        "GetExecutionHistory, no such execution",
        "DescribeExecution, GetExecutionHistory and StopExecution, Express",
    ],
)
def test_a_history_that_aws_refuses_is_reported_with_its_message(name: str) -> None:
    client = Stack("http://127.0.0.1:1", "key", endpoint_url="http://127.0.0.1:1").client(
        "stepfunctions"
    )
    code, message = REFUSED[name].answer
    with Stubber(client) as stub:
        stub.add_client_error("get_execution_history", code, message)
        with pytest.raises(CommandError) as raised:
            history.read(_stack(client), EXECUTION, START)

    assert message in str(raised.value)


@pytest.mark.parametrize("again", [(), (entered("Task", "Work"),)], ids=["", "entered again"])
def test_an_interrupted_state_continues_after_a_redrive(again: Any) -> None:
    """Not recorded: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html"""
    events = work(
        *INVOKED,
        ("ExecutionAborted", {}),
        ("ExecutionRedriven", {"redriveCount": 1}),
        *again,
        *INVOKED,
        ("TaskSucceeded", {**INVOKE, "output": "{}"}),
        exited("Task", "Work"),
        SUCCEEDED,
    )

    found = visits(map(from_history, events))

    assert [visit.state for visit in found] == ["Work"] * (1 + len(again))
    assert found[-1].error is None
    exit_ = next(event for event in events if event["type"] == "TaskStateExited")
    assert found[-1].left == exit_["timestamp"]
    assert all(visit.left and visit.left <= exit_["timestamp"] for visit in found)


def _page(lines: list[str], **more: str) -> dict[str, Any]:
    moment = int(START.timestamp() * 1000)
    events = [
        {
            "logStreamName": "states/tasks/2026-11-25-01-02/3a1b5c2d",
            "timestamp": moment,
            "message": line,
            "ingestionTime": moment + 1500,
            "eventId": f"3952{number}",
        }
        for number, line in enumerate(lines)
    ]
    return {"events": events, "searchedLogStreams": [], **more}


class _OneClient(Stack):
    """A stack whose cloud is a stubbed client."""

    stub: Any

    def client(self, service: str) -> Any:  # noqa: ARG002
        return self.stub


def _stack(client: Any, **outputs: str) -> Stack:
    stack = _OneClient("http://127.0.0.1:1", "key", outputs=outputs)
    object.__setattr__(stack, "stub", client)
    return stack
