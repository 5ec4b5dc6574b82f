"""The statuses of a task and the transitions between them. Pure data: `store` makes the writes.

`TRANSITIONS` is the only table of these rules. Every write of a status carries the condition of its
row. When two writers race, DynamoDB accepts the first write and refuses the second:

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
from urllib.parse import quote

ACTIVE_SHARDS = 8
"""Partitions of the index of unfinished tasks. One partition accepts 1,000 writes per second."""
MAX_GROUP_LENGTH = 128
"""The most characters of a message group in SQS."""


class Status(StrEnum):
    """The status of a task."""

    PENDING = "PENDING"
    """Accepted and stored; no execution has claimed it yet."""
    RUNNING = "RUNNING"
    """One execution has claimed it and is working on it."""
    COMPLETED = "COMPLETED"
    """The result is in the bucket and was verified."""
    FAILED = "FAILED"
    """An error ended it: `failure` contains the step, the error and the reason."""
    CANCELLED = "CANCELLED"
    """The caller ended it before it was complete."""

    @property
    def terminal(self) -> bool:
        """Whether the attempt has ended. From then on, only a new attempt changes the task."""
        return self not in OPEN


OPEN = frozenset({Status.PENDING, Status.RUNNING})


@dataclass(frozen=True)
class Transition:
    """One row of the rules: from which statuses to which, and who may write it.

    Every write applies to one attempt. With `by_execution`, any execution may write while the task
    is PENDING, and only the execution that claimed it while it is RUNNING.
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

ATTEMPT_ATTRIBUTES = (
    "startedAt",
    "completedAt",
    "execution",
    "failure",
    "result",
    "delivery",
    "requeues",
    "claimRetries",
)
"""The attributes of an attempt. A retry removes them."""


def is_id(text: str) -> bool:
    """Whether a text has the form of a task's or an upload's id: a lower-case UUID with hyphens."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def active_shard(task_id: str) -> str:
    """Return the partition of a task in the index of unfinished tasks."""
    return str(zlib.crc32(task_id.encode()) % ACTIVE_SHARDS)


def allowed(transition: str, status: str) -> bool:
    """Whether a transition is allowed for a task of this status."""
    return status in TRANSITIONS[transition].sources


def execution_name(task_id: str, attempt: int) -> str:
    """Return the name of the execution of one attempt, always the same.

    A Standard machine starts each name once in 90 days, which makes a redelivered message harmless
    (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
    """
    return f"{task_id}-{attempt}"


def attempt_of(name: str) -> tuple[str, int]:
    """Return the task and the attempt of an execution, from its name.

    Raises:
        ValueError: the name does not have the form of `execution_name`.
    """
    task_id, _, attempt = name.rpartition("-")
    if not is_id(task_id) or not attempt.isdecimal():
        raise ValueError(f"{name!r} is not the name of an attempt.")
    return task_id, int(attempt)


def order(item: dict[str, Any]) -> dict[str, Any]:
    """Return the order of a task: the message in the queue and the input of the execution.

    It contains only fields that do not change during an attempt. StartExecution is idempotent by
    name *and* input, so the input must be the same each time.
    """
    return {key: item[key] for key in ("taskId", "attempt", "source", "output")}


def message_group(item: dict[str, Any]) -> str:
    """Return the message group of a task's order: `owner`, or `owner/batch` for a batch item.

    SQS delivers messages of quiet groups before those of a group with a backlog. So neither another
    caller's backlog nor the caller's own batches delay a single task.

    A group has at most 128 characters, letters, digits and ASCII punctuation. Other characters of
    the owner are percent-encoded, also "/", so that no owner's group is that of another's batches.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """
    suffix = "/batch" if "batchId" in item else ""
    return quote(item["owner"], safe="")[: MAX_GROUP_LENGTH - len(suffix)] + suffix
