"""The local cloud starts once, keeps its state, and leaves no process running."""

import json
import shutil
import socket
import subprocess
import sys

import psutil
import pytest

from darkroom.cli.stack import from_description
from tests.support.cloud.minimal import eventually, function, invoke, machine, package, run, task
from tests.support.ports import free_port
from tools.localcloud import processes
from tools.localcloud.cloud import PROJECT, LocalCloud, LocalCloudError


@pytest.fixture
def own_cloud(tmp_path):
    """A local cloud for one test, which may kill it."""
    cloud = LocalCloud(tmp_path / "home", free_port())
    yield cloud
    cloud.stop()


def _kill(cloud):
    killed = processes.running(cloud.home, "tools.localcloud.emulator")
    for process in killed:
        process.kill()
    psutil.wait_procs(killed, timeout=60)


def test_results_survive_a_kill(own_cloud):
    own_cloud.start()
    clients = {name: own_cloud.client(name) for name in ("s3", "sqs", "dynamodb", "lambda")}
    clients["s3"].create_bucket(Bucket="results")
    clients["s3"].put_object(Bucket="results", Key="gray", Body=b"pixels")
    clients["dynamodb"].create_table(
        TableName="Tasks",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"id": {"S": "1"}, "status": {"S": "COMPLETED"}}
    clients["dynamodb"].put_item(TableName="Tasks", Item=item)
    layer = clients["lambda"].publish_layer_version(
        LayerName="layer", Content={"ZipFile": package(python__layered="ANSWER = 42")}
    )
    source = "import layered\ndef handler(event, context): return layered.ANSWER"
    name = function(own_cloud, source, Layers=[layer["LayerVersionArn"]])
    arn = machine(own_cloud, {"Only": task(name)})
    done = run(own_cloud, arn)
    queue = clients["sqs"].create_queue(QueueName="work")["QueueUrl"]
    seen = function(
        own_cloud,
        "import boto3\ndef handler(event, context):\n"
        "  boto3.client('s3').put_object(Bucket='results', Key=event['Records'][0]['body'])",
        Timeout=30,
    )
    clients["lambda"].create_event_source_mapping(
        EventSourceArn="arn:aws:sqs:us-east-1:000000000000:work", FunctionName=seen
    )
    state = own_cloud.home / "state"
    eventually(lambda: done["executionArn"] in _text(state / "stepfunctions.json"))
    eventually(lambda: "COMPLETED" in _text(state / "dynamodb.json"))
    eventually(lambda: "sqs:us-east-1:000000000000:work" in _text(state / "lambda.json"))

    _kill(own_cloud)
    own_cloud.start()

    assert clients["s3"].get_object(Bucket="results", Key="gray")["Body"].read() == b"pixels"
    key = {"id": {"S": "1"}}
    assert clients["dynamodb"].get_item(TableName="Tasks", Key=key)["Item"] == item
    assert json.loads(run(own_cloud, arn)["output"])["Payload"] == 42
    described = own_cloud.client("stepfunctions").describe_execution(
        executionArn=done["executionArn"]
    )
    assert described["status"] == "SUCCEEDED"
    clients["sqs"].send_message(QueueUrl=queue, MessageBody="from-the-queue")
    eventually(lambda: "from-the-queue" in _keys(clients["s3"]))


def _text(path):
    return path.read_text() if path.exists() else ""


def _keys(s3):
    return [found["Key"] for found in s3.list_objects_v2(Bucket="results")["Contents"]]


def test_an_execution_that_runs_when_the_local_cloud_is_killed_has_failed(own_cloud):
    own_cloud.start()
    wait = machine(own_cloud, {"Wait": {"Type": "Wait", "Seconds": 300, "End": True}})
    execution = own_cloud.client("stepfunctions").start_execution(stateMachineArn=wait)
    arn = execution["executionArn"]
    eventually(lambda: arn in _text(own_cloud.home / "state" / "stepfunctions.json"))

    _kill(own_cloud)
    own_cloud.start()

    end = own_cloud.client("stepfunctions").describe_execution(executionArn=arn)
    assert (end["status"], end["error"]) == ("FAILED", "States.ServiceRestart")


def test_a_cloud_that_need_not_keep_anything_writes_nothing(tmp_path):
    cloud = LocalCloud(tmp_path, free_port(), keep=False)
    cloud.start()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="results")
    s3.put_object(Bucket="results", Key="gray", Body=b"pixels")
    body = s3.get_object(Bucket="results", Key="gray")["Body"].read()
    cloud.stop()

    assert body == b"pixels"
    assert not [path for path in (tmp_path / "state").rglob("*") if path.is_file()]


