"""What the tests of API actions share: machines, how a call is refused, and status events."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.rows import Row
from tests.conformance.runs import Runs

WAITING = Row("waits", {"Pause": {"Type": "Wait", "Seconds": 60, "End": True}}, {})
PASSING = Row("passes", {"Only": {"Type": "Pass", "Output": {"a": 1}, "End": True}}, {})
FAILING = Row(
    "fails", {"Only": {"Type": "Fail", "Error": "SourceGone", "Cause": "It is gone."}}, {}
)


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    """The code and the message with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def status_events(runs: Runs, *machines: str) -> Callable[[], list[Any]]:
    """Send the status events of executions to a queue; returns a function that reads it."""
    name = f"q-{uuid.uuid4().hex[:12]}"
    sqs, events = runs.cloud.client("sqs"), runs.cloud.client("events")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [*machines]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

    def receive() -> list[Any]:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in found]

    return receive
