"""Speedups change no answer of the emulator, and one switch turns all of them off."""

import json
import subprocess

import httpx
import pytest

from tests.support.cloud.minimal import eventually, machine, run
from tools.localcloud.cloud import PROJECT, SPEEDUPS, TOOLS, LocalCloud

CHANGED = """
import asyncio, os, sys
from ministack import app
from ministack.core import lambda_runtime
from ministack.services import stepfunctions
import hypercorn.asyncio
from tools.localcloud.emulator import speedups

def found():
    modules = [m for n, m in sys.modules.items() if n.startswith(("ministack", "hypercorn"))]
    owners = [(m.__name__, m) for m in modules]
    owners += [(str(v), v) for m in modules for v in vars(m).values() if isinstance(v, type)]
    names = {(owner, name): id(v) for owner, o in owners for name, v in list(vars(o).items())}
    return names | {"loop": id(asyncio.get_event_loop_policy())}

before = found()
speedups.apply()
after = found()
print(sum(before.get(name) != value for name, value in after.items()))
"""


@pytest.mark.parametrize("switch", ["0", "1"])
def test_the_switch_turns_all_speedups_off(cloud: LocalCloud, switch: str):
    changed = subprocess.run(
        [TOOLS / "emulator" / "bin" / "python", "-c", CHANGED],
        cwd=PROJECT,
        env={SPEEDUPS: switch, **cloud.credentials.environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert (int(changed) == 0) == (switch == "0")


def test_a_path_gives_the_same_value_as_the_expression(cloud: LocalCloud):
    paths = {"text": "a.text", "object": "a", "list": "one", "of each": "many.n", "null": "nothing"}
    output = {name: f"{{% $states.input.{path} %}}" for name, path in paths.items()}
    arn = machine(cloud, {"Pick": {"Type": "Pass", "Output": output, "End": True}})
    given = {"a": {"text": "x"}, "one": [1], "many": [{"n": 1}, {"n": 2}], "nothing": None}

    found = json.loads(run(cloud, arn, input=json.dumps(given))["output"])

    assert found == {
        "text": "x",
        "object": {"text": "x"},
        "list": [1],
        "of each": [1, 2],
        "null": None,
    }


def test_the_state_on_disk_is_what_ministack_reads(cloud: LocalCloud):
    cloud.client("sqs").create_queue(QueueName="written-down")
    state = cloud.home / "state" / "sqs.json"

    eventually(lambda: state.exists() and "written-down" in state.read_text())

    assert json.loads(state.read_text()).keys() == {"__ministack_format__", "payload"}


def test_a_large_body_is_sent_and_received_completely(cloud: LocalCloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="large")
    body = bytes(range(256)) * 40_000

    s3.put_object(Bucket="large", Key="k", Body=body)

    assert s3.get_object(Bucket="large", Key="k")["Body"].read() == body


def test_an_answer_has_one_date_and_no_server_header(cloud: LocalCloud):
    answer = httpx.get(f"{cloud.endpoint_url}/_ministack/ready")

    assert len(answer.headers.get_list("date")) == 1
    assert "uvicorn" not in answer.headers.get("server", "")
