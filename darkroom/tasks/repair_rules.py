"""How reconcile repairs a task that has not ended although it should have. Rules only, no AWS.

| status of the task | its execution | repair |
|---|---|---|
| PENDING | RUNNING | none: MarkRunning is about to claim the task |
| PENDING | does not exist, or is Express | queue the order again, after pauses that double |
| PENDING, RUNNING | FAILED, TIMED_OUT, ABORTED | FAILED with the execution's error and reason |
| PENDING, RUNNING | SUCCEEDED | FAILED, `ExecutionLost`: it ended without updating the task |
| RUNNING | RUNNING | none |
| RUNNING | does not exist, or is Express, and its time limit is over | FAILED, `ExecutionLost` |

The message of a PENDING task may be lost, or may wait behind a million others. A second message is
harmless, but costs something, so there are pauses.

AWS does not report the status of an Express execution, so it is treated like one that does not
exist. This is safe even if the execution is still running: only one of two executions can claim a
PENDING task, and a late write to a task that was ended raises `StaleAttempt`.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.aws.execution_failures import Outcome, describe, readable
from darkroom.errors import DarkroomError, ExecutionAborted, ExecutionLost
from darkroom.tasks.model import Status

EXECUTION_TIME_LIMIT = datetime.timedelta(seconds=300)
"""The limit of Express executions. Of Standard ones Step Functions knows the status.

An execution has ended when this time has passed since the task's `startedAt`, which is the start of
the execution by the clock of Step Functions. The clocks of the functions do not matter.
"""
UNSUCCESSFUL = {"FAILED", "TIMED_OUT", "ABORTED"}
"""The statuses of an execution that did not end as SUCCEEDED."""
LONGEST_PAUSE = datetime.timedelta(minutes=30)
"""The longest time until the order of a PENDING task is queued again."""


@dataclass(frozen=True)
class Requeue:
    """Queue the order of the task again."""


@dataclass(frozen=True)
class Fail:
    """Set the task FAILED with this failure: `step`, `error` and `message`."""

    failure: dict[str, str]


Repair = Requeue | Fail | None


def decide(
    item: Mapping[str, Any],
    outcome: Outcome | None,
    last_step: Callable[[], str],
    now: datetime.datetime,
) -> Repair:
    """Return the repair that a task needs, by the table above.

    Args:
        item: the task, PENDING or RUNNING and not written for a while.
        outcome: the status of its execution, or None if it is unknown.
        last_step: returns the state in which the execution stopped. Called only if needed.
        now: the present time in UTC, by the clock of an AWS service.
    """
    if outcome is None:
        if item["status"] == Status.PENDING:
            return Requeue()
        began = datetime.datetime.fromisoformat(item.get("startedAt", item["updatedAt"]))
        if now - began <= EXECUTION_TIME_LIMIT:
            return None
        error = ExecutionLost(
            "The execution did not report its end within five minutes. Retry the task."
        )
        return Fail(as_failure(error, "MarkRunning"))
    if outcome.status in UNSUCCESSFUL:
        return Fail(failure_of(outcome, last_step()))
    if outcome.status == "SUCCEEDED":
        error = ExecutionLost("The execution ended without a result. Retry the task.")
        return Fail(as_failure(error, last_step()))
    return None


def was_queued_recently(
    item: Mapping[str, Any], now: datetime.datetime, pause: datetime.timedelta
) -> bool:
    """Whether the message of a PENDING task probably still waits in the queue.

    Args:
        item: the task.
        now: the present time in UTC.
        pause: how long a message is expected to wait. It doubles with each requeue.
    """
    queued = datetime.datetime.fromisoformat(item["updatedAt"])
    requeues: int = item.get("requeues", 0)
    return now - queued < min(pause * 2.0**requeues, LONGEST_PAUSE)


def failure_of(outcome: Outcome, step: str) -> dict[str, str]:
    """Return the failure of a task whose execution was unsuccessful."""
    if outcome.status == "ABORTED":
        reason = readable(outcome.cause) or "The execution was stopped."
        return as_failure(ExecutionAborted(reason), step)
    return describe(step, outcome.caught)


def as_failure(error: DarkroomError, step: str) -> dict[str, str]:
    """Return an error as the failure of a task."""
    return {"step": step, "error": type(error).__name__, "message": str(error)}
