"""An Express execution as in Step Functions: names are not unique, and its history is only in its
log."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.cloud.minimal import (
    HAS_SPEEDUPS,
    eventually,
    log_group,
    logged,
    logging_to,
    machine,
)
from tools.localcloud.cloud import LocalCloud

EMPTY = {"Only": {"Type": "Pass", "End": True}}
FAILING = {"Only": {"Type": "Fail", "Error": "Boom", "Cause": "it broke"}}
LONG_WAIT = {"Wait": {"Type": "Wait", "Seconds": 30, "End": True}}
INVALID_ARN = "Invalid Arn: 'Resource type not valid in this context: express'"
OF_THIS_TYPE = "This operation is not supported by this type of state machine"


@pytest.fixture
def states(cloud: LocalCloud) -> Any:
    return cloud.client("stepfunctions")


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """The code and the message with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_name_that_is_started_again_is_another_execution(cloud: LocalCloud, states: Any) -> None:
    context = {"Only": {"Type": "Pass", "Output": "{% $states.context.Execution %}", "End": True}}
    group = log_group(cloud)
    logging = logging_to(group, "ALL")
    arn = machine(cloud, context, type="EXPRESS", loggingConfiguration=logging)

    first, second = (
        states.start_execution(stateMachineArn=arn, name="task-1")["executionArn"] for _ in range(2)
    )

    assert first != second
    assert first.split(":")[5:8] == ["express", arn.split(":")[-1], "task-1"]
    for execution in (first, second):
        last = eventually(lambda arn=execution: logged(cloud, group, arn)[3:])[0]
        output = json.loads(last["details"]["output"])
        assert (output["Name"], output["Id"]) == ("task-1", execution)


@pytest.mark.parametrize("definition", [EMPTY, LONG_WAIT], ids=["ended", "running"])
def test_aws_answers_no_question_about_an_express_execution(
    cloud: LocalCloud, states: Any, definition: dict[str, Any]
) -> None:
    arn = machine(cloud, definition, type="EXPRESS")
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]

    for call in (
        states.describe_execution,
        states.get_execution_history,
        states.stop_execution,
        states.describe_state_machine_for_execution,
    ):
        assert refusal(call, executionArn=execution) == ("InvalidArn", INVALID_ARN)
    assert refusal(states.list_executions, stateMachineArn=arn) == (
        "StateMachineTypeNotSupported",
        OF_THIS_TYPE,
    )


@pytest.fixture
def synchronous(cloud: LocalCloud) -> Any:
    """A client that does not put `sync-` before the host, because the local cloud has no such
    name."""
    return cloud.client("stepfunctions", inject_host_prefix=False)


def test_a_synchronous_start_answers_with_the_end(cloud: LocalCloud, synchronous: Any) -> None:
    arn = machine(cloud, EMPTY, type="EXPRESS")

    answer = synchronous.start_sync_execution(stateMachineArn=arn, name="s-1", input='{"n": 1}')

    assert answer["executionArn"].split(":")[5:8] == ["express", arn.split(":")[-1], "s-1"]
    assert (answer["name"], answer["status"], answer["output"]) == ("s-1", "SUCCEEDED", '{"n": 1}')
    assert answer["billingDetails"] == {
        # Without speedups the emulator waits 150 ms before each execution.
        "billedDurationInMilliseconds": 100 if HAS_SPEEDUPS else 200,
        "billedMemoryUsedInMB": 64,
    }


def test_a_synchronous_start_that_fails_has_a_reason_and_no_output(
    cloud: LocalCloud, synchronous: Any
) -> None:
    arn = machine(cloud, FAILING, type="EXPRESS")

    answer = synchronous.start_sync_execution(stateMachineArn=arn)

    assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "Boom", "it broke")
    assert "output" not in answer


def test_a_standard_machine_is_not_started_synchronously(
    cloud: LocalCloud, synchronous: Any
) -> None:
    arn = machine(cloud, EMPTY)

    assert refusal(synchronous.start_sync_execution, stateMachineArn=arn) == (
        "StateMachineTypeNotSupported",
        OF_THIS_TYPE,
    )


def test_an_express_execution_has_no_status_event(cloud: LocalCloud, states: Any) -> None:
    """A Standard one that ends later has: the events come in order."""
    sqs, events = cloud.client("sqs"), cloud.client("events")
    queue = sqs.create_queue(QueueName="express-events")["QueueUrl"]
    pattern = {"source": ["aws.states"], "detail": {"status": ["SUCCEEDED"]}}
    events.put_rule(Name="express-events", EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:000000000000:express-events"}
    events.put_targets(Rule="express-events", Targets=[target])
    reported: list[str] = []
    group = log_group(cloud)
    logging = logging_to(group, "ALL")
    arn = machine(cloud, EMPTY, type="EXPRESS", loggingConfiguration=logging)
    express = states.start_execution(stateMachineArn=arn)["executionArn"]
    eventually(lambda: len(logged(cloud, group, express)) == 4)

    standard = states.start_execution(stateMachineArn=machine(cloud, EMPTY))["executionArn"]

    def arrived() -> bool:
        found = sqs.receive_message(QueueUrl=queue).get("Messages", [])
        reported.extend(json.loads(each["Body"])["detail"]["executionArn"] for each in found)
        return standard in reported

    eventually(arrived)
    assert express not in reported
    events.remove_targets(Rule="express-events", Ids=["queue"])
    events.delete_rule(Name="express-events")
