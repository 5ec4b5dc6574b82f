"""The table of tasks: every call to DynamoDB that Darkroom makes.

Items are plain dicts with the attribute names of DESIGN's item. Numbers come back as `int`:
Darkroom stores no fractions.
"""

import base64
import binascii
import json
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from darkroom.errors import StaleAttempt
from darkroom.tasks import TRANSITIONS, Status, active_shard, timestamp

OWNER_INDEX = "owner-createdAt"
SECONDS_PER_DAY = 86_400
PAGES_PER_LIST = 10
"""Pages of the index that one list reads at most while a filter leaves too few tasks."""

Item = dict[str, Any]

# `status`, `owner`, `name`, `source`, `result` and others are reserved words of DynamoDB, so every
# attribute of an expression goes by an alias.
NOT_THERE = "attribute_not_exists(#taskId)"
THIS_ATTEMPT = "#attempt = :attempt"
PENDING = "#status = :pending"
CLAIMED_BY_THIS_EXECUTION = "#status = :running AND #execution = :execution"


class InvalidCursor(ValueError):
    """The cursor is not one that `list` returned."""


def condition(transition: str) -> str:
    """Return the ConditionExpression of a row of `tasks.TRANSITIONS`.

    `:attempt`, `:execution` and the statuses that it names are left for the caller to bind.
    """
    # DynamoDB refuses parentheses that change nothing, so they stand only around an OR.
    if Status.PENDING in TRANSITIONS[transition].sources:
        return f"{THIS_ATTEMPT} AND ({PENDING} OR {CLAIMED_BY_THIS_EXECUTION})"
    return f"{THIS_ATTEMPT} AND {CLAIMED_BY_THIS_EXECUTION}"


