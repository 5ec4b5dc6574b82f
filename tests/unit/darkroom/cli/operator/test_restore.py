"""`darkroom restore-items` brings back what was lost, and nothing else."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from darkroom.cli import stack
from darkroom.cli.stack import Stack
from darkroom.tasks.erasure_rules import mark_of
from tests.support.fakes.api import darkroom
from tests.support.fakes.aws import table_definition

REGION = "us-east-1"
KINDS = {"tasks": "Tasks", "batches": "Batches"}
KEPT, LOST, OLD, DELETED, OF_DELETED_BATCH, BATCH = (str(uuid.UUID(int=n)) for n in range(1, 7))


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The stack's two tables, and a restored copy of each."""
    with mock_aws():
        dynamodb = boto3.resource("dynamodb", region_name=REGION)
        for name, resource in KINDS.items():
            for table in (name, f"{name}-restored"):
                dynamodb.create_table(TableName=table, **table_definition(resource))
        outputs = {"TableName": "tasks", "BatchTableName": "batches"}
        found = Stack("https://api", "key", region=REGION, outputs=outputs)
        monkeypatch.setattr(stack, "find", lambda *_: found)
        yield dynamodb.Table


def fill(tables: Any) -> None:
    later = int(time.time()) + 1000
    restored, current = tables("tasks-restored"), tables("tasks")
    for task_id, more in {
        KEPT: {"status": "RUNNING"},
        LOST: {"status": "COMPLETED", "result": {"share": "0.5"}},
        OLD: {"expiresAt": 1},
        DELETED: {},
        OF_DELETED_BATCH: {"batchId": BATCH, "batchIndex": 0},
    }.items():
        restored.put_item(Item={"taskId": task_id, "expiresAt": later, **more})
    restored.put_item(Item={"taskId": "webhook secret me", "version": 2, "previous": []})
    restored.put_item(Item={"taskId": "uses uploads/me/u", "uses": 1, "expiresAt": later})
    current.put_item(Item={"taskId": KEPT, "status": "COMPLETED"})
    current.put_item(Item={"taskId": mark_of(DELETED), "expiresAt": later})
    tables("batches").put_item(Item={"batchId": mark_of(BATCH), "expiresAt": later})


def items(table: Any) -> dict[str, Any]:
    return {item["taskId"]: item for item in table.scan()["Items"]}


def test_only_what_is_missing_and_was_not_deleted_comes_back(tables: Any) -> None:
    fill(tables)
    before = items(tables("tasks"))

    done = darkroom("restore-items", "tasks-restored", "--yes")

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "2 items of tasks-restored missing in tasks.",
        "1 there, 1 expired, 2 deleted on purpose.",
        "2 copied.",
    ]
    after = items(tables("tasks"))
    copied = items(tables("tasks-restored"))
    assert after == before | {key: copied[key] for key in (LOST, "webhook secret me")}
    assert "0 items of tasks-restored missing" in darkroom("restore-items", "tasks-restored").stdout


@pytest.mark.parametrize(("arguments", "answer"), [(["--dry-run"], None), ([], "n\n")])
def test_nothing_is_copied_without_consent(
    tables: Any, arguments: list[str], answer: str | None
) -> None:
    fill(tables)
    before = items(tables("tasks"))

    done = darkroom("restore-items", "tasks-restored", *arguments, input=answer)

    assert "2 items" in done.stdout
    assert items(tables("tasks")) == before


def test_more_items_than_one_request_takes_are_copied(tables: Any) -> None:
    with tables("batches-restored").batch_writer() as writer:
        for number in range(250):
            writer.put_item(Item={"batchId": str(uuid.UUID(int=number))})

    done = darkroom("restore-items", "batches-restored", "--yes")

    assert done.stdout.endswith("250 copied.\n")
    assert len(tables("batches").scan()["Items"]) == 250


@pytest.mark.parametrize("name", ["tasks", "missing"])
def test_a_table_that_is_no_restored_copy_is_refused(tables: Any, name: str) -> None:
    fill(tables)
    done = darkroom("restore-items", name, "--yes")
    assert done.exit_code == 1
    assert name in done.stderr
