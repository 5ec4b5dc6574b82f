"""Two checkouts run their local clouds side by side, and each keeps its address.

Nothing is deployed to them, to save time: `make up` does that after the start.
"""

import json
import socket
import subprocess
import sys

import pytest

from tests.support.ports import free_port
from tools.localcloud import ports, processes
from tools.localcloud.cloud import PROJECT, LocalCloud

MAKE = """
import os, sys
from pathlib import Path
from tools.localcloud import commands, ports
home = Path(sys.argv[1])
commands.local_cloud = lambda: commands.LocalCloud(home, ports.kept(home))
commands.deploy = lambda cloud, **_: {"apiUrl": cloud.endpoint_url}
ports._candidates = lambda home: iter(map(int, os.environ["CANDIDATES"].split()))
commands.main(sys.argv[2])
"""


@pytest.fixture
def homes(tmp_path):
    """The state folders of two checkouts; every process ends with the test."""
    folders = [tmp_path / "first", tmp_path / "second"]
    yield folders
    for folder in folders:
        LocalCloud(folder, 1).stop()


@pytest.fixture
def make(monkeypatch):
    """Run `make up` or `make down` in checkouts that try the same ports in the same order."""
    monkeypatch.setenv("CANDIDATES", " ".join(str(free_port()) for _ in range(3)))
    monkeypatch.delenv("DARKROOM_PORT", raising=False)

    def make(what, *homes):
        """Run a command in all checkouts at the same time; return their stderr."""
        running = [
            subprocess.Popen(
                [sys.executable, "-c", MAKE, home, what],
                cwd=PROJECT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for home in homes
        ]
        reported = [process.communicate(timeout=300)[1] for process in running]
        assert [process.returncode for process in running] == [0 for _ in homes], reported
        return reported

    return make


def cloud_of(home):
    return LocalCloud(home, ports.kept(home))


def queues_of(home):
    urls = cloud_of(home).client("sqs").list_queues().get("QueueUrls", [])
    return [url.rpartition("/")[2] for url in urls]


def test_two_checkouts_side_by_side(homes, make):
    first, second = homes

    reported = make("up", first, second)

    assert ports.kept(first) != ports.kept(second)
    assert sorted("this checkout uses" in line for line in reported) == [False, True]
    cloud_of(second).client("sqs").create_queue(QueueName="of-the-second")
    assert queues_of(first) == []
    assert queues_of(second) == ["of-the-second"]

    make("down", second)

    assert cloud_of(first).is_up()
    assert processes.marked(second) == []

    before = ports.kept(second)
    with socket.create_server(("127.0.0.1", before)):  # another program takes it in the meantime
        (reported,) = make("up", second)

    assert reported.startswith(f"Port {before} is used by ")
    assert ports.kept(second) != before
    assert json.loads((second / "stack.json").read_text())["apiUrl"].endswith(
        str(ports.kept(second))
    )
    sqs = cloud_of(second).client("sqs")
    url = sqs.get_queue_url(QueueName="of-the-second")["QueueUrl"]
    assert f":{ports.kept(second)}/" in url
    sqs.send_message(QueueUrl=url, MessageBody="it is the same queue")
    assert cloud_of(first).is_up()
