"""Lambda keeps asynchronous invocations that were throttled."""

import json
import time

import pytest

from tests.support.cloud.minimal import eventually, function
from tests.support.ports import free_port
from tools.localcloud import processes
from tools.localcloud.cloud import LocalCloud

SEEN = """
import boto3
def handler(event, context):
    queue = boto3.client("sqs").get_queue_url(QueueName="seen")["QueueUrl"]
    for record in event.get("Records", [{"body": "event"}]):
        receives = record.get("attributes", {}).get("ApproximateReceiveCount", "")
        boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=record["body"] + receives)
"""


HOLDING = """
import pathlib, time
def handler(event, context):
    while not pathlib.Path(event["until"]).exists():
        time.sleep(0.01)
"""


@pytest.fixture
def cloud(tmp_path):
    """A local cloud that runs one function at a time and tries again soon."""
    cloud = LocalCloud(tmp_path / "home", free_port())
    try:
        cloud.start(LAMBDA_ACCOUNT_CONCURRENCY="1", LAMBDA_ASYNC_RETRY_BASE_SECONDS="0.05")
        yield cloud
    finally:
        cloud.stop()


@pytest.fixture
def seen(cloud):
    """The event that the function received, as soon as there is one."""
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName="seen")["QueueUrl"]
    return lambda: [m["Body"] for m in sqs.receive_message(QueueUrl=queue).get("Messages", [])]


@pytest.fixture
def release(cloud, tmp_path):
    """Use all concurrency, until the returned function is called."""
    gate = tmp_path / "gate"
    holding = function(cloud, HOLDING, Timeout=60)
    cloud.client("lambda").invoke(
        FunctionName=holding, InvocationType="Event", Payload=json.dumps({"until": str(gate)})
    )
    eventually(lambda: len(processes.marked(cloud.home)) == 2)
    return gate.touch


def _throttles(cloud, function_arn):
    points = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Throttles",
        Dimensions=[{"Name": "FunctionName", "Value": function_arn.rpartition(":")[2]}],
        StartTime=time.time() - 600,
        EndTime=time.time() + 60,
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points)


def test_a_throttled_message_is_tried_again_without_another_receive(cloud, seen, release):
    name = function(cloud, SEEN, Timeout=10)
    queue = cloud.client("sqs").create_queue(
        QueueName="work", Attributes={"VisibilityTimeout": "60"}
    )["QueueUrl"]
    cloud.client("lambda").create_event_source_mapping(
        EventSourceArn="arn:aws:sqs:us-east-1:000000000000:work", FunctionName=name
    )
    cloud.client("sqs").send_message(QueueUrl=queue, MessageBody="message")
    eventually(lambda: _throttles(cloud, name) >= 3)

    release()

    assert eventually(seen) == ["message1"]


def test_a_throttled_event_is_not_dropped_after_three_attempts(cloud, seen, release):
    name = function(cloud, SEEN, Timeout=10)
    cloud.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps({}))
    eventually(lambda: _throttles(cloud, name) >= 5)

    release()

    assert eventually(seen) == ["event"]
