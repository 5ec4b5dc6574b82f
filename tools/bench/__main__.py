"""`make bench`: measure everything, show the tables, write docs/performance.md and its plot.

`python -m tools.bench --quick` measures very little and writes nothing, to check that it works.
"""

import datetime
import os
import platform
import sys
import time
from importlib.metadata import version

import psutil
from rich.console import Console
from rich.markup import escape

from darkroom.cost.report import Table, markdown, shown, write_between
from tools.bench import kernel, path, start
from tools.bench.environment import call, processor
from tools.localcloud.cloud import PROJECT

PAGE = PROJECT / "docs" / "performance.md"
PLOT = PROJECT / "docs" / "performance.svg"


def main(*, quick: bool) -> None:
    """Run the measurements one after the other, since parallel ones would slow each other down."""
    screen = Console()
    began, load = time.monotonic(), os.getloadavg()[0]
    tables: list[Table] = []
    for measure in (kernel, start, path):
        screen.print(f"[dim]{measure.__name__} …[/]")
        measured = measure.tables(quick=quick)
        for table in measured:
            screen.print(shown(table), f"[dim]{escape(table.about)}[/]\n")
        tables += measured
    seconds = time.monotonic() - began
    today = datetime.datetime.now(datetime.UTC).date()
    packages = ", ".join(f"{name} {version(name)}" for name in ("Pillow", "boto3"))
    memory = psutil.virtual_memory().total / 2**30
    where = (
        f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, {packages}. Measured on "
        f"{today}, in {seconds:.0f} s. The machine's load average before was {load:.1f}."
    )
    screen.print(where)
    if not quick:
        write_between(PAGE, "make bench", [where, *(markdown(table) for table in tables)])
        ratios = [{"title": table.title, "bars": table.bars} for table in tables if table.bars]
        call("plot", "draw_ratios", str(PLOT), ratios)
        screen.print(f"Written: {PAGE.relative_to(PROJECT)}, {PLOT.relative_to(PROJECT)}")


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
