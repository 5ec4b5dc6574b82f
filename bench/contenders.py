"""The two that `bench.path` compares, the local cloud and Celery, and what they download from."""

import json
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol

import httpx
import psutil

from local import processes
from local.cloud import PROJECT, TOOLS, LocalCloud
from local.deploy import deploy

WORKERS = 2
"""Celery's processes, and those that each function of the local cloud may have."""
CLIENTS = 8
DEADLINE = 300
QUALITY = 75
"""What Pillow saves a JPEG with when it is not told: both write as much."""
SHORTEST_PAUSE = 0.1
PAGE = 100
PYTHON = str(TOOLS / "bench" / "bin" / "python")


Cpu = dict[str, float]


@dataclass(frozen=True)
class Run:
    """What a number of tasks took.

    Attributes:
        seconds: from the first submission to the last end.
        latencies: seconds of each task, from its submission to its end.
        cpu: seconds of processor, by the part that used them; clients and the source are in none.
    """

    seconds: float
    latencies: list[float]
    cpu: Cpu


class Contender(Protocol):
    """One that does tasks."""

    def run(self, url: str, count: int) -> Run:
        """Do `count` tasks with the image at `url`, all submitted at once."""


class Darkroom:
    """A stack, made of template.yaml, on a local cloud of its own."""

    def __init__(self, cloud: LocalCloud, http: httpx.Client) -> None:
        """Take a cloud that is up and a connection to the API of its stack."""
        self._cloud = cloud
        self._http = http

    def run(self, url: str, count: int) -> Run:
        """See Contender.

        Raises:
            RuntimeError: a task did not end COMPLETED.
            httpx.HTTPError: the API refused or did not answer.
        """
        before = self._cpu()

        def submit(_: int) -> tuple[str, float]:
            sent = time.time()
            body = {"imageUrl": url, "output": {"quality": QUALITY}}
            answer = self._http.post("/tasks", json=body).raise_for_status()
            return answer.json()["taskId"], sent

        with ThreadPoolExecutor(CLIENTS) as pool:
            sent = dict(pool.map(submit, range(count)))
        # The newest alone first: to ask for all again and again would be work of its own.
        self._wait(1)
        done = self._wait(count)
        return Run(
            max(done.values()) - min(sent.values()),
            [done[task_id] - moment for task_id, moment in sent.items()],
            {part: used - before.get(part, 0) for part, used in self._cpu().items()},
        )

    def _wait(self, count: int) -> dict[str, float]:
        """Wait, as the API asks to, for the newest tasks to end; return when each did, by id."""
        deadline = time.monotonic() + DEADLINE
        while True:
            tasks, pause = self._newest(count)
            states = {task["status"] for task in tasks}
            if states == {"COMPLETED"}:
                return {
                    task["taskId"]: datetime.fromisoformat(task["completedAt"]).timestamp()
                    for task in tasks
                }
            if not states <= {"PENDING", "RUNNING", "COMPLETED"} or time.monotonic() > deadline:
                raise RuntimeError(f"Not all tasks of the bench ended COMPLETED: {states}")
            time.sleep(max(pause, SHORTEST_PAUSE))

    def _newest(self, count: int) -> tuple[list[dict[str, Any]], float]:
        """Return so many tasks and the seconds after which to ask again."""
        tasks: list[dict[str, Any]] = []
        query: dict[str, Any] = {}
        while True:
            query["limit"] = min(count - len(tasks), PAGE)
            answer = self._http.get("/tasks", params=query).raise_for_status()
            page = answer.json()
            tasks += page["tasks"]
            query["cursor"] = page["cursor"]
            if len(tasks) >= count:
                return tasks, float(answer.headers.get("Retry-After", 0))

    def _cpu(self) -> Cpu:
        used: defaultdict[str, float] = defaultdict(float)
        for process in processes.marked(self._cloud.home):
            with suppress(psutil.Error):
                # The stack's name, the function's, and what makes it unique.
                function = process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "bench-emulator")
                times = process.cpu_times()
                used[function.split("-")[1]] += times.user + times.system
        return used


class Celery:
    """Celery with a broker and a worker, see `bench.celery_rig`."""

    def __init__(self, orders: IO[str], answers: IO[str]) -> None:
        """Take both ends of a rig that has been started."""
        self._orders = orders
        self._answers = answers
        self.versions: str = self._answer()["versions"]

    def run(self, url: str, count: int) -> Run:
        """See Contender. Raises RuntimeError: the rig has ended."""
        self._orders.write(f"{url} {count}\n")
        self._orders.flush()
        told = self._answer()
        return Run(told["seconds"], told["latencies"], told["cpu"])

    def _answer(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            raise RuntimeError("Celery has ended, see above.")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def darkroom(port: int) -> Iterator[Darkroom]:
    """Start a local cloud on a port and deploy to it; stop it."""
    with tempfile.TemporaryDirectory() as home:
        cloud = LocalCloud(Path(home), port)
        try:
            cloud.start(DARKROOM_WORKERS=str(WORKERS))
            description = deploy(cloud, "bench", {"RequestBurst": "5000"})
            headers = {"x-api-key": description["apiKey"]}
            with httpx.Client(base_url=description["apiUrl"], headers=headers) as http:
                yield Darkroom(cloud, http)
        finally:
            cloud.stop()


@contextmanager
def celery() -> Iterator[Celery]:
    """Start Celery; stop it."""
    with _tool("bench.celery_rig", str(WORKERS)) as (orders, answers):
        yield Celery(orders, answers)


@contextmanager
def sources() -> Iterator[str]:
    """Serve the pictures of `bench.sources`; give the address."""
    with _tool("bench.sources") as (_, answers):
        yield answers.readline().strip()


@contextmanager
def _tool(module: str, *arguments: str) -> Iterator[tuple[IO[str], IO[str]]]:
    """Run a module in the environment of the bench; it ends when its input does."""
    with subprocess.Popen(  # noqa: S603 - our own module
        [PYTHON, "-m", module, *arguments],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdin is None or process.stdout is None:  # both were asked for
            raise RuntimeError(f"{module} has no input or no output.")
        yield process.stdin, process.stdout
