"""Patterns and filters match the events that AWS documents, checked without the local cloud."""

import copy
import json
from typing import Any

import pytest
from moto.events.models import EventPattern

from tests.support.template.resolved import Deployed

EVENT = {
    # https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    "version": "0",
    "id": "315c1398-40ff-a850-213b-158f73e60175",
    "detail-type": "Step Functions Execution Status Change",
    "source": "aws.states",
    "account": "123456789012",
    "time": "2026-11-25T19:42:21Z",
    "region": "eu-south-2",
    "resources": ["arn:aws:states:eu-south-2:123456789012:execution:name:id"],
    "detail": {
        "executionArn": "arn:aws:states:eu-south-2:123456789012:execution:name:id",
        "stateMachineArn": "",
        "name": "execution-name",
        "status": "FAILED",
        "startDate": 1551225146847,
        "stopDate": 1551225151881,
        "input": "{}",
        "output": None,
    },
}
RECORD = {
    # https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
    "eventID": "1",
    "eventVersion": "1.0",
    "eventName": "MODIFY",
    "eventSource": "aws:dynamodb",
    "awsRegion": "eu-south-2",
    "dynamodb": {
        "Keys": {"taskId": {"S": "a"}},
        "NewImage": {"taskId": {"S": "a"}, "status": {"S": "COMPLETED"}},
        "OldImage": {"taskId": {"S": "a"}, "status": {"S": "RUNNING"}},
        "SequenceNumber": "111",
        "SizeBytes": 26,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    },
    "eventSourceARN": "arn:aws:dynamodb:eu-south-2:123456789012:table/name/stream/label",
}


@pytest.fixture(scope="module")
def stack(document: dict[str, Any]) -> Deployed:
    return Deployed(document, "darkroom")


def matches(pattern: Any, event: dict[str, Any]) -> bool:
    text = pattern if isinstance(pattern, str) else json.dumps(pattern)
    return bool(EventPattern.load(text).matches_event(event))


@pytest.mark.parametrize(
    ("machine", "suffix", "status", "matched"),
    [
        ("TaskStateMachine", "", "FAILED", True),
        ("TaskStateMachine", "", "TIMED_OUT", True),
        ("TaskStateMachine", "", "ABORTED", True),
        ("TaskStateMachine", "", "SUCCEEDED", False),
        ("TaskStateMachine", "", "RUNNING", False),
        # The event about an execution that was started through an alias may name the version or the
        # alias.
        ("TaskStateMachine", ":live", "FAILED", True),
        ("TaskStateMachine", ":7", "FAILED", True),
        ("BatchStateMachine", "", "FAILED", True),
    ],
)
def test_reconcile_gets_the_event_of_an_end_that_no_catch_handles(
    machine, suffix, status, matched, stack
):
    (rule,) = [
        rule
        for rule in stack.of_type("AWS::Events::Rule").values()
        if rule.get("EventPattern", {}).get("source") == ["aws.states"]
    ]
    event = copy.deepcopy(EVENT)
    event["detail"] |= {"stateMachineArn": stack.arn(machine) + suffix, "status": status}
    assert matches(rule["EventPattern"], event) is matched
    foreign = copy.deepcopy(event)
    foreign["detail"]["stateMachineArn"] += "-another"
    assert suffix or not matches(rule["EventPattern"], foreign)


@pytest.mark.parametrize(
    ("name", "before", "after", "matched"),
    [
        ("MODIFY", "RUNNING", "COMPLETED", True),
        ("MODIFY", "PENDING", "CANCELLED", True),
        ("MODIFY", "RUNNING", "FAILED", True),
        ("MODIFY", "PENDING", "RUNNING", False),
        ("MODIFY", "FAILED", "PENDING", False),
        ("MODIFY", "COMPLETED", "COMPLETED", False),
        ("INSERT", None, "PENDING", False),
        ("REMOVE", "COMPLETED", None, False),
    ],
)
def test_announce_is_given_the_change_by_which_a_task_ends(name, before, after, matched, stack):
    (mapping,) = [
        mapping
        for mapping in stack.of_type("AWS::Lambda::EventSourceMapping").values()
        if "FilterCriteria" in mapping
    ]
    record = copy.deepcopy(RECORD)
    record["eventName"] = name
    for image, status in (("OldImage", before), ("NewImage", after)):
        if status is None:
            del record["dynamodb"][image]
        else:
            record["dynamodb"][image]["status"]["S"] = status
    filters = mapping["FilterCriteria"]["Filters"]
    assert any(matches(f["Pattern"], record) for f in filters) is matched
