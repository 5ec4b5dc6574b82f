"""What the command line shows: lines and tables, coloured on a terminal, plain elsewhere."""

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from darkroom.cli.files import label
from darkroom.cli.operator.findings import Finding
from darkroom.cli.operator.history import Visit
from darkroom.cli.operator.task_logs import Line

STYLES = {
    "PENDING": "yellow",
    "RUNNING": "cyan",
    "COMPLETED": "green",
    "FAILED": "bold red",
    "CANCELLED": "magenta",
}
LEVELS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
FINDINGS = {"ok": "green", "warn": "yellow", "fail": "bold red"}
STATUS_WIDTH = max(map(len, STYLES))
# Columns where there is no terminal to wrap or cut for: scripts want a task on one line.
UNLIMITED = 10_000
KILO = 1000


def screen(*, stderr: bool = False) -> Console:
    """Return where to print: as wide as the terminal, or without limit where there is none."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = UNLIMITED
    return console


def put(console: Console, table: Table) -> None:
    """Print a table; without the spaces that fill its lines where no terminal needs them."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    for row in captured.get().splitlines():
        console.print(row.rstrip(), soft_wrap=True)


def clean(text: object) -> str:
    """Return a text that came from elsewhere without what a terminal would obey."""
    return "".join(c if c.isprintable() else "\ufffd" if c != "\n" else " " for c in str(text))


def status(value: str) -> Text:
    """Return a status in its colour."""
    return Text(clean(value), STYLES.get(value, ""))


def line(value: str, *parts: str) -> Text:
    """Return a status and what belongs to it, as one line."""
    padded = status(value)
    padded.pad_right(max(STATUS_WIDTH - len(value), 0))
    return Text("  ").join([padded, *(Text(clean(part)) for part in parts if part)])


def finding(made: Finding) -> Text:
    """Return what a check found, and what to do about it on a line of its own."""
    told = clean(f"{made.about:15}{made.found}")
    advice = f"\n{' ' * 21}{clean(made.advice)}" if made.advice else ""
    return Text.assemble((f"{made.level:6}", FINDINGS[made.level]), told, advice)


def source(task: Mapping[str, Any]) -> str:
    """Return where the image of a task is from."""
    given = task["source"]
    if "line" in given:
        return f"line {given.get('lineNumber', '?')} of a manifest"
    return label(given.get("imageUrl") or given.get("object") or "an upload")


def failure(task: Mapping[str, Any]) -> str:
    """Return why a task failed: step, error and message; nothing if it did not."""
    told = task.get("failure")
    return f"{told['step']}: {told['error']}: {told['message']}" if told else ""


def result(task: Mapping[str, Any]) -> str:
    """Return what a task's result is: size in pixels, media type, size of the file."""
    made = task.get("result")
    if not made:
        return ""
    parts = [f"{made['width']} x {made['height']}"] if made.get("width") else []
    return ", ".join([*parts, made["contentType"], size(made["bytes"])])


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    if count < KILO:
        return f"{count} B"
    return f"{count / KILO:.0f} kB" if count < KILO**2 else f"{count / KILO**2:.1f} MB"


def took(task: Mapping[str, Any]) -> str:
    """Return the time from submission to the end; nothing before the end."""
    if not task.get("completedAt"):
        return ""
    return seconds((moment(task["completedAt"]) - moment(task["createdAt"])).total_seconds())


def moment(timestamp: str) -> datetime.datetime:
    """Return an API timestamp (ISO 8601, UTC) as a moment."""
    return datetime.datetime.fromisoformat(timestamp)


def seconds(count: float | None) -> str:
    """Return a duration; `…` if it is not over."""
    return "…" if count is None else f"{count:.2f} s"


def webhook(task: Mapping[str, Any]) -> str:
    """Return where the end of a task is told, and how the last try went."""
    callback = task.get("callback")
    if not callback:
        return ""
    last = callback["delivery"]
    if not last:
        return f"{callback['url']}: not tried yet"
    how = "delivered" if last["delivered"] else f"not delivered: {last['message']}"
    return f"{callback['url']}: {how} (try {last['tries']})"


