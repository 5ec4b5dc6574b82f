"""What to do about a task that has not ended although it should have. Rules only, no AWS.

| the task is | its execution | then |
|---|---|---|
| PENDING | runs | nothing: MarkRunning is about to claim it |
| PENDING | there is none, or it is Express | queue its order again: the message may be lost |
| PENDING, RUNNING | FAILED, TIMED_OUT, ABORTED | FAILED with the execution's error and reason |
| PENDING, RUNNING | SUCCEEDED | FAILED, `ExecutionLost`: it ended without a word on the task |
| RUNNING | runs | nothing |
| RUNNING | there is none, or it is Express, for longer than one may run | FAILED, `ExecutionLost` |

An Express execution cannot be asked for, so it is treated like one that is gone. Where it runs all
the same, nothing breaks: of two executions of a PENDING task one gets the claim, and the late write
of one whose task was ended is a `StaleAttempt`, which ends it quietly.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.aws.execution_failures import Outcome, describe, readable
from darkroom.errors import DarkroomError, ExecutionAborted, ExecutionLost
from darkroom.tasks.model import Status

LONGEST_EXECUTION = datetime.timedelta(seconds=300)
"""`TimeoutSeconds` of the state machine, and the most that an Express execution may take.

A task's `startedAt` is when its execution began by the clock of Step Functions, whatever the
functions' clocks say: so long after it, it has ended.
"""
ENDED_BADLY = {"FAILED", "TIMED_OUT", "ABORTED"}


@dataclass(frozen=True)
class Requeue:
    """Queue the order of the task again."""


@dataclass(frozen=True)
class End:
    """End the task FAILED with this failure: `step`, `error` and `message`."""

    failure: dict[str, str]


Repair = Requeue | End | None


def decide(
    item: Mapping[str, Any],
    outcome: Outcome | None,
    last_step: Callable[[], str],
    now: datetime.datetime,
) -> Repair:
    """Return what a task needs, by the table above.

    Args:
        item: the task, PENDING or RUNNING and not written for a while.
        outcome: how its execution ended or that it runs; None: that cannot be known.
        last_step: gives the state where the execution stopped; asked only if it is needed.
        now: the present moment, in UTC, by the clock of a service.
    """
    if outcome is None:
        if item["status"] == Status.PENDING:
            return Requeue()
        began = datetime.datetime.fromisoformat(item.get("startedAt", item["updatedAt"]))
        if now - began <= LONGEST_EXECUTION:
            return None
        error = ExecutionLost(
            "The execution did not report an end within five minutes. Try the task again."
        )
        return End(named(error, "MarkRunning"))
    if outcome.status in ENDED_BADLY:
        return End(failure_of(outcome, last_step()))
    if outcome.status == "SUCCEEDED":
        error = ExecutionLost("The execution ended without a result. Try the task again.")
        return End(named(error, last_step()))
    return None


def failure_of(outcome: Outcome, step: str) -> dict[str, str]:
    """Return the failure of a task whose execution ended badly."""
    if outcome.status == "ABORTED":
        reason = readable(outcome.cause) or "The execution was stopped."
        return named(ExecutionAborted(reason), step)
    return describe(step, outcome.caught)


def named(error: DarkroomError, step: str) -> dict[str, str]:
    """Return the failure that an error of ours stands for."""
    return {"step": step, "error": type(error).__name__, "message": str(error)}
