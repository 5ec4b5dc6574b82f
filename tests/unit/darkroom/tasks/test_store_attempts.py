import itertools
from collections.abc import Callable
from typing import Any

import pytest

from darkroom.errors import StaleAttempt
from darkroom.tasks.model import Status
from darkroom.tasks.store import TaskStore
from tests.support.fakes.aws import STARTED

ID = "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d"
EXECUTION = "arn:execution"
FAILURE = {"step": "Download", "error": "SourceNotFound", "message": "404"}


def task_in(store: TaskStore, status: Status) -> dict[str, Any]:
    store.create(ID, "owner", {"source": {}, "output": {}})
    if status != Status.PENDING:
        store.start(ID, 1, EXECUTION, STARTED)
    if status == Status.COMPLETED:
        store.complete(ID, 1, EXECUTION, {"key": "results/1.jpg"})
    if status == Status.FAILED:
        store.fail(ID, 1, EXECUTION, FAILURE)
    if status == Status.CANCELLED:
        store.cancel(ID, 1)
    return read(store)


def read(store: TaskStore) -> dict[str, Any]:
    item = store.get(ID)
    assert item is not None
    return item


def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each reading of the clock be a second later than the previous one."""
    seconds = itertools.count()
    monkeypatch.setattr(
        "darkroom.tasks.store.timestamp", lambda: f"2026-11-25T00:00:{next(seconds):02}.000Z"
    )


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
def test_a_new_attempt_begins_without_the_fields_of_the_last_one(
    store: TaskStore, table: Any, status: str
) -> None:
    before = task_in(store, Status(status))

    after = store.retry(ID, 1)

    assert after == read(store)
    assert after["attempt"] == 2
    assert after["createdAt"] == before["createdAt"]
    gone = {"startedAt", "completedAt", "execution", "failure"}
    assert not gone & after.keys()
    assert before.keys() - gone <= after.keys()
    assert len(table.scan(IndexName="active")["Items"]) == 1


def test_an_event_of_the_last_attempt_does_not_touch_the_new_one(store: TaskStore) -> None:
    task_in(store, Status.FAILED)
    fresh = store.retry(ID, 1)

    for late in (
        lambda: store.start(ID, 1, EXECUTION, STARTED),
        lambda: store.complete(ID, 1, EXECUTION, {}),
        lambda: store.fail(ID, 1, EXECUTION, FAILURE),
        lambda: store.cancel(ID, 1),
        lambda: store.retry(ID, 1),
    ):
        with pytest.raises(StaleAttempt):
            late()

    assert read(store) == fresh


def test_only_one_of_two_repairs_of_the_same_task_may_queue_it(
    store: TaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock(monkeypatch)
    as_read = task_in(store, Status.PENDING)

    assert [store.touch(as_read), store.touch(as_read)] == [True, False]
    assert read(store) == {**as_read, "requeues": 1, "updatedAt": read(store)["updatedAt"]}


@pytest.mark.parametrize("status", [s for s in Status if s != Status.PENDING])
def test_a_task_that_is_not_pending_is_not_queued_again(store: TaskStore, status: Status) -> None:
    before = task_in(store, status)

    assert not store.touch(before)
    assert read(store) == before


LATE: dict[str, Callable[[TaskStore], object]] = {
    "start": lambda store: store.start(ID, 1, EXECUTION, STARTED),
    "complete": lambda store: store.complete(ID, 1, EXECUTION, {"key": "k"}),
    "fail": lambda store: store.fail(ID, 1, EXECUTION, FAILURE),
    "cancel": lambda store: store.cancel(ID, 1),
    "retry": lambda store: store.retry(ID, 1),
}


@pytest.mark.parametrize("write", LATE.values(), ids=LATE)
def test_an_execution_does_not_bring_back_a_task_that_was_deleted_in_the_meantime(
    store: TaskStore, table: Any, write: Callable[[TaskStore], object]
) -> None:
    """Its retention was over. The execution ends in Superseded; S3 deletes the result by itself."""
    item = task_in(store, Status.RUNNING)
    table.delete_item(Key={"taskId": ID})

    with pytest.raises(StaleAttempt):
        write(store)
    store.record_delivery(ID, 1, {"delivered": True})
    assert not store.assign_to_run(ID, 1, 2)
    assert not store.touch({**item, "status": "PENDING"})

    assert table.scan()["Items"] == []


def test_a_task_that_expires_while_its_execution_runs_ends_and_stays_expired(
    store: TaskStore, table: Any
) -> None:
    """DynamoDB deletes it within days; until then nobody sees it."""
    store.create(ID, "owner", {"source": {}, "output": {}, "expiresAt": 1})
    store.start(ID, 1, EXECUTION, STARTED)
    store.complete(ID, 1, EXECUTION, {"key": "k"})

    assert store.get(ID) is None
    (item,) = table.scan()["Items"]
    assert (item["status"], item["expiresAt"], "active" in item) == ("COMPLETED", 1, False)


def test_a_failure_that_is_repeated_is_the_one_that_is_stored(store: TaskStore) -> None:
    """A redriven execution may fail for another reason. Its cause must be that of the record."""
    first = {"step": "Download", "error": "ExecutionAborted", "message": "By hand."}
    task_in(store, Status.RUNNING)

    assert store.fail(ID, 1, EXECUTION, first) == first
    assert store.fail(ID, 1, EXECUTION, FAILURE) == first


@pytest.mark.parametrize(
    ("status", "by", "attempt", "reason"),
    [
        (Status.CANCELLED, EXECUTION, 1, "the task is CANCELLED."),
        (
            Status.RUNNING,
            "arn:other",
            1,
            "another execution, or a later run of its batch, owns the task.",
        ),
        (Status.FAILED, EXECUTION, 2, "the task is FAILED in attempt 1."),
    ],
)
def test_a_refused_write_says_what_the_task_is(
    store: TaskStore, status: Status, by: str, attempt: int, reason: str
) -> None:
    task_in(store, status)

    with pytest.raises(StaleAttempt, match=f": {reason}$"):
        store.complete(ID, attempt, by, {})
