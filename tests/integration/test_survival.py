"""What was COMPLETED is still there after the local cloud was killed."""

import signal
from collections.abc import Iterator

import httpx
import pytest

from local import processes
from local.cloud import LocalCloud
from local.deploy import deploy
from ports import free_port
from sources import Sources
from stacks import Stack, saved, until


@pytest.fixture
def cloud_to_kill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    cloud = LocalCloud(tmp_path_factory.mktemp("killed"), free_port())
    try:
        cloud.start()
        yield cloud
    finally:
        cloud.stop()


def test_a_completed_task_and_its_object_survive_kill_9(
    cloud_to_kill: LocalCloud, sources: Sources
):
    cloud = cloud_to_kill
    with Stack(cloud, deploy(cloud, "killed")) as stack:
        before = stack.ended(stack.submit(sources.url("/colour.png"))["taskId"])
        data = httpx.get(before["result"]["url"]).content
        saved(cloud)

    for process in processes.marked(cloud.home):
        process.send_signal(signal.SIGKILL)
    until(lambda: not cloud.is_up(), 10, "the local cloud is dead")
    cloud.start()

    with Stack(cloud, deploy(cloud, "killed")) as stack:
        after = stack.task(before["taskId"])
        assert after["status"] == "COMPLETED"
        assert httpx.get(after["result"]["url"]).content == data
        again = stack.ended(stack.submit(sources.url("/colour.png"))["taskId"])
        assert again["status"] == "COMPLETED"
