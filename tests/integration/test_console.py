"""The console shows the emulator's executions, to this machine only."""

import socket

import httpx
import psutil
import pytest

from local import processes
from local.cloud import LocalCloud, LocalCloudError
from ports import free_port
from small import function, machine, run, task


@pytest.fixture(scope="module")
def cloud_with_console(tmp_path_factory):
    cloud = LocalCloud(tmp_path_factory.mktemp("cloud"), free_port(), free_port())
    try:
        cloud.start()
        yield cloud
    finally:
        cloud.stop()


def test_where_the_console_cannot_start_nothing_is_left_running(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        cloud = LocalCloud(tmp_path, free_port(), other.getsockname()[1])
        with pytest.raises(LocalCloudError, match="is taken by"):
            cloud.start()
    assert not processes.marked(tmp_path)


def test_an_execution_has_an_address_and_its_history_there(cloud_with_console):
    cloud = cloud_with_console
    arn = machine(cloud, {"Only": task(function(cloud, "def handler(event, context): return 1"))})
    execution = run(cloud, arn)["executionArn"]

    page = httpx.get(f"{cloud.execution_url}{execution}", follow_redirects=True)
    api = f"{cloud.console_url}/api/stepfunctions"
    listed = httpx.get(f"{api}/state-machines/{page.url.params['machine']}/executions").json()
    events = httpx.get(f"{api}/executions/{execution}/history").json()["events"]

    assert page.headers["content-type"].startswith("text/html")
    assert page.url.params["machine"] == arn
    assert [item["executionArn"] for item in listed["executions"]] == [execution]
    assert events[-1]["type"] == "ExecutionSucceeded"


def test_the_address_of_an_express_execution_says_where_to_look(cloud_with_console):
    arn = "arn:aws:states:us-east-1:000000000000:express:tasks:t1-1:6b1f"

    page = httpx.get(f"{cloud_with_console.execution_url}{arn}")

    assert page.headers["content-type"].startswith("text/plain")
    assert "darkroom logs TASK" in page.text


@pytest.mark.parametrize("header", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
def test_a_foreign_page_is_refused(cloud_with_console, header):
    assert httpx.get(cloud_with_console.console_url, headers=header).status_code == 403


def test_it_listens_on_127_0_0_1_only(cloud_with_console):
    listening = {
        connection.laddr.ip
        for process in processes.marked(cloud_with_console.home)
        for connection in process.net_connections()
        if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)
    }

    assert listening == {"127.0.0.1"}


def test_a_console_that_was_killed_is_started_again(cloud_with_console):
    before = processes.running(cloud_with_console.home, "local.console")
    processes.end(before, patience=5)

    cloud_with_console.start()

    assert httpx.get(cloud_with_console.console_url).status_code == 200
    assert processes.running(cloud_with_console.home, "local.console") != before
