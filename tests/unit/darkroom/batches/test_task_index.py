import base64
import json
import uuid
from typing import Any

import pytest

from darkroom.batches import task_index as module
from darkroom.batches.task_index import BatchTaskIndex
from darkroom.tasks.model import OPEN
from darkroom.tasks.queries import InvalidCursor
from darkroom.tasks.store import TaskStore
from tests.support.fakes.aws import STARTED

BATCH = str(uuid.UUID(int=7))
ATTRIBUTES = {"source": {"uploadId": "u"}, "output": {"format": "auto", "quality": 90}}


def task_id(number: int) -> str:
    return str(uuid.uuid5(uuid.UUID(int=1), str(number)))


@pytest.fixture
def batch_tasks(aws: Any, store: TaskStore) -> BatchTaskIndex:
    """A batch of twelve tasks, two COMPLETED and one CANCELLED; and a single task without a
    batch."""
    for number in range(12):
        place = {"batchId": BATCH, "batchIndex": number}
        store.create(task_id(number), "me", ATTRIBUTES | place)
    for number in (3, 10):
        store.start(task_id(number), 1, "arn", STARTED)
        store.complete(task_id(number), 1, "arn", {"key": "k"})
    store.cancel(task_id(5), 1)
    store.create(task_id(99), "me", ATTRIBUTES)
    return aws.batch_tasks


def cursor_of(place: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def test_tasks_are_counted_by_status(batch_tasks: BatchTaskIndex):
    counts = {"PENDING": 9, "COMPLETED": 2, "CANCELLED": 1}
    assert batch_tasks.count(BATCH) == (counts, None)
    assert batch_tasks.count(str(uuid.UUID(int=8))) == ({}, None)


def test_they_are_listed_in_the_order_of_the_manifest_page_by_page(batch_tasks: BatchTaskIndex):
    found: list[str] = []
    cursor = None
    for _ in range(3):
        items, cursor = batch_tasks.tasks(BATCH, limit=5, cursor=cursor)
        assert all(item["source"] == {"uploadId": "u"} for item in items)
        found += [item["taskId"] for item in items]
    assert found == [task_id(number) for number in range(12)]
    assert cursor is None


def test_they_are_listed_by_status(batch_tasks: BatchTaskIndex):
    items, cursor = batch_tasks.tasks(BATCH, limit=1, status="COMPLETED")
    assert [item["taskId"] for item in items] == [task_id(3)]
    rest, end = batch_tasks.tasks(BATCH, limit=5, status="COMPLETED", cursor=cursor)
    assert ([item["taskId"] for item in rest], end) == ([task_id(10)], None)


def test_a_task_that_changed_after_its_index_entry_is_not_reported_as_it_was(
    batch_tasks: BatchTaskIndex, monkeypatch: pytest.MonkeyPatch
):
    late = {"taskId": task_id(3), "batchIndex": 3, "status": "RUNNING"}
    monkeypatch.setattr(module, "collect", lambda *_, **__: ([late], None))
    assert batch_tasks.tasks(BATCH, limit=5, status="RUNNING") == ([], None)


def test_a_page_has_the_open_tasks_and_the_next_cursor(
    batch_tasks: BatchTaskIndex, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "ENTRIES_PER_PAGE", 7)
    first, cursor = batch_tasks.page(BATCH)
    second, _ = batch_tasks.page(BATCH, cursor)
    assert [e["batchIndex"] for e in first if e["status"] in OPEN] == [0, 1, 2, 4, 6]
    assert [e["batchIndex"] for e in second if e["status"] in OPEN] == [7, 8, 9, 11]
    assert {entry["attempt"] for entry in first} == {1}


@pytest.mark.parametrize(
    "cursor",
    [
        "!",
        "x",
        cursor_of(None),
        cursor_of([1]),
        cursor_of(["1", task_id(1)]),
        cursor_of([True, task_id(1)]),
        cursor_of([-1, task_id(1)]),
        cursor_of([2**60, task_id(1)]),
        cursor_of([1, "no id"]),
        cursor_of([1, 5]),
    ],
)
def test_an_invalid_cursor_is_refused(batch_tasks: BatchTaskIndex, cursor: str):
    with pytest.raises(InvalidCursor):
        batch_tasks.tasks(BATCH, limit=5, cursor=cursor)


def test_a_task_that_has_expired_is_not_listed(batch_tasks: BatchTaskIndex, store: TaskStore):
    place = {"batchId": BATCH, "batchIndex": 12}
    store.create(task_id(12), "me", ATTRIBUTES | place | {"expiresAt": 1})

    items, cursor = batch_tasks.tasks(BATCH, limit=20)

    assert len(items) == 12
    assert cursor is None
