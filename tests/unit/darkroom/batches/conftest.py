"""A RUNNING batch in the table, whose tasks are those of a `LargeIndex`."""

from collections.abc import Callable
from typing import Any

import pytest

from darkroom.batches.runs import BatchRunner
from tests.support.fakes.large_batches import BATCH, TASKS, LargeIndex, Machine, Queue, Tasks


@pytest.fixture
def large_batch(aws: Any) -> dict[str, Any]:
    """A batch of `TASKS` tasks of which a fifth may fail."""
    manifest = {"reader": "lines", "key": "k"}
    attributes = {"manifest": manifest, "output": {}, "toleratedFailurePercentage": 20}
    item, _ = aws.batches.create(BATCH, "me", attributes)
    complete: dict[str, Any] = aws.batches.record_total(item, TASKS)
    return complete


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def runner_of(
    aws: Any,
    large_batch: dict[str, Any],  # noqa: ARG001 - it exists
    tasks: Tasks,
    queue: Queue,
) -> Callable[[LargeIndex], BatchRunner]:
    """Make the runner of the batch from the index of its tasks."""

    def make(large: LargeIndex) -> BatchRunner:
        fakes: Any = {"tasks": tasks, "queue": queue, "machine": Machine(), "bucket": None}
        return BatchRunner(batches=aws.batches, batch_tasks=large.index, **fakes)

    return make