def task_sheet(task: Mapping[str, Any]) -> Table:
    """Return everything of one task that a person may want to know."""
    sheet = Table.grid(padding=(0, 2))
    sheet.add_column(style="dim", no_wrap=True)
    sheet.add_column(overflow="fold")
    made, run, output = task.get("result"), task.get("execution"), task.get("output") or {}
    rows: list[tuple[str, object]] = [
        ("task", task["taskId"]),
        ("name", task.get("name")),
        ("source", source(task)),
        ("output", ", ".join(f"{key} {value}" for key, value in output.items())),
        ("attempt", task.get("attempt")),
        ("created", task.get("createdAt")),
        ("started", task.get("startedAt")),
        ("ended", task.get("completedAt")),
        ("took", took(task)),
        ("failure", failure(task)),
        ("result", result(task)),
        ("link", made and made["url"]),
        ("webhook", webhook(task)),
        ("execution", run and run["arn"]),
        ("console", run and run.get("consoleUrl")),
    ]
    sheet.add_row("status", status(task["status"]))
    for name, value in rows:
        if value:
            sheet.add_row(name, Text(clean(value), "red" if name == "failure" else ""))
    return sheet


def task_table(tasks: Iterable[Mapping[str, Any]]) -> Table:
    """Return tasks, a row each. Where room is scarce, name and source are cut, never the id."""
    rows = [
        [
            Text(clean(task["taskId"])),
            status(task["status"]),
            Text(f"{moment(task['createdAt']):%m-%d %H:%M:%S}"),
            Text(took(task)),
            Text(clean(task.get("name") or "")),
            Text(clean(source(task))),
        ]
        for task in tasks
    ]
    table = _table()
    for column, name in enumerate(("task", "status", "created", "took")):
        table.add_column(name, no_wrap=True, min_width=max(len(row[column]) for row in rows))
    for name in ("name", "source"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def reason_table(
    tasks: Iterable[Mapping[str, Any]], reason: Callable[[Mapping[str, Any]], str]
) -> Table:
    """Return how many tasks there are of each reason, most first, and a failure as an example."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for task in tasks:
        groups.setdefault(reason(task), []).append(task)
    table = _table()
    table.add_column("tasks", no_wrap=True, justify="right")
    table.add_column("error", no_wrap=True)
    table.add_column("for example", overflow="ellipsis", no_wrap=True)
    for name, group in sorted(groups.items(), key=lambda entry: -len(entry[1])):
        example = (group[0].get("failure") or {}).get("message", "")
        table.add_row(str(len(group)), clean(name), clean(example))
    return table


def visit_table(visits: Iterable[Visit]) -> Table:
    """Return the states of an execution, a row each."""
    table = _table()
    table.add_column("state", no_wrap=True)
    table.add_column("started", no_wrap=True)
    table.add_column("took", no_wrap=True, justify="right")
    table.add_column("retries", no_wrap=True, justify="right")
    table.add_column("outcome", overflow="fold")
    for visit in visits:
        table.add_row(
            clean(visit.state),
            f"{visit.entered:%H:%M:%S.%f}"[:-3],
            seconds(visit.seconds),
            str(visit.retries) if visit.retries else "",
            _outcome(visit),
        )
    return table


def line_table(lines: Iterable[Line]) -> Table:
    """Return what functions logged, a row each."""
    table = _table()
    table.add_column("logged", no_wrap=True)
    table.add_column("by", no_wrap=True)
    table.add_column("message", overflow="fold")
    for logged in lines:
        told = [f"{name} {_plain(value)}" for name, value in logged.details.items()]
        table.add_row(
            f"{logged.time:%H:%M:%S.%f}"[:-3],
            clean(logged.function),
            Text(clean(", ".join([logged.message, *told])), LEVELS.get(logged.level, "")),
        )
    return table


def waiting(console: Console) -> Progress:
    """Return the bar that shows how many tasks have ended; where there is no terminal, nothing."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")


def _plain(value: Any) -> str:
    return ": ".join(map(str, value.values())) if isinstance(value, dict) else str(value)


def _outcome(visit: Visit) -> Text:
    if visit.error:
        return Text(clean(f"{visit.error}: {visit.message}"), "red")
    if visit.left is None:
        return Text("running", "cyan")
    after = f" after {', '.join(dict.fromkeys(visit.failures))}" if visit.failures else ""
    return Text(clean(f"ok{after}"), "green")
