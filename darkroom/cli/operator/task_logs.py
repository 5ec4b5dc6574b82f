"""What the functions logged of a task, by time: the lines of the stack's log group with its id."""

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.cli.operator.history import MINUTE_MS, NoHistory
from darkroom.cli.stack import Stack

# What every line has, and nobody needs to read of each.
OF_EVERY_LINE = frozenset(
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
LAST_WEBHOOK_MS = 24 * 60 * MINUTE_MS
"""Longer than the last line about a task comes after its end."""


@dataclass(frozen=True)
class Line:
    """One line about a task. `details` are what it says beside its message, by name."""

    time: datetime.datetime
    function: str
    level: str
    message: str
    details: Mapping[str, Any]


def read(
    stack: Stack, task_id: str, since: datetime.datetime, ended: datetime.datetime | None
) -> list[Line]:
    """Return the lines of all functions about a task, in the order of time.

    Args:
        stack: where it is; without a known log group there are no lines.
        task_id: the task's.
        since: when it was posted; logs are searched from there.
        ended: when it ended, so that not all logs until today are searched.

    Raises:
        NoHistory: the logs cannot be read.
    """
    group = stack.outputs.get("FunctionLogGroup")
    if not group:
        return []
    search: dict[str, Any] = {
        "logGroupName": group,
        "startTime": int(since.timestamp() * 1000) - MINUTE_MS,
        "filterPattern": f'"{task_id}"',
    }
    if ended:
        search["endTime"] = int(ended.timestamp() * 1000) + LAST_WEBHOOK_MS
    try:
        pages = stack.client("logs").get_paginator("filter_log_events").paginate(**search)
        found = [line for page in pages for line in page["events"]]
    except (BotoCoreError, ClientError) as error:
        raise NoHistory(f"The logs of {group} cannot be read: {error}") from error
    lines = [from_log(event["message"], task_id) for event in found]
    return sorted((line for line in lines if line), key=lambda line: line.time)


def from_log(text: str, task_id: str) -> Line | None:
    """Read one line of a log; None if it is not about this task."""
    try:
        said = json.loads(text)
        if said["correlation_id"] != task_id:
            return None
        return Line(
            time=datetime.datetime.fromisoformat(said["timestamp"]),
            function=said.get("function", ""),
            level=said["level"],
            message=str(said["message"]),
            details={key: said[key] for key in said if key not in OF_EVERY_LINE},
        )
    except (ValueError, KeyError, TypeError):
        return None  # Lambda's own lines have other fields
