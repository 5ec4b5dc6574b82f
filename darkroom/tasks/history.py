"""The states of an execution, from the events of its history. Rules only, no AWS.

Step Functions has two forms for the same events: the answer of GetExecutionHistory, and the log of
an Express execution. The local cloud omits some events. So the rules rely only on the events that
enter a state.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from darkroom.aws.execution_failures import describe

EXECUTION_ENDS = {
    "ExecutionAborted": "ABORTED",
    "ExecutionFailed": "FAILED",
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionTimedOut": "TIMED_OUT",
}
"""The events that end an execution, and the status that it then has."""
SCHEDULED = frozenset({"TaskScheduled", "LambdaFunctionScheduled", "MapRunStarted"})
SUCCEEDED = frozenset({"TaskSucceeded", "LambdaFunctionSucceeded", "MapRunSucceeded"})


class Outcome(StrEnum):
    """How a visit of a state ended, in the words of the Step Functions console."""

    SUCCEEDED = "SUCCEEDED"
    CAUGHT_ERROR = "CAUGHT_ERROR"  # the last try failed, and a Catch led to another state
    FAILED = "FAILED"  # the execution, or the state around this one, failed here
    ABORTED = "ABORTED"  # somebody stopped the execution here
    RUNNING = "RUNNING"


@dataclass(frozen=True)
class Event:
    """One event of a history. `details` depend on its type: `name`, `error`, `cause`, …."""

    type: str
    time: datetime.datetime
    details: Mapping[str, Any]
    number: int = 0


@dataclass
class Try:
    """One try of a state. `ended` is None while it lasts; `error` is None unless it failed."""

    started: datetime.datetime
    ended: datetime.datetime | None = None
    error: str | None = None
    message: str = ""


@dataclass
class Visit:
    """One visit of a state. `left` is None while it lasts. `error` is that of the last try.

    `input` and `output` are JSON texts, and None where they are not recorded.
    """

    state: str
    entered: datetime.datetime
    left: datetime.datetime | None = None
    kind: str = "Task"
    outcome: Outcome = Outcome.RUNNING
    tries: list[Try] = field(default_factory=list)
    error: str | None = None
    message: str = ""
    input: str | None = None
    output: str | None = None

    @property
    def failures(self) -> list[str]:
        """The errors of the tries that failed."""
        return [each.error for each in self.tries if each.error is not None]

    @property
    def retries(self) -> int:
        """How often the state was retried."""
        return max(len(self.tries) - 1, 0)

    @property
    def seconds(self) -> float | None:
        """The duration, including the waits between tries; None while it lasts."""
        return (self.left - self.entered).total_seconds() if self.left else None


@dataclass
class History:
    """What happened in an execution."""

    visits: list[Visit] = field(default_factory=list)
    """In the order in which they started."""
    events: list[tuple[Event, str | None]] = field(default_factory=list)
    """Each event with the state that it belongs to, if it belongs to one."""
    status: str | None = None
    """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None without any event."""
    started: datetime.datetime | None = None
    ended: datetime.datetime | None = None
    error: str | None = None
    message: str = ""
    redrives: int = 0
    input: str | None = None
    output: str | None = None


def from_history(event: Mapping[str, Any]) -> Event:
    """Return an event of GetExecutionHistory."""
    details: Mapping[str, Any] = next(
        (value for key, value in event.items() if key.endswith("EventDetails")), {}
    )
    return Event(event["type"], event["timestamp"], details, event.get("id", 0))


def from_log(message: str) -> Event:
    """Return an event that a state machine logged as a JSON object.

    Raises:
        ValueError, KeyError, TypeError: the message is not an event.
    """
    event = json.loads(message)
    time = datetime.datetime.fromtimestamp(int(event["event_timestamp"]) / 1000, datetime.UTC)
    return Event(event["type"], time, event.get("details") or {}, int(event.get("id", 0)))


def logged(messages: Iterable[str], arn: str) -> list[Event]:
    """Return the events of one execution, in order, from the lines of its machine's log group.

    Lines about other executions, and lines that are not events, are left out: AWS writes a test
    line to check its permission.
    """
    events = {}
    for message in messages:
        try:
            if json.loads(message)["execution_arn"] == arn:
                event = from_log(message)
                events[event.number] = event
        except (ValueError, KeyError, TypeError):
            continue
    return [events[number] for number in sorted(events)]


def visits(events: Iterable[Event]) -> list[Visit]:
    """Return the visits of states in a history, in the order in which they started."""
    return read(events).visits


def read(events: Iterable[Event]) -> History:
    """Return what the events of an execution say about it."""
    history = History()
    found = history.visits
    interrupted: list[Visit] = []
    for event in events:
        kind = event.type
        state = (
            event.details.get("name") if kind.endswith(("StateEntered", "StateExited")) else None
        )
        if kind.endswith("StateEntered"):
            for visit in interrupted:  # after a redrive, if AWS records the entry again
                if visit.state == state and visit.left is None:
                    visit.left, visit.outcome = event.time, Outcome.FAILED
            found.append(_entered(event))
        elif kind.endswith("StateExited"):
            _exited(found, event)
        elif kind.startswith("Execution"):
            interrupted = _of_execution(history, event, interrupted)
        elif found:
            state = found[-1].state
            _happened(found[-1], event)
        history.events.append((event, state))
    return history


def failure_of(state: str, event: Event) -> dict[str, str]:
    """Return `step`, `error` and `message` of an event that reports a failure."""
    default = {"ExecutionAborted": "Aborted"}.get(
        event.type, "States.Timeout" if event.type.endswith("TimedOut") else "Error"
    )
    error = event.details.get("error") or default
    return describe(state, {"Error": error, "Cause": event.details.get("cause")})


def _entered(event: Event) -> Visit:
    return Visit(
        event.details["name"],
        event.time,
        kind=event.type.removesuffix("StateEntered"),
        input=event.details.get("input"),
    )


def _exited(found: list[Visit], event: Event) -> None:
    """End the visit of the state that is left, and the visits within it.

    In a Map or Parallel state, a state that failed, or was aborted because another one failed, has
    no separate event.
    """
    for index in reversed(range(len(found))):
        if found[index].state == event.details["name"] and found[index].left is None:
            left = found[index]
            left.left, left.output = event.time, event.details.get("output")
            left.outcome = Outcome.CAUGHT_ERROR if left.error else Outcome.SUCCEEDED
            if event.type.startswith(("Map", "Parallel")):
                for visit in (each for each in found[index:] if each.left is None):
                    visit.left = event.time
                    visit.outcome = Outcome.FAILED if visit.error else Outcome.ABORTED
                    if visit.outcome is Outcome.FAILED:
                        left.outcome = Outcome.CAUGHT_ERROR
            return


def _of_execution(history: History, event: Event, interrupted: list[Visit]) -> list[Visit]:
    """Note the start, the end or the redrive of an execution; return the visits that it ended."""
    if event.type == "ExecutionRedriven":
        # The states that the end interrupted are run again.
        history.redrives += 1
        history.status, history.ended = "RUNNING", None
        history.error, history.message = None, ""
        for visit in interrupted:
            visit.left, visit.outcome = None, Outcome.RUNNING
        return interrupted
    if event.type not in EXECUTION_ENDS:
        history.status, history.started = "RUNNING", event.time
        history.input = event.details.get("input")
        return interrupted
    history.status, history.ended = EXECUTION_ENDS[event.type], event.time
    history.output = event.details.get("output")
    # This ends every open visit. A Fail state has its error only in this event.
    interrupted = [visit for visit in history.visits if visit.left is None]
    succeeded, aborted = (event.type == f"Execution{end}" for end in ("Succeeded", "Aborted"))
    for visit in interrupted:
        visit.left = event.time
        visit.outcome = Outcome.SUCCEEDED if succeeded else Outcome.FAILED
        if aborted:
            visit.outcome = Outcome.ABORTED
        if not succeeded:
            _failed(visit, event)
            if visit.tries and visit.tries[-1].ended is None:
                _end_of_try(visit, event)
    if not succeeded:
        last = history.visits[-1].state if history.visits else "MarkRunning"
        failure = failure_of(last, event)
        history.error, history.message = failure["error"], failure["message"]
    return interrupted


def _happened(visit: Visit, event: Event) -> None:
    kind = event.type
    if kind in SCHEDULED:
        visit.tries.append(Try(event.time))
    elif kind in SUCCEEDED:
        visit.error, visit.message = None, ""
        if visit.tries:
            visit.tries[-1].ended = event.time
    elif kind.startswith(("MapState", "MapIteration", "ParallelState")):
        pass  # these only repeat that a state inside them has failed
    elif kind.endswith(("Failed", "TimedOut")):
        _failed(visit, event)
        if kind == "EvaluationFailed" and visit.tries and visit.tries[-1].ended:
            return  # the try succeeded, and then an expression for its result failed
        if not visit.tries or visit.tries[-1].ended:
            visit.tries.append(Try(event.time))
        _end_of_try(visit, event)


def _end_of_try(visit: Visit, event: Event) -> None:
    last = visit.tries[-1]
    last.ended, last.error, last.message = event.time, visit.error, visit.message


def _failed(visit: Visit, event: Event) -> None:
    failure = failure_of(visit.state, event)
    visit.error, visit.message = failure["error"], failure["message"]
