"""Stop, Redrive and Start in the Step Functions console: record and execution agree afterwards.

Where they cannot agree, the execution is red, and its cause says what to do instead. The local
cloud has no redrive, so a copy of the machine enters each state as a redriven execution does: with
its ARN in the record, and with a `RedriveCount` of 1.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cloud.minimal import function
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import JPEG, Sources
from tests.support.project import PROJECT
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy

pytestmark = pytest.mark.timeout(1200)

STATES = json.loads((PROJECT / "statemachine/task.asl.json").read_text())["States"]
STOPPED = {"step": "Download", "error": "ExecutionAborted", "message": "A person stopped it."}
CAUGHT = {"Error": "SourceNotFound", "Cause": '{"errorMessage": "404", "errorType": "E"}'}
ENTERED = [name for name, state in STATES.items() if state["Type"] in {"Task", "Fail"}]
STEPS = ["MarkRunning", "Download", "Grayscale", "Upload", "MarkCompleted"]


def machine_like(stack: Stack, state: str, given: dict[str, Any]) -> str:
    """A copy of the machine of tasks whose redriven executions enter a state; its ARN."""
    deployed = stack.states.describe_state_machine(stateMachineArn=stack.outputs["StateMachineArn"])
    text = deployed["definition"].replace("$states.context.Execution.RedriveCount", "1")
    definition = json.loads(text)
    definition["StartAt"] = "Redriven"
    definition["States"]["Redriven"] = {
        "Type": "Pass",
        # What the states before have assigned.
        "Assign": {
            "step": "Download",
            "caught": CAUGHT,
            "failure": STOPPED,
            "refused": "The task is FAILED.",
        },
        "Output": given,
        "Next": state,
    }
    created = stack.states.create_state_machine(
        name=f"redriven-{uuid.uuid4()}",
        definition=json.dumps(definition),
        roleArn=deployed["roleArn"],
    )
    return str(created["stateMachineArn"])


def redriven(stack: Stack, sources: Sources, state: str, **record: Any) -> tuple[Any, Any]:
    """The record and the execution after one entered a state, both at their end."""
    task_id = str(uuid.uuid4())
    source = f"work/{task_id}/1/source"
    stack.cloud.client("s3").put_object(
        Bucket=stack.outputs["BucketName"], Key=source, Body=JPEG, ChecksumAlgorithm="SHA256"
    )
    machine = machine_like(stack, state, {"sourceKey": source})
    execution = machine.replace(":stateMachine:", ":execution:") + f":{task_id}-1"
    order = {
        "taskId": task_id,
        "attempt": 1,
        "source": {"imageUrl": sources.url("/colour.jpg")},
        "output": {"format": "auto", "quality": 90},
    }
    moments = dict.fromkeys(("createdAt", "updatedAt"), "2026-01-01T00:00:00.000Z")
    item = {**order, "owner": "nobody", "execution": execution, **moments, **record}
    stack.table().put_item(Item=item)
    stack.states.start_execution(
        stateMachineArn=machine, name=f"{task_id}-1", input=json.dumps(order)
    )
    ended = stack.execution({"execution": {"arn": execution}})
    return stack.item(task_id), ended


@pytest.mark.parametrize("state", ENTERED)
def test_a_redrive_cannot_look_successful_when_its_task_has_failed(
    standard: Stack, sources: Sources, state: str
):
    record, execution = redriven(standard, sources, state, status="FAILED", failure=STOPPED)

    assert (record["status"], record["failure"]) == ("FAILED", STOPPED)
    assert execution["status"] == "FAILED"
    if execution["error"] == "StaleAttempt":
        assert "is FAILED" in execution["cause"]
        assert f"darkroom retry {record['taskId']}" in execution["cause"]
    else:  # it failed again, as its record says
        assert (execution["error"], execution["cause"]) == (STOPPED["error"], STOPPED["message"])


@pytest.mark.parametrize("state", [*STEPS, "MarkFailed"])
def test_a_redrive_cannot_look_successful_when_its_task_was_cancelled(
    standard: Stack, sources: Sources, state: str
):
    record, execution = redriven(standard, sources, state, status="CANCELLED")

    assert record["status"] == "CANCELLED"
    assert (execution["status"], execution["error"]) == ("FAILED", "StaleAttempt")
    assert "is CANCELLED" in execution["cause"]


@pytest.mark.parametrize("state", ["MarkRunning", "Download", "Grayscale"])
def test_a_redrive_before_the_task_was_ended_completes_it(
    standard: Stack, sources: Sources, state: str
):
    record, execution = redriven(standard, sources, state, status="RUNNING")

    assert (record["status"], execution["status"]) == ("COMPLETED", "SUCCEEDED")


def start_by_hand(stack: Stack, given: Any) -> dict[str, Any]:
    """The end of an execution that the console started: with a name of the console's."""
    started = stack.states.start_execution(
        stateMachineArn=stack.outputs["StateMachineArn"],
        name=str(uuid.uuid4()),
        input=json.dumps(given),
    )
    return stack.execution({"execution": {"arn": started["executionArn"]}})


