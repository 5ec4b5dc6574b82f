"""A local cloud that cannot save its state reports it, accepts nothing new, and loses nothing."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest
from typer.testing import CliRunner

from darkroom.cli.main import app
from darkroom.cli.stack import from_description
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import Sources
from tests.support.ports import free_port
from tools.localcloud import private, processes
from tools.localcloud.cloud import PROJECT, LocalCloud, LocalCloudError
from tools.localcloud.deploy import deploy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="of Linux is how files are limited")


@pytest.fixture
def stack(tmp_path) -> Iterator[Stack]:
    cloud = LocalCloud(tmp_path / "home", free_port())
    try:
        cloud.start()
        with Stack(cloud, deploy(cloud, "unsaved")) as stack:
            yield stack
    finally:
        cloud.stop()


@contextmanager
def no_file_may_grow(cloud: LocalCloud) -> Iterator[None]:
    """Let each write of the emulator fail, as on a disk that is full."""
    (emulator,) = processes.running(cloud.home, "tools.localcloud.emulator")
    _, hard = emulator.rlimit(psutil.RLIMIT_FSIZE)
    emulator.rlimit(psutil.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        emulator.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))


def test_what_cannot_be_saved_is_refused_and_what_was_accepted_is_saved_later(
    stack: Stack, sources: Sources, monkeypatch: pytest.MonkeyPatch
):
    cloud = stack.cloud
    # Every function has its process: a new one would need its code on the disk.
    first = stack.submit(sources.url("/colour.png"))["taskId"]
    stack.ended(first)
    held = sources.url("/held/unsaved.jpg")
    accepted = stack.submit(held)["taskId"]
    until(lambda: sources.requests["/held/unsaved.jpg"], 30, "it is downloaded")
    cloud.save()

    with no_file_may_grow(cloud):
        sources.held["/held/unsaved.jpg"].set()
        done = stack.ended(accepted)
        with pytest.raises(LocalCloudError, match=r"cannot save its state in .*state: "):
            cloud.save()
        refused = stack.http.post("/tasks", json={"imageUrl": sources.url("/colour.png")})
        read = stack.http.get("/tasks")
        monkeypatch.setattr(
            "darkroom.cli.stack.find", lambda *_: from_description(stack.description)
        )
        reported = CliRunner().invoke(app, ["list"])

    assert done["status"] == "COMPLETED"
    assert refused.status_code == 503
    assert "accepts nothing new" in refused.json()["error"]["message"]
    assert [task["taskId"] for task in read.json()["tasks"]] == [accepted, first]
    assert "cannot save its state" in reported.stderr
    assert accepted in reported.stdout

    cloud.save()
    assert CliRunner().invoke(app, ["list"]).stderr == ""
    later = stack.submit(sources.url("/colour.png"))["taskId"]
    stack.ended(later)
    result = httpx.get(done["result"]["url"]).content
    cloud.save()
    for process in processes.marked(cloud.home):
        process.send_signal(signal.SIGKILL)
    until(lambda: not cloud.is_up(), 10, "the local cloud is dead")
    cloud.start()

    assert {task["taskId"] for task in stack.tasks()} == {first, accepted, later}
    assert httpx.get(stack.task(accepted)["result"]["url"]).content == result


@pytest.mark.parametrize(
    ("disk", "reason"),
    [
        ("f_bavail=10, f_frsize=4096, f_flag=0", "the disk is full"),
        ("f_bavail=10**9, f_frsize=4096, f_flag=os.ST_RDONLY", "it is read-only"),
        ("f_bavail=10**9, f_frsize=4096, f_flag=0", None),
    ],
)
def test_a_full_or_read_only_disk_is_detected_before_anything_is_lost(tmp_path, disk, reason):
    code = f"""
import os, types
from tools.localcloud.emulator import snapshots
os.statvfs = lambda path: types.SimpleNamespace({disk})
print(snapshots.problem())
"""
    private.Credentials.create(tmp_path)
    environment = {
        "PERSIST_STATE": "1",
        "STATE_DIR": str(tmp_path),
        "DARKROOM_FUNCTION_PACKAGES": "",
        **private.Credentials.load(tmp_path).environment,
    }
    python = PROJECT / ".local" / "tools" / "emulator" / "bin" / "python"

    reported = subprocess.run(
        [python, "-c", code],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert (reason or "None") in reported
    assert (str(tmp_path) in reported) == bool(reason)
