"""What the emulator no longer works out again for each request is still answered as before."""

import base64
import hashlib
import json
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.support.cloud.minimal import (
    EVERYBODY,
    _policy,
    eventually,
    function,
    invoke,
    machine,
    run,
    task,
)
from tools.localcloud.cloud import LocalCloud

PASS = {"Type": "Pass", "Output": "{% $states.input.n * 2 %}", "End": True}
CALLER = "import boto3\ns3 = boto3.client('s3')\ndef handler(event, context):\n    {}\n"


def test_an_expression_gives_each_execution_its_own_value(cloud: LocalCloud):
    arn = machine(cloud, {"Double": PASS})

    outputs = [run(cloud, arn, input=json.dumps({"n": n}))["output"] for n in (1, 2, 30)]

    assert outputs == ["2", "4", "60"]


def test_an_expression_that_fails_once_fails_again(cloud: LocalCloud):
    arn = machine(cloud, {"Broken": PASS | {"Output": "{% $states.input.n.missing %}"}})

    errors = [run(cloud, arn, input=json.dumps({"n": n}))["error"] for n in (1, 2)]

    assert errors == ["States.QueryEvaluationError"] * 2


def test_a_path_leads_to_what_an_expression_finds_there(cloud: LocalCloud):
    paths = {"text": "a.text", "object": "a", "list": "one", "of each": "many.n", "null": "nothing"}
    output = {name: f"{{% $states.input.{path} %}}" for name, path in paths.items()}
    arn = machine(cloud, {"Pick": PASS | {"Output": output}})
    given = {"a": {"text": "x"}, "one": [1], "many": [{"n": 1}, {"n": 2}], "nothing": None}

    found = json.loads(run(cloud, arn, input=json.dumps(given))["output"])

    assert found == {
        "text": "x",
        "object": {"text": "x"},
        "list": [1],
        "of each": [1, 2],
        "null": None,
    }


def test_a_permission_that_is_taken_away_is_missing_at_the_next_call(cloud: LocalCloud):
    cloud.client("s3").create_bucket(Bucket="guarded")
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="lister", AssumeRolePolicyDocument=_policy(EVERYBODY))["Role"]
    allowed = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
    iam.put_role_policy(RoleName="lister", PolicyName="p", PolicyDocument=_policy(allowed))
    body = CALLER.format("return s3.list_objects_v2(Bucket='guarded')['KeyCount']")
    name = _function_of(cloud, body, role["Arn"])
    assert invoke(cloud, name) == 0

    denied = allowed | {"Action": "s3:GetObject"}
    iam.put_role_policy(RoleName="lister", PolicyName="p", PolicyDocument=_policy(denied))

    assert "AccessDenied" in invoke(cloud, name)["errorMessage"]
    iam.put_role_policy(RoleName="lister", PolicyName="p", PolicyDocument=_policy(allowed))
    assert invoke(cloud, name) == 0


def test_a_refusal_names_the_role_that_called(cloud: LocalCloud):
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="nobody", AssumeRolePolicyDocument=_policy(EVERYBODY))["Role"]
    name = _function_of(cloud, CALLER.format("s3.list_buckets()"), role["Arn"])

    assert "assumed-role/nobody" in invoke(cloud, name)["errorMessage"]


def test_a_put_is_held_against_its_checksum_each_time(cloud: LocalCloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="digests")
    right = base64.b64encode(hashlib.sha256(b"pixels").digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"others").digest()).decode()
    put = {"Bucket": "digests", "Key": "k", "Body": b"pixels"}

    s3.put_object(**put, ChecksumSHA256=right)
    with pytest.raises(ClientError, match="BadDigest"):
        s3.put_object(**put, ChecksumSHA256=wrong)


def test_a_copy_is_another_name_of_the_file_until_one_of_them_changes(cloud: LocalCloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="copies")
    s3.put_object(Bucket="copies", Key="source", Body=b"first")
    for key in ("copy", "second-copy"):
        copy = {"Bucket": "copies", "Key": "source"}
        s3.copy_object(Bucket="copies", Key=key, CopySource=copy, ChecksumAlgorithm="SHA256")
    files = {key: _file(cloud, "copies", key) for key in ("source", "copy", "second-copy")}
    assert len({file.stat().st_ino for file in files.values()}) == 1

    s3.put_object(Bucket="copies", Key="source", Body=b"other")
    s3.put_object(Bucket="copies", Key="second-copy", Body=b"third")
    s3.delete_object(Bucket="copies", Key="source")

    bodies = [
        s3.get_object(Bucket="copies", Key=key)["Body"].read() for key in ("copy", "second-copy")
    ]
    assert bodies == [b"first", b"third"]


def test_the_state_on_disk_is_what_ministack_reads(cloud: LocalCloud):
    cloud.client("sqs").create_queue(QueueName="written-down")
    state = cloud.home / "state" / "sqs.json"

    eventually(lambda: state.exists() and "written-down" in state.read_text())

    assert json.loads(state.read_text()).keys() == {"__ministack_format__", "payload"}


def test_a_large_body_comes_and_goes_whole(cloud: LocalCloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="large")
    body = bytes(range(256)) * 40_000

    s3.put_object(Bucket="large", Key="k", Body=body)

    assert s3.get_object(Bucket="large", Key="k")["Body"].read() == body


def test_an_answer_has_one_date_and_names_no_server_of_ours(cloud: LocalCloud):
    answer = httpx.get(f"{cloud.endpoint_url}/_ministack/ready")

    assert len(answer.headers.get_list("date")) == 1
    assert "uvicorn" not in answer.headers.get("server", "")


def test_a_long_execution_does_not_stop_the_clock_of_expressions(cloud: LocalCloud):
    """The tree of an expression is kept, its limit of one second begins anew each time."""
    slow = function(
        cloud, "import time\ndef handler(e, c):\n    time.sleep(1.2)\n    return e['n']"
    )
    states = {
        "Slow": task(slow, {"n": "{% $states.context.Execution.Input.n %}"}, Next="Again"),
        "Again": PASS | {"Output": "{% $states.context.Execution.Input.n %}"},
    }

    assert run(cloud, machine(cloud, states), input=json.dumps({"n": 7}))["output"] == "7"


def _function_of(cloud: LocalCloud, source: str, role_arn: str) -> str:
    name = function(cloud, source)
    cloud.client("lambda").update_function_configuration(FunctionName=name, Role=role_arn)
    return name


def _file(cloud: LocalCloud, bucket: str, key: str) -> Path:
    found = list((cloud.home / "state" / "s3").glob(f"*/{bucket}/{key}"))
    assert len(found) == 1
    return found[0]
