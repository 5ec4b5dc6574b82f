"""Find tasks: those of an owner, newest first, and those that have not ended.

Both are indexes of the table that `store` writes; nothing here scans.
"""

import datetime
from collections.abc import Mapping
from typing import Any

from darkroom.aws.dynamodb import Table, aliases, expired
from darkroom.tasks import cursors
from darkroom.tasks.cursors import InvalidCursor
from darkroom.tasks.store import Item

OWNER_INDEX = "owner-createdAt"
ACTIVE_INDEX = "active"
PAGES_PER_LIST = 10
"""Pages of the index that one list reads at most while too few tasks are left."""
LARGE_PAGE = 200
"""Items of a page where not every one that is read is returned."""


class TaskIndex:
    """The indexes of one table of tasks."""

    def __init__(self, table: Table) -> None:
        """Take the table."""
        self._table = table

    def of_owner(
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
        There may be fewer tasks than `limit` and a cursor all the same, with a filter or where
        tasks have expired: one call reads a bounded part of the index.

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
            query["ExclusiveStartKey"] = _key(cursor, owner)
        found, last = collect(self._table, query, limit, filtered=bool(filters))
        return found, cursors.encode(last["createdAt"], last["taskId"]) if last else None

    def unfinished(self, shard: str, before: str, limit: int) -> list[Item]:
        """Return tasks of one shard that are PENDING or RUNNING and were last written `before`."""
        return overdue(self._table, shard, before, limit)

    def now(self) -> datetime.datetime:
        """Return the moment by the clock of the table, as its last answer told it: see `Table`."""
        return self._table.now()


def overdue(table: Table, shard: str, before: str, limit: int) -> list[Item]:
    """Return what is active in one shard of a table's index and was last written `before`."""
    page = table.query(
        IndexName=ACTIVE_INDEX,
        KeyConditionExpression="#active = :shard AND #updatedAt < :before",
        ExpressionAttributeNames=aliases("active", "updatedAt"),
        ExpressionAttributeValues={":shard": shard, ":before": before},
        Limit=limit,
    )
    items: list[Item] = page["Items"]
    return items


def collect(
    table: Table, query: Mapping[str, Any], limit: int, *, filtered: bool
) -> tuple[list[Item], Mapping[str, Any] | None]:
    """Return what a query finds, up to `limit`, and where to go on: the last that was read.

    What has expired is left out. One call reads a bounded part of the index, so it may return
    fewer and a place to go on.

    Args:
        table: whose index is read.
        query: as DynamoDB takes it.
        limit: items to return at most.
        filtered: whether the query leaves out items that it reads: then it reads larger pages.
    """
    found: list[Item] = []
    place: dict[str, Any] = {}
    page_size = max(LARGE_PAGE, limit) if filtered else limit
    for _ in range(PAGES_PER_LIST):
        page = table.query(**{**query, **place}, Limit=page_size)
        for item in page["Items"]:
            if expired(item):
                continue
            found.append(item)
            if len(found) == limit:
                more = "LastEvaluatedKey" in page or item is not page["Items"][-1]
                return found, item if more else None
        if "LastEvaluatedKey" not in page:
            return found, None
        place = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        page_size = max(LARGE_PAGE, limit)  # what was left out may be a long stretch
    return found, place["ExclusiveStartKey"]


def _key(cursor: str, owner: str) -> dict[str, str]:
    """Return the key that a cursor stands for, in the caller's own part of the index."""
    created_at, task_id = cursors.decode(cursor)
    key = {"createdAt": created_at, "taskId": task_id}
    # Ours are ASCII; DynamoDB takes no empty key, and half a surrogate cannot be sent to it.
    if not all(isinstance(value, str) and value and value.isascii() for value in key.values()):
        raise InvalidCursor(cursor)
    return {"owner": owner, **key}
