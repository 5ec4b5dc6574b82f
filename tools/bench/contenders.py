"""The two that `bench.path` compares, Darkroom and Celery, and what they download from.

Each has a local cloud of its own. The same client asks both over HTTP, and when a task has ended
is read from their tables.
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
"""Celery's processes, and those that each function of the local cloud may have."""
CLIENTS = 8
DEADLINE = 300
QUALITY = 75
"""What Pillow saves a JPEG with when it is not told: both write as much."""
PAUSE = 0.1
PAGE = 100
"""Keys of one BatchGetItem."""
EMULATOR = "emulator"
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


@dataclass
class Contender:
    """One that does tasks.

    Attributes:
        cloud: where its records and results are.
        table: the name of the table of its records.
        http: a connection to its API.
        pids: its processes beside the local cloud's, by the part that they are.
        path: where its API takes tasks.
    """

    cloud: LocalCloud
    table: str
    http: httpx.Client
    pids: dict[str, int] = field(default_factory=dict)
    path: str = "/tasks"

    def __post_init__(self) -> None:
        self._dynamodb = self.cloud.client("dynamodb")

    def run(self, url: str, count: int) -> Run:
        """Do `count` tasks with the image at `url`, all submitted at once.

        Raises:
            RuntimeError: a task did not end COMPLETED.
            httpx.HTTPError: the API refused or did not answer.
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
        # The newest alone first: to ask for all again and again would be work of its own.
        self._wait(task_ids[-1:])
        ended = self._wait(task_ids)
        return Run(
            max(ended.values()) - min(sent.values()),
            [ended[task_id] - moment for task_id, moment in sent.items()],
            {part: used - before.get(part, 0) for part, used in self._cpu().items()},
        )

    def _wait(self, task_ids: list[str]) -> dict[str, float]:
        """Wait for tasks to end; return when each did, in seconds since 1970."""
        deadline = time.monotonic() + DEADLINE
        while True:
            ended: dict[str, float] = {}
            for start in range(0, len(task_ids), PAGE):
                ended |= self._ends(task_ids[start : start + PAGE])
            if len(ended) == len(task_ids):
                return ended
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(task_ids) - len(ended)} tasks of the bench do not end.")
            time.sleep(PAUSE)

    def _ends(self, task_ids: list[str]) -> dict[str, float]:
        """Return when those of up to 100 tasks ended that have."""
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
                # The stack's name, the function's, and what makes it unique.
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
    """Start a local cloud and deploy template.yaml to it; stop it."""
    with _cloud() as cloud:
        description = deploy(cloud, "bench", {"RequestBurst": "5000"})
        headers = {"x-api-key": description["apiKey"]}
        with httpx.Client(
            base_url=description["apiUrl"], headers=headers, timeout=DEADLINE
        ) as http:
            yield Contender(cloud, description["outputs"]["TableName"], http)


@contextmanager
def celery() -> Iterator[tuple[Contender, str]]:
    """Start Celery beside a local cloud with its table and its bucket; stop both.

    Gives the versions of what it is made of, too.
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
        with _tool("tools.bench.celery_rig", str(WORKERS), str(port), **environment) as told:
            started = json.loads(told.readline())
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE) as http:
                yield Contender(cloud, name, http, started["pids"]), started["versions"]


@contextmanager
def sources() -> Iterator[str]:
    """Serve the pictures of `bench.sources`; give the address."""
    with _tool("tools.bench.sources") as told:
        yield told.readline().strip()


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
    """Run a module in the environment of the bench and give its output; close its input."""
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