def test_stop_leaves_no_process_and_nothing_of_the_functions_code(own_cloud):
    own_cloud.start()
    invoke(own_cloud, function(own_cloud, "def handler(event, context): ..."))

    own_cloud.stop()

    assert processes.marked(own_cloud.home) == []
    assert not own_cloud.is_up()
    assert {path.name for path in own_cloud.home.iterdir()} == {
        "credentials.json",
        "emulator.log",
        "lock",
        "state",
    }


def test_stop_ends_the_workers_that_a_killed_emulator_left(own_cloud):
    own_cloud.start()
    source = "import time\ndef handler(event, context): time.sleep(600)"
    own_cloud.client("lambda").invoke(
        FunctionName=function(own_cloud, source, Timeout=600), InvocationType="Event"
    )
    eventually(lambda: len(processes.marked(own_cloud.home)) == 2)
    _kill(own_cloud)

    own_cloud.stop()

    assert processes.marked(own_cloud.home) == []


def test_a_second_start_changes_nothing(own_cloud):
    own_cloud.start()
    before = processes.marked(own_cloud.home)

    own_cloud.start()

    assert processes.marked(own_cloud.home) == before


UP = """
import sys
from pathlib import Path
from tools.localcloud import commands
commands.local_cloud = lambda: commands.LocalCloud(Path(sys.argv[1]), int(sys.argv[2]))
commands.main(sys.argv[3])
"""


@pytest.fixture
def make(own_cloud):
    """Run `make up` and `make down` on a separate local cloud, which ends with the test."""
    running = []

    def make(what):
        command = [sys.executable, "-c", UP, own_cloud.home, str(own_cloud.port), what]
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        running.append(subprocess.Popen(command, cwd=PROJECT, text=True, **output))
        return running[-1]

    yield make
    for process in running:
        process.kill()
        process.communicate()


def test_two_at_once_start_and_deploy_one_after_the_other(own_cloud, make):
    both = [make("up") for _ in range(2)]
    reported = [process.communicate(timeout=300) for process in both]

    assert [process.returncode for process in both] == [0, 0], reported
    assert sorted("waiting for it" in stderr for _, stderr in reported) == [False, True]
    assert len(processes.running(own_cloud.home, "tools.localcloud.emulator")) == 1
    written = own_cloud.home / "stack.json"
    assert written.stat().st_mode & 0o077 == 0
    stack = from_description(json.loads(written.read_text()))
    with stack.darkroom() as client:
        assert list(client.all_tasks(None, None, 10)) == []
    stack.client("sqs").list_queues()


def test_down_waits_for_up(own_cloud, make):
    up = make("up")
    eventually(lambda: processes.marked(own_cloud.home), seconds=60)
    down = make("down")
    reported = [process.communicate(timeout=300) for process in (up, down)]

    assert [up.returncode, down.returncode] == [0, 0], reported
    assert processes.marked(own_cloud.home) == []


def test_a_state_folder_that_cannot_be_made_is_named(own_cloud, make):
    own_cloud.home.write_text("a file")

    up = make("up")

    assert up.communicate(timeout=300)[1].startswith(f"{own_cloud.home} cannot be written: ")
    assert up.returncode == 1


def test_an_emulator_from_before_there_were_credentials_is_replaced(own_cloud):
    own_cloud.start()
    before = processes.running(own_cloud.home, "tools.localcloud.emulator")
    (own_cloud.home / "credentials.json").unlink()

    own_cloud.start()

    assert processes.running(own_cloud.home, "tools.localcloud.emulator") != before
    own_cloud.client("sqs").list_queues()


def test_a_port_that_is_taken_is_named_with_its_owner(own_cloud):
    taken = pytest.raises(LocalCloudError, match=rf"Port {own_cloud.port} .* is used by")
    with socket.create_server(("127.0.0.1", own_cloud.port)), taken:
        own_cloud.start()


def test_a_failed_start_says_where_its_log_is(own_cloud):
    with pytest.raises(LocalCloudError, match=r"see .*emulator\.log"):
        own_cloud.start(DARKROOM_WORKERS="many")

    assert "many" in (own_cloud.home / "emulator.log").read_text()


def test_another_ministack_is_refused(own_cloud):
    fake = own_cloud.home / "fake" / "ministack-9.9.9.dist-info"
    fake.mkdir(parents=True)
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: ministack\nVersion: 9.9.9\n")

    with pytest.raises(LocalCloudError):
        own_cloud.start(PYTHONPATH=str(fake.parent))

    log = (own_cloud.home / "emulator.log").read_text()
    assert "needs ministack==1.5.33, this environment has 9.9.9" in log
    shutil.rmtree(fake.parent)
