"""The smallest functions and state machines that show one behaviour of the emulator."""

import io
import json
import os
import uuid
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.cloud.stacks import until
from tools.localcloud.cloud import SPEEDUPS, LocalCloud

EVERYBODY = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
OF_MACHINE = {"type", "loggingConfiguration"}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}

HAS_SPEEDUPS = os.environ.get(SPEEDUPS) != "0"
needs_speedups = pytest.mark.skipif(not HAS_SPEEDUPS, reason=f"{SPEEDUPS}=0 turns this off")


def role(cloud: LocalCloud) -> str:
    """A role that may do everything, for tests that are not about roles; returns its ARN."""
    iam = cloud.client("iam")
    try:
        return str(iam.get_role(RoleName="everything")["Role"]["Arn"])
    except iam.exceptions.NoSuchEntityException:
        made = iam.create_role(RoleName="everything", AssumeRolePolicyDocument=_policy(EVERYBODY))
        iam.put_role_policy(
            RoleName="everything", PolicyName="everything", PolicyDocument=_policy(EVERYTHING)
        )
        return str(made["Role"]["Arn"])


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def package(**modules: str) -> bytes:
    """A zip with one module per keyword; `python__tool` is python/tool.py."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        for name, source in modules.items():
            files.writestr(f"{name.replace('__', '/')}.py", source)
    return archive.getvalue()


def function(cloud: LocalCloud, source: str, **settings: Any) -> str:
    """A function whose module `app` is `source`, handler `app.handler`; returns its ARN."""
    created = cloud.client("lambda").create_function(
        FunctionName=f"f-{uuid.uuid4().hex[:12]}",
        Role=role(cloud),
        Code={"ZipFile": package(app=source)},
        **{"Runtime": "python3.13", "Handler": "app.handler", **settings},
    )
    return str(created["FunctionArn"])


def invoke(cloud: LocalCloud, name: str, event: Any = None) -> Any:
    """The function's response, or the error that it reports."""
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}))
    return json.load(answer["Payload"])


def machine(cloud: LocalCloud, states: dict[str, Any], **settings: Any) -> str:
    """A JSONata state machine that starts at its first state; returns its ARN.

    `type` and `loggingConfiguration` are settings of the machine, others are fields of its
    definition.
    """
    of_machine = {name: settings.pop(name) for name in OF_MACHINE & settings.keys()}
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    created = cloud.client("stepfunctions").create_state_machine(
        name=f"m-{uuid.uuid4().hex[:12]}",
        roleArn=role(cloud),
        definition=json.dumps(definition | settings),
        **of_machine,
    )
    return str(created["stateMachineArn"])


def task(name: str, payload: Any = None, **fields: Any) -> dict[str, Any]:
    """A Task that invokes a function and ends the machine, unless `fields` say otherwise."""
    arguments = {"FunctionName": name, "Payload": payload or {}}
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": arguments}
    return state | ({} if "Next" in fields else {"End": True}) | fields


def run(cloud: LocalCloud, arn: str, **start: Any) -> dict[str, Any]:
    """Start an execution, and describe it after it has ended."""
    states = cloud.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=arn, **start)["executionArn"]
    return ended(cloud, execution)


def ended(cloud: LocalCloud, execution: str) -> dict[str, Any]:
    """Describe an execution after it has ended."""
    states = cloud.client("stepfunctions")

    def description() -> dict[str, Any] | None:
        found: dict[str, Any] = states.describe_execution(executionArn=execution)
        return None if found["status"] == "RUNNING" else found

    return eventually(description)


def history(cloud: LocalCloud, execution: str) -> list[str]:
    """The types of an execution's events, in order."""
    pages = cloud.client("stepfunctions").get_paginator("get_execution_history")
    found = pages.paginate(executionArn=execution)
    return [event["type"] for page in found for event in page["events"]]


def log_group(cloud: LocalCloud) -> str:
    """A new log group; returns its name."""
    name = f"g-{uuid.uuid4().hex[:12]}"
    cloud.client("logs").create_log_group(logGroupName=name)
    return name


def logging_to(group: str, level: str, *, data: bool = True) -> dict[str, Any]:
    """The logging configuration of a machine, for a log group and a level."""
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:*"
    return {
        "level": level,
        "includeExecutionData": data,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}],
    }


def logged(cloud: LocalCloud, group: str, execution: str) -> list[dict[str, Any]]:
    """What a state machine has logged about one execution, in order."""
    pages = cloud.client("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName=group, filterPattern=f'"{execution}"')
    events = [json.loads(event["message"]) for page in found for event in page["events"]]
    return sorted(events, key=lambda event: int(event["id"]))


def eventually(condition: Callable[[], Any], seconds: float = 15) -> Any:
    """Wait like `until`, without a description of the condition; return its value."""
    return until(condition, seconds, str(condition))


def listener(cloud: LocalCloud, topic: str) -> Callable[[], list[Any]]:
    """Subscribe a queue to a topic; return a function that receives the messages sent since
    then."""
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn["QueueArn"],
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": _policy(allowed)})
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])

    def receive() -> list[Any]:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(json.loads(message["Body"])["Message"]) for message in found]

    return receive
