"""Read the lines that the functions have logged about a task: see `logging`. Rules only, no AWS."""

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

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
"""Fields of every log line; they are not details."""
LAST_WEBHOOK = datetime.timedelta(days=1)
"""The last log line about a task is written within this time after its end."""


@dataclass(frozen=True)
class LogLine:
    """One log line about a task. `details` are its fields beyond `COMMON_FIELDS`, by name."""

    time: datetime.datetime
    function: str
    level: str
    message: str
    details: Mapping[str, Any]


def about(task_id: str, texts: Iterable[str]) -> list[LogLine]:
    """Return the log lines about a task, by time. Other lines are left out."""
    lines = (_read(text, task_id) for text in texts)
    return sorted((line for line in lines if line), key=lambda line: line.time)


def of_attempt(lines: Iterable[LogLine], attempt: int) -> list[LogLine]:
    """Return those lines of a task, which are sorted by time, that belong to one attempt.

    Some lines do not name their attempt, for example those of webhooks. They belong to the latest
    attempt that was named before them.
    """
    found = []
    latest = 1
    for line in lines:
        named = line.details.get("attempt")
        if isinstance(named, int):
            latest = max(latest, named)
        if (named or latest) == attempt:
            found.append(line)
    return found


def _read(text: str, task_id: str) -> LogLine | None:
    try:
        fields = json.loads(text)
        if fields["correlation_id"] != task_id:
            return None
        return LogLine(
            time=datetime.datetime.fromisoformat(fields["timestamp"]),
            function=fields.get("function", ""),
            level=fields["level"],
            message=str(fields["message"]),
            details={key: fields[key] for key in fields if key not in COMMON_FIELDS},
        )
    except (ValueError, KeyError, TypeError):
        return None  # Lambda's own lines have other fields
