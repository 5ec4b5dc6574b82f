"""Darkroom and Celery, which `path` compares, and the server that both download from.

Each has its own local cloud. The same client sends tasks to both over HTTP, and reads the end of
each task from their tables.
"""

import json
import os
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

import httpx
import psutil

from tools.bench.machine import free_port
from tools.localcloud import processes
from tools.localcloud.cloud import PROJECT, TOOLS, LocalCloud
from tools.localcloud.deploy import deploy

WORKERS = 2
"""Processes of Celery's worker, and at most of each function of the local cloud."""
CLIENTS = 8
DEADLINE = 300
QUALITY = 75
"""Pillow's default for JPEG, so that both write results of the same size."""
PAUSE = 0.1
PAGE = 100
"""Keys in one BatchGetItem."""
EMULATOR = "emulator"
PYTHON = str(TOOLS / "bench" / "bin" / "python")


Cpu = dict[str, float]


@dataclass(frozen=True)
class Run:
    """The measurements of a number of tasks.

    Attributes:
        seconds: from the first submission to the end of the last task.
        latencies: seconds of each task, from its submission to its end.
        cpu: processor seconds by part, without the clients and the source.
    """

    seconds: float
    latencies: list[float]
    cpu: Cpu


@dataclass
class Contender:
    """A system that runs tasks.

    Attributes:
        cloud: the local cloud with its records and results.
        table: the name of the table with its records.
        http: a connection to its API.
        pids: its processes by part, without those of the local cloud.
        path: of its API for new tasks.
    """

    cloud: LocalCloud
    table: str
    http: httpx.Client
    pids: dict[str, int] = field(default_factory=dict)
    path: str = "/tasks"

    def __post_init__(self) -> None:
        self._dynamodb = self.cloud.client("dynamodb")

    def run(self, url: str, count: int) -> Run:
        """Run `count` tasks with the image at `url`, all submitted at once.

        Raises:
            RuntimeError: a task did not end COMPLETED.
            httpx.HTTPError: the API returned an error or did not answer.
        """
        before = self._cpu()

        def submit(_: int) -> tuple[str, float]:
            sent = time.time()
            body = {"imageUrl": url, "output": {"quality": QUALITY}}
            answer = self.http.post(self.path, json=body).raise_for_status()
            return answer.json()["taskId"], sent

        with ThreadPoolExecutor(CLIENTS) as pool:
            sent = dict(pool.map(submit, range(count)))
        task_ids = list(sent)
        # First wait for the newest task only: polling all of them would be extra work.
        self._wait(task_ids[-1:])
        ended = self._wait(task_ids)
        return Run(
            max(ended.values()) - min(sent.values()),
            [ended[task_id] - moment for task_id, moment in sent.items()],
            {part: used - before.get(part, 0) for part, used in self._cpu().items()},
        )

    def _wait(self, task_ids: list[str]) -> dict[str, float]:
        """Wait for the tasks to end; return the time of each end in seconds since 1970."""
        deadline = time.monotonic() + DEADLINE
        while True:
            ended: dict[str, float] = {}
            for start in range(0, len(task_ids), PAGE):
                ended |= self._ends(task_ids[start : start + PAGE])
            if len(ended) == len(task_ids):
                return ended
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(task_ids) - len(ended)} tasks of the bench did not end.")
            time.sleep(PAUSE)

    def _ends(self, task_ids: list[str]) -> dict[str, float]:
        """Return the times of those ends, of up to 100 tasks, that have happened."""
        keys = [{"taskId": {"S": task_id}} for task_id in task_ids]
        answer = self._dynamodb.batch_get_item(RequestItems={self.table: {"Keys": keys}})
        records = answer["Responses"][self.table]
        failed = [record for record in records if record["status"]["S"] == "FAILED"]
        if failed:
            raise RuntimeError(f"{len(failed)} tasks of the bench FAILED: {failed[0]['failure']}")
        return {
            record["taskId"]["S"]: datetime.fromisoformat(record["completedAt"]["S"]).timestamp()
            for record in records
            if "completedAt" in record
        }

    def _cpu(self) -> Cpu:
        used: defaultdict[str, float] = defaultdict(float)
        for process in processes.marked(self.cloud.home):
            with suppress(psutil.Error):
                # The name has three parts: the stack, the function, a unique suffix.
                function = process.environ().get("AWS_LAMBDA_FUNCTION_NAME", f"bench-{EMULATOR}")
                used[function.split("-")[1]] += _seconds(process)
        for part, pid in self.pids.items():
            process = psutil.Process(pid)
            used[part] += sum(map(_seconds, [process, *process.children(recursive=True)]))
        return used


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def darkroom() -> Iterator[Contender]:
    """Start a local cloud and deploy template.yaml to it; stop it at the end."""
    with _cloud() as cloud:
        description = deploy(cloud, "bench", {"RequestBurst": "5000"})
        headers = {"x-api-key": description["apiKey"]}
        with httpx.Client(
            base_url=description["apiUrl"], headers=headers, timeout=DEADLINE
        ) as http:
            yield Contender(cloud, description["outputs"]["TableName"], http)


@contextmanager
def celery() -> Iterator[tuple[Contender, str]]:
    """Start Celery, and a local cloud with its table and bucket; stop both at the end.

    Also yields the versions of its parts.
    """
    name = "bench"
    with _cloud() as cloud:
        cloud.client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "taskId", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "taskId", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        cloud.client("s3").create_bucket(Bucket=name)
        environment = {
            "BENCH_NAME": name,
            "AWS_ENDPOINT_URL": cloud.endpoint_url,
            "AWS_DEFAULT_REGION": cloud.region,
            **cloud.credentials.environment,
        }
        port = free_port()
        with _tool("tools.bench.baseline.rig", str(WORKERS), str(port), **environment) as output:
            started = json.loads(output.readline())
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE) as http:
                yield Contender(cloud, name, http, started["pids"]), started["versions"]


@contextmanager
def sources() -> Iterator[str]:
    """Serve the pictures of `sources`; yield the URL."""
    with _tool("tools.bench.sources") as output:
        yield output.readline().strip()


@contextmanager
def _cloud() -> Iterator[LocalCloud]:
    with tempfile.TemporaryDirectory() as home:
        cloud = LocalCloud(Path(home), free_port(), keep=False)
        try:
            cloud.start(DARKROOM_WORKERS=str(WORKERS))
            yield cloud
        finally:
            cloud.stop()


@contextmanager
def _tool(module: str, *arguments: str, **environment: str) -> Iterator[IO[str]]:
    """Run a module in the bench's environment and yield its output; close its input at the end."""
    with subprocess.Popen(  # noqa: S603 - our own module
        [PYTHON, "-m", module, *arguments],
        cwd=PROJECT,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdin is None or process.stdout is None:  # both were asked for
            raise RuntimeError(f"{module} has no input or no output.")
        yield process.stdout
