"""`make flat`: check that a task costs the same after 10,000 tasks as after 100, locally.

`python -m tools.bench.flat --quick` uses a few tasks and writes nothing.
"""

import itertools
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from rich.console import Console

from darkroom.cost.report import Table, markdown, shown, write_between
from tools.bench.billing import billed
from tools.bench.billing.wire import Wire, tapped_cloud
from tools.bench.contenders import SMALL, Contender, sources
from tools.bench.stack import EMULATOR, Stack
from tools.localcloud import processes
from tools.localcloud.cloud import PROJECT

PAGE = PROJECT / "docs" / "scale.md"
SIZES, QUICK_SIZES = (100, 1_000, 10_000), (4, 8)
WAVE = 100
"""Tasks at once: more would be throttled, as by Lambda above a thousand concurrent executions."""
LISTS = 20
MIB = 2**20


@dataclass(frozen=True)
class Stretch:
    """The cost of tasks between two sizes of the table.

    Attributes:
        size: tasks in the table at the end.
        tasks: number of tasks in this stretch.
        seconds: from the first submission to the end of the last task.
        functions: processor seconds of the functions.
        emulator: processor seconds of the emulator.
        memory: resident bytes of the emulator at the end.
        calls: of functions to services.
        list_ms: median milliseconds for the first page of the list, at the end.
        list_reads: read units of that page.
        repair_reads: read units of a run of reconcile that finds nothing.
    """

    size: int
    tasks: int
    seconds: float
    functions: float
    emulator: float
    memory: int
    calls: int
    list_ms: float
    list_reads: float
    repair_reads: float


COLUMNS: dict[str, Callable[[Stretch], str]] = {
    "tasks in the table": lambda s: f"{s.size:,}",
    "tasks/s": lambda s: f"{s.tasks / s.seconds:.1f}",
    "functions, ms": lambda s: f"{s.functions / s.tasks * 1000:.1f}",
    "emulator, ms": lambda s: f"{s.emulator / s.tasks * 1000:.1f}",
    "calls per task": lambda s: f"{s.calls / s.tasks:.2f}",
    "emulator, MiB": lambda s: f"{s.memory / MIB:.0f}",
    "list, ms": lambda s: f"{s.list_ms:.0f}",
    "list, read units": lambda s: f"{s.list_reads:.1f}",
    "repair, read units": lambda s: f"{s.repair_reads:.1f}",
}


class Meter:
    """Measures a stack on a local cloud whose functions call through a wire."""

    def __init__(self, stack: Stack, wire: Wire) -> None:
        """Take the stack and the wire."""
        self._stack, self._wire = stack, wire
        self._tasks = Contender(stack.cloud, stack.outputs["TableName"], stack.http)

    def stretch(self, url: str, size: int, tasks: int) -> Stretch:
        """Run `tasks` tasks, after which the table has `size`, and measure them.

        Raises:
            RuntimeError: a task did not end COMPLETED.
            httpx.HTTPError: the API returned an error or did not answer.
        """
        self._wire.take()
        calls, seconds = 0, 0.0
        used: Counter[str] = Counter()
        for first in range(0, tasks, WAVE):
            run = self._tasks.run(url, min(WAVE, tasks - first))
            calls += len(self._wire.take())
            seconds += run.seconds
            used.update(run.cpu)
        emulator = used.pop(EMULATOR)
        (process,) = processes.running(self._stack.cloud.home, "tools.localcloud.emulator")
        list_ms = statistics.median(self._list() for _ in range(LISTS))
        list_reads = billed.capacity(self._wire.take(), {}).reads / LISTS
        return Stretch(
            size=size,
            tasks=tasks,
            seconds=seconds,
            functions=sum(used.values()),
            emulator=emulator,
            memory=process.memory_info().rss,
            calls=calls,
            list_ms=list_ms,
            list_reads=list_reads,
            repair_reads=self._repair_reads(),
        )

    def _list(self) -> float:
        began = time.perf_counter()
        self._stack.http.get("/tasks", params={"limit": 20}).raise_for_status()
        return (time.perf_counter() - began) * 1000

    def _repair_reads(self) -> float:
        name = self._stack.physical("ReconcileFunction")
        self._wire.take()
        self._stack.cloud.client("lambda").invoke(FunctionName=name, Payload=b"{}")
        return billed.capacity(self._wire.take(), {}).reads


def measure(sizes: tuple[int, ...]) -> list[Stretch]:
    """Measure tasks on one local cloud while its table grows to each size."""
    with sources() as address, tapped_cloud() as (cloud, wire), closing(Stack(cloud)) as stack:
        meter, url = Meter(stack, wire), f"{address}/{SMALL}"
        meter.stretch(url, 0, 8)  # warm up: start every process
        pairs = itertools.pairwise((0, *sizes))
        return [meter.stretch(url, size, size - previous) for previous, size in pairs]


def table(stretches: list[Stretch]) -> Table:
    """Return the table of docs/scale.md."""
    return Table(
        "The same task after 100 and after 10,000",
        f"One local cloud and pictures of 640 x 480, {WAVE} tasks at once, then the next {WAVE}. "
        "Each row measures the tasks between the previous size and its own. Processor time is of "
        "the functions, and of the emulator, which takes the place of all AWS services and keeps "
        "every task in memory. The list is `GET /tasks?limit=20`. A repair is a run of reconcile "
        "that finds nothing.",
        tuple(COLUMNS),
        [tuple(cell(stretch) for cell in COLUMNS.values()) for stretch in stretches],
    )


def main(*, quick: bool) -> None:
    """Measure, show the table, write docs/scale.md."""
    measured = table(measure(QUICK_SIZES if quick else SIZES))
    Console().print(shown(measured))
    if not quick:
        write_between(PAGE, "make flat", [markdown(measured)])


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
