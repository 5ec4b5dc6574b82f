"""`make flat`: check that a task costs the same after 10,000 tasks as after 100, locally.

`python -m tools.bench.flat --quick` uses a few tasks and writes nothing.
"""

import collections
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import httpx
import psutil
from rich.console import Console

from darkroom.cost.report import Table, markdown, shown, write_between
from darkroom.tasks.model import ACTIVE_SHARDS
from tools.bench.billing import billed
from tools.bench.billing.wire import Wire, tapped_cloud
from tools.bench.contenders import CLIENTS, sources
from tools.bench.machine import free_port
from tools.localcloud import processes
from tools.localcloud.cloud import PROJECT, LocalCloud
from tools.localcloud.deploy import deploy

PAGE = PROJECT / "docs" / "scale.md"
SIZES, QUICK_SIZES = (100, 1_000, 10_000), (4, 8)
PICTURE = "0.3.jpg"
STACK = "flat"
DEADLINE = 3600
PAUSE = 0.2
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


class Stack:
    """A stack on a local cloud whose functions call through a wire."""

    def __init__(self, cloud: LocalCloud, wire: Wire) -> None:
        """Deploy template.yaml."""
        self._cloud, self._wire = cloud, wire
        described = deploy(cloud, STACK, {"RequestsPerSecond": "5000", "RequestBurst": "5000"})
        headers = {"x-api-key": described["apiKey"]}
        self.http = httpx.Client(base_url=described["apiUrl"], headers=headers, timeout=120)
        self._dynamodb, self._table = cloud.client("dynamodb"), described["outputs"]["TableName"]

    def stretch(self, url: str, size: int, tasks: int) -> Stretch:
        """Run `tasks` tasks, after which the table has `size`, and measure them.

        Raises:
            RuntimeError: they did not end within `DEADLINE` seconds.
            httpx.HTTPError: the API returned an error or did not answer.
        """
        self._wire.take()
        calls = 0
        before, began = self._processor_time(), time.monotonic()
        for first in range(0, tasks, WAVE):
            with ThreadPoolExecutor(CLIENTS) as pool:
                list(pool.map(lambda _: self._submit(url), range(first, min(first + WAVE, tasks))))
            while self._unfinished():
                if time.monotonic() - began > DEADLINE:
                    raise RuntimeError(f"The tasks did not end within {DEADLINE} s.")
                time.sleep(PAUSE)
            calls += len(self._wire.take())
        seconds, after = time.monotonic() - began, self._processor_time()
        calls += len(self._wire.take())
        used = {part: after[part] - before[part] for part in after}
        emulator = used.pop("emulator")
        list_ms = statistics.median(self._list() for _ in range(LISTS))
        list_reads = billed.capacity(self._wire.take(), {}).reads / LISTS
        return Stretch(
            size=size,
            tasks=tasks,
            seconds=seconds,
            functions=sum(used.values()),
            emulator=emulator,
            memory=self._emulator().memory_info().rss,
            calls=calls,
            list_ms=list_ms,
            list_reads=list_reads,
            repair_reads=self._repair_reads(),
        )

    def _submit(self, url: str) -> None:
        self.http.post("/tasks", json={"imageUrl": url}).raise_for_status()

    def _unfinished(self) -> bool:
        """Whether any task has not ended: query each shard of the index, without the wire."""
        return any(
            self._dynamodb.query(
                TableName=self._table,
                IndexName="active",
                KeyConditionExpression="active = :shard",
                ExpressionAttributeValues={":shard": {"S": str(shard)}},
                Limit=1,
            )["Count"]
            for shard in range(ACTIVE_SHARDS)
        )

    def _list(self) -> float:
        began = time.perf_counter()
        self.http.get("/tasks", params={"limit": 20}).raise_for_status()
        return (time.perf_counter() - began) * 1000

    def _repair_reads(self) -> float:
        found = self._cloud.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId="ReconcileFunction"
        )
        name = found["StackResourceDetail"]["PhysicalResourceId"]
        self._wire.take()
        self._cloud.client("lambda").invoke(FunctionName=name, Payload=b"{}")
        return billed.capacity(self._wire.take(), {}).reads

    def _processor_time(self) -> collections.defaultdict[str, float]:
        used: collections.defaultdict[str, float] = collections.defaultdict(float)
        for process in processes.marked(self._cloud.home):
            with suppress(psutil.Error):
                times = process.cpu_times()
                part = "functions" if _is_function(process) else "emulator"
                used[part] += times.user + times.system
        return used

    def _emulator(self) -> psutil.Process:
        (found,) = processes.running(self._cloud.home, "tools.localcloud.emulator")
        return found


def measure(sizes: tuple[int, ...]) -> list[Stretch]:
    """Measure tasks on one local cloud while its table grows to each size."""
    with sources() as address, _stack() as stack:
        url = f"{address}/{PICTURE}"
        stack.stretch(url, 0, 8)  # warm up: start every process
        previous = 0
        stretches: list[Stretch] = []
        for size in sizes:
            stretches.append(stack.stretch(url, size, size - previous))
            previous = size
    return stretches


def table(stretches: list[Stretch]) -> Table:
    """Return the table of docs/scale.md."""
    rows: list[tuple[str, ...]] = [
        (
            f"{s.size:,}",
            f"{s.tasks / s.seconds:.1f}",
            f"{s.functions / s.tasks * 1000:.1f}",
            f"{s.emulator / s.tasks * 1000:.1f}",
            f"{s.calls / s.tasks:.2f}",
            f"{s.memory / MIB:.0f}",
            f"{s.list_ms:.0f}",
            f"{s.list_reads:.1f}",
            f"{s.repair_reads:.1f}",
        )
        for s in stretches
    ]
    return Table(
        "The same task after 100 and after 10,000",
        f"One local cloud and pictures of 640 x 480, {WAVE} tasks at once, then the next {WAVE}. "
        "Each row measures the tasks between the previous size and its own. Processor time is of "
        "the functions, and of the emulator, which takes the place of all AWS services and keeps "
        "every task in memory. The list is `GET /tasks?limit=20`. A repair is a run of reconcile "
        "that finds nothing.",
        (
            "tasks in the table",
            "tasks/s",
            "functions, ms",
            "emulator, ms",
            "calls per task",
            "emulator, MiB",
            "list, ms",
            "list, read units",
            "repair, read units",
        ),
        rows,
    )


def main(*, quick: bool) -> None:
    """Measure, show the table, write docs/scale.md."""
    measured = table(measure(QUICK_SIZES if quick else SIZES))
    Console().print(shown(measured))
    if not quick:
        write_between(PAGE, "make flat", [markdown(measured)])


@contextmanager
def _stack() -> Iterator[Stack]:
    with tapped_cloud(free_port()) as (cloud, wire):
        stack = Stack(cloud, wire)
        try:
            yield stack
        finally:
            stack.http.close()


def _is_function(process: psutil.Process) -> bool:
    return "AWS_LAMBDA_FUNCTION_NAME" in process.environ()


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
