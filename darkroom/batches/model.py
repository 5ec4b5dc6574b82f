"""The statuses of a batch and the transitions between them. Pure data: `store` makes the writes.

A batch consists of a manifest, the tasks that were created from it, and one execution per run,
which watches the tasks. They are ordinary tasks. A batch has no counters: its tasks are counted.

How reconcile repairs a batch that is not settled. A cancelling execution is one that cancels the
open tasks of a run that has ended:

| status of the batch | execution | repair |
|---|---|---|
| RUNNING | RUNNING | none |
| RUNNING | does not exist | start it, because nobody did |
| RUNNING | has ended, in any way | FAILED with the execution's error and reason |
| FAILED, CANCELLED | the cancelling one is RUNNING | none |
| FAILED, CANCELLED | the cancelling one does not exist | start it |
| FAILED, CANCELLED | the cancelling one has ended | settled: open tasks end by themselves |
| any, being deleted | the deleting one is RUNNING | none |
| any, being deleted | the deleting one does not exist | start it |
| any, being deleted | the deleting one has ended | start another one |
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from darkroom.aws.execution_failures import Outcome, explain, readable
from darkroom.tasks.model import Status

SETTLE_SECONDS = 20
"""This long after the end of a run, none of its calls creates a task or begins an attempt any more.

It is longer than Enter may take, and longer than a page of a retry needs to notice the end of its
run: `CHECK_SECONDS` and one write with all its retries.
"""
CHECK_SECONDS = 1.0
"""How often a page of a cancel or a retry checks whether its run has ended."""
PAGE_SECONDS = 150.0
"""Time limit of a page, and of a part of a count. The next one continues, so slow calls do no harm.

The longer it is, the fewer events the history of an execution has, even if calls are throttled. It
is shorter than the time limit of the function, because the last calls of a page may be slow.
"""
INDEX_DELAY_SECONDS = 2
"""Longer than the delay between the table of tasks and the index of a batch's tasks."""
CANCELLING = "cancel"
"""Suffix of a cancelling execution's name."""
DELETING = "delete"
"""Suffix of a deleting execution's name, with the number of the deletion."""

Counts = dict[str, int]


class BatchStatus(StrEnum):
    """The status of a batch."""

    RUNNING = "RUNNING"
    """Its items are being ingested, or some of its tasks have not ended."""
    COMPLETED = "COMPLETED"
    """All its tasks have ended, and the share of FAILED ones is tolerated."""
    FAILED = "FAILED"
    """`failure` explains why. Tasks that are still open are cancelled."""
    CANCELLED = "CANCELLED"
    """The caller ended it. Tasks that are still open are cancelled."""


ENDED = frozenset({BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.CANCELLED})


@dataclass(frozen=True)
class Transition:
    """One row of the rules: from which statuses to which. Every write applies to one run."""

    sources: frozenset[BatchStatus]
    target: BatchStatus


TRANSITIONS = {
    "complete": Transition(frozenset({BatchStatus.RUNNING}), BatchStatus.COMPLETED),
    "fail": Transition(frozenset({BatchStatus.RUNNING}), BatchStatus.FAILED),
    "cancel": Transition(frozenset({BatchStatus.RUNNING}), BatchStatus.CANCELLED),
    "retry": Transition(ENDED, BatchStatus.RUNNING),
}


def allowed(transition: str, status: str) -> bool:
    """Whether a transition is allowed for a batch of this status."""
    return status in TRANSITIONS[transition].sources


def task_id(batch_id: str, item: str) -> str:
    """Return the id of the task of a batch item: an item that is ingested twice is one task.

    Args:
        batch_id: the batch.
        item: the number of the line, or the key of the object.
    """
    return str(uuid.uuid5(uuid.UUID(batch_id), item))


def execution_name(batch_id: str, run: int, purpose: str = "") -> str:
    """Return the name of the execution of a run, or of one with another purpose for that run."""
    return f"{batch_id}-{run}" + (f"-{purpose}" if purpose else "")


def run_of(name: str) -> tuple[str, int]:
    """Return the batch and the run of an execution, from its name.

    Raises:
        ValueError: it is not the execution of a run. The one that cancels tasks is not.
    """
    batch_id, dash, run = name.rpartition("-")
    if not dash or not run.isdecimal():
        raise ValueError(f"{name!r} is not the name of a run.")
    return batch_id, int(run)


