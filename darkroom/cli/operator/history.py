"""The states of an execution: from its history or, for an Express execution, from its log group.

Step Functions has two forms for the same events, and the local cloud omits some. So the code relies
only on the events that enter a state.
"""

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text

from darkroom.aws.execution_failures import describe
from darkroom.cli import aws, render
from darkroom.cli.errors import CommandError
from darkroom.cli.render import LINES, NUMBER, WORD
from darkroom.cli.stack import Stack
from darkroom.cli.terminal import times
from darkroom.cli.terminal.tables import Sheet

MARGIN = datetime.timedelta(minutes=1)
"""A search of logs starts this much earlier, because clocks differ."""
LONGEST_AFTER_END = datetime.timedelta(minutes=6)
"""An execution ends within this time after its task: 5 minutes, plus 1 because clocks differ."""

EXECUTION_ENDS = frozenset(
    {"ExecutionAborted", "ExecutionFailed", "ExecutionSucceeded", "ExecutionTimedOut"}
)


class NoHistory(CommandError):
    """The history of an execution, or the logs, cannot be read."""


@dataclass(frozen=True)
class Event:
    """One event of a history. `details` depend on its type: `name`, `error`, `cause`, …."""

    type: str
    time: datetime.datetime
    details: Mapping[str, Any]


@dataclass
class Visit:
    """One visit of a state. `left` is None while it lasts. `error` is that of the last attempt."""

    state: str
    entered: datetime.datetime
    left: datetime.datetime | None = None
    attempts: int = 0
    failures: list[str] = field(default_factory=list)
    error: str | None = None
    message: str = ""

    @property
    def retries(self) -> int:
        """How often the state was retried."""
        return max(self.attempts, len(self.failures)) - 1 if self.attempts or self.failures else 0

    @property
    def seconds(self) -> float | None:
        """The duration, including the waits between attempts; None while it lasts."""
        return (self.left - self.entered).total_seconds() if self.left else None

    def described(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "kind": "state",
            "state": self.state,
            "enteredAt": times.iso(self.entered),
            "leftAt": times.iso(self.left),
            "retries": self.retries,
            "error": self.error,
            "message": self.message or None,
        }


def is_express(arn: str) -> bool:
    """Whether an execution is an Express execution."""
    return ":express:" in arn


