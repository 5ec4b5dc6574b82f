"""A batch with as many tasks as a test wants. Its index is answered below the SDK.

The SDK signs each request and parses each response, so a test measures what a function does, except
for the network. The entries are those of DynamoDB, in pages of 1 MB.
"""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from botocore.awsrequest import AWSRequest, AWSResponse

from darkroom.aws.dynamodb import Table
from darkroom.aws.sqs import MAX_MESSAGES
from darkroom.batches.task_index import BatchTaskIndex
from darkroom.errors import StaleAttempt
from darkroom.tasks.model import Status

ENTRY_BYTES = 124
"""Names and values of an entry, as DynamoDB counts them:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""
PAGE_ENTRIES = 1024 * 1024 // ENTRY_BYTES
BATCH = str(UUID(int=7))
TASKS = 60_000
"""Tasks of a batch that no request counts."""


class LargeIndex:
    """The index, and how often it was read."""

    def __init__(self, tasks: int, status: Callable[[int], str]) -> None:
        """Args: tasks: their number. status: returns the status of the task with an index."""
        self.tasks, self.status = tasks, status
        self.queries = 0
        table = Table("tasks")
        table._dynamodb.meta.events.register("before-send.dynamodb.Query", self._answer)
        self.index = BatchTaskIndex(table)

    def _answer(self, request: AWSRequest, **_: Any) -> AWSResponse:
        self.queries += 1
        sent = json.loads(request.body)
        start = int(sent.get("ExclusiveStartKey", {}).get("batchIndex", {}).get("N", -1)) + 1
        end = min(start + min(sent.get("Limit", PAGE_ENTRIES), PAGE_ENTRIES), self.tasks)
        whole = "ProjectionExpression" not in sent
        items = [self._entry(number, whole=whole) for number in range(start, end)]
        answer: dict[str, Any] = {"Items": items, "Count": len(items)}
        if end < self.tasks:
            answer["LastEvaluatedKey"] = _key(end - 1)
        response = AWSResponse(request.url, 200, {}, None)
        response._content = json.dumps(answer).encode()
        return response

    def _entry(self, number: int, *, whole: bool) -> dict[str, Any]:
        status = {"status": {"S": self.status(number)}}
        return {**_key(number), **status, "attempt": {"N": "1"}} if whole else status


def task_id(number: int) -> str:
    """Return the id of the task with an index. Ids have the order of the indexes."""
    return str(UUID(int=number))


def _key(number: int) -> dict[str, Any]:
    return {
        "taskId": {"S": task_id(number)},
        "batchId": {"S": BATCH},
        "batchIndex": {"N": str(number)},
    }


def counts(**known: int) -> dict[str, int]:
    """Return counts by status, with 0 for every status that is not named."""
    return {status.value: known.get(status, 0) for status in Status}


class Tasks:
    """The table of tasks. Records which tasks were changed."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.ended: set[str] = set()
        """Tasks that have ended since the index was read."""

    def cancel(self, task_id: str, attempt: int, _run: int) -> dict[str, Any]:
        return self._change(task_id, attempt, "CANCELLED")

    def retry(self, task_id: str, attempt: int, _run: int) -> dict[str, Any]:
        return self._change(task_id, attempt + 1, "PENDING") | {
            "owner": "me",
            "source": {},
            "output": {},
        }

    def assign_to_run(self, *_: Any) -> bool:
        return True

    def _change(self, task_id: str, attempt: int, status: str) -> dict[str, Any]:
        if task_id in self.ended:
            raise StaleAttempt(task_id)
        self.changed.append(task_id)
        return {"taskId": task_id, "attempt": attempt, "status": status}


class Queue:
    """The task queue. Records the tasks whose orders were sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send_many(self, orders: list[dict[str, Any]], _groups: Any) -> int:
        assert 0 < len(orders) <= MAX_MESSAGES
        self.sent += [order["taskId"] for order in orders]
        return 0


class Machine:
    """The state machine of tasks."""

    def arn_of(self, name: str) -> str:
        return name

    def stop(self, *_: Any) -> None:
        pass
