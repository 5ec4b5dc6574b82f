"""`GET /tasks/{taskId}/logs`: what the functions logged about the last attempt of a task."""

import datetime
from typing import Any

from chalicelib.history.service import SEARCH_SECONDS
from chalicelib.history.view import Json, both_ends
from darkroom.aws.logs import LogGroup
from darkroom.runtime.clock import timestamp
from darkroom.runtime.log_lines import LAST_WEBHOOK, LogLine, about, of_attempt
from darkroom.runtime.redaction import redacted
from darkroom.tasks.model import OPEN
from darkroom.tasks.store import Item

BEFORE_START = datetime.timedelta(hours=1)
"""An attempt may have waited so long for its execution. What was logged earlier is not searched."""
SHOWN = ("status", "seconds", "tries", "step", "error", "reason")
"""The details that are shown, in this order."""


def logs_view(item: Item, log: LogGroup) -> Json:
    """Return the log lines of the last attempt of a task.

    Args:
        item: the task.
        log: the log of the functions, which is searched for some seconds.

    Raises:
        BotoCoreError, ClientError: the log cannot be read, or CloudWatch Logs throttled.
    """
    texts, complete = log.found(item["taskId"], *_period(item), SEARCH_SECONDS)
    lines = of_attempt(about(item["taskId"], texts), item["attempt"])
    shown = both_ends(lines)
    return {
        "taskId": item["taskId"],
        "attempt": item["attempt"],
        "lines": [_line(line) for line in shown],
        "complete": complete and len(shown) == len(lines),
    }


def _period(item: Item) -> tuple[datetime.datetime, datetime.datetime]:
    """Return when the functions may have logged something about the last attempt."""
    created, began = (
        datetime.datetime.fromisoformat(moment)
        for moment in (item["createdAt"], item.get("startedAt") or item["updatedAt"])
    )
    until = datetime.datetime.now(datetime.UTC)
    if item["status"] not in OPEN:
        ended = datetime.datetime.fromisoformat(item["completedAt"])
        until = min(ended + LAST_WEBHOOK, until)
    return max(created, began - BEFORE_START), until


def _line(line: LogLine) -> Json:
    return {
        "at": timestamp(line.time.astimezone(datetime.UTC)),
        "level": line.level,
        "function": line.function,
        "message": redacted(line.message),
        "details": _details(dict(line.details)),
    }


def _details(fields: dict[str, Any]) -> Json:
    """Return the `SHOWN` fields of a line that have a value. Texts were redacted when logged."""
    failure = fields.get("failure")
    if isinstance(failure, dict):  # how reconcile has ended a task
        fields = {"reason": failure.get("message"), **failure, **fields}
    return {
        name: redacted(value) if isinstance(value, str) else value
        for name in SHOWN
        if isinstance(value := fields.get(name), str | int | float)
    }
