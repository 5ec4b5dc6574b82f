from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from darkroom.cli import stack
from darkroom.cli.operator import restore
from darkroom.cli.stack import Stack
from darkroom.tasks.erasure_rules import mark_of
from tests.support.fakes.api import darkroom

REGION = "us-east-1"
LATER = "99999999999"


class Tables:
    """The tables of a stack, and restored copies of them."""

    def __init__(self) -> None:
        self.dynamodb = boto3.client("dynamodb", region_name=REGION)
        for name, key in {
            "tasks": "taskId",
            "batches": "batchId",
            "old-tasks": "taskId",
            "old-batches": "batchId",
            "foreign": "id",
        }.items():
            self.dynamodb.create_table(
                TableName=name,
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
            )
        outputs = {"TableName": "tasks", "BatchTableName": "batches"}
        self.stack = Stack("https://api", "key", region=REGION, outputs=outputs)

    def put(self, table: str, item: dict[str, Any]) -> None:
        self.dynamodb.put_item(TableName=table, Item=item)

    def items(self, table: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.dynamodb.scan(TableName=table)["Items"]
        return found


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tables]:
    with mock_aws():
        tables = Tables()
        monkeypatch.setattr(stack, "find", lambda *_: tables.stack)
        yield tables


def task(number: int, status: str = "COMPLETED", **more: Any) -> dict[str, Any]:
    return {
        "taskId": {"S": f"task-{number}"},
        "status": {"S": status},
        "expiresAt": {"N": LATER},
        "source": {"M": {"bytes": {"N": "1.50"}, "set": {"SS": ["a", "b"]}}},
        **more,
    }


def test_what_is_missing_is_copied_unchanged_and_nothing_else_is_touched(tables: Tables) -> None:
    for number in range(250):
        tables.put("old-tasks", task(number, "FAILED" if number % 2 else "COMPLETED"))
    changed = [task(number, "RUNNING") for number in range(0, 250, 5)]
    for item in changed:
        tables.put("tasks", item)
    done = darkroom("restore", "old-tasks", "--yes")
    assert done.exit_code == 0
    assert "200 items of old-tasks missing in tasks. 100 COMPLETED  100 FAILED" in done.stdout
    assert "200 copied." in done.stdout
    found = {item["taskId"]["S"]: item for item in tables.items("tasks")}
    assert len(found) == 250
    assert all(found[item["taskId"]["S"]] == item for item in changed)
    assert found["task-1"] == task(1, "FAILED")


def test_a_dry_run_and_a_no_copy_nothing(tables: Tables) -> None:
    tables.put("old-tasks", task(1))
    assert "1 item of old-tasks" in darkroom("restore", "old-tasks", "--dry-run").stdout
    refused = darkroom("restore", "old-tasks", input="n\n")
    assert refused.exit_code == 1
    assert tables.items("tasks") == []


def test_items_that_have_expired_stay_away(tables: Tables) -> None:
    tables.put("old-tasks", task(1) | {"expiresAt": {"N": "1"}})
    assert "0 items" in darkroom("restore", "old-tasks", "--yes").stdout
    assert tables.items("tasks") == []


def test_batches_have_their_own_table(tables: Tables) -> None:
    batch = {"batchId": {"S": "b"}, "status": {"S": "COMPLETED"}}
    tables.put("old-batches", batch)
    assert darkroom("restore", "old-batches", "--yes").exit_code == 0
    assert tables.items("batches") == [batch]


def test_an_item_that_was_written_in_the_meantime_is_not_replaced(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables.put("old-tasks", task(1))
    tables.put("tasks", task(1, "RUNNING"))
    monkeypatch.setattr(restore.Restore, "_present", lambda *_: set())
    assert "0 copied." in darkroom("restore", "old-tasks", "--yes").stdout
    assert tables.items("tasks") == [task(1, "RUNNING")]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("absent", "absent: "),
        ("foreign", "foreign is not a copy of the stack's table of tasks or of batches."),
        ("tasks", "tasks is the table itself. Give the table that was restored."),
    ],
)
@pytest.mark.usefixtures("tables")
def test_another_table_is_refused(table: str, reason: str) -> None:
    refused = darkroom("restore", table, "--yes")
    assert refused.exit_code == 1
    assert refused.stderr.startswith(reason)


def test_a_stack_of_which_only_the_api_is_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "find", lambda *_: Stack("https://api", "key"))
    assert "Use --stack" in darkroom("restore", "old-tasks").stderr


def test_what_callers_have_deleted_stays_away(tables: Tables) -> None:
    for number, more in enumerate(({}, {}, {"batchId": {"S": "a batch"}})):
        tables.put("old-tasks", task(number, **more))
    kept = {"taskId": {"S": "webhook secret me"}, "version": {"N": "2"}}
    tables.put("old-tasks", kept)
    tables.put("old-tasks", {"taskId": {"S": "uses uploads/me/u"}, "uses": {"N": "1"}})
    tables.put("tasks", {"taskId": {"S": mark_of("task-1")}})
    tables.put("batches", {"batchId": {"S": mark_of("a batch")}})

    done = darkroom("restore", "old-tasks", "--yes")

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "2 copied."
    ids = {item["taskId"]["S"] for item in tables.items("tasks")}
    assert ids == {"task-0", "webhook secret me", mark_of("task-1")}
    for number in (7, 8):
        tables.put("old-batches", {"batchId": {"S": f"batch-{number}"}})
    tables.put("batches", {"batchId": {"S": mark_of("batch-7")}})
    assert darkroom("restore", "old-batches", "--yes").stdout.splitlines()[-1] == "1 copied."
