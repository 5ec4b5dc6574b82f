"""What was COMPLETED is still there after the local cloud was killed."""

import signal
from collections.abc import Iterator
from functools import partial

import httpx
import pytest

from tests.support.cloud.stacks import Stack, saved, until
from tests.support.fakes.sources import Sources
from tests.support.ports import free_port
from tools.localcloud import processes
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy


@pytest.fixture
def cloud_to_kill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    cloud = LocalCloud(tmp_path_factory.mktemp("killed"), free_port())
    try:
        cloud.start()
        yield cloud
    finally:
        cloud.stop()


def kill(cloud: LocalCloud) -> None:
    """End all of its processes as a power cut would."""
    for process in processes.marked(cloud.home):
        process.send_signal(signal.SIGKILL)
    until(lambda: not cloud.is_up(), 10, "the local cloud is dead")


def is_reported(stack: Stack, events: str, task_id: str) -> bool:
    found = stack.sqs.receive_message(QueueUrl=events, MaxNumberOfMessages=10).get("Messages", [])
    return any(task_id in message["Body"] for message in found)


def test_every_end_is_an_event_also_after_a_restart(cloud_to_kill: LocalCloud, sources: Sources):
    cloud = cloud_to_kill
    sqs, bus = cloud.client("sqs"), cloud.client("events")
    events = sqs.create_queue(QueueName="told")["QueueUrl"]
    bus.put_rule(Name="told", EventPattern='{"source": ["darkroom.task"]}')
    arn = "arn:aws:sqs:us-east-1:000000000000:told"
    bus.put_targets(Rule="told", Targets=[{"Id": "1", "Arn": arn}])
    with Stack(cloud, deploy(cloud, "killed")) as stack:
        for _ in range(3):
            before = stack.submit(sources.url("/colour.jpg"))["taskId"]
            until(partial(is_reported, stack, events, before), 30, "its end is reported")
        saved(cloud)

        kill(cloud)
        cloud.start()

        after = stack.submit(sources.url("/colour.jpg"))["taskId"]
        until(partial(is_reported, stack, events, after), 30, "its end is reported")


def test_a_completed_task_and_its_object_survive_kill_9(
    cloud_to_kill: LocalCloud, sources: Sources
):
    cloud = cloud_to_kill
    with Stack(cloud, deploy(cloud, "killed")) as stack:
        before = stack.ended(stack.submit(sources.url("/colour.png"))["taskId"])
        data = httpx.get(before["result"]["url"]).content
        saved(cloud)

    kill(cloud)
    cloud.start()

    with Stack(cloud, deploy(cloud, "killed")) as stack:
        after = stack.task(before["taskId"])
        assert after["status"] == "COMPLETED"
        assert httpx.get(after["result"]["url"]).content == data
        again = stack.ended(stack.submit(sources.url("/colour.png"))["taskId"])
        assert again["status"] == "COMPLETED"


def test_an_express_task_ends_whose_execution_died_with_the_cloud(
    cloud_to_kill: LocalCloud, sources: Sources
):
    """No event reports it any more, and AWS cannot describe it: the scheduled run ends it."""
    cloud, express, path = cloud_to_kill, {"WorkflowType": "EXPRESS"}, "/held/killed"
    with Stack(cloud, deploy(cloud, "killed", express), "EXPRESS") as stack:
        task_id = stack.submit(sources.url(path))["taskId"]
        until(lambda: sources.requests[path], 30, "the source is requested")
        saved(cloud)

    kill(cloud)
    sources.held[path].set()
    cloud.start()

    with Stack(cloud, deploy(cloud, "killed", express), "EXPRESS") as stack:
        assert stack.task(task_id)["status"] == "RUNNING"
        stack.set_back(task_id, 301)
        task = stack.ended(task_id, 90)
    assert (task["status"], task["failure"]["error"]) == ("FAILED", "ExecutionLost")
