"""An Express machine answers as AWS was recorded to answer.

`recorded` names the recording of each test, as `rows` explains.
"""

import json
from typing import Any

import pytest

from tests.conformance.actions import FAILING, PASSING, WAITING, refusal, status_events
from tests.conformance.rows import Row, documented, recorded
from tests.conformance.runs import Runs
from tests.support.cloud.minimal import eventually, log_group, logged, logging_to

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


def express(row: Row, **settings: Any) -> Row:
    return Row(row.name, row.states, row.end, type="EXPRESS", **settings)


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
    "2024-07-15",
    "stepfunctions/v2/express/test_express_sync.py",
    "TestExpressSync::test_query_runtime_memory",
)
def test_only_a_synchronous_execution_has_no_number_of_redrives(runs: Runs):
    keys = {"Type": "Pass", "Output": "{% $sort($keys($states.context.Execution)) %}", "End": True}
    group = log_group(runs.cloud)
    row = express(Row("keys", {"Only": keys}, {}))
    machine = runs.machine(row, loggingConfiguration=logging_to(group, "ALL"))

    end = runs.synchronous.start_sync_execution(stateMachineArn=machine)
    arn = runs.states.start_execution(stateMachineArn=machine)["executionArn"]

    assert json.loads(end["output"]) == ["Id", "Input", "Name", "RoleArn", "StartTime"]
    last = eventually(lambda: logged(runs.cloud, group, arn)[3:])[0]
    output = json.loads(last["details"]["output"])
    assert output == ["Id", "Input", "Name", "RedriveCount", "RoleArn", "StartTime"]


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


@documented("https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html")
def test_an_express_execution_has_no_status_event(runs: Runs):
    machine, standard = runs.machine(express(PASSING)), runs.machine(PASSING)
    receive = status_events(runs, machine, standard)

    runs.states.start_execution(stateMachineArn=machine)
    runs.synchronous.start_sync_execution(stateMachineArn=machine)
    runs.states.start_execution(stateMachineArn=standard)

    received: list[Any] = []
    eventually(lambda: received.extend(receive()) or len(received) >= 2)
    assert {event["detail"]["stateMachineArn"] for event in received} == {standard}
