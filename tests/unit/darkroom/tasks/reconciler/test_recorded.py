"""Reconcile reads the status event of an execution as AWS was recorded to send it."""

import copy
import sys
import uuid
from types import ModuleType
from typing import Any

import pytest
from botocore.stub import Stubber

from tests.support.fakes.aws import STARTED
from tests.support.recorded.executions import DESCRIBED, MACHINE, REFUSED, STATUS_CHANGE
from tests.support.recorded.histories import HISTORIES

TASK = str(uuid.UUID(int=7))
EXECUTION = f"{MACHINE.replace(':stateMachine:', ':execution:')}:{TASK}-1"
NONE = REFUSED["DescribeExecution, no such execution"].answer


@pytest.fixture
def module(aws: Any, load: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.delitem(sys.modules, "reconcile", raising=False)
    aws.store.create(TASK, "me", {"source": {"imageUrl": "https://a.example/b.png"}, "output": {}})
    aws.store.start(TASK, 1, EXECUTION, STARTED)
    found: ModuleType = load("lambdas", "reconcile")
    return found


@pytest.fixture
def stub(module: ModuleType) -> Any:
    with Stubber(module.reconciler.machine._states) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def event(status: str, **detail: Any) -> dict[str, Any]:
    """The recorded event, of the task's execution."""
    changed = copy.deepcopy(STATUS_CHANGE.answer)
    changed["detail"] |= {"name": f"{TASK}-1", "executionArn": EXECUTION, "status": status}
    changed["detail"] |= {"output": None, "outputDetails": None, **detail}
    return changed


@pytest.mark.usefixtures("stub")
def test_an_execution_that_succeeded_or_began_is_not_asked_for(module: ModuleType) -> None:
    assert module.handler(event("SUCCEEDED"), None) == {}
    assert module.handler(event("RUNNING", stopDate=None), None) == {}


def test_an_unsuccessful_execution_ends_its_task_with_the_reason_that_aws_gives(
    aws: Any, module: ModuleType, stub: Stubber
) -> None:
    stub.add_response("describe_execution", DESCRIBED["a time limit"].answer)
    history = HISTORIES["a time limit of a state"].answer
    stub.add_response("get_execution_history", {"events": history[::-1]})

    assert module.handler(event("TIMED_OUT"), None) == {"Ended": 1}

    assert aws.store.get(TASK)["failure"] == {
        "step": "Work",
        "error": "States.Timeout",
        "message": "The step Work did not end within its time limit.",
    }


def test_an_execution_that_is_gone_ends_its_task_with_the_reason_of_the_event(
    aws: Any, module: ModuleType, stub: Stubber
) -> None:
    """The event tells of an execution that is no more, or that the role may not describe."""
    stub.add_client_error("describe_execution", *NONE)
    stub.add_client_error("get_execution_history", *NONE)

    changed = event("FAILED", error="States.DataLimitExceeded", cause="Too large.")
    assert module.handler(changed, None) == {"Ended": 1}

    assert aws.store.get(TASK)["failure"] == {
        "step": "MarkRunning",
        "error": "States.DataLimitExceeded",
        "message": "Too large.",
    }


def test_an_execution_that_runs_again_when_its_event_arrives_keeps_its_task(
    aws: Any, module: ModuleType, stub: Stubber
) -> None:
    running = {**DESCRIBED["a time limit"].answer, "status": "RUNNING", "redriveCount": 1}
    stub.add_response("describe_execution", running)

    assert module.handler(event("FAILED"), None) == {}

    assert aws.store.get(TASK)["status"] == "RUNNING"
