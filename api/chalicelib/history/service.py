"""Reads the history of a task's execution: from Step Functions or, for EXPRESS, from the log."""

import datetime
from dataclasses import dataclass
from functools import cached_property

from darkroom.aws.clients import client
from darkroom.aws.logs import LogGroup
from darkroom.aws.stepfunctions import StateMachine
from darkroom.tasks.history import History, from_history, logged, read
from darkroom.tasks.model import OPEN, Status, execution_name
from darkroom.tasks.store import Item

MOST_EVENTS = 5000
"""A task that Lambda throttled at every step for hours has fewer than 3,000 events."""
SEARCH_SECONDS = 12.0
"""For the search of a log. API Gateway waits for 29 seconds."""
READ_SECONDS = 8
"""For one call, which reads a part of the log."""
AFTER_END = datetime.timedelta(seconds=30)
"""An EXPRESS execution ends within seconds after its task, and the clocks differ."""
AFTER_CANCEL = datetime.timedelta(minutes=6)
"""After a cancel it continues for 5 minutes at most."""

MISSING = {
    "NotStarted": "No execution of this attempt has started.",
    "NoSuchAttempt": "The task has fewer attempts.",
    "Expired": (
        "AWS no longer has the history of this execution. Step Functions deletes it 90 days after "
        "the end of the execution."
    ),
    "NotLogged": (
        "The log has no entry of this execution. Entries arrive some seconds late: try again in a "
        "minute. If there is still none, they have expired."
    ),
    "NotKept": "Of a task with the workflow type EXPRESS, only the last execution is known.",
    "OtherMachine": (
        "The execution belongs to a state machine of another workflow type, which the stack had "
        "before. Open it in the AWS console."
    ),
}
"""Why there is no history: a code for programs, and a message for people."""


@dataclass(frozen=True)
class Found:
    """The history of an execution, or the reason why there is none."""

    execution: str | None
    """Its ARN, if one is known."""
    history: History
    complete: bool = True
    """False: the history is longer than what was read."""
    missing: str | None = None
    """A key of `MISSING`."""


@dataclass(frozen=True)
class HistoryService:
    """Reads histories."""

    machine: StateMachine
    log_group: str
    """The name of the log group of the state machines."""

    @cached_property
    def log(self) -> LogGroup:
        """The log group. Only EXPRESS needs its client."""
        return log_group(self.log_group)

    def read(self, item: Item, attempt: int) -> Found:
        """Return the history of an attempt of a task.

        Raises:
            BotoCoreError, ClientError: AWS did not answer, or throttled.
        """
        if attempt > item["attempt"]:
            return _missing("NoSuchAttempt")
        last = attempt == item["attempt"]
        known: str | None = item.get("execution") if last else None
        if self.machine.describes_executions:
            return self._described(known, execution_name(item["taskId"], attempt), last=last)
        if known is None:
            return _missing("NotStarted" if last else "NotKept")
        if ":express:" not in known:
            return _missing("OtherMachine", known)
        return self._logged(known, item)

    def _described(self, known: str | None, name: str, *, last: bool) -> Found:
        """Read a history from Step Functions.

        An execution has the name of its attempt, unless a person has started it. So it is found
        also before its claim of the task, and after a retry of the task.
        """
        if known is not None and ":express:" in known:
            return _missing("OtherMachine", known)
        arn = known or self.machine.arn_of(name)
        answer = self.machine.events(arn, MOST_EVENTS)
        if answer is None:
            return _missing("NotStarted" if last and known is None else "Expired", known)
        events, complete = answer
        return Found(arn, read(map(from_history, events)), complete)

    def _logged(self, arn: str, item: Item) -> Found:
        """Read the history of an EXPRESS execution from its log, from its start to its end."""
        since = datetime.datetime.fromisoformat(item.get("startedAt") or item["createdAt"])
        until = datetime.datetime.now(datetime.UTC)
        if item["status"] not in OPEN:
            after = AFTER_CANCEL if item["status"] == Status.CANCELLED else AFTER_END
            until = min(datetime.datetime.fromisoformat(item["completedAt"]) + after, until)
        lines, complete = self.log.found(arn, since, until, SEARCH_SECONDS)
        events = logged(lines, arn)
        if not events:
            return _missing("NotLogged", arn)
        return Found(arn, read(events), complete)


def log_group(name: str) -> LogGroup:
    """Return a log group that is searched within the time that a request has."""
    return LogGroup(client("logs", read_timeout=READ_SECONDS), name)


def _missing(code: str, execution: str | None = None) -> Found:
    return Found(execution, History(), missing=code)