def test_a_start_with_the_input_of_an_ended_task_is_red_and_says_what_to_do(
    standard: Stack, sources: Sources
):
    task = standard.ended(standard.submit(sources.url("/colour.png"))["taskId"])
    order = json.loads(standard.execution(task)["input"])

    by_hand = start_by_hand(standard, order)

    assert (by_hand["status"], by_hand["error"]) == ("FAILED", "StaleAttempt")
    assert "is COMPLETED" in by_hand["cause"]
    assert f"POST /tasks/{task['taskId']}/retry" in by_hand["cause"]
    assert standard.item(task["taskId"])["status"] == "COMPLETED"


@pytest.mark.parametrize("given", [{}, {"Comment": "Insert your JSON here"}, {"taskId": "x"}])
def test_a_start_without_the_input_of_a_task_is_red_and_says_what_to_do(
    standard: Stack, given: dict[str, str]
):
    by_hand = start_by_hand(standard, given)

    assert by_hand["status"] == "FAILED"
    assert "POST /tasks" in by_hand["cause"]


def test_a_start_that_claims_a_pending_task_and_is_stopped_fails_it(
    standard: Stack, sources: Sources
):
    path = "/held/by-hand"
    task_id = str(uuid.uuid4())
    order = {
        "taskId": task_id,
        "attempt": 1,
        "source": {"imageUrl": sources.url(path)},
        "output": {"format": "auto", "quality": 90},
    }
    moments = dict.fromkeys(("createdAt", "updatedAt"), "2100-01-01T00:00:00.000Z")
    item = {**order, "owner": "nobody", "status": "PENDING", "active": "0", **moments}
    standard.table().put_item(Item=item)
    started = standard.states.start_execution(
        stateMachineArn=standard.outputs["StateMachineArn"],
        name=str(uuid.uuid4()),
        input=json.dumps(order),
    )
    until(lambda: sources.requests[path], 60, "the source is requested")

    standard.states.stop_execution(executionArn=started["executionArn"], cause="By hand.")

    def failed() -> Any:
        record = standard.item(task_id)
        return record["status"] == "FAILED" and record

    record = until(failed, 60, "the record says what the execution does")
    assert record["failure"]["error"] == "ExecutionAborted"
    assert record["failure"]["message"] == "By hand."


@pytest.fixture(scope="module")
def stopped(cloud: LocalCloud) -> Iterator[Stack]:
    """A stack whose machine the tests change."""
    with Stack(cloud, deploy(cloud, "stopped")) as stack:
        yield stack


@pytest.fixture(scope="module")
def slow(cloud: LocalCloud) -> str:
    """The ARN of a function that takes longer than a test needs to stop its execution."""
    return function(cloud, "import time\ndef handler(event, context): time.sleep(30)")


@pytest.mark.parametrize("state", [*STEPS, "MarkFailed"])
def test_a_stop_in_any_state_fails_the_task_with_that_reason(
    stopped: Stack, slow: str, sources: Sources, state: str
):
    machine = stopped.outputs["StateMachineArn"]
    deployed = stopped.states.describe_state_machine(stateMachineArn=machine)["definition"]
    definition = json.loads(deployed)
    definition["States"][state]["Arguments"]["FunctionName"] = slow
    stopped.states.update_state_machine(stateMachineArn=machine, definition=json.dumps(definition))
    path = "/text.jpg" if state == "MarkFailed" else "/colour.jpg"
    task_id = stopped.submit(sources.url(path))["taskId"]
    execution = machine.replace(":stateMachine:", ":execution:") + f":{task_id}-1"
    until(lambda: state in entered(stopped, execution), 60, f"the execution is in {state}")

    stopped.states.stop_execution(executionArn=execution, cause=STOPPED["message"])
    task = stopped.ended(task_id)
    stopped.states.update_state_machine(stateMachineArn=machine, definition=deployed)

    assert task["status"] == "FAILED"
    step = "Grayscale" if state == "MarkFailed" else state
    assert task["failure"] == {**STOPPED, "step": step}
    assert stopped.execution(task)["status"] == "ABORTED"


def entered(stack: Stack, execution: str) -> list[str]:
    """The states that an execution has entered; none if it was not started yet."""
    try:
        events = stack.states.get_execution_history(executionArn=execution)["events"]
    except stack.states.exceptions.ExecutionDoesNotExist:
        return []
    details = [event.get("stateEnteredEventDetails") for event in events]
    return [found["name"] for found in details if found]
