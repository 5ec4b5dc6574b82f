"""Running batches: large, cancelled, retried, stopped, and with too many failures."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.cloud.batches import Batches
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import FILES, PICTURE, Sources, encoded
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy
from tools.localcloud.processes import running

pytestmark = pytest.mark.timeout(1200)

LARGE = 500
SINGLE = 100
# The share of the rate of single submissions that a batch must reach. It is low, because the
# machine is shared, and its load may change between the two measurements.
MARGIN = 0.5
# What the emulator may keep in memory for a task: its item, messages, execution and history.
BYTES_KEPT_PER_TASK = 150_000
SMALL = encoded(PICTURE.resize((16, 12)), "JPEG")


@pytest.fixture(scope="module")
def stack(cloud: LocalCloud) -> Iterator[Stack]:
    """A separate stack, so that no other test lists hundreds of tasks."""
    with Stack(cloud, deploy(cloud, "batches")) as own:
        yield own


@pytest.fixture
def batches(stack: Stack) -> Batches:
    return Batches(stack)


def small(sources: Sources, name: str, count: int) -> list[str]:
    """URLs of a number of small pictures."""
    paths = [f"/small/{name}/{number}.jpg" for number in range(count)]
    sources.files.update(dict.fromkeys(paths, SMALL))
    return [sources.url(path) for path in paths]


def mixed(sources: Sources, name: str, good: int, bad: int) -> list[str]:
    """URLs of pictures, some of which do not exist."""
    missing = [sources.url(f"/missing/{name}/{number}.jpg") for number in range(bad)]
    return [*missing, *small(sources, name, good)]


def test_five_hundred_images_all_end_and_are_counted_at_every_moment(
    batches: Batches, sources: Sources
):
    stack = batches.stack
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        tasks = list(pool.map(stack.submit, small(sources, "single", SINGLE)))
    stack.all_ended((task["taskId"] for task in tasks), 120)
    rate_of_single = SINGLE / (time.monotonic() - started)
    [emulator] = running(stack.cloud.home, "tools.localcloud.emulator")
    before = emulator.memory_info().rss

    started = time.monotonic()
    batch = batches.submit(small(sources, "large", LARGE))
    developed = batches.until(batch, lambda shown: shown["counts"]["COMPLETED"] == LARGE, 300)
    rate = LARGE / (time.monotonic() - started)
    ended = batches.until(developed, lambda shown: shown["status"] != "RUNNING", 60)

    assert (ended["status"], ended["counts"]["COMPLETED"]) == ("COMPLETED", LARGE)
    assert len(batches.seen) > 5  # and each of them was checked
    assert len({task["taskId"] for task in batches.tasks(ended)}) == LARGE
    kept = emulator.memory_info().rss - before
    assert kept < LARGE * BYTES_KEPT_PER_TASK
    assert rate >= MARGIN * rate_of_single, (rate, rate_of_single)
    assert stack.depth("DeadLetterQueueUrl") == 0


def test_a_cancel_stops_a_batch_and_what_is_open_of_it(batches: Batches, sources: Sources):
    held = [f"/held/batch/{number}" for number in range(8)]
    batch = batches.submit([sources.url(path) for path in held])
    until(lambda: any(sources.requests[path] for path in held), 60, "a source is requested")

    answer = batches.act(batch, "cancel")
    ended = batches.ended(batch)
    for path in held:
        sources.held[path].set()

    assert (answer.status_code, answer.json()["status"]) == (202, "CANCELLED")
    assert ended["counts"]["CANCELLED"] + ended["counts"]["COMPLETED"] == 8
    assert ended["counts"]["CANCELLED"] > 0
    assert batches.act(ended, "cancel").json()["error"]["code"] == "NotCancellable"
    assert batches.execution(ended)["status"] == "ABORTED"

    # And everything that was cancelled can still be done.
    assert batches.act(ended, "retry").status_code == 202
    again = batches.ended(ended)
    assert (again["status"], again["counts"]["COMPLETED"]) == ("COMPLETED", 8)


def test_more_failures_than_are_tolerated_fail_the_batch_and_cancel_the_rest(
    batches: Batches, sources: Sources
):
    # One only: a function has two processes on the local cloud, and the others need one of them.
    held = "/held/tolerance"
    urls = [*mixed(sources, "two", 94, 5), sources.url(held)]
    batch = batches.submit(urls, toleratedFailurePercentage=2)

    ended = batches.ended(batch, 120)
    sources.held[held].set()

    assert (ended["status"], ended["failure"]["error"]) == ("FAILED", "TooManyFailures")
    failures = [task["failure"] for task in batches.tasks(ended, status="FAILED")]
    errors = Counter(f"{failure['step']}: {failure['error']}" for failure in failures)
    assert 3 <= ended["counts"]["FAILED"] <= 5, errors
    assert ended["counts"]["CANCELLED"] >= 1
    execution = batches.execution(ended)
    assert (execution["status"], execution["error"]) == ("FAILED", "TooManyFailures")


def test_tolerated_failures_are_counted_and_retried_when_fixed(batches: Batches, sources: Sources):
    batch = batches.submit(mixed(sources, "ten", 95, 5), toleratedFailurePercentage=10)
    ended = batches.ended(batch, 120)
    assert (ended["status"], ended["counts"]["FAILED"]) == ("COMPLETED", 5)
    failed = batches.tasks(ended, status="FAILED")
    assert {task["failure"]["error"] for task in failed} == {"SourceNotFound"}
    assert len(failed) == 5
    for number in range(5):
        sources.files[f"/missing/ten/{number}.jpg"] = FILES["/colour.jpg"]

    assert batches.act(ended, "retry").status_code == 202
    again = batches.ended(ended)

    assert (again["status"], again["counts"]["COMPLETED"]) == ("COMPLETED", 100)
    attempts = {task["taskId"]: task["attempt"] for task in batches.tasks(again)}
    assert {attempts[task["taskId"]] for task in failed} == {2}
    assert sum(attempts.values()) == 105  # and no other was touched


def test_a_machine_that_is_stopped_by_hand_fails_its_batch(batches: Batches, sources: Sources):
    path = "/held/by-hand"
    batch = batches.submit([sources.url(path)])
    assert batches.act(batch, "retry").json()["error"]["code"] == "NotRetryable"
    until(lambda: sources.requests[path], 60, "the source is requested")

    batches.stack.states.stop_execution(
        executionArn=batch["execution"]["arn"], cause="A person stopped it."
    )
    ended = batches.ended(batch)
    sources.held[path].set()

    assert ended["status"] == "FAILED"
    assert ended["failure"] == {"error": "ExecutionAborted", "message": "A person stopped it."}
    assert ended["counts"]["CANCELLED"] == 1
