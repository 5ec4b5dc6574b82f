"""What an execution did, state by state: from its history, or from its log group if it is Express.

Step Functions tells the same events in two forms; a local cloud leaves some out. So nothing here
counts on an event but the ones that enter a state.
"""

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws.execution_failures import describe
from darkroom.cli.stack import Stack

MINUTE_MS = 60_000
LONGEST_AFTER_END_MS = 6 * MINUTE_MS
"""For how long an execution may go on after its task was ended: five minutes, and clocks differ."""

EXECUTION_ENDS = frozenset(
    {"ExecutionAborted", "ExecutionFailed", "ExecutionSucceeded", "ExecutionTimedOut"}
)


class NoHistory(Exception):
    """The history cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Event:
    """One event of a history. `details` are those of its kind: `name`, `error`, `cause`, …."""

    type: str
    time: datetime.datetime
    details: Mapping[str, Any]


@dataclass
class Visit:
    """One stay in a state. `left` is None while it lasts. `error` is that of the last try."""

    state: str
    entered: datetime.datetime
    left: datetime.datetime | None = None
    tries: int = 0
    failures: list[str] = field(default_factory=list)
    error: str | None = None
    message: str = ""

    @property
    def retries(self) -> int:
        """How often its task was tried again."""
        return max(self.tries, len(self.failures)) - 1 if self.tries or self.failures else 0

    @property
    def seconds(self) -> float | None:
        """How long it lasted, waits between tries included; None while it lasts."""
        return (self.left - self.entered).total_seconds() if self.left else None


def is_express(arn: str) -> bool:
    """Whether an execution is of an Express machine."""
    return ":express:" in arn


def read(
    stack: Stack, arn: str, since: datetime.datetime, ended: datetime.datetime | None = None
) -> list[Visit]:
    """Return the states that an execution went through, in order.

    Args:
        stack: where it ran.
        arn: the execution's.
        since: a moment before its start; logs are searched from there.
        ended: when its task ended, so that not all logs until today are searched.

    Raises:
        NoHistory: it is not there (any more), or AWS cannot be asked.
    """
    try:
        if is_express(arn):
            return visits(_logged(stack, arn, since, ended))
        pages = stack.client("stepfunctions").get_paginator("get_execution_history")
        return visits(
            from_history(event)
            for page in pages.paginate(executionArn=arn)
            for event in page["events"]
        )
    except ClientError as error:
        reason = error.response["Error"].get("Message") or str(error)
        raise NoHistory(f"The history cannot be read: {reason}") from error
    except BotoCoreError as error:
        raise NoHistory(f"The history cannot be read: {error}") from error


def from_history(event: Mapping[str, Any]) -> Event:
    """Take an event as GetExecutionHistory gives it."""
    details: Mapping[str, Any] = next(
        (value for key, value in event.items() if key.endswith("EventDetails")), {}
    )
    return Event(event["type"], event["timestamp"], details)


def from_log(message: str) -> Event:
    """Take an event as a state machine logs it: one JSON object.

    Raises:
        ValueError, KeyError: it is not one.
    """
    event = json.loads(message)
    time = datetime.datetime.fromtimestamp(int(event["event_timestamp"]) / 1000, datetime.UTC)
    return Event(event["type"], time, event.get("details") or {})


def visits(events: Iterable[Event]) -> list[Visit]:
    """Return the stays in states that a history tells of, in order of their beginning."""
    found: list[Visit] = []
    for event in events:
        kind = event.type
        if kind.endswith("StateEntered"):
            found.append(Visit(event.details["name"], event.time))
        elif kind.endswith("StateExited"):
            for visit in _ended(found, event):
                visit.left = event.time
        elif kind in EXECUTION_ENDS:
            # In the states that it was in: a Fail state tells its error this way.
            for visit in found:
                if visit.left is None:
                    visit.left = event.time
                    if kind != "ExecutionSucceeded":
                        _failed(visit, event)
        elif found:
            _happened(found[-1], event)
    return found


def is_cut_short(arn: str, visits: Sequence[Visit]) -> bool:
    """Whether the log of an Express execution has no end: it has not arrived, or there is none."""
    return is_express(arn) and (not visits or visits[-1].left is None)


def _ended(found: list[Visit], event: Event) -> list[Visit]:
    """Return the open visits that end where a state is left.

    Where it is a Map or Parallel state, these are also those of states within it: one that failed,
    or was aborted because another one failed, has no event of its own.
    """
    for index in reversed(range(len(found))):
        if found[index].state == event.details["name"] and found[index].left is None:
            within = len(found) if event.type.startswith(("Map", "Parallel")) else index + 1
            return [visit for visit in found[index:within] if visit.left is None]
    return []


def _happened(visit: Visit, event: Event) -> None:
    kind = event.type
    if kind in {"TaskScheduled", "LambdaFunctionScheduled", "MapRunStarted"}:
        visit.tries += 1
    elif kind in {"TaskSucceeded", "LambdaFunctionSucceeded", "MapRunSucceeded"}:
        visit.error, visit.message = None, ""
    elif kind.startswith(("MapState", "MapIteration", "ParallelState")):
        pass  # these repeat, without the error, that something within them has failed
    elif kind.endswith(("Failed", "TimedOut")):
        _failed(visit, event)
        visit.failures.append(visit.error or "")


def _failed(visit: Visit, event: Event) -> None:
    default = {"ExecutionAborted": "Aborted"}.get(
        event.type, "States.Timeout" if event.type.endswith("TimedOut") else "Error"
    )
    caught = {
        "Error": event.details.get("error") or default,
        "Cause": event.details.get("cause"),
    }
    told = describe(visit.state, caught)
    visit.error, visit.message = told["error"], told["message"]


def _logged(
    stack: Stack, arn: str, since: datetime.datetime, ended: datetime.datetime | None
) -> list[Event]:
    """Search the state machine's log group."""
    group = stack.outputs.get("StateMachineLogGroup")
    if not group:
        raise NoHistory(
            "An Express execution's history is in its state machine's log group, and which one "
            "that is, is not known here: name the stack with --stack."
        )
    search: dict[str, Any] = {
        "logGroupName": group,
        "startTime": int(since.timestamp() * 1000) - MINUTE_MS,
        # A term with other characters than letters, digits and _ is quoted:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
        "filterPattern": f'"{arn}"',
    }
    if ended:
        search["endTime"] = int(ended.timestamp() * 1000) + LONGEST_AFTER_END_MS
    events = {}
    for page in stack.client("logs").get_paginator("filter_log_events").paginate(**search):
        for line in page["events"]:
            try:
                event = json.loads(line["message"])
                if event["execution_arn"] == arn:
                    events[int(event["id"])] = from_log(line["message"])
            except (ValueError, KeyError, TypeError):
                continue  # AWS itself writes a line into the group to see whether it may
    if not events:
        raise NoHistory(
            f"An Express execution's history is in the log group {group}, and nothing of {arn} is "
            "there. Logs arrive some seconds late: ask again in a minute. If there is still "
            "nothing, they have expired, or Logging in template.yaml leaves them out."
        )
    return [events[number] for number in sorted(events)]
