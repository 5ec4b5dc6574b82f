"""A state machine writes its events to its log group, as recorded in AWS."""

import datetime
import json
from typing import Any

import pytest

from tests.support.cloud.minimal import (
    ended,
    eventually,
    function,
    log_group,
    logged,
    logging_to,
    machine,
    role,
    run,
    task,
)
from tools.localcloud.cloud import LocalCloud

PASS = {"Only": {"Type": "Pass", "Output": {"Arg1": "argument1"}, "End": True}}
FAIL = {"Only": {"Type": "Fail", "Error": "SomeFailure", "Cause": "It failed."}}
RAISING = "def handler(event, context): raise ValueError('no')"
SLOW = "import time\ndef handler(event, context): time.sleep(3)"
ECHO = "def handler(event, context): return event"


def lines(
    cloud: LocalCloud, states: dict[str, Any], level: str, *, data: bool = True, **settings: Any
) -> list[dict[str, Any]]:
    """What a machine logs about one execution, after its end."""
    group = log_group(cloud)
    logging = logging_to(group, level, data=data)
    arn = machine(cloud, states, loggingConfiguration=logging, **settings)
    return logged(cloud, group, run(cloud, arn)["executionArn"])


def in_short(events: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(event["id"], event["previous_event_id"], event["type"]) for event in events]


def test_each_event_is_a_line_with_the_names_that_aws_gives(cloud: LocalCloud) -> None:
    group = log_group(cloud)
    arn = machine(cloud, PASS, loggingConfiguration=logging_to(group, "ALL"))
    execution = run(cloud, arn)

    found = logged(cloud, group, execution["executionArn"])

    started, entered, left, succeeded = found
    assert in_short(found) == [
        ("1", "0", "ExecutionStarted"),
        ("2", "0", "PassStateEntered"),
        ("3", "2", "PassStateExited"),
        ("4", "3", "ExecutionSucceeded"),
    ]
    given, made = {"truncated": False}, {"truncated": False}
    assert started["details"] == {"input": "{}", "inputDetails": given, "roleArn": role(cloud)}
    assert entered["details"] == {"input": "{}", "inputDetails": given, "name": "Only"}
    output = '{"Arg1": "argument1"}'
    assert left["details"] == {"name": "Only", "output": output, "outputDetails": made}
    assert succeeded["details"] == {"output": output, "outputDetails": made}
    assert {(e["execution_arn"], e["redrive_count"]) for e in found} == {
        (execution["executionArn"], "0")
    }
    [stream] = cloud.client("logs").describe_log_streams(logGroupName=group)["logStreams"]
    moment = datetime.datetime.fromtimestamp(int(started["event_timestamp"]) / 1000, datetime.UTC)
    name = arn.rpartition(":")[2]
    assert stream["logStreamName"] == f"states/{name}/{moment:%Y-%m-%d-%H}/00000000"


def test_without_the_data_of_executions_no_line_has_any(cloud: LocalCloud) -> None:
    found = lines(cloud, PASS, "ALL", data=False)

    assert [event["details"] for event in found] == [
        {"roleArn": role(cloud)},
        {"name": "Only"},
        {"name": "Only"},
        {},
    ]


@pytest.mark.parametrize(
    ("states", "level", "ids"),
    [
        (PASS, "ERROR", []),
        (PASS, "OFF", []),
        (FAIL, "ERROR", ["2", "3"]),
        (FAIL, "FATAL", ["3"]),
        (FAIL, "OFF", []),
    ],
)
def test_a_level_decides_which_events_are_written(
    cloud: LocalCloud, states: dict[str, Any], level: str, ids: list[str]
) -> None:
    assert [event["id"] for event in lines(cloud, states, level, data=False)] == ids


