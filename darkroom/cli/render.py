"""Tasks, batches and tables as the command line shows them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from darkroom.cli.files import is_url, label
from darkroom.cli.terminal import times
from darkroom.cli.terminal.output import (
    clean,
    complain,
    confirm,
    note,
    print_json,
    say,
    screen,
    show,
)
from darkroom.cli.terminal.tables import CUT, LINES, NUMBER, WORD, Details, Fitted, Options, Sheet
from darkroom.cli.terminal.times import moment
from darkroom.tasks.model import Status

# What commands need to print is here, whichever module has it.
__all__ = [
    "CUT",
    "LINES",
    "NUMBER",
    "WORD",
    "clean",
    "complain",
    "confirm",
    "moment",
    "note",
    "print_json",
    "say",
    "screen",
    "show",
]

STYLES = {
    "PENDING": "yellow",
    "RUNNING": "cyan",
    "COMPLETED": "green",
    "FAILED": "bold red",
    "CANCELLED": "magenta",
}
STATUS_WIDTH = max(map(len, STYLES))
KILO = 1000


def count(number: int, name: str) -> str:
    """Return a number with its noun: `1 task`, `2 tasks`."""
    return f"{number} {name}" + ("" if number == 1 else "s")


def status(value: str) -> Text:
    """Return a status in its colour."""
    return Text(clean(value), STYLES.get(value, ""))


def line(value: str, *parts: str) -> Text:
    """Return one line: a status and further parts."""
    padded = status(value)
    padded.pad_right(max(STATUS_WIDTH - len(value), 0))
    return Text("  ").join([padded, *(Text(clean(part)) for part in parts if part)])


def batch_line(batch: Mapping[str, Any]) -> Text:
    """Return a batch on one line: status, id, tasks by status, and why it failed."""
    failure = batch["failure"]
    reason = f"{failure['error']}: {failure['message']}" if failure else ""
    if batch.get("deletionRequestedAt"):
        reason = f"being deleted: {batch['deleted']} gone"
    return line(batch["status"], batch["batchId"], by_status(batch["counts"]), reason)


def by_status(counts: Mapping[str, int]) -> str:
    """Return how many tasks have each status, in the order of a task's life."""
    return "  ".join(f"{counts[status]} {status}" for status in Status if counts.get(status))


def source(task: Mapping[str, Any]) -> str:
    """Return the source of a task for display."""
    source = task["source"]
    if "line" in source:
        return f"line {source.get('lineNumber', '?')} of a manifest"
    return label(source.get("imageUrl") or source.get("object") or "an upload")


def failure(task: Mapping[str, Any]) -> str:
    """Return the step, error and message of a failed task; "" for any other task."""
    found = task.get("failure")
    return f"{found['step']}: {found['error']}: {found['message']}" if found else ""


def result(task: Mapping[str, Any]) -> str:
    """Return the size in pixels, media type and file size of a result; "" without a result."""
    found = task.get("result")
    if not found:
        return ""
    parts = [f"{found['width']} x {found['height']}"] if found.get("width") else []
    return ", ".join([*parts, found["contentType"], size(found["bytes"])])


def size(count: int) -> str:
    """Return a number of bytes with a unit."""
    if count < KILO:
        return f"{count} B"
    return f"{count / KILO:.0f} kB" if count < KILO**2 else f"{count / KILO**2:.1f} MB"


def duration(task: Mapping[str, Any]) -> str:
    """Return the time from submission to completion; "" before that."""
    if not task.get("completedAt"):
        return ""
    return seconds((moment(task["completedAt"]) - moment(task["createdAt"])).total_seconds())


def seconds(count: float | None) -> str:
    """Return a duration with its unit; `…` while it lasts."""
    return "…" if count is None else f"{count:.2f} s"


def webhook(task: Mapping[str, Any]) -> str:
    """Return the URL of a task's webhook and the outcome of its last delivery attempt."""
    callback = task.get("callback")
    if not callback:
        return ""
    delivery = callback["delivery"]
    if not delivery:
        return f"{callback['url']}: not sent yet"
    outcome = "delivered" if delivery["delivered"] else f"not delivered: {delivery['message']}"
    return f"{callback['url']}: {outcome} (attempt {delivery['tries']})"


