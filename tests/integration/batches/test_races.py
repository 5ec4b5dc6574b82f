"""A batch that is retried while its cancel still runs, and while AWS answers slowly."""

from collections.abc import Iterator, Mapping

import pytest

from tests.support.cloud.batches import Batches
from tests.support.cloud.gate import Gate
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import Sources
from tests.support.ports import free_port
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy

pytestmark = pytest.mark.timeout(1200)

TASKS = 40


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    own = LocalCloud(tmp_path_factory.mktemp("races"), free_port())
    yield own
    own.stop()


@pytest.fixture(scope="module")
def gate(cloud: LocalCloud) -> Iterator[Gate]:
    """It holds calls that stop the execution of a task."""

    def stops_a_task(headers: Mapping[str, str], body: bytes) -> bool:
        stops = headers.get("X-Amz-Target", "").endswith(".StopExecution")
        return stops and b":execution:races-Task" in body

    gate = Gate(cloud.endpoint_url, stops_a_task)
    yield gate
    gate.close_for_good()


@pytest.fixture(scope="module")
def batches(cloud: LocalCloud, gate: Gate) -> Iterator[Batches]:
    cloud.start(AWS_ENDPOINT_URL_SFN=gate.url)
    with Stack(cloud, deploy(cloud, "races")) as stack:
        yield Batches(stack)


def test_a_retry_at_once_after_a_cancel_leaves_no_task_behind_however_slow_the_calls_are(
    batches: Batches, gate: Gate, sources: Sources
):
    held = [f"/held/races/{number}" for number in range(TASKS)]
    batch = batches.submit([sources.url(path) for path in held])
    until(lambda: sum(sources.requests[path] for path in held) > 1, 60, "sources are requested")
    gate.open.clear()
    before = gate.held
    assert batches.act(batch, "cancel").status_code == 202
    until(lambda: gate.held > before, 60, "the cancel is running")

    retried = batches.act(batch, "retry")
    assert retried.status_code == 202, retried.text
    again = retried.json()
    until(lambda: "RetryPage" in batches.left_states(again), 120, "everything was tried again")
    gate.open.set()
    for path in held:
        sources.held[path].set()
    ended = batches.ended(again, 200)

    assert ended["status"] == "COMPLETED"
    assert ended["counts"]["COMPLETED"] == TASKS, batches.failures(ended)
    cancelled = [task for task in batches.tasks(ended) if task["attempt"] > 1]
    assert 0 < len(cancelled) < TASKS  # the cancel had begun and had not ended
