"""Every accepted task ends: lost ones are found and repaired."""

import json
import uuid
import zlib
from collections.abc import Iterator

import pytest

from darkroom.batches.manifests import encode
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import Sources
from tools.localcloud.deploy import deploy

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def repaired(cloud) -> Iterator[Stack]:
    """A stack that checks a task when its record has not changed for a second."""
    with Stack(cloud, deploy(cloud, "repaired", {"RepairAfterSeconds": "1"})) as stack:
        yield stack


@pytest.fixture(scope="module")
def table(repaired: Stack):
    return repaired.table()


@pytest.fixture(scope="module")
def batches(repaired: Stack):
    return repaired.table("BatchTableName")


def lost_batch(repaired: Stack, batches, sources: Sources) -> str:
    """A batch as a crash of the API leaves it: in the table, with no execution."""
    batch_id = str(uuid.uuid4())
    key = f"batches/{batch_id}/manifest.jsonl"
    repaired.cloud.client("s3").put_object(
        Bucket=repaired.outputs["BucketName"],
        Key=key,
        Body=encode({"line": 1, "text": json.dumps({"imageUrl": sources.url("/colour.png")})}),
    )
    moments = dict.fromkeys(("createdAt", "startedAt", "updatedAt"), "2026-01-01T00:00:00.000Z")
    item = {
        "batchId": batch_id,
        "owner": "nobody",
        "run": 1,
        "status": "RUNNING",
        "active": str(zlib.crc32(batch_id.encode()) % 8),
        "manifest": {"reader": "lines", "key": key},
        "output": {"format": "auto", "quality": 90},
        "toleratedFailurePercentage": 0,
        "total": 1,
        **moments,
    }
    batches.put_item(Item=item)
    return batch_id


def lost(table, sources: Sources, status: str = "PENDING", **more: str) -> str:
    """A task as a crash leaves it: in the table, with no message and no execution."""
    task_id = str(uuid.uuid4())
    item = {
        "taskId": task_id,
        "owner": "nobody",
        "attempt": 1,
        "status": status,
        "active": str(zlib.crc32(task_id.encode()) % 8),
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z",
        "source": {"imageUrl": sources.url("/colour.png")},
        "output": {"format": "auto", "quality": 90},
        **more,
    }
    table.put_item(Item=item)
    return task_id


def item_of(table, task_id: str) -> dict:
    return table.get_item(Key={"taskId": task_id}, ConsistentRead=True)["Item"]


def ended(table, task_id: str, seconds: float = 90) -> dict:
    """The item after its end; the schedule runs every minute."""

    def check() -> dict | None:
        item = item_of(table, task_id)
        return item if item["status"] in {"COMPLETED", "FAILED"} else None

    return until(check, seconds, "the task is repaired")


@pytest.fixture(scope="module")
def casualties(repaired: Stack, table, batches, sources: Sources) -> dict[str, str]:
    """One task for each way to be lost, created together, because the schedule runs once a
    minute."""
    machine = repaired.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:")
    dead = lost(table, sources)
    # It counts as new for the sweep, which would only queue it again.
    table.update_item(
        Key={"taskId": dead},
        UpdateExpression="SET updatedAt = :later",
        ExpressionAttributeValues={":later": "2100-01-01T00:00:00.000Z"},
    )
    item = item_of(table, dead)
    order = {"taskId": dead, "attempt": 1, "source": item["source"]}
    order["output"] = {"format": "auto", "quality": 90}
    for body in (json.dumps(order), "no task"):
        repaired.sqs.send_message(QueueUrl=repaired.outputs["DeadLetterQueueUrl"], MessageBody=body)
    return {
        "message lost": lost(table, sources),
        "execution gone": lost(table, sources, "RUNNING", execution=f"{machine}:gone"),
        "dead letter": dead,
        "batch not started": lost_batch(repaired, batches, sources),
    }


def test_an_execution_that_is_stopped_by_hand_ends_its_task_at_once(standard, sources):
    """By the event, because in this stack the schedule checks a task only after two minutes."""
    path = "/held/stopped"
    task_id = standard.submit(sources.url(path))["taskId"]
    until(lambda: sources.requests[path], 30, "the source is requested")
    arn = standard.task(task_id)["execution"]["arn"]

    standard.states.stop_execution(executionArn=arn, cause="A person stopped it.")

    task = standard.ended(task_id, seconds=15)
    sources.held[path].set()
    assert task["status"] == "FAILED"
    assert task["failure"] == {
        "step": "Download",
        "error": "ExecutionAborted",
        "message": "A person stopped it.",
    }


def test_a_task_whose_message_is_lost_is_queued_again_and_completed(table, casualties):
    assert ended(table, casualties["message lost"])["status"] == "COMPLETED"


def test_a_task_whose_execution_is_gone_ends_failed(table, casualties):
    item = ended(table, casualties["execution gone"])
    assert item["failure"]["error"] == "ExecutionLost"
    assert "active" not in item


def test_a_batch_that_was_never_started_is_started_and_completed(batches, casualties):
    key = {"batchId": casualties["batch not started"]}

    def status() -> str:
        return batches.get_item(Key=key, ConsistentRead=True)["Item"]["status"]

    until(lambda: status() != "RUNNING", 120, "the batch is repaired")
    assert status() == "COMPLETED"


def test_a_dead_letter_ends_its_task_failed_and_no_other_one_is_touched(
    repaired, table, casualties
):
    item = ended(table, casualties["dead letter"])
    assert (item["failure"]["step"], item["failure"]["error"]) == ("Dispatch", "DeadLettered")

    def what_a_person_finds() -> list[str]:
        answer = repaired.sqs.receive_message(
            QueueUrl=repaired.outputs["DeadLetterQueueUrl"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
        )
        return [message["Body"] for message in answer.get("Messages", [])]

    until(
        lambda: what_a_person_finds() == ["no task"],
        10,
        "the message without a task is in the dead-letter queue",
    )
