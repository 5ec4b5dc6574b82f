"""What a batch is and how its status may change. Pure data: `batch_store` makes the writes from it.

A batch is a manifest, the tasks that were made of it, and one execution per run that watches them.
Its tasks are tasks like any other; the batch itself has no counters, its tasks are counted instead.

| the batch is | its execution | then |
|---|---|---|
| RUNNING | runs | nothing |
| RUNNING | there is none | start it: the API or Step Functions failed when it should have begun |
| RUNNING | has ended, in whichever way | FAILED with the execution's error and reason |
| FAILED, CANCELLED, tasks still open | the one that cancels them runs | nothing |
| the same | there is none | start it |
| the same | has ended | settled: what it left open ends by itself |
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from darkroom.aws.execution_failures import Outcome, explain, readable
from darkroom.tasks.model import Status

SETTLE_SECONDS = 20
"""This long after a run was ended none of its calls creates a task, or begins an attempt, any more.

Longer than Enter may take; and longer than a page of a retry takes to notice that its run is over,
`LOOK_SECONDS` and one write with all its tries.
"""
LOOK_SECONDS = 1.0
"""So often a page of a cancel or a retry looks whether its run is over."""
PAGE_SECONDS = 20.0
"""A page ends after so long, and the next one goes on, however slow the calls are."""
INDEX_SECONDS = 2
"""Longer than the index of a batch's tasks is behind the table."""
OF_CANCELLING = "cancel"
"""What the name of the execution ends in that cancels the rest of a run."""

Counts = dict[str, int]


class BatchStatus(StrEnum):
    """Where a batch is in its life."""

    RUNNING = "RUNNING"
    """Its tasks are being entered, or not all of them have ended."""
    COMPLETED = "COMPLETED"
    """All its tasks have ended, and no more of them FAILED than is tolerated."""
    FAILED = "FAILED"
    """Ended badly: `failure` says why. What was still open is cancelled."""
    CANCELLED = "CANCELLED"
    """Ended by its caller. What was still open is cancelled."""


ENDED = frozenset({BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.CANCELLED})


@dataclass(frozen=True)
class Transition:
    """One row of the rules: from where to where. Every row holds for one run only."""

    sources: frozenset[BatchStatus]
    target: BatchStatus


TRANSITIONS = {
    "complete": Transition(frozenset({BatchStatus.RUNNING}), BatchStatus.COMPLETED),
    "fail": Transition(frozenset({BatchStatus.RUNNING}), BatchStatus.FAILED),
    "cancel": Transition(frozenset({BatchStatus.RUNNING}), BatchStatus.CANCELLED),
    "retry": Transition(ENDED, BatchStatus.RUNNING),
}


def allowed(transition: str, status: str) -> bool:
    """Whether a batch of this status may go through a transition."""
    return status in TRANSITIONS[transition].sources


def task_id(batch_id: str, item: str) -> str:
    """Return the id of a task of a batch: entered twice, it is the same task.

    Args:
        batch_id: of the batch.
        item: the number of the line, or the key of the object.
    """
    return str(uuid.uuid5(uuid.UUID(batch_id), item))


def execution_name(batch_id: str, run: int, purpose: str = "") -> str:
    """Return the name of the execution of one run, or of the one that cancels the rest of it."""
    return f"{batch_id}-{run}" + (f"-{purpose}" if purpose else "")


def run_of(name: str) -> tuple[str, int]:
    """Return the batch and the run that an execution's name stands for.

    Raises:
        ValueError: it is not the name of a run; the one that cancels a run has none.
    """
    batch_id, dash, run = name.rpartition("-")
    if not dash or not run.isdecimal():
        raise ValueError(f"{name!r} is not the name of a run.")
    return batch_id, int(run)


def order(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of the execution of a run.

    `reader` says how the items are read: `lines` of the entries at `key`, which for `manifest` are
    made of an upload first; `objects` whose keys begin so; `none` if all have been entered. `retry`
    says whether tasks are to be tried again, and `pause` after how many seconds; `total` is 0 while
    unknown.
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


def cancelling(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of the execution that cancels what is open of a run.

    It has a total, too: an expression that finds nothing is an error of the state machine.
    """
    return {"action": "cancel", "batchId": item["batchId"], "run": item["run"], "total": 0}


def displayed_counts(item: Mapping[str, Any], counted: Mapping[str, int]) -> Counts:
    """Return the counts of a batch, which sum to its total as soon as that is known.

    Args:
        item: the batch.
        counted: its tasks that are there, by status. What is not there yet is PENDING, or will
            never be: CANCELLED.
    """
    counts = {status.value: counted.get(status, 0) for status in Status}
    missing = item.get("total", 0) - sum(counts.values())
    running = item["status"] == BatchStatus.RUNNING
    counts[Status.PENDING if running else Status.CANCELLED] += max(missing, 0)
    return counts


def total_of(item: Mapping[str, Any], counts: Counts) -> int | None:
    """Return the total of a batch; None while its manifest is being read.

    A batch that ended before its manifest was read to the end has what was entered until then. That
    is not written to the batch: a retry reads the manifest again and enters more.
    """
    settled = item["status"] in ENDED and "active" not in item
    if "total" not in item and settled:
        return sum(counts.values())
    total: int | None = item.get("total")
    return total


def verdict(item: Mapping[str, Any], counts: Counts) -> tuple[str, dict[str, str] | None] | None:
    """Return the transition that ends a RUNNING batch, and its failure; None: it goes on.

    A batch that FAILED more than is tolerated need not wait for the rest.
    """
    total = item["total"]
    if not total:
        where = "under the prefix" if item["manifest"]["reader"] == "objects" else "in the manifest"
        return "fail", {"error": "EmptyBatch", "message": f"There is nothing {where}."}
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
        error, message = "ExecutionLost", "The execution ended without a word. Try again."
    else:
        return caught_failure(outcome.caught)
    return {"error": error, "message": message}


def caught_failure(caught: Mapping[str, Any]) -> dict[str, str]:
    """Return the failure of a batch for an error that its machine caught, in words for people."""
    return explain("The batch", caught)
