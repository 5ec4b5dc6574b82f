"""Neither another caller's backlog nor the caller's own batches delay a single task."""

import datetime
import json
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from darkroom.aws.sqs import MAX_MESSAGES
from darkroom.runtime.clock import timestamp
from darkroom.tasks.model import active_shard, message_group, order
from tests.support.cloud.stacks import ENDED, Stack, until
from tests.support.fakes.sources import Sources

TASKS = 2000
SAMPLES = 5

Item = dict[str, Any]


def seconds(item: Item, begin: str) -> float:
    """The seconds from a time of a task to its end."""
    moments = (datetime.datetime.fromisoformat(item[name]) for name in (begin, "completedAt"))
    first, last = moments
    return (last - first).total_seconds()


def begin_a_trace(params: dict[str, Any], **_: Any) -> None:
    """Add the header of a new trace to a request, as Lambda does for the functions of the API."""
    root = f"1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"
    params["headers"]["X-Amzn-Trace-Id"] = f"Root={root};Sampled=0"


@pytest.fixture
def another(standard: Stack, another_key: str) -> Iterator[httpx.Client]:
    url = standard.description["apiUrl"]
    with httpx.Client(base_url=url, headers={"x-api-key": another_key}, timeout=60) as client:
        yield client


@pytest.fixture
def run(standard: Stack, sources: Sources) -> Callable[[httpx.Client], Item]:
    """Run one task of a caller to its end, and return it."""

    def run(caller: httpx.Client) -> Item:
        answer = caller.post("/tasks", json={"imageUrl": sources.url("/colour.jpg")})
        task_id = answer.json()["taskId"]

        def ended() -> Item | None:
            item = standard.item(task_id)
            return item if item["status"] in ENDED else None

        item: Item = until(ended, 60, "the task ends")
        assert item["status"] == "COMPLETED"
        return item

    return run


@pytest.fixture
def queue_many(standard: Stack, sources: Sources) -> Iterator[Callable[..., list[str]]]:
    """Queue tasks of a caller as the API does, but faster; take the rest away at the end."""
    ids = [str(uuid.uuid4()) for _ in range(TASKS)]

    def queue_many(owner: str, **more: Any) -> list[str]:
        now = timestamp(datetime.datetime.now(datetime.UTC))
        common = {
            "owner": owner,
            "status": "PENDING",
            "attempt": 1,
            "source": {"imageUrl": sources.url("/colour.jpg")},
            "output": {"format": "auto", "quality": 90},
            "createdAt": now,
            "updatedAt": now,
            **more,
        }
        items = [{**common, "taskId": i, "active": active_shard(i)} for i in ids]
        with standard.table().batch_writer() as table:
            for item in items:
                table.put_item(Item=item)
        sqs = standard.cloud.client("sqs")
        sqs.meta.events.register("before-call.sqs.SendMessageBatch", begin_a_trace)
        for start in range(0, TASKS, MAX_MESSAGES):
            entries = [
                {
                    "Id": item["taskId"],
                    "MessageBody": json.dumps(order(item)),
                    "MessageGroupId": message_group(item),
                }
                for item in items[start : start + MAX_MESSAGES]
            ]
            sqs.send_message_batch(QueueUrl=standard.outputs["TaskQueueUrl"], Entries=entries)
        return ids

    yield queue_many

    standard.sqs.purge_queue(QueueUrl=standard.outputs["TaskQueueUrl"])
    with standard.table().batch_writer() as table:
        for task_id in ids:
            table.delete_item(Key={"taskId": task_id})


@pytest.mark.timeout(600)
@pytest.mark.parametrize("of_a_batch", [False, True], ids=["another caller", "own batch"])
def test_a_task_ends_soon_although_two_thousand_others_are_queued(
    standard: Stack,
    another: httpx.Client,
    run: Callable[[httpx.Client], Item],
    queue_many: Callable[..., list[str]],
    *,
    of_a_batch: bool,
) -> None:
    """It waits for one of the others, and takes as long as they do, because the machine is shared.

    In the order of arrival it would wait for all of them.
    """
    alone = statistics.median(seconds(run(another), "createdAt") for _ in range(SAMPLES))
    if of_a_batch:
        batch = {"batchId": str(uuid.uuid4()), "batchIndex": 0, "batchRun": 1}
        ids = queue_many(run(another)["owner"], **batch)
    else:
        ids = queue_many(run(standard.http)["owner"])

    def done() -> list[float]:
        items = (standard.item(task_id) for task_id in ids[:20])
        return [seconds(item, "startedAt") for item in items if item["status"] == "COMPLETED"]

    until(lambda: len(done()) >= SAMPLES, 60, "some of the others have ended")
    contended = statistics.median(seconds(run(another), "createdAt") for _ in range(SAMPLES))
    left = standard.depth("TaskQueueUrl")
    one_of_the_others = statistics.median(done())

    assert left > TASKS / 2
    bound = 2 * (alone + one_of_the_others)
    assert contended <= bound, (alone, one_of_the_others, contended)
