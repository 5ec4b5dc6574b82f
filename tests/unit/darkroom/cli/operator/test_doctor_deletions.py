"""`darkroom doctor` warns of deletions that are not finished in time."""

import datetime
from typing import Any

import boto3
import pytest

from darkroom.cli.operator import doctor
from darkroom.cli.operator.deployment import Deployment
from darkroom.cli.stack import Stack
from darkroom.runtime.clock import timestamp
from tests.support.fakes.aws import BATCH_TABLE, REGION, TABLE, FakeAws


def ago(**length: int) -> datetime.timedelta:
    return datetime.timedelta(**length)


def findings(items: list[dict[str, Any]], aws: FakeAws) -> list[tuple[str, str]]:
    now = datetime.datetime.now(datetime.UTC)
    for item in items:
        table = BATCH_TABLE if "batchId" in item else TABLE
        whole = {"active": "3", "updatedAt": ago(minutes=1), **item}
        whole = {
            name: timestamp(now - value) if isinstance(value, datetime.timedelta) else value
            for name, value in whole.items()
        }
        boto3.resource("dynamodb").Table(table).put_item(Item=whole)
    assert aws.table.name == TABLE
    outputs = {"TableName": TABLE, "BatchTableName": BATCH_TABLE}
    stack = Stack("https://api", "key", region=REGION, outputs=outputs)
    return [(found.level, found.message) for found in doctor.deletions(Deployment(stack))]


@pytest.mark.parametrize(
    "items",
    [
        [],
        [{"taskId": "a task", "status": "RUNNING"}],
        [{"taskId": "deleted 9f86", "files": ["work/"], "quietAt": ago(minutes=10)}],
        [{"batchId": "a", "deletionRequestedAt": ago(hours=23)}],
    ],
)
def test_a_deletion_that_is_open_for_a_short_time_is_ok(
    aws: FakeAws, items: list[dict[str, Any]]
) -> None:
    assert findings(items, aws) == [("ok", "none is late")]


def test_what_is_late_is_counted(aws: FakeAws) -> None:
    late = [
        {"taskId": "deleted 9f86", "files": ["work/"], "quietAt": ago(minutes=20)},
        {"batchId": "a", "deletionRequestedAt": ago(hours=25)},
    ]
    assert findings(late, aws) == [("warn", "2 are not finished")]