def read(
    stack: Stack, arn: str, since: datetime.datetime, ended: datetime.datetime | None = None
) -> list[Visit]:
    """Return the states that an execution visited, in order.

    Logs are searched from `since`, a moment before its start, until some minutes after its task
    `ended`: without that, all logs until today are read.

    Raises:
        NoHistory: it does not exist, has expired, or cannot be read.
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
    except aws.AwsError as error:
        raise NoHistory(f"The history cannot be read: {aws.message(error)}") from error


def from_history(event: Mapping[str, Any]) -> Event:
    """Return an event of GetExecutionHistory."""
    details: Mapping[str, Any] = next(
        (value for key, value in event.items() if key.endswith("EventDetails")), {}
    )
    return Event(event["type"], event["timestamp"], details)


def from_log(message: str) -> Event:
    """Return an event that a state machine logged as a JSON object.

    Raises:
        ValueError, KeyError: the message is not an event.
    """
    event = json.loads(message)
    time = datetime.datetime.fromtimestamp(int(event["event_timestamp"]) / 1000, datetime.UTC)
    return Event(event["type"], time, event.get("details") or {})


def visits(events: Iterable[Event]) -> list[Visit]:
    """Return the visits of states in a history, in the order in which they started."""
    found: list[Visit] = []
    interrupted: list[Visit] = []
    for event in events:
        kind = event.type
        if kind.endswith("StateEntered"):
            for visit in interrupted:  # after a redrive, if AWS records the entry again
                if visit.state == event.details["name"] and visit.left is None:
                    visit.left = event.time
            found.append(Visit(event.details["name"], event.time))
        elif kind.endswith("StateExited"):
            for visit in _ended(found, event):
                visit.left = event.time
        elif kind in EXECUTION_ENDS:
            # This ends every open visit. A Fail state has its error only in this event.
            interrupted = [visit for visit in found if visit.left is None]
            for visit in interrupted:
                visit.left = event.time
                if kind != "ExecutionSucceeded":
                    _failed(visit, event)
        elif kind == "ExecutionRedriven":
            # The states that its end interrupted are run again.
            for visit in interrupted:
                visit.left = None
        elif found:
            _happened(found[-1], event)
    return found


def visit_table(visits: Iterable[Visit]) -> Sheet:
    """Return the states of an execution, a row each."""
    columns = {
        "state": WORD,
        f"started ({times.ZONE})": WORD,
        "took": NUMBER,
        "retries": NUMBER,
        "outcome": LINES,
    }
    rows = (
        (
            render.clean(visit.state),
            times.clock(visit.entered),
            render.seconds(visit.seconds),
            str(visit.retries) if visit.retries else "",
            _outcome(visit),
        )
        for visit in visits
    )
    return render.table(columns, rows)


def _outcome(visit: Visit) -> Text:
    if visit.error:
        return Text(render.clean(f"{visit.error}: {visit.message}"), "red")
    if visit.left is None:
        return Text("running", "cyan")
    after = f" after {', '.join(dict.fromkeys(visit.failures))}" if visit.failures else ""
    return Text(render.clean(f"ok{after}"), "green")


def is_cut_short(arn: str, visits: Sequence[Visit]) -> bool:
    """Whether the log of an Express execution has no end: not yet, or never."""
    return is_express(arn) and (not visits or visits[-1].left is None)


def _ended(found: list[Visit], event: Event) -> list[Visit]:
    """Return the open visits that end when a state is left.

    For a Map or Parallel state these include the states inside it: one that failed, or was aborted
    because another one failed, has no event of its own.
    """
    for index in reversed(range(len(found))):
        if found[index].state == event.details["name"] and found[index].left is None:
            within = len(found) if event.type.startswith(("Map", "Parallel")) else index + 1
            return [visit for visit in found[index:within] if visit.left is None]
    return []


def _happened(visit: Visit, event: Event) -> None:
    kind = event.type
    if kind in {"TaskScheduled", "LambdaFunctionScheduled", "MapRunStarted"}:
        visit.attempts += 1
    elif kind in {"TaskSucceeded", "LambdaFunctionSucceeded", "MapRunSucceeded"}:
        visit.error, visit.message = None, ""
    elif kind.startswith(("MapState", "MapIteration", "ParallelState")):
        pass  # these only repeat that a state inside them has failed
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
    failure = describe(visit.state, caught)
    visit.error, visit.message = failure["error"], failure["message"]


def _logged(
    stack: Stack, arn: str, since: datetime.datetime, ended: datetime.datetime | None
) -> list[Event]:
    """Return the events of an Express execution from the state machine's log group."""
    group = stack.outputs.get("StateMachineLogGroup")
    if not group:
        raise NoHistory(
            "The history of an Express execution is in the log group of its state machine, and "
            "that group is not known here. Use --stack to name the stack."
        )
    events = {}
    for message in search(stack, group, arn, since, ended and ended + LONGEST_AFTER_END):
        try:
            event = json.loads(message)
            if event["execution_arn"] == arn:
                events[int(event["id"])] = from_log(message)
        except (ValueError, KeyError, TypeError):
            continue  # AWS writes a line of its own to test its permission
    if not events:
        raise NoHistory(
            f"The history of an Express execution is in the log group {group}, which has no entry "
            f"for {arn}. Logs arrive some seconds late: try again in a minute. If there is still "
            "no entry, it has expired, or `Logging` in template.yaml excludes it."
        )
    return [events[number] for number in sorted(events)]


def search(
    stack: Stack,
    group: str,
    term: str,
    since: datetime.datetime,
    until: datetime.datetime | None,
) -> list[str]:
    """Return the messages of a log group that contain a term, in a period.

    Raises:
        BotoCoreError, ClientError: the log group cannot be read.
    """
    query: dict[str, Any] = {
        "logGroupName": group,
        "startTime": _milliseconds(since - MARGIN),
        # A term with characters other than letters, digits and _ must be quoted:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
        "filterPattern": f'"{term}"',
    }
    if until:
        query["endTime"] = _milliseconds(until)
    pages = stack.client("logs").get_paginator("filter_log_events").paginate(**query)
    return [event["message"] for page in pages for event in page["events"]]


def _milliseconds(time: datetime.datetime) -> int:
    return int(time.timestamp() * 1000)
