"""A batch is deleted page by page, and nothing is left of it."""

import datetime
import threading
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from darkroom.aws.dynamodb import Table
from darkroom.aws.s3 import Bucket
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches import deletion, task_index
from darkroom.batches.deletion import BatchEraser
from darkroom.batches.model import deleted_of, displayed_counts, total_of
from darkroom.tasks.erasure_rules import STEP_SECONDS
from tests.support.fakes.aws import BATCH_TABLE, BUCKET, STARTED, TABLE, FakeAws

BATCH = str(uuid.uuid5(uuid.NAMESPACE_URL, "a key"))
MANIFEST = f"batches/{BATCH}/manifest.jsonl"
UPLOADED = "uploads/me/9a6a1f6e-0000-4000-8000-000000000000"
TASKS = [str(uuid.uuid5(uuid.UUID(BATCH), str(number))) for number in range(5)]


class Machine(StateMachine):
    """Records the executions that it has to stop."""

    def __init__(self) -> None:
        super().__init__("arn:aws:states:eu-central-1:1:stateMachine:tasks")
        self.stopped: list[str] = []

    def stop(self, execution: str, *_: str) -> None:
        self.stopped.append(execution)


@pytest.fixture
def eraser(aws: FakeAws) -> BatchEraser:
    return BatchEraser(
        batches=aws.batches,
        tasks=aws.store,
        table=Table(TABLE),
        batch_tasks=aws.batch_tasks,
        machine=Machine(),
        eraser=aws.eraser,
        bucket=aws.bucket,
    )


@pytest.fixture(autouse=True)
def _one_call_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moto's lists of versions are not thread-safe."""
    erase, lock = Bucket.erase, threading.Lock()

    def locked(*arguments: Any) -> int:
        with lock:
            return erase(*arguments)

    monkeypatch.setattr(Bucket, "erase", locked)


@pytest.fixture
def batch(aws: FakeAws) -> dict[str, Any]:
    """A COMPLETED batch of five tasks, with its manifest, that is to be deleted."""
    manifest = {"reader": "manifest", "key": MANIFEST, "upload": UPLOADED}
    attributes = {"manifest": manifest, "output": {}, "toleratedFailurePercentage": 100}
    item, _ = aws.batches.create(BATCH, "me", attributes)
    for key in (MANIFEST, UPLOADED):
        aws.bucket.put(key, b"x", "application/x-ndjson")
    for number, task_id in enumerate(TASKS):
        source = {"imageUrl": "https://a.example/"}
        place = {"batchId": BATCH, "batchIndex": number}
        aws.store.create(task_id, "me", {"source": source, "output": {}, **place})
        complete(aws, task_id)
    aws.batches.record_total(item, len(TASKS))
    ended = aws.batches.end("complete", item)
    assert ended
    deleting = aws.batches.begin_deletion(ended)
    assert deleting
    return deleting


def complete(aws: FakeAws, task_id: str) -> None:
    aws.store.start(task_id, 1, "arn", STARTED)
    aws.bucket.put(f"results/{task_id}/1.png", b"x", "image/png")
    aws.store.complete(task_id, 1, "arn", {"key": f"results/{task_id}/1.png"})


def keys(aws: FakeAws) -> list[str]:
    return [each["Key"] for each in aws._s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def items(aws: FakeAws) -> list[dict[str, Any]]:
    scanned = aws._dynamodb.scan(TableName=BATCH_TABLE)["Items"]
    return [*aws.table.scan()["Items"], *scanned]


@pytest.mark.usefixtures("batch")
def test_nothing_is_left_of_a_batch_and_its_tasks_but_a_digest(
    aws: FakeAws, eraser: BatchEraser
) -> None:
    assert eraser.delete_page(BATCH, 1, "") == {"cursor": "", "open": 0}
    assert aws.counted(BATCH).total() == 0
    assert keys(aws) == [MANIFEST, UPLOADED]
    assert eraser.forget(BATCH, 1) == {}

    assert keys(aws) == []
    [mark] = items(aws)
    assert set(mark) == {"batchId", "expiresAt"}
    assert BATCH not in str(mark)
    assert aws.batches.get(BATCH) is None
    assert aws.batches.was_deleted(BATCH)


def test_the_progress_is_shown(
    aws: FakeAws, eraser: BatchEraser, batch: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_index, "ENTRIES_PER_PAGE", 2)
    following = eraser.delete_page(BATCH, 1, "")["cursor"]

    counts = displayed_counts(batch, aws.counted(BATCH))
    assert (total_of(batch, counts), deleted_of(batch, counts)) == (3, 2)
    assert counts["COMPLETED"] == 3
    rounds = 0
    while following:
        following = eraser.delete_page(BATCH, 1, following)["cursor"]
        rounds += 1
    assert rounds == 2
    assert aws.counted(BATCH).total() == 0


@pytest.mark.usefixtures("batch")
def test_a_page_that_takes_too_long_continues_in_the_next_call(
    aws: FakeAws, eraser: BatchEraser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "PAGE_SECONDS", -1)
    monkeypatch.setattr("darkroom.batches.groups.AT_ONCE", 2)

    first = eraser.delete_page(BATCH, 1, "")

    assert aws.counted(BATCH).total() == 3
    assert eraser.delete_page(BATCH, 1, first["cursor"])["open"] == 0
    assert aws.counted(BATCH).total() == 1


@pytest.mark.usefixtures("batch")
def test_open_tasks_are_cancelled_and_deleted_when_their_steps_have_ended(
    aws: FakeAws, eraser: BatchEraser, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = TASKS[2]
    aws.table.update_item(
        Key={"taskId": running},
        UpdateExpression="SET #s = :running",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":running": "RUNNING"},
    )

    assert eraser.delete_page(BATCH, 1, "") == {"cursor": "", "open": 1}
    assert eraser.machine.stopped == ["arn"]
    assert eraser.delete_page(BATCH, 1, "") == {"cursor": "", "open": 1}
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=STEP_SECONDS)
    clock = SimpleNamespace(datetime=SimpleNamespace(now=lambda _: later), UTC=datetime.UTC)
    monkeypatch.setattr(deletion, "datetime", clock)
    assert eraser.delete_page(BATCH, 1, "") == {"cursor": "", "open": 0}
    assert keys(aws) == [MANIFEST, UPLOADED]


