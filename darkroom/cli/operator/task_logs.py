"""What the functions logged about a task: the lines of the stack's log group with its id."""

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from darkroom.cli import aws, render
from darkroom.cli.operator.history import NoHistory, search
from darkroom.cli.stack import Stack
from darkroom.cli.terminal import times
from darkroom.cli.terminal.tables import Sheet

COMMON_FIELDS = frozenset(
    {
        "correlation_id",
        "function",
        "level",
        "location",
        "message",
        "requestId",
        "service",
        "timestamp",
        "xray_trace_id",
    }
)
"""Fields of every log line; they are not shown as details."""
STYLES = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
LAST_WEBHOOK = datetime.timedelta(days=1)
"""The last log line about a task is written within this time after its end."""


@dataclass(frozen=True)
class LogEntry:
    """One log line about a task. `details` are its fields beyond `COMMON_FIELDS`, by name."""

    time: datetime.datetime
    function: str
    level: str
    message: str
    details: Mapping[str, Any]

    def described(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "kind": "log",
            "at": times.iso(self.time),
            "function": self.function,
            "level": self.level,
            "message": self.message,
            "details": dict(self.details),
        }


def read(
    stack: Stack, task_id: str, since: datetime.datetime, ended: datetime.datetime | None
) -> list[LogEntry]:
    """Return the log lines of all functions about a task, by time; none without a log group.

    They are searched from `since`, its creation, until a day after it `ended`: without that, all
    logs until today are read.

    Raises:
        NoHistory: the logs cannot be read.
    """
    group = stack.outputs.get("FunctionLogGroup")
    if not group:
        return []
    try:
        messages = search(stack, group, task_id, since, ended and ended + LAST_WEBHOOK)
    except aws.AwsError as error:
        raise NoHistory(f"The log group {group} cannot be read: {aws.message(error)}") from error
    entries = [from_log(message, task_id) for message in messages]
    return sorted((entry for entry in entries if entry), key=lambda entry: entry.time)


def from_log(text: str, task_id: str) -> LogEntry | None:
    """Parse one log line; None if it is not about this task."""
    try:
        fields = json.loads(text)
        if fields["correlation_id"] != task_id:
            return None
        return LogEntry(
            time=datetime.datetime.fromisoformat(fields["timestamp"]),
            function=fields.get("function", ""),
            level=fields["level"],
            message=str(fields["message"]),
            details={key: fields[key] for key in fields if key not in COMMON_FIELDS},
        )
    except (ValueError, KeyError, TypeError):
        return None  # Lambda's own lines have other fields


def log_table(entries: Iterable[LogEntry]) -> Sheet:
    """Return what functions logged, a row for each entry."""
    rows = (
        (
            times.clock(entry.time),
            render.clean(entry.function),
            Text(render.clean(_message(entry)), STYLES.get(entry.level, "")),
        )
        for entry in entries
    )
    logged = f"logged ({times.ZONE})"
    return render.table({logged: render.WORD, "by": render.WORD, "message": render.LINES}, rows)


def _message(entry: LogEntry) -> str:
    details = (f"{name} {_plain(value)}" for name, value in entry.details.items())
    return ", ".join([entry.message, *details])


def _plain(value: Any) -> str:
    return ": ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
