"""Messages wait while the processes of the local cloud are busy; processed ones are deleted."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.cloud.minimal import eventually, function

SLOW = "import time\ndef handler(event, context): time.sleep(0.3)"
NOTHING = "def handler(event, context): pass"
HOLDS = """
import os, pathlib
def handler(event, context):
    while not pathlib.Path(os.environ["GATE"]).exists():
        pass  # an invocation that only waits gives way to others
"""
INVOCATIONS = 40
# Two processes work on them, and sixteen more may wait before messages stay in the queue.
ENOUGH = INVOCATIONS - 2 - 16 - 4


def test_a_message_stays_in_its_queue_while_many_invocations_wait(cloud):
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName="patient")["QueueUrl"]
    cloud.client("lambda").create_event_source_mapping(
        EventSourceArn="arn:aws:sqs:us-east-1:000000000000:patient",
        FunctionName=function(cloud, NOTHING),
    )
    slow = function(cloud, SLOW)

    def invoke(_: int) -> None:
        cloud.client("lambda").invoke(FunctionName=slow, Payload=json.dumps({}))

    def in_queue() -> int:
        attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])

    with ThreadPoolExecutor(INVOCATIONS) as pool:
        invocations = [pool.submit(invoke, number) for number in range(INVOCATIONS)]

        def done() -> int:
            return sum(invocation.done() for invocation in invocations)

        eventually(done, 60)
        sqs.send_message(QueueUrl=queue, MessageBody="patience")
        eventually(lambda: not in_queue(), 60)
        assert done() >= ENOUGH


def test_messages_that_functions_are_given_count_as_waiting(cloud, tmp_path):
    """Five pollers would take ten each before one of the functions has begun."""
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName="given")["QueueUrl"]
    gate = tmp_path / "gate"
    for number in range(6):
        entries = [{"Id": f"{n}", "MessageBody": f"{number} {n}"} for n in range(10)]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    cloud.client("lambda").create_event_source_mapping(
        EventSourceArn="arn:aws:sqs:us-east-1:000000000000:given",
        FunctionName=function(
            cloud, HOLDS, Timeout=60, Environment={"Variables": {"GATE": str(gate)}}
        ),
    )

    def count(kind: str) -> int:
        attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return int(attributes[f"ApproximateNumberOfMessages{kind}"])

    eventually(lambda: count("NotVisible") >= 16, 30)
    assert count("NotVisible") == 16
    gate.touch()
    eventually(lambda: count("NotVisible") + count("") == 0, 60)


HELD = """
import pathlib, time
def handler(event, context):
    while not pathlib.Path(event["Records"][0]["body"]).exists():
        {loop}
"""


@pytest.mark.parametrize(
    ("loop", "taken"),
    [
        pytest.param("pass", 4, id="two work and two wait for their turn"),
        pytest.param("time.sleep(0.2)", 10, id="those that have their turn only wait"),
    ],
)
def test_few_messages_wait_for_their_function_out_of_the_queue(cloud, tmp_path, loop, taken):
    """So that a message of a quieter group can overtake the others, as in AWS."""
    sqs, name = cloud.client("sqs"), f"slow-{taken}"
    queue = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "120"})["QueueUrl"]
    cloud.client("lambda").create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:us-east-1:000000000000:{name}",
        FunctionName=function(cloud, HELD.format(loop=loop), Timeout=100),
        BatchSize=1,
        ScalingConfig={"MaximumConcurrency": 60},
    )

    def in_flight() -> int:
        attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessagesNotVisible"])

    for _ in range(10):
        sqs.send_message(QueueUrl=queue, MessageBody=str(tmp_path / "go"))
    eventually(lambda: in_flight() >= taken, 30)
    assert in_flight() == taken

    (tmp_path / "go").touch()
    eventually(lambda: in_flight() == 0, 30)


def test_a_message_may_be_deleted_twice(cloud):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html"""
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName="twice")["QueueUrl"]
    for body in ("one", "two"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    one, two = (message["ReceiptHandle"] for message in received)

    for _ in range(2):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=one)
        entries = [{"Id": "a", "ReceiptHandle": one}, {"Id": "b", "ReceiptHandle": two}]
        deleted = sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
        assert sorted(each["Id"] for each in deleted["Successful"]) == ["a", "b"]
        assert not deleted.get("Failed")


def test_an_invalid_receipt_handle_deletes_nothing(cloud):
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName="invalid")["QueueUrl"]

    with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle="nonsense")
    entries = [{"Id": "a", "ReceiptHandle": "nonsense"}]
    refused = sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
    assert [each["Code"] for each in refused["Failed"]] == ["ReceiptHandleIsInvalid"]
