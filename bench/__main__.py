"""`make bench`: measure everything, show it, write docs/performance.md and its plot.

`python -m bench --quick` measures hardly anything and writes nothing: to see that it works.
"""

import datetime
import json
import os
import platform
import re
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Shown

from bench import kernel, path, start
from bench.contenders import PYTHON
from bench.report import Table
from local.cloud import PROJECT

PAGE = PROJECT / "docs" / "performance.md"
PLOT = PROJECT / "docs" / "performance.svg"
MEASURED = re.compile(r"(<!-- measured by make bench -->\n).*(<!-- end -->)", re.DOTALL)
GIB = 2**30


def main(*, quick: bool) -> None:
    """Measure one after the other, since two at once would slow each other down."""
    screen = Console()
    began, load = time.monotonic(), os.getloadavg()[0]
    tables: list[Table] = []
    for measure in (kernel, start, path):
        screen.print(f"[dim]{measure.__name__} …[/]")
        measured = measure.tables(quick=quick)
        for table in measured:
            screen.print(_shown(table), f"[dim]{escape(table.about)}[/]\n")
        tables += measured
    seconds = time.monotonic() - began
    today = datetime.datetime.now(datetime.UTC).date()
    where = (
        f"{_machine()} Measured on {today}, in {seconds:.0f} s; before that {load:.1f} processes "
        "were at work on the machine."
    )
    screen.print(where)
    if not quick:
        _write(tables, where)
        screen.print(f"Written: {PAGE.relative_to(PROJECT)}, {PLOT.relative_to(PROJECT)}")


def _shown(table: Table) -> Shown:
    shown = Shown(title=table.title, title_justify="left")
    shown.add_column(table.columns[0])
    for column in table.columns[1:]:
        shown.add_column(column, justify="right")
    for row in table.rows:
        shown.add_row(*row)
    return shown


def _write(tables: list[Table], where: str) -> None:
    parts = [where, *(_markdown(table) for table in tables)]
    text, found = MEASURED.subn(
        lambda match: match[1] + "\n\n".join(parts) + "\n" + match[2], PAGE.read_text()
    )
    if found != 1:
        raise ValueError(f"{PAGE} has no place for what is measured: {MEASURED.pattern}")
    PAGE.write_text(text)
    plotted = [{"title": table.title, "bars": table.bars} for table in tables if table.bars]
    subprocess.run(  # noqa: S603 - our own module
        [PYTHON, "-m", "bench.plot", str(PLOT)],
        cwd=PROJECT,
        input=json.dumps(plotted),
        text=True,
        check=True,
    )


def _markdown(table: Table) -> str:
    rule = ["---", *("---:" for _ in table.columns[1:])]
    rows = ["| " + " | ".join(cells) + " |" for cells in (table.columns, rule, *table.rows)]
    return "\n".join([f"### {table.title}", "", table.about, "", *rows])


def _machine() -> str:
    """Say in a sentence what all figures belong to."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("Pillow", "boto3"))
    memory = psutil.virtual_memory().total / GIB
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, {packages}."
    )


def _processor() -> str:
    """Return the processor's name; what Python knows of it where Linux does not tell."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        found = re.search(r"^model name\s*: (.+)$", told.read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
