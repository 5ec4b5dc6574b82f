"""What the functions logged about a task: the lines of the stack's log group with its id."""

import datetime
from collections.abc import Iterable
from typing import Any

from rich.text import Text

from darkroom.cli import aws, render
from darkroom.cli.operator.history import NoHistory, search
from darkroom.cli.stack import Stack
from darkroom.cli.terminal import times
from darkroom.cli.terminal.tables import Sheet
from darkroom.runtime.log_lines import LAST_WEBHOOK, LogLine, about

STYLES = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}


def described(line: LogLine) -> dict[str, Any]:
    """Return a log line as a JSON object."""
    return {
        "kind": "log",
        "at": times.iso(line.time),
        "function": line.function,
        "level": line.level,
        "message": line.message,
        "details": dict(line.details),
    }


def read(
    stack: Stack, task_id: str, since: datetime.datetime, ended: datetime.datetime | None
) -> list[LogLine]:
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
        return about(task_id, search(stack, group, task_id, since, ended and ended + LAST_WEBHOOK))
    except aws.AwsError as error:
        raise NoHistory(f"The log group {group} cannot be read: {aws.message(error)}") from error


def log_table(lines: Iterable[LogLine]) -> Sheet:
    """Return what functions logged, a row for each line."""
    rows = (
        (
            times.clock(line.time),
            render.clean(line.function),
            Text(render.clean(_message(line)), STYLES.get(line.level, "")),
        )
        for line in lines
    )
    logged = f"logged ({times.ZONE})"
    return render.table({logged: render.WORD, "by": render.WORD, "message": render.LINES}, rows)


def _message(line: LogLine) -> str:
    details = (f"{name} {_plain(value)}" for name, value in line.details.items())
    return ", ".join([line.message, *details])


def _plain(value: Any) -> str:
    return ": ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
