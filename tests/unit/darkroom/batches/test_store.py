import uuid
from typing import Any

import pytest

from darkroom.batches.store import BatchStore
from darkroom.tasks.model import ACTIVE_SHARDS

BATCH = str(uuid.UUID(int=7))
ATTRIBUTES: dict[str, Any] = {
    "manifest": {"reader": "lines", "key": "k"},
    "output": {"format": "auto", "quality": 90},
    "toleratedFailurePercentage": 100,
}
LATER = "2100-01-01T00:00:00.000Z"


@pytest.fixture
def batches(aws: Any) -> BatchStore:
    return aws.batches


@pytest.fixture
def batch(batches: BatchStore) -> dict[str, Any]:
    return batches.create(BATCH, "me", ATTRIBUTES)[0]


def unsettled(batches: BatchStore) -> list[str]:
    found = [batches.unsettled(str(shard), LATER, 10) for shard in range(ACTIVE_SHARDS)]
    return [item["batchId"] for items in found for item in items]


def test_a_new_batch_runs_and_is_checked_by_reconcile(batches: BatchStore, batch: dict[str, Any]):
    assert (batch["status"], batch["run"]) == ("RUNNING", 1)
    assert batches.get(BATCH) == batch
    assert unsettled(batches) == [BATCH]


def test_a_second_batch_of_the_same_id_is_the_first_one(batches: BatchStore, batch: dict[str, Any]):
    assert batches.create(BATCH, "you", ATTRIBUTES) == (batch, False)


def test_one_that_is_completed_is_settled_at_once(batches: BatchStore, batch: dict[str, Any]):
    ended = batches.end("complete", batch)
    assert ended is not None
    assert ended["status"] == "COMPLETED"
    assert ended["completedAt"] == ended["updatedAt"]
    assert unsettled(batches) == []


@pytest.mark.parametrize("transition", ["fail", "cancel"])
def test_one_that_ends_otherwise_is_checked_until_it_is_settled(
    batches: BatchStore, batch: dict[str, Any], transition: str
):
    failure = {"error": "TooManyFailures", "message": "Too many."}
    ended = batches.end(transition, batch, failure)
    assert ended is not None
    assert ended["failure"] == failure
    assert unsettled(batches) == [BATCH]

    assert batches.settle(ended) is not None
    assert unsettled(batches) == []


def test_only_one_of_two_completions_is_written(batches: BatchStore, batch: dict[str, Any]):
    assert batches.end("cancel", batch)
    assert batches.end("complete", batch) is None
    assert batches.end("fail", batch, {"error": "x", "message": "y"}) is None
    assert batches.record_total(batch, 1) is None
    assert (batches.get(BATCH) or {})["status"] == "CANCELLED"


def test_a_retry_is_a_new_run_that_no_late_write_changes(
    batches: BatchStore, batch: dict[str, Any]
):
    ended = batches.end("fail", batch, {"error": "x", "message": "y"})
    assert ended is not None
    again = batches.retry(ended, 12)
    assert again is not None

    assert (again["status"], again["run"], again["pause"]) == ("RUNNING", 2, 12)
    assert "failure" not in again
    assert "completedAt" not in again
    assert unsettled(batches) == [BATCH]
    assert batches.retry(ended, 0) is None
    assert batches.end("complete", batch) is None
    assert batches.settle(ended) is None


def test_one_that_runs_is_neither_retried_nor_settled(batches: BatchStore, batch: dict[str, Any]):
    assert batches.retry(batch, 0) is None
    assert batches.settle(batch) is None


def test_a_touch_moves_it_to_the_end_of_the_order(batches: BatchStore, batch: dict[str, Any]):
    touched = batches.touch(batch)
    assert touched is not None
    assert touched["updatedAt"] >= batch["updatedAt"]
    batches.end("cancel", batch)
    assert batches.touch(batch) is None


def test_a_batch_that_has_expired_is_gone_and_its_id_free_again(batches: BatchStore):
    batches.create(BATCH, "me", ATTRIBUTES | {"expiresAt": 1})

    assert batches.get(BATCH) is None
    created, fresh = batches.create(BATCH, "you", ATTRIBUTES)
    assert (created["owner"], fresh) == ("you", True)
    assert batches.get(BATCH) == created
