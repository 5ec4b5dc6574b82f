"""Executions are read from the answers that AWS was recorded to give."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from darkroom.aws.execution_failures import Outcome
from darkroom.aws.stepfunctions import StateMachine
from darkroom.tasks.repair_rules import failure_of
from tests.support.recorded.executions import (
    DESCRIBED,
    EXECUTION,
    EXPRESS,
    FAILURE,
    MACHINE,
    REFUSED,
)
from tests.support.recorded.histories import HISTORIES


@pytest.fixture
def machine() -> StateMachine:
    return StateMachine(MACHINE)


@pytest.fixture
def stub(machine: StateMachine) -> Any:
    """What the machine's client is answered. Each answer has a shape that AWS's model allows."""
    with Stubber(machine._states) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("name", "outcome", "failure"),
    [
        ("a success, started through an alias", Outcome("SUCCEEDED"), None),
        ("a failure", Outcome("FAILED", "SomeFailure", FAILURE), ("SomeFailure", FAILURE)),
        (
            "a failure without error and cause",
            Outcome("FAILED"),
            (
                "States.Runtime",
                "The step Upload ended with the error States.Runtime, which has no message.",
            ),
        ),
        (
            "a time limit",
            Outcome("TIMED_OUT"),
            ("States.Timeout", "The step Upload did not end within its time limit."),
        ),
    ],
)
def test_an_execution_that_has_ended_is_read_with_its_reason(
    machine: StateMachine,
    stub: Stubber,
    name: str,
    outcome: Outcome,
    failure: tuple[str, str] | None,
) -> None:
    stub.add_response("describe_execution", DESCRIBED[name].answer, {"executionArn": EXECUTION})

    found = machine.outcome(EXECUTION)

    assert found == outcome
    if failure:
        error, message = failure
        expected = {"step": "Upload", "error": error, "message": message}
        assert failure_of(outcome, "Upload") == expected


@pytest.mark.parametrize("name", HISTORIES)
def test_the_last_step_is_the_task_state_that_was_entered_last(
    machine: StateMachine, stub: Stubber, name: str
) -> None:
    events = HISTORIES[name].answer
    tasks = {event["type"] for event in events if event["type"].startswith("Task")}
    stub.add_response("get_execution_history", {"events": events[::-1]})

    assert machine.last_step(EXECUTION) == ("Work" if tasks else "MarkRunning")


def test_the_last_step_is_found_however_often_states_were_retried(
    machine: StateMachine, stub: Stubber
) -> None:
    """MarkFailed alone may have three events for each of its eleven invocations, and Upload too."""
    retries = HISTORIES["three retries"].answer[2:14]
    upload = [event for event in HISTORIES["three retries"].answer if "Entered" in event["type"]]
    mark = [{**upload[0], "stateEnteredEventDetails": {"name": "MarkFailed"}}]
    history = [*upload[:1], *(retries * 3), *mark, *(retries * 3)][::-1]
    # AWS may return fewer events than it was asked for, even none.
    pages = [history[:40], [], history[40:]]
    for number, page in enumerate(pages):
        more = {"nextToken": str(number)} if number < len(pages) - 1 else {}
        stub.add_response("get_execution_history", {"events": page, **more})

    assert machine.last_step(EXECUTION) == "Work"


def test_an_execution_that_is_gone_has_no_outcome_and_the_first_step(
    machine: StateMachine, stub: Stubber
) -> None:
    stub.add_client_error("describe_execution", *_refused("DescribeExecution, no such execution"))
    stub.add_client_error(
        "get_execution_history", *_refused("GetExecutionHistory, no such execution")
    )

    assert machine.outcome(EXECUTION) is None
    assert machine.last_step(EXECUTION) == "MarkRunning"


def test_a_name_that_was_used_before_is_a_start_that_succeeded(
    machine: StateMachine, stub: Stubber
) -> None:
    name = "StartExecution, a name of another input or of an execution that has ended"
    stub.add_client_error("start_execution", *_refused(name))

    machine.start("t1-1", {"taskId": "t1"})


@pytest.mark.parametrize(
    "name", ["StartExecution, no such state machine", "StartExecution, no JSON"]
)
def test_any_other_refusal_of_a_start_is_raised(
    machine: StateMachine, stub: Stubber, name: str
) -> None:
    code, message = _refused(name)
    stub.add_client_error("start_execution", code, message)

    with pytest.raises(ClientError, match=code):
        machine.start("t1-1", {"taskId": "t1"})


def test_calls_that_aws_refuses_for_an_express_execution_are_not_made() -> None:
    """Each call would be answered InvalidArn. That it would be raised shows the second part."""
    machine = StateMachine(MACHINE)
    code, message = _refused("DescribeExecution, GetExecutionHistory and StopExecution, Express")

    with Stubber(machine._states) as stub:
        stub.add_client_error("describe_execution", code, message)
        assert machine.outcome(EXPRESS) is None
        assert machine.last_step(EXPRESS) == "MarkRunning"
        machine.stop(EXPRESS, "Task t1 was cancelled.")
        with pytest.raises(ClientError, match="InvalidArn"):
            machine.outcome(EXECUTION)


def _refused(name: str) -> tuple[str, str]:
    code, message = REFUSED[name].answer
    return code, message
