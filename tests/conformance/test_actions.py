"""Calls that start, stop and read executions are answered as AWS was recorded to answer them.

`recorded` names the recording of each test, as `rows` explains.
"""

import uuid
from typing import Any

import pytest

from tests.conformance.actions import PASSING, WAITING, refusal, status_events
from tests.conformance.rows import Anything, Row, documented, recorded
from tests.conformance.runs import Runs
from tests.support.cloud.minimal import ended, eventually, history


@pytest.fixture
def waiting(runs: Runs) -> dict[str, Any]:
    """The arguments with which a waiting execution was started."""
    start = {
        "stateMachineArn": runs.machine(WAITING),
        "name": f"e-{uuid.uuid4().hex[:12]}",
        "input": '{"attempt": 1}',
    }
    runs.states.start_execution(**start)
    return start


def execution(start: dict[str, Any]) -> str:
    machine = start["stateMachineArn"].replace(":stateMachine:", ":execution:")
    return f"{machine}:{start['name']}"


def over(items: list[int], state: dict[str, Any]) -> dict[str, Any]:
    """A Map Run with one child after the other, each of which has this state."""
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "Item",
        "States": {"Item": state},
    }
    fields = {"Items": items, "MaxConcurrency": 1, "ItemProcessor": processor}
    return {"Type": "Map", **fields, "End": True}


@recorded(
    "2024-08-21",
    "stepfunctions/v2/test_sfn_api.py",
    "TestSnfApi::test_start_execution_idempotent",
)
def test_a_running_execution_started_again_with_its_input_is_the_same(runs: Runs, waiting):
    again = runs.states.start_execution(**waiting)

    assert again["executionArn"] == execution(waiting)


@recorded(
    "2024-08-21",
    "stepfunctions/v2/test_sfn_api.py",
    "TestSnfApi::test_start_execution_idempotent",
)
def test_a_name_started_again_with_another_input_is_refused(runs: Runs, waiting):
    code, message = refusal(runs.states.start_execution, **waiting | {"input": '{"attempt": 2}'})

    assert code == "ExecutionAlreadyExists"
    assert message == f"Execution Already Exists: '{execution(waiting)}'"


@documented(
    "https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"
)
def test_the_name_of_an_ended_execution_is_refused_even_with_its_input(runs: Runs, waiting):
    runs.states.stop_execution(executionArn=execution(waiting))

    code, _ = refusal(runs.states.start_execution, **waiting)

    assert code == "ExecutionAlreadyExists"


@recorded(
    "2024-05-06",
    "stepfunctions/v2/test_sfn_api.py",
    "TestSnfApi::test_stop_execution",
)
def test_a_stopped_execution_ends_aborted_by_one_event_which_is_the_last(runs: Runs):
    pause = {"Type": "Wait", "Seconds": 1, "Next": "After"}
    after = {"Type": "Pass", "End": True}
    machine = runs.machine(Row("pauses", {"Pause": pause, "After": after}, {}))
    arn = runs.states.start_execution(stateMachineArn=machine)["executionArn"]
    eventually(lambda: "WaitStateEntered" in history(runs.cloud, arn))

    runs.states.stop_execution(executionArn=arn)

    # The execution that is started now ends later than the stopped one would have.
    ended(runs.cloud, runs.states.start_execution(stateMachineArn=machine)["executionArn"])
    assert ended(runs.cloud, arn)["status"] == "ABORTED"
    assert history(runs.cloud, arn) == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"]


@recorded(
    "2023-06-22",
    "stepfunctions/v2/test_sfn_api.py",
    "TestSnfApi::test_invalid_start_execution_input",
)
def test_an_input_that_is_not_json_is_refused(runs: Runs):
    start = {"stateMachineArn": runs.machine(PASSING)}

    refused = [refusal(runs.states.start_execution, input=text, **start) for text in ("not", "")]

    assert [code for code, _ in refused] == ["InvalidExecutionInput"] * 2
    assert all("Invalid State Machine Execution Input: '" in message for _, message in refused)
    for text in ("2", '"text"', "null"):
        assert runs.states.start_execution(input=text, **start)["executionArn"]


@recorded(
    "2023-06-22",
    "stepfunctions/v2/test_sfn_api.py",
    "TestSnfApi::test_invalid_start_execution_arn",
)
def test_a_machine_that_does_not_exist_cannot_be_started(runs: Runs):
    machine = "arn:aws:states:us-east-1:000000000000:stateMachine:none"

    code, _ = refusal(runs.states.start_execution, stateMachineArn=machine)

    assert code == "StateMachineDoesNotExist"