@pytest.mark.usefixtures("batch")
def test_an_interrupted_page_leaves_no_file(
    aws: FakeAws, eraser: BatchEraser, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Bucket, "erase", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            eraser.delete_page(BATCH, 1, "")
    eraser.delete_page(BATCH, 1, "")

    for mark in aws.index.overdue("3000", 10):
        aws.eraser.finish(mark)
    assert keys(aws) == [MANIFEST, UPLOADED]


@pytest.mark.parametrize("run", [1, 2])
def test_a_batch_that_is_not_to_be_deleted_is_left_alone(
    aws: FakeAws, eraser: BatchEraser, batch: dict[str, Any], run: int
) -> None:
    if run == 1:
        changes = {"Key": {"batchId": BATCH}, "UpdateExpression": "REMOVE deletion"}
        aws.batches._table._dynamodb.update_item(
            TableName=BATCH_TABLE, **{**changes, "Key": {"batchId": {"S": BATCH}}}
        )

    assert eraser.delete_page(BATCH, run, "") == {"cursor": "", "open": 0}
    eraser.forget(BATCH, run)

    assert aws.counted(BATCH).total() == len(TASKS)
    assert aws.batches.get(BATCH)
    assert batch["deletion"] == 1


def test_the_stored_counts_of_a_large_batch_become_smaller(
    aws: FakeAws, eraser: BatchEraser, batch: dict[str, Any]
) -> None:
    aws.batches.record_counts(batch, {"COMPLETED": 60_000, "FAILED": 1})

    eraser.delete_page(BATCH, 1, "")

    item = aws.batches.get(BATCH)
    assert item
    assert item["counted"] == {"COMPLETED": 60_000 - len(TASKS), "FAILED": 1}


def test_the_manifest_that_was_uploaded_stays_while_a_task_uses_the_file(
    aws: FakeAws, eraser: BatchEraser, batch: dict[str, Any]
) -> None:
    assert batch["manifest"]["upload"] == UPLOADED
    aws.eraser.uses.add({"object": UPLOADED})
    eraser.forget(BATCH, 1)
    assert keys(aws)[-1] == UPLOADED


def test_a_batch_that_is_being_deleted_can_be_neither_retried_nor_settled(
    aws: FakeAws, batch: dict[str, Any]
) -> None:
    assert aws.batches.retry(batch, 0) is None
    assert aws.batches.settle(batch) is None
    assert aws.batches.begin_deletion({**batch, "deletion": 2}) is None
    read_before = {name: value for name, value in batch.items() if name != "deletion"}
    assert aws.batches.retry(read_before, 0) is None


def test_a_deleted_task_is_no_part_of_its_batch(aws: FakeAws) -> None:
    manifest = {"manifest": {"reader": "lines", "key": "k"}, "toleratedFailurePercentage": 0}
    item, _ = aws.batches.create(BATCH, "me", manifest)
    assert aws.batches.item_deletion(BATCH)
    write = aws.batches.item_deletion(BATCH)
    with pytest.raises(Exception, match="ConditionalCheckFailed"):
        aws.eraser._table.transact(write)  # the batch is RUNNING
    aws.batches.record_total(item, 3)
    aws.batches.end("complete", item)
    aws.eraser._table.transact(write)

    found = aws.batches.get(BATCH)
    assert found
    counts = displayed_counts(found, {"COMPLETED": 2})
    assert (total_of(found, counts), deleted_of(found, counts), sum(counts.values())) == (2, 1, 2)
    # The index may be behind.
    assert total_of(found, displayed_counts(found, {"COMPLETED": 3})) == 3
