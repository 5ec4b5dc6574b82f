"""Whatever happens during a deletion, in the end nothing of the task is left."""

import datetime
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from darkroom.aws.dynamodb import Table, TransactionRefused
from darkroom.aws.s3 import Bucket
from darkroom.errors import ServiceUnavailable, StaleAttempt
from darkroom.runtime.clock import timestamp
from darkroom.tasks.erasure import TRIES, RefusedTogether
from darkroom.tasks.reconciler import Reconciler
from tests.support.fakes.aws import BUCKET, STARTED, FakeAws

UPLOAD = "uploads/me/9a6a1f6e-0000-4000-8000-000000000000"
MADE = str(uuid.uuid5(uuid.NAMESPACE_URL, "a key"))
RANDOM = "3f2b8c1e-9d5e-4f0e-8d5e-2f1f4a3b7c8d"


def task(aws: FakeAws, task_id: str = MADE, **more: Any) -> dict[str, Any]:
    """A COMPLETED task with all its files."""
    attributes = {"source": {"imageUrl": "https://a.example/"}, "output": {}, **more}
    aws.eraser.uses.add(attributes["source"])
    aws.store.create(task_id, "me", attributes)
    aws.store.start(task_id, 1, "arn", STARTED)
    for name in ("source", "gray"):
        aws.bucket.put(f"work/{task_id}/1/{name}", b"x", "image/png")
    aws.bucket.put(f"results/{task_id}/1.png", b"x", "image/png")
    aws.store.complete(task_id, 1, "arn", {"key": f"results/{task_id}/1.png"})
    return stored(aws, task_id)


def cancelled(aws: FakeAws, task_id: str = MADE) -> dict[str, Any]:
    """A task whose execution may still be running."""
    attributes = {"source": {"imageUrl": "https://a.example/"}, "output": {}}
    aws.store.create(task_id, "me", attributes)
    aws.store.start(task_id, 1, "arn", STARTED)
    return aws.store.cancel(task_id, 1)


def stored(aws: FakeAws, task_id: str) -> dict[str, Any]:
    item = aws.store.get(task_id)
    assert item is not None
    return item


def items(aws: FakeAws) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = aws.table.scan()["Items"]
    return found


def is_closed(found: list[dict[str, Any]], marks: int = 1) -> bool:
    """Whether the table has only this number of marks, which contain nothing but a digest."""
    return [set(each) for each in found] == [{"taskId", "expiresAt"}] * marks


def keys(aws: FakeAws) -> list[str]:
    found = aws._s3.list_object_versions(Bucket=BUCKET)
    return [each["Key"] for kind in ("Versions", "DeleteMarkers") for each in found.get(kind, [])]


def reconcile(aws: FakeAws) -> None:
    """Run the sweep over everything that is overdue, a year from now."""
    queue: Any = None
    machine: Any = SimpleNamespace(describes_executions=True, running=frozenset)
    sweeper = Reconciler(aws.store, aws.index, queue, queue, machine, aws.eraser)
    sweeper.sweep(datetime.timedelta(days=-365))


def test_nothing_is_left_of_a_task_but_a_digest_of_its_id(aws: FakeAws) -> None:
    aws.eraser.erase(task(aws))

    assert is_closed(items(aws))
    assert MADE not in str(items(aws))
    assert keys(aws) == []
    assert aws.store.get(MADE) is None
    assert aws.index.of_owner("me", limit=10)[0] == []
    assert aws.store.was_deleted(MADE)


def test_all_versions_are_deleted_if_somebody_has_turned_on_versioning(aws: FakeAws) -> None:
    versioning = {"Bucket": BUCKET, "VersioningConfiguration": {"Status": "Enabled"}}
    aws._s3.put_bucket_versioning(**versioning)
    try:
        item = task(aws)
        aws.bucket.put(f"results/{MADE}/1.png", b"a second version", "image/png")
        aws._s3.delete_object(Bucket=BUCKET, Key=f"work/{MADE}/1/gray")

        aws.eraser.erase(item)

        assert keys(aws) == []
    finally:
        versioning["VersioningConfiguration"] = {"Status": "Suspended"}
        aws._s3.put_bucket_versioning(**versioning)


def test_the_files_of_other_tasks_stay(aws: FakeAws) -> None:
    item, _ = task(aws), task(aws, RANDOM)
    aws.eraser.erase(item)
    assert len(keys(aws)) == 3
    assert all(RANDOM in key for key in keys(aws))


@pytest.mark.parametrize("change", ["retry", "gone"])
def test_a_task_that_has_changed_since_it_was_read_is_not_deleted(
    aws: FakeAws, change: str
) -> None:
    item = cancelled(aws)
    if change == "retry":
        aws.store.retry(MADE, 1)
    else:
        aws.eraser.erase(item)

    with pytest.raises(StaleAttempt):
        aws.eraser.erase(item)

    assert (aws.store.get(MADE) is None) == (change == "gone")


