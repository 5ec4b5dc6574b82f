"""What the command line prints and asks: with colours on a terminal, plain text elsewhere."""

import datetime
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from darkroom.cli.errors import CommandError
from darkroom.cli.files import label
from darkroom.tasks.model import Status

STYLES = {
    "PENDING": "yellow",
    "RUNNING": "cyan",
    "COMPLETED": "green",
    "FAILED": "bold red",
    "CANCELLED": "magenta",
}
STATUS_WIDTH = max(map(len, STYLES))
# Columns when stdout is not a terminal: a script needs each task on one line.
UNLIMITED = 10_000
KILO = 1000
# Columns of tables: a word that is never broken, a number, text on several lines, text that is cut.
Options = Mapping[str, Any]
WORD: Options = {"no_wrap": True}
NUMBER: Options = {"no_wrap": True, "justify": "right"}
LINES: Options = {"overflow": "fold"}
CUT: Options = {"no_wrap": True, "overflow": "ellipsis"}


def screen(*, stderr: bool = False) -> Console:
    """Return a console as wide as the terminal; without a terminal its width has no limit."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = UNLIMITED
    return console


def show(what: Table | Text) -> None:
    """Print a table or a line on stdout; without a terminal also without trailing spaces."""
    console = screen()
    if isinstance(what, Text) or console.is_terminal:
        console.print(what, soft_wrap=isinstance(what, Text))
        return
    with console.capture() as captured:
        console.print(what)
    for row in captured.get().splitlines():
        console.print(row.rstrip(), soft_wrap=True)


def say(message: str) -> None:
    """Print one line on stdout."""
    show(Text(clean(message)))


def complain(message: str) -> None:
    """Print one red line on stderr."""
    screen(stderr=True).print(clean(message), style="red", soft_wrap=True)


def print_json(value: Any) -> None:
    """Print JSON without colours and without wrapping, so that a program can read it."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def confirm(question: str, *, yes: bool) -> None:
    """Ask a yes-or-no question, unless `yes` has answered it already.

    Raises:
        CommandError: the answer is no, or stdin is closed.
    """
    if yes:
        return
    # On stderr, because stdout may be redirected to a file.
    typer.echo(f"{question} [y/N] ", nl=False, err=True)
    answer = sys.stdin.readline()
    if not answer:
        typer.echo(err=True)
        raise CommandError("Nothing was done. Use --yes to run without confirmation.")
    if answer.strip().lower() not in {"y", "yes"}:
        raise CommandError("Nothing was done.")


def count(number: int, name: str) -> str:
    """Return a number with its noun: `1 task`, `2 tasks`."""
    return f"{number} {name}" + ("" if number == 1 else "s")


def clean(text: object) -> str:
    """Return a text from outside with its control characters replaced."""
    return "".join(c if c.isprintable() else "\ufffd" if c != "\n" else " " for c in str(text))


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


def moment(timestamp: str) -> datetime.datetime:
    """Return an API timestamp (ISO 8601, UTC) as a datetime."""
    return datetime.datetime.fromisoformat(timestamp)


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


def task_details(task: Mapping[str, Any]) -> Table:
    """Return one task, a row for each of its properties."""
    details = Table.grid(padding=(0, 2))
    details.add_column(style="dim", no_wrap=True)
    details.add_column(overflow="fold")
    execution, output = task.get("execution") or {}, task.get("output") or {}
    rows: list[tuple[str, object]] = [
        ("task", task["taskId"]),
        ("name", task.get("name")),
        ("batch", task.get("batchId")),
        ("source", source(task)),
        ("output", ", ".join(f"{key} {value}" for key, value in output.items())),
        ("attempt", task.get("attempt")),
        ("created", task.get("createdAt")),
        ("started", task.get("startedAt")),
        ("ended", task.get("completedAt")),
        ("took", duration(task)),
        ("failure", failure(task)),
        ("result", result(task)),
        ("link", (task.get("result") or {}).get("url")),
        ("webhook", webhook(task)),
        ("execution", execution.get("arn")),
        ("console", execution.get("consoleUrl")),
    ]
    details.add_row("status", status(task["status"]))
    for name, value in rows:
        if value:
            details.add_row(name, Text(clean(value), "red" if name == "failure" else ""))
    return details


def task_table(tasks: Iterable[Mapping[str, Any]]) -> Table:
    """Return tasks, a row each. On a narrow terminal name and source are cut, the id never is."""
    rows = [
        [
            Text(clean(task["taskId"])),
            status(task["status"]),
            Text(f"{moment(task['createdAt']):%m-%d %H:%M:%S}"),
            Text(duration(task)),
            Text(clean(task.get("name") or "")),
            Text(clean(source(task))),
        ]
        for task in tasks
    ]
    return _id_table(("task", "status", "created", "took"), ("name", "source"), rows)


def batch_table(batches: Iterable[Mapping[str, Any]]) -> Table:
    """Return batches, a row each, in the manner of `task_table`."""
    rows = [
        [
            Text(clean(batch["batchId"])),
            status(batch["status"]),
            Text(f"{moment(batch['createdAt']):%m-%d %H:%M:%S}"),
            Text(duration(batch)),
            Text("…" if batch["total"] is None else str(batch["total"])),
            Text(clean(batch.get("name") or "")),
        ]
        for batch in batches
    ]
    return _id_table(("batch", "status", "created", "took", "tasks"), ("name",), rows)


def _id_table(whole: Sequence[str], cut: Sequence[str], rows: Sequence[Sequence[Text]]) -> Table:
    """Return a table with columns that are shown whole, and then some that may be cut."""
    columns: dict[str, Options] = {
        name: {**WORD, "min_width": max(len(row[column]) for row in rows)}
        for column, name in enumerate(whole)
    }
    return table({**columns, **dict.fromkeys(cut, CUT)}, rows)


def reason_table(reasons: Iterable[tuple[str, str]]) -> Table:
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


def table(columns: Mapping[str, Options], rows: Iterable[Sequence[str | Text]]) -> Table:
    """Return a table of cleaned cells in the style of all tables, given each column's options."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name, options in columns.items():
        made.add_column(name, **options)
    for row in rows:
        made.add_row(*row)
    return made