def task_details(task: Mapping[str, Any]) -> Details:
    """Return one task, a row for each of its properties."""
    execution, output = task.get("execution") or {}, task.get("output") or {}
    rows: dict[str, Any] = {
        "task": task["taskId"],
        "name": task.get("name"),
        "batch": task.get("batchId"),
        "source": source(task),
        "output": ", ".join(f"{key} {value}" for key, value in output.items()),
        "attempt": task.get("attempt"),
        "created": _time(task.get("createdAt")),
        "started": _time(task.get("startedAt")),
        "ended": _time(task.get("completedAt")),
        "took": duration(task),
        "failure": failure(task),
        "result": result(task),
        "link": (task.get("result") or {}).get("url"),
        "webhook": webhook(task),
        "execution": execution.get("arn"),
        "console": execution.get("consoleUrl"),
    }
    shown: dict[str, str | Text] = {"status": status(task["status"])}
    for name, value in rows.items():
        if value:
            shown[name] = Text(clean(value), "red" if name == "failure" else "")
    return Details(shown)


def _time(timestamp: str | None) -> str:
    return times.full(moment(timestamp)) if timestamp else ""


def task_table(tasks: Iterable[Mapping[str, Any]]) -> Fitted:
    """Return tasks, a row each, with the error of each FAILED one.

    A terminal that is too narrow for a row with everything shows the age instead of the times, the
    name or else the source, and the error on a separate line.
    """
    tasks = list(tasks)
    common: list[list[str | Text]] = [
        [Text(clean(task["taskId"])), status(task["status"])] for task in tasks
    ]
    everything: list[list[str | Text]] = [
        [
            times.short(moment(task["createdAt"])),
            duration(task),
            clean(task.get("name") or ""),
            clean(source(task)),
            _error(task),
        ]
        for task in tasks
    ]
    compact: list[list[str | Text]] = [
        [
            times.age(moment(task["createdAt"])),
            clean(task.get("name") or short_source(task)),
        ]
        for task in tasks
    ]
    created = f"created ({times.ZONE})"
    names = {"task": WORD, "status": WORD}
    wide = {created: WORD, "took": WORD, "name": CUT, "source": CUT, "error": CUT}
    narrow = {"age": NUMBER, "name": CUT}
    return Fitted(
        Sheet(names | wide, [a + b for a, b in zip(common, everything, strict=True)]),
        Sheet(
            names | narrow,
            [a + b for a, b in zip(common, compact, strict=True)],
            [_error(task) or None for task in tasks],
        ),
    )


def batch_table(batches: Iterable[Mapping[str, Any]]) -> Sheet:
    """Return batches, a row each."""
    columns = {"batch": WORD, "status": WORD, f"created ({times.ZONE})": WORD}
    rows: list[list[str | Text]] = [
        [
            clean(batch["batchId"]),
            status(batch["status"]),
            _time(batch["createdAt"]) or "",
            duration(batch),
            "…" if batch["total"] is None else str(batch["total"]),
            clean(batch.get("name") or ""),
        ]
        for batch in batches
    ]
    return table({**columns, "took": WORD, "tasks": NUMBER, "name": CUT}, rows)


def _error(task: Mapping[str, Any]) -> Text:
    return Text(clean(failure(task)), "red", overflow="fold")


def short_source(task: Mapping[str, Any]) -> str:
    """Return the source of a task, with only the host and the file name of a long URL."""
    whole = source(task)
    if not is_url(whole) or whole.startswith("data:"):
        return whole
    host, _, path = whole.partition("://")[2].partition("?")[0].partition("/")
    name = PurePosixPath(path).name
    return f"{host}/…/{name}" if "/" in path.strip("/") else f"{host}/{path}"


def reason_table(reasons: Iterable[tuple[str, str]]) -> Sheet:
    """Count pairs of an error and a message by error, largest first, with one message each."""
    groups: dict[str, list[str]] = {}
    for error, message in reasons:
        groups.setdefault(error, []).append(message)
    ordered = sorted(groups.items(), key=lambda entry: -len(entry[1]))
    rows = [[str(len(group)), clean(error), clean(group[0])] for error, group in ordered]
    return table({"tasks": NUMBER, "error": WORD, "for example": CUT}, rows)


def progress_bar(console: Console) -> Progress:
    """Return a bar for the number of tasks that have ended; without a terminal it is hidden."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def table(columns: Mapping[str, Options], rows: Iterable[Sequence[str | Text]]) -> Sheet:
    """Return a table of cleaned cells in the style of all tables, given each column's options."""
    return Sheet(columns, rows)
