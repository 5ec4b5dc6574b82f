"""A standard queue delivers the messages of quiet groups first, as AWS documents.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.cloud.minimal import eventually, function, history, machine, task
from tools.localcloud.cloud import LocalCloud

TELLS = """
import boto3, json
def handler(event, context):
    record, = event["Records"]
    boto3.client("sqs").send_message(
        QueueUrl=record["body"], MessageBody=json.dumps(record["attributes"])
    )
"""

STARTS = """
import boto3, json
def handler(event, context):
    for record in event["Records"]:
        boto3.client("stepfunctions").start_execution(
            traceHeader=record["attributes"]["AWSTraceHeader"], **json.loads(record["body"])
        )
"""
HOLDS = """
import os, time
def handler(event, context):
    with open(event["log"], "a") as log:
        log.write(event["group"] + " ")
    while True:  # an invocation that only waits gives way to others
        try:
            return os.remove(event["gate"])  # only one invocation can go on
        except FileNotFoundError:
            sum(range(200_000))
            time.sleep(0.02)
"""


@dataclass
class Queue:
    """A queue, with messages whose bodies are their groups."""

    sqs: Any
    url: str

    @property
    def arn(self) -> str:
        return f"arn:aws:sqs:us-east-1:000000000000:{self.url.rpartition('/')[2]}"

    def send(self, group: str | None, count: int) -> None:
        more = {"MessageGroupId": group} if group else {}
        for start in range(0, count, 10):
            entries = [
                {"Id": str(n), "MessageBody": group or "-", **more}
                for n in range(min(10, count - start))
            ]
            assert not self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries).get("Failed")

    def receive(self, count: int, hidden: int = 60) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < count:
            found += self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=min(10, count - len(found)),
                VisibilityTimeout=hidden,
                MessageSystemAttributeNames=["MessageGroupId"],
            )["Messages"]
        return found

    def groups(self, count: int) -> list[str]:
        """Receive this number of messages, and return their groups."""
        return [message["Body"] for message in self.receive(count)]

    def delete(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


@pytest.fixture
def queue(cloud: LocalCloud) -> Iterator[Queue]:
    sqs = cloud.client("sqs")
    name = f"fair-{uuid.uuid4().hex[:12]}"
    queue = Queue(sqs, sqs.create_queue(QueueName=name)["QueueUrl"])
    yield queue
    sqs.delete_queue(QueueUrl=queue.url)


def test_a_message_of_a_quiet_group_overtakes_the_backlog_of_a_noisy_one(queue: Queue) -> None:
    queue.send("busy", 60)
    assert queue.groups(30) == ["busy"] * 30

    queue.send("quiet", 1)

    assert queue.groups(2) == ["quiet", "busy"]


def test_groups_that_are_not_noisy_are_served_in_the_order_of_arrival(queue: Queue) -> None:
    queue.send("busy", 31)
    assert queue.groups(29) == ["busy"] * 29

    queue.send("quiet", 1)

    assert queue.groups(2) == ["busy", "busy"]


def test_the_noisy_group_with_fewer_messages_in_flight_is_first(queue: Queue) -> None:
    queue.send("busier", 40)
    queue.groups(40)
    queue.send("busy", 30)
    queue.groups(30)
    queue.send("busier", 1)
    queue.send("busy", 1)

    assert queue.groups(2) == ["busy", "busier"]


def test_a_message_without_a_group_is_a_group_of_its_own(queue: Queue) -> None:
    queue.send("busy", 40)
    queue.send(None, 40)
    queue.groups(30)

    assert queue.groups(40) == ["-"] * 40
    assert queue.groups(10) == ["busy"] * 10


def test_a_group_is_quiet_again_once_the_queue_was_empty(queue: Queue) -> None:
    queue.send("busy", 30)
    queue.delete(queue.receive(30))
    assert "Messages" not in queue.sqs.receive_message(QueueUrl=queue.url)
    queue.send("busy", 1)
    queue.send("quiet", 1)

    assert queue.groups(2) == ["busy", "quiet"]


def test_a_dead_letter_keeps_its_group(cloud: LocalCloud, queue: Queue) -> None:
    sqs = cloud.client("sqs")
    policy = json.dumps({"deadLetterTargetArn": queue.arn, "maxReceiveCount": 1})
    source = Queue(
        sqs,
        sqs.create_queue(QueueName=f"{uuid.uuid4()}", Attributes={"RedrivePolicy": policy})[
            "QueueUrl"
        ],
    )
    source.send("me/batch", 1)
    source.receive(1, hidden=0)
    eventually(lambda: not sqs.receive_message(QueueUrl=source.url).get("Messages"))

    (letter,) = queue.receive(1)

    assert letter["Attributes"] == {"MessageGroupId": "me/batch"}
    sqs.delete_queue(QueueUrl=source.url)


def test_a_function_is_given_the_group_of_each_message(cloud: LocalCloud, queue: Queue) -> None:
    sqs = cloud.client("sqs")
    source = Queue(sqs, sqs.create_queue(QueueName=f"{uuid.uuid4()}")["QueueUrl"])
    cloud.client("lambda").create_event_source_mapping(
        EventSourceArn=source.arn, FunctionName=function(cloud, TELLS), BatchSize=1
    )

    sqs.send_message(QueueUrl=source.url, MessageBody=queue.url, MessageGroupId="me")
    (reported,) = eventually(lambda: sqs.receive_message(QueueUrl=queue.url).get("Messages"), 30)

    assert json.loads(reported["Body"])["MessageGroupId"] == "me"


@pytest.mark.parametrize("group", ["two words", "Zoë", "", "x" * 129])
def test_an_invalid_group_is_refused(queue: Queue, group: str) -> None:
    with pytest.raises(ClientError, match="MessageGroupId"):
        queue.sqs.send_message(QueueUrl=queue.url, MessageBody="-", MessageGroupId=group)
    entry = {"Id": "0", "MessageBody": "-", "MessageGroupId": group}
    refused = queue.sqs.send_message_batch(QueueUrl=queue.url, Entries=[entry])["Failed"]
    assert [each["Code"] for each in refused] == ["InvalidParameterValue"]


def test_a_free_process_goes_to_the_group_that_has_the_fewest(
    cloud: LocalCloud, queue: Queue, tmp_path: Path
) -> None:
    """Ten executions of one group wait for two processes; one of another group is next."""
    states = cloud.client("stepfunctions")
    arn = machine(cloud, {"Hold": task(function(cloud, HOLDS, Timeout=900), "{% $states.input %}")})
    cloud.client("lambda").create_event_source_mapping(
        EventSourceArn=queue.arn, FunctionName=function(cloud, STARTS)
    )
    sqs = cloud.client("sqs")
    gate, log = tmp_path / "gate", tmp_path / "log"

    def send(group: str, count: int) -> None:
        given = {"gate": str(gate), "log": str(log), "group": group}
        trace = f"Root=1-5759e988-{uuid.uuid4().hex[:24]};Sampled=0"
        sqs.meta.events.register(
            "before-call.sqs",
            lambda params, **_: params["headers"].update({"X-Amzn-Trace-Id": trace}),
            unique_id="trace",
        )
        for _ in range(count):
            order = {"stateMachineArn": arn, "input": json.dumps(given)}
            sqs.send_message(
                QueueUrl=queue.url, MessageBody=json.dumps(order), MessageGroupId=group
            )
        sqs.meta.events.unregister("before-call.sqs", unique_id="trace")

    def invoked() -> int:
        """The number of executions that have invoked the function and wait for it."""
        running = states.list_executions(stateMachineArn=arn)["executions"]
        return sum("TaskStarted" in history(cloud, each["executionArn"]) for each in running)

    def started() -> list[str]:
        """The groups in the order in which their invocations got a process."""
        return log.read_text().split() if log.exists() else []

    send("busy", 10)
    eventually(lambda: invoked() == 10, 30)
    send("quiet", 1)
    eventually(lambda: invoked() == 11, 30)
    assert eventually(lambda: len(started()) == 2 and started()) == ["busy", "busy"]

    gate.touch()
    eventually(lambda: len(started()) == 3)

    assert started()[2] == "quiet"
    while len(started()) < 11:
        gate.touch()
