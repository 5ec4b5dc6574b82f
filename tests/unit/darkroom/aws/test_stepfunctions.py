"""The executions that Darkroom looks up in AWS, and no others."""

import sys
from typing import Any

import pytest
from botocore.stub import Stubber

from darkroom.aws.execution_failures import Outcome
from darkroom.aws.stepfunctions import StateMachine
from tests.support.fakes.aws import ENVIRONMENT, functions

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:tasks"
STANDARD = "arn:aws:states:eu-central-1:123456789012:execution:tasks:t1-1"
EXPRESS = "arn:aws:states:eu-central-1:123456789012:express:tasks:t1-1:6b1f0c9e"
REPLACED = "arn:aws:states:eu-central-1:123456789012:execution:tasks-before:t1-1"


def machine(workflow_type: str) -> tuple[StateMachine, Stubber]:
    """A machine whose client gives the responses of the stubber, and no others."""
    made = StateMachine(MACHINE, workflow_type)
    return made, Stubber(made._states)


@pytest.mark.parametrize(
    ("workflow_type", "execution"),
    [
        ("EXPRESS", EXPRESS),
        ("EXPRESS", STANDARD),  # with the name that a PENDING task's execution would have
        ("EXPRESS", REPLACED),
        ("STANDARD", EXPRESS),  # claimed before WorkflowType was changed
        ("STANDARD", REPLACED),
        ("STANDARD", ""),
    ],
)
def test_an_execution_that_aws_cannot_describe_is_not_looked_up(
    workflow_type: str, execution: str
) -> None:
    asked, stub = machine(workflow_type)

    with stub:  # every call would fail, because no response is prepared
        assert asked.outcome(execution) is None
        assert asked.last_step(execution) == "MarkRunning"
        asked.stop(execution, "Task t1 was cancelled.")


def test_a_standard_execution_is_asked_for_and_stopped() -> None:
    asked, stub = machine("STANDARD")
    failed: dict[str, Any] = {
        "executionArn": STANDARD,
        "stateMachineArn": MACHINE,
        "status": "FAILED",
        "startDate": 0,
        "error": "Boom",
        "cause": "it broke",
    }
    stub.add_response("describe_execution", failed, {"executionArn": STANDARD})
    stop = {"executionArn": STANDARD, "error": "TaskCancelled", "cause": "By Ann."}
    stub.add_response("stop_execution", {"stopDate": 0}, stop)

    with stub:
        assert asked.outcome(STANDARD) == Outcome("FAILED", "Boom", "it broke")
        asked.stop(STANDARD, "By Ann.")
        stub.assert_no_pending_responses()


def test_an_execution_that_does_not_exist_needs_no_stop() -> None:
    asked, stub = machine("STANDARD")
    stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    stub.add_client_error("stop_execution", "ExecutionDoesNotExist")

    with stub:
        assert asked.outcome(STANDARD) is None
        asked.stop(STANDARD, "By Ann.")


def test_an_execution_that_has_ended_needs_no_stop() -> None:
    asked, stub = machine("STANDARD")
    stub.add_client_error("stop_execution", "ValidationException", "Execution is not running")

    with stub:
        asked.stop(STANDARD, "By Ann.")
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("folder", "module", "owner"),
    [
        ("api", "app", "task_service"),
        ("lambdas", "batch", "runner"),
        ("lambdas", "reconcile", "reconciler"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_a_function_that_describes_executions_knows_their_type(
    monkeypatch: pytest.MonkeyPatch, folder: str, module: str, owner: str
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "WORKFLOW_TYPE", "EXPRESS")
    monkeypatch.delitem(sys.modules, module, raising=False)
    with functions() as load:
        reported: StateMachine = getattr(load(folder, module), owner).machine

    with Stubber(reported._states):
        assert reported.outcome(reported.arn_of("t1-1")) is None
    sys.modules.pop(module, None)  # not with the patch, which would restore it