def test_a_deletion_that_breaks_off_is_finished_by_the_next_request_of_its_caller(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = task(aws)
    with monkeypatch.context() as broken:
        broken.setattr(Bucket, "erase", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            aws.eraser.erase(item)
    assert aws.store.get(MADE) is None

    assert not aws.eraser.resume(MADE, "somebody else")
    assert len(keys(aws)) == 3
    assert aws.eraser.resume(MADE, "me")
    assert keys(aws) == []
    assert not aws.eraser.resume(MADE, "me")


def test_an_interrupted_deletion_is_finished_by_reconcile(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = task(aws, RANDOM)
    with monkeypatch.context() as broken:
        broken.setattr(Bucket, "erase", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            aws.eraser.erase(item)

    reconcile(aws)

    assert is_closed(items(aws))
    assert keys(aws) == []


def test_what_an_execution_writes_after_the_deletion_is_deleted_later(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.eraser.erase(cancelled(aws))
    with pytest.raises(StaleAttempt):
        aws.store.complete(MADE, 1, "arn", {"key": "results"})
    aws.bucket.put(f"work/{MADE}/1/source", b"late", "image/png")
    aws.bucket.put(f"results/{MADE}/1.png", b"late", "image/png")

    reconcile(aws)
    [mark] = items(aws)
    assert mark["updatedAt"] > timestamp()  # it may write more
    assert keys(aws) == []

    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=71)
    monkeypatch.setattr("darkroom.tasks.erasure.timestamp", lambda *_: timestamp(later))
    aws.bucket.put(f"results/{MADE}/1.png", b"even later", "image/png")
    reconcile(aws)
    assert is_closed(items(aws))
    assert keys(aws) == []


def test_a_second_request_does_not_find_a_task_whose_execution_may_still_write(
    aws: FakeAws,
) -> None:
    aws.eraser.erase(cancelled(aws))
    assert not aws.eraser.resume(MADE, "me")


def test_a_write_that_belongs_to_the_deletion_prevents_it(aws: FakeAws) -> None:
    item = task(aws)
    never = aws.eraser._table.add_of({"taskId": "x"}, "n", 1, "attribute_exists(#taskId)")

    with pytest.raises(RefusedTogether):
        aws.eraser.erase(item, [never])

    assert aws.store.get(MADE) == item
    assert len(keys(aws)) == 3


@pytest.mark.parametrize("conflicts", [1, TRIES])
def test_a_conflicting_transaction_is_waited_for(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, conflicts: int
) -> None:
    """As if two tasks of one batch were deleted at the same time."""
    item = task(aws)
    transact, left = Table.transact, [conflicts]

    def conflict(self: Table, writes: Any) -> None:
        if left[0]:
            left[0] -= 1
            raise TransactionRefused(["None", "TransactionConflict", "None"])
        transact(self, writes)

    monkeypatch.setattr(Table, "transact", conflict)
    monkeypatch.setattr("darkroom.tasks.erasure.LONGEST_PAUSE", 0)

    if conflicts < TRIES:
        aws.eraser.erase(item)
    else:
        with pytest.raises(ServiceUnavailable):
            aws.eraser.erase(item)
    assert (aws.store.get(MADE) is None) == (conflicts < TRIES)


def test_an_upload_is_deleted_with_the_last_task_that_uses_it(aws: FakeAws) -> None:
    aws.bucket.put(UPLOAD, b"x", "image/png")
    first = task(aws, source={"object": UPLOAD})
    second = task(aws, RANDOM, source={"object": UPLOAD})

    aws.eraser.erase(first)
    assert UPLOAD in keys(aws)
    aws.eraser.erase(second)

    assert keys(aws) == []
    assert is_closed(items(aws), 2)


def test_a_task_that_starts_to_use_an_upload_during_a_deletion_keeps_it(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.bucket.put(UPLOAD, b"x", "image/png")
    item = task(aws, RANDOM, source={"object": UPLOAD})
    uses = aws.eraser.uses
    removal = uses.removal

    def then_another_begins(source: Any) -> Any:
        found = removal(source)
        monkeypatch.undo()
        uses.add(source)
        return found

    monkeypatch.setattr(uses, "removal", then_another_begins)

    aws.eraser.erase(item)

    assert keys(aws) == [UPLOAD]
    assert [each["uses"] for each in items(aws) if "uses" in each] == [1]


def test_an_upload_that_an_earlier_release_has_used_stays(aws: FakeAws) -> None:
    aws.bucket.put(UPLOAD, b"x", "image/png")
    aws.store.create(RANDOM, "me", {"source": {"object": UPLOAD}, "output": {}})

    aws.eraser.erase(aws.store.cancel(RANDOM, 1))

    assert keys(aws) == [UPLOAD]


def test_the_bytes_of_a_data_url_are_deleted_and_what_the_operator_has_imported_stays(
    aws: FakeAws,
) -> None:
    for number, source in enumerate(
        ({"object": UPLOAD, "imageUrl": "data:image/png"}, {"object": "imports/me/a.png"})
    ):
        aws.bucket.put(source["object"], b"x", "image/png")
        aws.eraser.erase(task(aws, str(uuid.UUID(int=number, version=4)), source=source))
    assert keys(aws) == ["imports/me/a.png"]


def test_a_source_that_was_counted_without_a_task_is_uncounted(aws: FakeAws) -> None:
    aws.bucket.put(UPLOAD, b"x", "image/png")
    item = task(aws, RANDOM, source={"object": UPLOAD})
    aws.eraser.uses.add({"object": UPLOAD})
    aws.eraser.drop_source({"object": UPLOAD})

    aws.eraser.erase(item)

    assert is_closed(items(aws))
    assert keys(aws) == []
