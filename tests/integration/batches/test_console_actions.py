"""Redrive and Start of a batch's execution in the console: it FAILED if it could change nothing.

The local cloud has no redrive, so a copy of the machine enters a state with a `RedriveCount` of 1.
"""

import json
import uuid
from typing import Any

import pytest

from tests.support.cloud.batches import Batches
from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import Sources

FAILURE = {"error": "", "message": ""}


@pytest.fixture
def batches(standard: Stack) -> Batches:
    return Batches(standard)


def entered(stack: Stack, state: str, order: dict[str, Any]) -> dict[str, Any]:
    """The end of a redriven execution that entered a state, with no wait in it."""
    arn = stack.outputs["BatchStateMachineArn"]
    deployed = stack.states.describe_state_machine(stateMachineArn=arn)
    text = deployed["definition"].replace("$states.context.Execution.RedriveCount", "1")
    definition = json.loads(text)
    for each in definition["States"].values():
        if each["Type"] == "Wait":
            each["Seconds"] = 0
    definition["States"]["Begin"]["Next"] = state
    created = stack.states.create_state_machine(
        name=f"redriven-{uuid.uuid4()}",
        definition=json.dumps(definition),
        roleArn=deployed["roleArn"],
    )
    return run(stack, created["stateMachineArn"], f"{order['batchId']}-{order['run']}", order)


def run(stack: Stack, machine: str, name: str, order: Any) -> dict[str, Any]:
    started = stack.states.start_execution(
        stateMachineArn=machine, name=name, input=json.dumps(order)
    )
    return stack.execution({"execution": {"arn": started["executionArn"]}})


def test_a_redrive_of_a_run_that_is_over_cannot_look_successful(batches: Batches, sources: Sources):
    batch = batches.ended(batches.submit([sources.url("/status/404")]))
    order = json.loads(batches.execution(batch)["input"])
    sources.files["/status/404"] = sources.files["/colour.png"]
    assert batches.act(batch, "retry").status_code == 202
    again = batches.ended(batch)

    for state in ("Watch", "CancelPage", "MarkFailed"):
        execution = entered(batches.stack, state, order)
        assert (execution["status"], execution["error"]) == ("FAILED", "StaleRun"), state
        assert f"Run 1 of batch {batch['batchId']} is not the current one" in execution["cause"]
        assert "POST /batches/{batchId}/retry" in execution["cause"]
    assert batches.show(batch)["status"] == again["status"]


@pytest.mark.parametrize("given", [{}, {"Comment": "Insert your JSON here"}])
def test_a_start_without_the_input_of_a_batch_is_red_and_says_what_to_do(
    standard: Stack, given: dict[str, str]
):
    machine = standard.outputs["BatchStateMachineArn"]

    execution = run(standard, machine, str(uuid.uuid4()), given)

    assert (execution["status"], execution["error"]) == ("FAILED", "StaleRun")
    assert execution["cause"].startswith("The input is not that of a batch. Nothing was changed.")