def order(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of the execution of a run.

    `reader` says where the items come from:

    - `lines`: the entries in the object `key`
    - `manifest`: the same, after they have been written from an uploaded manifest
    - `objects`: the objects whose keys begin with `key`
    - `none`: all items have been ingested

    `retry` says whether FAILED and CANCELLED tasks are retried, after `pause` seconds. `total` is 0
    while it is unknown.
    """
    return {
        "action": "run",
        "batchId": item["batchId"],
        "run": item["run"],
        "reader": "none" if item.get("entered") else item["manifest"]["reader"],
        "key": item["manifest"]["key"],
        "retry": item["run"] > 1,
        "pause": item.get("pause", 0),
        "total": item.get("total", 0),
    }


def cancelling_order(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of the cancelling execution of a run.

    It includes `total`, because the state machine fails if an expression refers to a missing field.
    """
    return {"action": "cancel", "batchId": item["batchId"], "run": item["run"], "total": 0}


def deleting_name(item: Mapping[str, Any]) -> str:
    """Return the name of the execution that deletes a batch. Each try has its own."""
    return execution_name(item["batchId"], item["run"], f"{DELETING}{item['deletion']}")


def deleting_order(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of the execution that deletes a batch.

    `pause` is 0 if nothing can create a task of the batch any more. Otherwise the tasks are read
    once more after a while.
    """
    names = {"action": "delete", "batchId": item["batchId"], "run": item["run"]}
    return {**names, "pause": 0 if item["settledBefore"] else SETTLE_SECONDS, "total": 0}


def is_deleting(item: Mapping[str, Any]) -> bool:
    """Whether a batch is being deleted. Its tasks disappear one after the other, then itself."""
    return "deletion" in item


def displayed_counts(item: Mapping[str, Any], counted: Mapping[str, int]) -> Counts:
    """Return the counts by status that callers see. They add up to the total once it is known.

    Args:
        item: the batch.
        counted: the number of existing tasks by status. Items without a task are added as PENDING
            while the batch is RUNNING, and as CANCELLED after that. Deleted tasks are not counted.
    """
    counts = {status.value: counted.get(status, 0) for status in Status}
    if is_deleting(item):
        return counts
    missing = remaining_total(item) - sum(counts.values())
    running = item["status"] == BatchStatus.RUNNING
    counts[Status.PENDING if running else Status.CANCELLED] += max(missing, 0)
    return counts


def remaining_total(item: Mapping[str, Any]) -> int:
    """Return the stored total, 0 if it is not known, without the tasks that were deleted."""
    remaining: int = item.get("total", 0) - item.get("deleted", 0)
    return max(remaining, 0)


def deleted_of(item: Mapping[str, Any], counts: Counts) -> int:
    """Return how many tasks were deleted: one by one, and by a deletion of the whole batch."""
    if is_deleting(item) and "total" in item:
        total: int = item["total"]
        return max(total - sum(counts.values()), 0)
    deleted: int = item.get("deleted", 0)
    return deleted


def total_of(item: Mapping[str, Any], counts: Counts) -> int | None:
    """Return the total of a batch; None while its manifest is being read.

    The total of a batch that ended before that was complete is the number of its tasks. It is not
    stored, because a retry reads the manifest again and creates the missing tasks.
    """
    settled = item["status"] in ENDED and "active" not in item
    if is_deleting(item) or ("total" not in item and settled):
        return sum(counts.values())
    # The index of tasks may be a second behind the number of deleted ones.
    return max(remaining_total(item), sum(counts.values())) if "total" in item else None


def verdict(item: Mapping[str, Any], counts: Counts) -> tuple[str, dict[str, str] | None] | None:
    """Return the transition that ends a RUNNING batch and its failure; None: it continues.

    A batch fails as soon as more tasks FAILED than it tolerates. It does not wait for the others.
    """
    if not item["total"]:
        where = "under the prefix" if item["manifest"]["reader"] == "objects" else "in the manifest"
        return "fail", {"error": "EmptyBatch", "message": f"There are no items {where}."}
    total = remaining_total(item)
    failed = counts[Status.FAILED]
    tolerated = item["toleratedFailurePercentage"]
    if failed * 100 > tolerated * total:
        message = f"{failed} of {total} tasks FAILED; {tolerated} % are tolerated."
        return "fail", {"error": "TooManyFailures", "message": message}
    if counts[Status.PENDING] + counts[Status.RUNNING] == 0:
        return "complete", None
    return None


def failure_of(outcome: Outcome) -> dict[str, str]:
    """Return the failure of a batch that is RUNNING although its execution has ended."""
    if outcome.status == "ABORTED":
        error = "ExecutionAborted"
        message = readable(outcome.cause) or "The execution was stopped."
    elif outcome.status == "SUCCEEDED":
        error, message = "ExecutionLost", "The execution ended without a result. Retry the batch."
    else:
        return explain("The batch", outcome.caught)
    return {"error": error, "message": message}
