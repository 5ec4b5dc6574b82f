"""Starting, stopping and reading executions, and Express machines, are answered as AWS did it.

`recorded` names the recording of each test, as `rows` explains.
"""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.rows import Row, documented, recorded
from tests.conformance.runs import Runs
from tests.support.cloud.minimal import ended, eventually, history, log_group, logged, logging_to

WAITING = Row("waits", {"Pause": {"Type": "Wait", "Seconds": 60, "End": True}}, {})
PASSING = Row("passes", {"Only": {"Type": "Pass", "Output": {"a": 1}, "End": True}}, {})
FAILING = Row(
    "fails", {"Only": {"Type": "Fail", "Error": "SourceGone", "Cause": "It is gone."}}, {}
)
CATCHING = Row(
    "catches",
    {
        "Call": {
            "Invokes": [{"raise": "SourceGone"}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
            "End": True,
        },
        "Caught": {"Type": "Pass", "Output": "{% $states.input.Error %}", "End": True},
    },
    {},
)
OTHER_TYPE = "This operation is not supported by this type of state machine"
EXPRESS_ARN = "Invalid Arn: 'Resource type not valid in this context: express'"


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    """The code and the message with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def express(row: Row, **settings: Any) -> Row:
    return Row(row.name, row.states, row.end, type="EXPRESS", **settings)


@pytest.fixture
def waiting(runs: Runs) -> dict[str, Any]:
    """The arguments with which an execution was started that waits."""
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
def test_a_stopped_execution_ends_aborted_by_one_event(runs: Runs, waiting):
    arn = execution(waiting)
    eventually(lambda: "WaitStateEntered" in history(runs.cloud, arn))

    runs.states.stop_execution(executionArn=arn)

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
    "2023-09-21",
    "stepfunctions/v2/test_sfn_api_map_run.py",
    "TestSnfApiMapRun::test_list_map_runs_and_describe_map_run",
)
def test_a_map_run_counts_its_items_and_its_children(runs: Runs):
    item = {"StartAt": "Item", "States": {"Item": {"Type": "Pass", "End": True}}}
    item["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    each = {"Type": "Map", "Items": [1, 2], "MaxConcurrency": 1, "ItemProcessor": item, "End": True}
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


@recorded(
    "2024-07-03",
    "stepfunctions/v2/test_sfn_api_express.py",
    "TestSfnApiExpress::test_start_async_describe_history_execution",
)
def test_an_express_execution_cannot_be_described_stopped_or_listed(runs: Runs):
    machine = runs.machine(express(WAITING, timeout=5))
    arn = runs.states.start_execution(stateMachineArn=machine)["executionArn"]

    of_one = ("describe_execution", "stop_execution", "get_execution_history")
    refused = {refusal(getattr(runs.states, name), executionArn=arn) for name in of_one}

    assert refused == {("InvalidArn", EXPRESS_ARN)}
    listed = refusal(runs.states.list_executions, stateMachineArn=machine)
    assert listed == ("StateMachineTypeNotSupported", OTHER_TYPE)


@pytest.mark.parametrize(
    ("row", "last"),
    [
        pytest.param(PASSING, ("4", "3", "ExecutionSucceeded", {"output": '{"a": 1}'}), id="well"),
        pytest.param(
            FAILING,
            ("3", "2", "ExecutionFailed", {"error": "SourceGone", "cause": "It is gone."}),
            id="badly",
        ),
    ],
)
@recorded(
    "2024-07-03",
    "stepfunctions/v2/express/test_express_async.py",
    "TestExpressAsync::test_base[BASE_PASS_RESULT]",
)
def test_the_log_says_how_an_express_execution_ended(runs: Runs, row: Row, last: tuple[Any, ...]):
    group = log_group(runs.cloud)
    machine = runs.machine(express(row), loggingConfiguration=logging_to(group, "ALL"))

    arn = runs.states.start_execution(stateMachineArn=machine)["executionArn"]

    end = eventually(
        lambda: next((e for e in logged(runs.cloud, group, arn) if e["type"] == last[2]), None)
    )
    details = {key: value for key, value in end["details"].items() if key != "outputDetails"}
    assert (end["id"], end["previous_event_id"], end["type"], details) == last
    assert end["redrive_count"] == "0"
    assert ":express:" in end["execution_arn"]


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        pytest.param(PASSING, {"status": "SUCCEEDED", "output": {"a": 1}}, id="well"),
        pytest.param(
            FAILING,
            {"status": "FAILED", "error": "SourceGone", "cause": "It is gone."},
            id="badly",
        ),
        pytest.param(CATCHING, {"status": "SUCCEEDED", "output": "SourceGone"}, id="caught"),
    ],
)
@recorded(
    "2024-06-26",
    "stepfunctions/v2/express/test_express_sync.py",
    "TestExpressSync::test_base[BASE_RAISE_FAILURE]",
)
def test_a_synchronous_start_answers_with_the_end(runs: Runs, row: Row, answer: dict[str, Any]):
    end = runs.synchronous.start_sync_execution(stateMachineArn=runs.machine(express(row)))

    found = {name: end[name] for name in ("status", "error", "cause") if name in end}
    found |= {"output": json.loads(end["output"])} if "output" in end else {}
    assert found == answer
    assert end["billingDetails"]["billedMemoryUsedInMB"] == 64
    assert end["billingDetails"]["billedDurationInMilliseconds"] % 100 == 0


@recorded(
    "2024-07-03",
    "stepfunctions/v2/test_sfn_api.py",
    "TestSnfApi::test_start_sync_execution",
)
def test_a_standard_machine_is_not_started_synchronously(runs: Runs):
    machine = runs.machine(PASSING)

    refused = refusal(runs.synchronous.start_sync_execution, stateMachineArn=machine)

    assert refused == ("StateMachineTypeNotSupported", OTHER_TYPE)


@pytest.mark.parametrize(
    ("resource", "what"),
    [
        ("arn:aws:states:::states:startExecution.sync", "'.sync' service integration"),
        (
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "'.waitForTaskToken' service integration",
        ),
        ("arn:aws:states:us-east-1:000000000000:activity:none", "Activity ARN"),
    ],
)
@recorded(
    "2024-07-03",
    "stepfunctions/v2/test_sfn_api_express.py",
    "TestSfnApiExpress::test_illegal_callbacks[SYNC]",
)
def test_an_express_machine_waits_for_no_other_service(runs: Runs, resource: str, what: str):
    call = {"Type": "Task", "Resource": resource, "Arguments": {}, "End": True}

    code, message = refusal(runs.machine, row=Row("waits", {"Call": call}, {}, type="EXPRESS"))

    assert code == "InvalidDefinition"
    assert f"Express state machine does not support {what} at /States/Call/Resource" in message