@recorded(
    "2024-03-08",
    "stepfunctions/v2/test_sfn_api.py",
    "TestSnfApi::test_describe_execution_no_such_state_machine",
)
def test_an_execution_that_does_not_exist_is_neither_described_nor_has_a_history(runs: Runs):
    unknown = {"executionArn": "arn:aws:states:us-east-1:000000000000:execution:none:none"}

    assert refusal(runs.states.describe_execution, **unknown)[0] == "ExecutionDoesNotExist"
    assert refusal(runs.states.get_execution_history, **unknown)[0] == "ExecutionDoesNotExist"


@recorded(
    "2024-01-28",
    "stepfunctions/v2/test_sfn_api.py",
    "TestSnfApi::test_get_execution_history_reversed",
)
def test_the_events_of_an_execution_can_be_read_backwards(runs: Runs):
    arn = runs.states.start_execution(stateMachineArn=runs.machine(PASSING))["executionArn"]
    ended(runs.cloud, arn)

    events = runs.states.get_execution_history(executionArn=arn, reverseOrder=True)["events"]

    assert [(event["id"], event["previousEventId"], event["type"]) for event in events] == [
        (4, 3, "ExecutionSucceeded"),
        (3, 2, "PassStateExited"),
        (2, 0, "PassStateEntered"),
        (1, 0, "ExecutionStarted"),
    ]


@recorded(
    "2024-02-07",
    "stepfunctions/v2/base/test_base.py",
    "TestSnfBase::test_event_bridge_events_base",
)
def test_each_status_of_an_execution_is_an_event(runs: Runs):
    machine = runs.machine(PASSING)
    receive = status_events(runs, machine)
    start = {"stateMachineArn": machine, "name": "e-1", "input": "{}"}
    arn = runs.states.start_execution(**start)["executionArn"]

    received: list[Any] = []
    eventually(lambda: received.extend(receive()) or len(received) == 2)

    always = {
        "executionArn": arn,
        "stateMachineArn": machine,
        "name": "e-1",
        "input": "{}",
        "inputDetails": {"included": True},
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "NOT_REDRIVABLE",
        "error": None,
        "cause": None,
    }
    running = {"status": "RUNNING", "output": None, "outputDetails": None}
    ended_well = {
        "status": "SUCCEEDED",
        "output": '{"a": 1}',
        "outputDetails": {"included": True},
    }
    details = sorted((event["detail"] for event in received), key=lambda d: d["status"])
    for found, expected in zip(details, (running, ended_well), strict=True):
        status = expected["status"]
        reason = f"Execution is {status} and cannot be redriven"
        assert found == always | expected | {
            "redriveStatusReason": reason,
            "startDate": Anything(),
            "stopDate": Anything(),
        }
    assert {event["detail-type"] for event in received} == {
        "Step Functions Execution Status Change"
    }


@documented("https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html")
def test_a_map_run_ends_with_its_execution(runs: Runs):
    each = over([1, 2, 3, 4], {"Type": "Wait", "Seconds": 1, "End": True})
    machine = runs.machine(Row("maps", {"Each": each}, {}))
    arn = runs.states.start_execution(stateMachineArn=machine)["executionArn"]
    eventually(lambda: "MapRunStarted" in history(runs.cloud, arn))

    runs.states.stop_execution(executionArn=arn)

    def counts() -> dict[str, int]:
        listed = runs.states.list_map_runs(executionArn=arn)["mapRuns"]
        arns = [run["mapRunArn"] for run in listed]
        return runs.states.describe_map_run(mapRunArn=arns[0])["itemCounts"] if arns else {}

    eventually(lambda: (found := counts()) and found["pending"] + found["running"] == 0)
    assert counts()["succeeded"] <= 1  # the one that was running


@recorded(
    "2023-09-21",
    "stepfunctions/v2/test_sfn_api_map_run.py",
    "TestSnfApiMapRun::test_list_map_runs_and_describe_map_run",
)
def test_a_map_run_counts_its_items_and_its_children(runs: Runs):
    each = over([1, 2], {"Type": "Pass", "End": True})
    machine = runs.machine(Row("maps", {"Each": each}, {}))
    arn = runs.states.start_execution(stateMachineArn=machine)["executionArn"]
    ended(runs.cloud, arn)

    [listed] = runs.states.list_map_runs(executionArn=arn)["mapRuns"]
    described = runs.states.describe_map_run(mapRunArn=listed["mapRunArn"])

    none = {"aborted": 0, "failed": 0, "pending": 0, "running": 0, "timedOut": 0}
    counted = {"succeeded": 2, "total": 2, **none}
    assert (described["status"], described["maxConcurrency"]) == ("SUCCEEDED", 1)
    assert {key: described["itemCounts"][key] for key in counted} == counted
    assert {key: described["executionCounts"][key] for key in counted} == counted