class TaskStore:
    """Tasks in one DynamoDB table."""

    def __init__(self, table_name: str, retention_days: int) -> None:
        """Open the table; its items expire `retention_days` after their creation."""
        # Short waits and few tries: the caller is a function that the state machine, or the client
        # of the API, calls again. A connection that hangs must not use up the function's time.
        config = Config(
            connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3}
        )
        self._table = boto3.resource("dynamodb", config=config).Table(table_name)
        self._retention = retention_days * SECONDS_PER_DAY

    def create(self, task_id: str, owner: str, attributes: Mapping[str, Any]) -> Item:
        """Store a new PENDING task and return its item.

        Args:
            task_id: a uuid that no task has.
            owner: the caller that alone may see the task.
            attributes: `name`, `source` and `output`.

        Raises:
            botocore.exceptions.ClientError: the id is taken, or DynamoDB does not answer.
        """
        now = timestamp()
        item = {
            "taskId": task_id,
            "owner": owner,
            "attempt": 1,
            "status": Status.PENDING.value,
            "createdAt": now,
            "updatedAt": now,
            "active": active_shard(task_id),
            "expiresAt": int(time.time()) + self._retention,
            **attributes,
        }
        self._table.put_item(
            Item=item,
            ConditionExpression=NOT_THERE,
            ExpressionAttributeNames={"#taskId": "taskId"},
        )
        return item

    def get(self, task_id: str) -> Item | None:
        """Return a task as it is now (a consistent read), or None."""
        answer = self._table.get_item(Key={"taskId": task_id}, ConsistentRead=True)
        return _integers(answer["Item"]) if "Item" in answer else None

    def start(self, task_id: str, attempt: int, execution: str) -> None:
        """Claim a PENDING task for an execution: RUNNING. See `_apply` for repeats and errors."""
        self._apply("start", task_id, attempt, execution, {"startedAt": timestamp()})

    def complete(self, task_id: str, attempt: int, execution: str, result: Item) -> None:
        """End a task COMPLETED with its result. See `_apply` for repeats and errors."""
        self._apply("complete", task_id, attempt, execution, {"result": result})

    def fail(self, task_id: str, attempt: int, execution: str, failure: Item) -> None:
        """End a task FAILED: `step`, `error`, `message`. See `_apply` for repeats and errors."""
        self._apply("fail", task_id, attempt, execution, {"failure": failure})

    def _apply(
        self, transition: str, task_id: str, attempt: int, execution: str, changes: Item
    ) -> None:
        """Write one transition under its condition.

        A repeat, which a retry after a lost answer is, changes nothing and is no error.

        Raises:
            StaleAttempt: the task is not this execution's to change (any more).
        """
        target = TRANSITIONS[transition].target
        changes = {
            **changes,
            "status": target.value,
            "execution": execution,
            "updatedAt": timestamp(),
        }
        if target.terminal:
            changes["completedAt"] = changes["updatedAt"]
        values = {f":new_{name}": value for name, value in changes.items()}
        values |= {":attempt": attempt, ":execution": execution}
        values |= {f":{s.lower()}": s.value for s in TRANSITIONS[transition].sources}
        # The start keeps its first time when it is written twice.
        assignments = [
            f"#{name} = if_not_exists(#{name}, :new_{name})"
            if name == "startedAt"
            else f"#{name} = :new_{name}"
            for name in changes
        ]
        try:
            self._table.update_item(
                Key={"taskId": task_id},
                UpdateExpression=f"SET {', '.join(assignments)}"
                + (" REMOVE #active" if target.terminal else ""),
                ConditionExpression=condition(transition),
                ExpressionAttributeNames={
                    f"#{name}": name
                    for name in {*changes, "attempt", *(["active"] if target.terminal else [])}
                },
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            item = _plain(error.response.get("Item", {}))
            already = {"attempt": attempt, "execution": execution, "status": target.value}
            if {name: item.get(name) for name in already} != already:
                raise StaleAttempt(
                    f"Attempt {attempt} of task {task_id} may not become {target}: the task is "
                    f"{item.get('status', 'gone')} in attempt {item.get('attempt', '-')}."
                ) from error

    def list(
        self,
        owner: str,
        *,
        limit: int,
        status: str | None = None,
        name: str | None = None,
        cursor: str | None = None,
    ) -> tuple[list[Item], str | None]:
        """Return an owner's tasks, newest first, and the cursor of the rest (None: no rest).

        The cursor names the last task that was read, so tasks that arrive meanwhile move nothing.
        With a filter there may be fewer tasks than `limit` and a cursor all the same: one call
        reads a bounded part of the index.

        Raises:
            InvalidCursor: the cursor is not one of ours.
        """
        names, values = {"#owner": "owner"}, {":owner": owner}
        filters = []
        for attribute, wanted in (("status", status), ("name", name)):
            if wanted is not None:
                filters.append(f"#{attribute} = :{attribute}")
                names[f"#{attribute}"], values[f":{attribute}"] = attribute, wanted
        query: dict[str, Any] = {
            "IndexName": OWNER_INDEX,
            "KeyConditionExpression": "#owner = :owner",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": False,
        }
        if filters:
            query["FilterExpression"] = " AND ".join(filters)
        if cursor:
            query["ExclusiveStartKey"] = _decode_cursor(cursor, owner)
        found: list[Item] = []
        for _ in range(PAGES_PER_LIST):
            # Without a filter a page of `limit` is enough; with one, read larger pages.
            page = self._table.query(**query, Limit=max(200, limit) if filters else limit)
            for item in page["Items"]:
                found.append(_integers(item))
                if len(found) == limit:
                    more = "LastEvaluatedKey" in page or item is not page["Items"][-1]
                    return found, _encode_cursor(item) if more else None
            if "LastEvaluatedKey" not in page:
                return found, None
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return found, _encode_cursor(query["ExclusiveStartKey"])


def _encode_cursor(item: Mapping[str, Any]) -> str:
    place = json.dumps([item["createdAt"], item["taskId"]], separators=(",", ":"))
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _decode_cursor(cursor: str, owner: str) -> dict[str, str]:
    """Return the key that a cursor stands for, in the caller's own part of the index."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        created_at, task_id = place
    except (binascii.Error, UnicodeDecodeError, ValueError, TypeError) as error:
        raise InvalidCursor(cursor) from error
    if not (isinstance(created_at, str) and isinstance(task_id, str) and created_at and task_id):
        raise InvalidCursor(cursor)
    return {"owner": owner, "createdAt": created_at, "taskId": task_id}


def _plain(typed: Mapping[str, Mapping[str, Any]]) -> Item:
    """Return the scalar attributes of an item in DynamoDB's wire form (boto3 leaves errors so)."""
    return {
        name: int(value["N"]) if "N" in value else value.get("S") for name, value in typed.items()
    }


def _integers(value: Any) -> Any:
    """Return a value with every Decimal, which is how boto3 reads numbers, as an int."""
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {key: _integers(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_integers(entry) for entry in value]
    return value
