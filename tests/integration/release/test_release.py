"""A new release goes live while tasks of the old one are in progress."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support.cloud.releases import deployed, live_functions, release
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import Sources
from tools.localcloud import processes
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy

MOST_PROCESSES = 16
"""Of a function of the local cloud, most of which wait for a source."""

pytestmark = pytest.mark.timeout(1200)

MOOD, NONE = "$states.context.Execution.Input.mood", "'unknown'"
# One more field in the order, in the execution's input, in a step's event and in the result. As
# docs/deploy.md says: readers must also work without the field.
WITH_A_MOOD = {
    "darkroom/tasks/model.py": (
        '("taskId", "attempt", "source", "output")}',
        '("taskId", "attempt", "source", "output")} | {"mood": item.get("mood", "calm")}',
    ),
    "statemachine/task.asl.json": (
        '"gray": "{% $states.input %}"',
        f'"gray": "{{% $states.input %}}", "mood": "{{% $exists({MOOD}) ? {MOOD} : {NONE} %}}"',
    ),
    "lambdas/upload.py": ('{"key": key,', '{"key": key, "mood": event.get("mood"),'),
}


@pytest.fixture
def stack(cloud: LocalCloud) -> Iterator[Stack]:
    with Stack(cloud, deploy(cloud, "released")) as stack:
        yield stack


def test_a_second_release_with_another_shape_of_task_goes_live_while_200_tasks_run(
    stack: Stack, sources: Sources, tmp_path: Path
):
    """Tasks that began in the old release end in it, and later tasks run in the new one."""
    second = release(tmp_path / "second", WITH_A_MOOD)
    held = [sources.url(f"/held/release-{n}") for n in range(2)]
    before = {stack.submit(url)["taskId"] for url in held}
    before |= submitted(stack, sources.url("/colour.jpg"), 98)
    # The two held tasks occupy both processes of Download, so that no other task passes this step.
    until(lambda: len(stack.executions()) == 100, 60, "100 executions run")

    deployed(second, stack.cloud, "released")
    after = submitted(stack, sources.url("/colour.jpg"), 100)
    for path in list(sources.held):
        sources.held[path].set()

    ended = stack.all_ended(before | after, seconds=200)
    assert Counter(task["status"] for task in ended.values()) == {"COMPLETED": 200}
    assert {ended[task]["result"].get("mood") for task in before} == {None}
    assert {ended[task]["result"].get("mood") for task in after} == {"calm"}
    assert stack.depth("DeadLetterQueueUrl") == 0
    # The local cloud does not count an alias or a version as a function.
    until(
        lambda: max(processes_of_versions(stack).values(), default=0) <= MOST_PROCESSES,
        30,
        "there are no more processes than a function may have",
    )


def test_an_order_of_the_old_release_is_processed_by_the_new_one(
    stack: Stack, sources: Sources, tmp_path: Path
):
    """Messages that are in the queue while a release goes live have the old shape."""
    mapping = dispatch_of(stack)
    switch(stack, mapping, on=False)
    waiting = stack.submit(sources.url("/colour.jpg"))["taskId"]
    deployed(release(tmp_path / "second", WITH_A_MOOD), stack.cloud, "released")
    switch(stack, mapping, on=True)

    task = stack.ended(waiting)
    assert task["status"] == "COMPLETED", task["failure"]
    assert task["result"]["mood"] == "unknown"


def test_another_value_of_a_parameter_goes_live_with_the_next_release(cloud: LocalCloud):
    def retention(days: str) -> set[str]:
        deploy(cloud, "parameters", {"RetentionDays": days})
        live = live_functions(cloud, "parameters")
        return {f["Environment"]["Variables"]["RETENTION_DAYS"] for f in live}

    assert retention("7") == {"7"}
    assert retention("8") == {"8"}


def processes_of_versions(stack: Stack) -> Counter[tuple[str, str]]:
    """Processes of each function of the stack, by its version."""
    found: Counter[tuple[str, str]] = Counter()
    for process in processes.running(stack.cloud.home, "awslambdaric"):
        with suppress(psutil.Error):
            environment = process.environ()
            name = environment["AWS_LAMBDA_FUNCTION_NAME"]
            if name.startswith("released-"):
                found[name, environment["AWS_LAMBDA_FUNCTION_VERSION"]] += 1
    return found


def submitted(stack: Stack, url: str, number: int) -> set[str]:
    with ThreadPoolExecutor(8) as pool:
        return {task["taskId"] for task in pool.map(lambda _: stack.submit(url), range(number))}


def dispatch_of(stack: Stack) -> str:
    """The event source mapping of the task queue."""
    attributes = stack.sqs.get_queue_attributes(
        QueueUrl=stack.outputs["TaskQueueUrl"], AttributeNames=["QueueArn"]
    )["Attributes"]
    mappings = stack.cloud.client("lambda").list_event_source_mappings(
        EventSourceArn=attributes["QueueArn"]
    )
    return mappings["EventSourceMappings"][0]["UUID"]


def switch(stack: Stack, mapping: str, *, on: bool) -> None:
    stack.cloud.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=on)