def test_a_task_is_scheduled_and_started_by_service_and_action(cloud: LocalCloud) -> None:
    only = task(function(cloud, ECHO), {"secret": "s3cr3t"}, TimeoutSeconds=20)

    found = lines(cloud, {"Only": only}, "ALL", data=False)

    service = {"resource": "invoke", "resourceType": "lambda"}
    assert [(event["type"], event["details"]) for event in found[1:6]] == [
        ("TaskStateEntered", {"name": "Only"}),
        ("TaskScheduled", {"region": "us-east-1", "timeoutInSeconds": 20, **service}),
        ("TaskStarted", service),
        ("TaskSucceeded", service),
        ("TaskStateExited", {"name": "Only"}),
    ]
    assert "s3cr3t" not in json.dumps(found)


def test_a_task_that_takes_too_long_is_timed_out_without_a_cause(cloud: LocalCloud) -> None:
    found = lines(cloud, {"Only": task(function(cloud, SLOW), TimeoutSeconds=1)}, "ERROR")

    assert (found[0]["type"], found[0]["details"]) == (
        "TaskTimedOut",
        {"error": "States.Timeout", "resource": "invoke", "resourceType": "lambda"},
    )
    assert found[1]["type"] == "ExecutionFailed"


def test_each_try_of_a_task_is_written_with_its_error(cloud: LocalCloud) -> None:
    retry = {"ErrorEquals": ["ValueError"], "IntervalSeconds": 1, "MaxAttempts": 1}
    only = task(function(cloud, RAISING), Retry=[retry])

    found = lines(cloud, {"Only": only}, "ERROR", data=False)

    assert [event["type"] for event in found] == ["TaskFailed", "TaskFailed", "ExecutionFailed"]
    assert found[0]["details"]["error"] == "ValueError"
    assert json.loads(found[0]["details"]["cause"])["errorMessage"] == "no"


def test_an_execution_that_is_stopped_says_so_last(cloud: LocalCloud) -> None:
    group, states = log_group(cloud), cloud.client("stepfunctions")
    wait = {"Wait": {"Type": "Wait", "Seconds": 30, "End": True}}
    arn = machine(cloud, wait, loggingConfiguration=logging_to(group, "ALL"))
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    eventually(lambda: len(logged(cloud, group, execution)) == 2)

    states.stop_execution(executionArn=execution, error="Stopped", cause="by hand")

    last = logged(cloud, group, execution)[-1]
    assert (last["type"], last["details"]) == (
        "ExecutionAborted",
        {"error": "Stopped", "cause": "by hand"},
    )


def test_an_execution_continues_without_its_log_group(cloud: LocalCloud) -> None:
    group = log_group(cloud)
    arn = machine(cloud, PASS, loggingConfiguration=logging_to(group, "ALL"))
    cloud.client("logs").delete_log_group(logGroupName=group)

    started = cloud.client("stepfunctions").start_execution(stateMachineArn=arn)

    assert ended(cloud, started["executionArn"])["status"] == "SUCCEEDED"


def test_a_template_sets_the_log_level(cloud: LocalCloud) -> None:
    """The names in CloudFormation differ from those of the API."""
    group = log_group(cloud)
    destination = {
        "CloudWatchLogsLogGroup": {
            "LogGroupArn": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:*"
        }
    }
    definition = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}
    properties = {
        "RoleArn": role(cloud),
        "DefinitionString": json.dumps(definition),
        "LoggingConfiguration": {"Level": "ALL", "Destinations": [destination]},
    }
    resources = {"M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(
        StackName="logged-machine", TemplateBody=json.dumps({"Resources": resources})
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="logged-machine", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    arn = cloudformation.describe_stack_resource(StackName="logged-machine", LogicalResourceId="M")[
        "StackResourceDetail"
    ]["PhysicalResourceId"]

    execution = run(cloud, arn)["executionArn"]

    assert len(logged(cloud, group, execution)) == 4
    configured = cloud.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
    assert configured["loggingConfiguration"]["level"] == "ALL"
    cloudformation.delete_stack(StackName="logged-machine")
