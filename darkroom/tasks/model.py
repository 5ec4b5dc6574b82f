"""What a task is and how its status may change. Pure data: `store` makes the writes from it.

The one table of the rules is `TRANSITIONS`. Every write of a status carries the condition of its
row, so that of two writers that race, DynamoDB lets one win and the other learns that it lost:

    execution A        DynamoDB                      execution B (same attempt, started twice)
    MarkRunning  ───▶  PENDING → RUNNING by A
                       RUNNING by A, not by B  ◀───  MarkRunning: StaleAttempt, B ends quietly
    MarkCompleted ──▶  RUNNING by A → COMPLETED
    (late MarkFailed of A or B: COMPLETED is in no row's `sources`, so nothing is written)
"""

import uuid
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

ACTIVE_SHARDS = 8
"""Partitions of the index of unfinished tasks: one hot partition takes 1,000 writes per second."""


class Status(StrEnum):
    """Where a task is in its life."""

    PENDING = "PENDING"
    """Accepted and stored; no execution has claimed it yet."""
    RUNNING = "RUNNING"
    """One execution has claimed it and works on it."""
    COMPLETED = "COMPLETED"
    """Ended well: the result is in the bucket, verified."""
    FAILED = "FAILED"
    """Ended badly: `failure` says at which step, with which error, and why."""
    CANCELLED = "CANCELLED"
    """Ended by its caller before it was done."""

    @property
    def terminal(self) -> bool:
        """Whether the attempt has ended: nothing but a new attempt changes the task any more."""
        return self not in OPEN


OPEN = frozenset({Status.PENDING, Status.RUNNING})


@dataclass(frozen=True)
class Transition:
    """One row of the rules: from where to where, and who may.

    Every row holds for one attempt only. A row that is `by_execution` is open to every execution
    while the task is PENDING, and to the one that claimed it while it is RUNNING.
    """

    sources: frozenset[Status]
    target: Status
    by_execution: bool = True


TRANSITIONS = {
    "start": Transition(OPEN, Status.RUNNING),
    "complete": Transition(frozenset({Status.RUNNING}), Status.COMPLETED),
    "fail": Transition(OPEN, Status.FAILED),
    "cancel": Transition(OPEN, Status.CANCELLED, by_execution=False),
    "retry": Transition(
        frozenset({Status.FAILED, Status.CANCELLED}), Status.PENDING, by_execution=False
    ),
}


def is_id(text: str) -> bool:
    """Whether a text has the form of an id of ours: of a task or an upload."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def active_shard(task_id: str) -> str:
    """Return the partition of the index of unfinished tasks that a task belongs to."""
    return str(zlib.crc32(task_id.encode()) % ACTIVE_SHARDS)


def allowed(transition: str, status: str) -> bool:
    """Whether a task of this status may go through a transition."""
    return status in TRANSITIONS[transition].sources


def execution_name(task_id: str, attempt: int) -> str:
    """Return the name of the execution of one attempt: the same attempt never gets a second name.

    A Standard machine starts a name once in 90 days, which makes a redelivered message harmless
    (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
    """
    return f"{task_id}-{attempt}"


def attempt_of(name: str) -> tuple[str, int]:
    """Return the task and the attempt that an execution's name stands for.

    Raises:
        ValueError: it is not a name that `execution_name` gave.
    """
    task_id, dash, attempt = name.rpartition("-")
    if not dash or not attempt.isdecimal():
        raise ValueError(f"{name!r} is not the name of an attempt.")
    return task_id, int(attempt)


def order(item: dict[str, Any]) -> dict[str, Any]:
    """Return what an execution needs to know of a task: the queue's message and the input.

    It holds nothing that changes while the attempt lives, so that the same attempt always gives the
    same input: StartExecution is idempotent by name *and* input.
    """
    return {key: item[key] for key in ("taskId", "attempt", "source", "output")}
