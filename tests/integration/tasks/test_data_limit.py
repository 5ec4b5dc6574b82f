"""A step whose result exceeds the payload limit ends its task FAILED, with or without a Catch.

AWS documents that `States.ALL` does not catch `States.DataLimitExceeded`; AWS's recorded answers
say that it does: docs/aws-differences.md. The local cloud follows the documentation, so the test
adds a Catch by name to show the other behaviour.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cloud.minimal import function
from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import Sources
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy

LARGE = "def handler(event, context): return {'sourceKey': 'x' * 256 * 1024}"
ERROR = "States.DataLimitExceeded"


@pytest.fixture(scope="module")
def limited(cloud: LocalCloud) -> Iterator[Stack]:
    with Stack(cloud, deploy(cloud, "limited")) as stack:
        yield stack


@pytest.mark.parametrize("caught", [True, False], ids=["as recorded", "as documented"])
def test_a_result_that_is_too_large_ends_the_task_failed_with_the_reason(
    limited: Stack, sources: Sources, caught: bool
):
    arn = limited.outputs["StateMachineArn"]
    definition = json.loads(
        limited.states.describe_state_machine(stateMachineArn=arn)["definition"]
    )
    download = definition["States"]["Download"]
    download["Arguments"]["FunctionName"] = function(limited.cloud, LARGE)
    wildcard = next(c for c in download["Catch"] if c["ErrorEquals"] == ["States.ALL"])
    by_name = [{**wildcard, "ErrorEquals": [ERROR]}] if caught else []
    download["Catch"] = [*by_name, wildcard]
    limited.states.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))

    task = limited.ended(limited.submit(sources.url("/colour.png"))["taskId"])

    failure = task["failure"]
    assert (task["status"], failure["step"], failure["error"]) == ("FAILED", "Download", ERROR)
    assert "exceed" in failure["message"]
    execution = limited.execution(task)
    assert (execution["status"], execution["error"]) == ("FAILED", ERROR)
    assert execution["cause"] == failure["message"]
    assert ("MarkFailed" in states_of(limited, task)) == caught


def states_of(stack: Stack, task: dict[str, Any]) -> list[str]:
    """The states that the execution of a task has entered."""
    events = stack.states.get_execution_history(executionArn=task["execution"]["arn"])["events"]
    details = [event.get("stateEnteredEventDetails") for event in events]
    return [found["name"] for found in details if found]
