"""Events of executions, as GetExecutionHistory returns them."""

import datetime
import json
from typing import Any

from darkroom.tasks.history import History, Visit, from_history, read

START = datetime.datetime(2026, 11, 25, 1, 2, 3, tzinfo=datetime.UTC)
RAISED = json.dumps({"errorType": "SourceNotFound", "errorMessage": "https://x answered 404"})

EVALUATION = "The JSONata expression '$states.input.x' specified for the field 'Output' …"


def recorded(*events: tuple[float, str] | tuple[float, str, dict[str, Any]]) -> list[Visit]:
    """The visits in events of GetExecutionHistory: see `history`."""
    return history(*events).visits


def history(*events: tuple[float, str] | tuple[float, str, dict[str, Any]]) -> History:
    """Make events as GetExecutionHistory returns them, from seconds after the start, type and
    details."""
    given = []
    for second, kind, *details in events:
        event: dict[str, Any] = {
            "type": kind,
            "timestamp": START + datetime.timedelta(seconds=second),
        }
        if details:
            event[kind[0].lower() + kind[1:] + "EventDetails"] = details[0]
        given.append(from_history(event))
    return read(given)


# As the emulator reports it: no TaskStarted, no previousEventId.
FAILED_DOWNLOAD = (
    (0.0, "ExecutionStarted"),
    (0.0, "TaskStateEntered", {"name": "MarkRunning"}),
    (0.0, "TaskScheduled"),
    (0.2, "TaskSucceeded"),
    (0.2, "TaskStateExited", {"name": "MarkRunning"}),
    (0.2, "TaskStateEntered", {"name": "Download"}),
    (0.2, "TaskScheduled"),
    (0.5, "TaskFailed", {"error": "SourceNotFound", "cause": RAISED}),
    (0.5, "TaskStateExited", {"name": "Download"}),
    (0.5, "TaskStateEntered", {"name": "MarkFailed"}),
    (0.5, "TaskScheduled"),
    (0.6, "TaskSucceeded"),
    (0.6, "TaskStateExited", {"name": "MarkFailed"}),
    (0.6, "FailStateEntered", {"name": "TaskFailed"}),
    (0.6, "ExecutionFailed", {"error": "SourceNotFound", "cause": "https://x answered 404"}),
)
