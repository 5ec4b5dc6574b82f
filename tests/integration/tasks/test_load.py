"""Many tasks at once: all of them end, each once, even with little concurrency."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.chaos.proxy import Proxy
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import Sources
from tests.support.ports import free_port
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy

pytestmark = pytest.mark.timeout(1200)

TASKS = 150
"""Of the test of throttled starts. Tried with 500, too, which takes a minute or two."""
MIXED = [
    ("/colour.jpg", "COMPLETED"),
    ("/colour.png", "COMPLETED"),
    ("/status/404/mixed", "FAILED"),
    ("/colour.webp", "COMPLETED"),
    ("/text.jpg", "FAILED"),
]


def test_200_tasks_at_once_all_end_as_they_should_and_none_twice(standard: Stack, sources: Sources):
    wanted = {}
    with ThreadPoolExecutor(16) as pool:
        submitted = pool.map(
            lambda n: (standard.submit(sources.url(MIXED[n % 5][0])), MIXED[n % 5][1]), range(200)
        )
        wanted = {task["taskId"]: status for task, status in submitted}

    ended = standard.all_ended(wanted, seconds=180)

    assert {task_id: task["status"] for task_id, task in ended.items()} == wanted
    executions = Counter(e["name"] for e in standard.executions())
    assert all(executions[f"{task_id}-1"] == 1 for task_id in wanted)
    until(lambda: standard.depth("TaskQueueUrl") == 0, 30, "the queue is empty")
    assert standard.depth("DeadLetterQueueUrl") == 0
    shown = Counter(task["status"] for task in standard.tasks() if task["taskId"] in wanted)
    assert shown == {"COMPLETED": 120, "FAILED": 80}


@pytest.fixture
def scarce(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack in an account that may run ten functions at a time, as new accounts may."""
    cloud = LocalCloud(tmp_path_factory.mktemp("scarce"), free_port())
    try:
        cloud.start(LAMBDA_ACCOUNT_CONCURRENCY="10")
        with Stack(cloud, deploy(cloud, "scarce")) as stack:
            yield stack
    finally:
        cloud.stop()


def test_with_ten_concurrent_functions_120_tasks_all_complete(scarce: Stack, sources: Sources):
    """A refused request is a 429 that says when to try again; no task is stuck."""
    refused: list[httpx.Response] = []
    patience = threading.Event()

    def submit(_: int) -> str:
        while True:
            answer = scarce.http.post("/tasks", json={"imageUrl": sources.url("/colour.jpg")})
            if answer.status_code == 202:
                return answer.json()["taskId"]
            refused.append(answer)
            patience.wait(float(answer.headers["Retry-After"]))

    with ThreadPoolExecutor(30) as pool:
        accepted = list(pool.map(submit, range(120)))

    def all_completed() -> bool:
        shown: Counter[str] = Counter()
        cursor = None
        while True:
            query = {"limit": 100, **({"cursor": cursor} if cursor else {})}
            answer = scarce.http.get("/tasks", params=query)
            if answer.status_code == 429:
                return False
            shown.update(task["status"] for task in answer.json()["tasks"])
            cursor = answer.json()["cursor"]
            if not cursor:
                return shown == {"COMPLETED": 120}

    until(all_completed, 240, "120 tasks are COMPLETED")
    assert len(set(accepted)) == 120
    assert {answer.status_code for answer in refused} <= {429}
    assert all(a.json()["error"]["code"] == "TooManyRequests" for a in refused)
    assert scarce.depth("DeadLetterQueueUrl") == 0


@pytest.fixture
def throttled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with 60 pollers, in which every second start of an execution is throttled."""
    home = tmp_path_factory.mktemp("throttled")
    cloud = LocalCloud(home, free_port())
    proxy = Proxy(cloud.endpoint_url, 0, home / "proxy.log")
    try:
        proxy.start()
        cloud.start(AWS_ENDPOINT_URL=proxy.url)
        with Stack(cloud, deploy(cloud, "throttled", {"MaximumConcurrency": "60"})) as stack:
            error = {"code": "ThrottlingException", "status": 400}
            start = {"service": "stepfunctions", "operation": "StartExecution"}
            proxy.inject({**start, "error": error, "probability": 0.5})
            yield stack
    finally:
        cloud.stop()
        proxy.stop()


def test_while_every_second_start_is_throttled_all_tasks_complete(
    throttled: Stack, sources: Sources
):
    patience = threading.Event()

    def submit(_: int) -> str:
        """Submit a task; repeat the request while the proxy exceeds the API's time limits."""
        while True:
            answer = throttled.http.post("/tasks", json={"imageUrl": sources.url("/colour.jpg")})
            if answer.status_code == 202:
                return answer.json()["taskId"]
            assert answer.status_code == 503, answer.text
            patience.wait(1)

    with ThreadPoolExecutor(16) as pool:
        submitted = list(pool.map(submit, range(TASKS)))

    ended = throttled.all_ended(submitted, seconds=400)

    assert Counter(task["status"] for task in ended.values()) == {"COMPLETED": TASKS}
    assert throttled.depth("DeadLetterQueueUrl") == 0
