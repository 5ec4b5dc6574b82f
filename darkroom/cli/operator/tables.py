"""Tables and lines of the operator commands."""

from collections.abc import Iterable
from typing import Any

from rich.table import Table
from rich.text import Text

from darkroom.cli import render
from darkroom.cli.operator.deployment import FAIL, OK, WARN, Finding
from darkroom.cli.operator.history import Visit
from darkroom.cli.operator.task_logs import LogEntry

LOG_STYLES = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
FINDING_STYLES = {OK: "green", WARN: "yellow", FAIL: "bold red"}


def finding_lines(finding: Finding) -> Text:
    """Return the finding of a check, with its advice on a second line."""
    message = render.clean(f"{finding.subject:15}{finding.message}")
    advice = f"\n{' ' * 21}{render.clean(finding.advice)}" if finding.advice else ""
    return Text.assemble((f"{finding.level:6}", FINDING_STYLES[finding.level]), message, advice)


def visit_table(visits: Iterable[Visit]) -> Table:
    """Return the states of an execution, a row each."""
    table = render.new_table()
    table.add_column("state", no_wrap=True)
    table.add_column("started", no_wrap=True)
    table.add_column("took", no_wrap=True, justify="right")
    table.add_column("retries", no_wrap=True, justify="right")
    table.add_column("outcome", overflow="fold")
    for visit in visits:
        table.add_row(
            render.clean(visit.state),
            f"{visit.entered:%H:%M:%S.%f}"[:-3],
            render.seconds(visit.seconds),
            str(visit.retries) if visit.retries else "",
            _outcome(visit),
        )
    return table


def log_table(entries: Iterable[LogEntry]) -> Table:
    """Return what functions logged, a row for each entry."""
    table = render.new_table()
    table.add_column("logged", no_wrap=True)
    table.add_column("by", no_wrap=True)
    table.add_column("message", overflow="fold")
    for entry in entries:
        details = [f"{name} {_plain(value)}" for name, value in entry.details.items()]
        table.add_row(
            f"{entry.time:%H:%M:%S.%f}"[:-3],
            render.clean(entry.function),
            Text(
                render.clean(", ".join([entry.message, *details])), LOG_STYLES.get(entry.level, "")
            ),
        )
    return table


def _plain(value: Any) -> str:
    return ": ".join(map(str, value.values())) if isinstance(value, dict) else str(value)


def _outcome(visit: Visit) -> Text:
    if visit.error:
        return Text(render.clean(f"{visit.error}: {visit.message}"), "red")
    if visit.left is None:
        return Text("running", "cyan")
    after = f" after {', '.join(dict.fromkeys(visit.failures))}" if visit.failures else ""
    return Text(render.clean(f"ok{after}"), "green")
