"""Find tasks by two indexes of the table: an owner's tasks, newest first, and unfinished tasks.

Nothing here scans the table. The cursor of a list is the position of its next page, as opaque text
that callers send back.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from darkroom.aws.dynamodb import Table, aliases, expired
from darkroom.tasks.model import ACTIVE_SHARDS
from darkroom.tasks.store import Item

OWNER_INDEX = "owner-createdAt"
ACTIVE_INDEX = "active"
PAGES_PER_LIST = 10
"""Pages of the index that one call reads at most, if it finds fewer tasks than its limit."""
SWEEP = {"taskId": "sweep"}
"""The key of the item that stores where the next `overdue` continues. No task has this id."""
LARGE_PAGE = 200
"""Items to read per page when a filter leaves some of them out."""


class InvalidCursor(ValueError):
    """The cursor was not returned by a list of this API."""


class TaskIndex:
    """The indexes of one table of tasks."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def of_owner(
        self,
        owner: str,
        *,
        limit: int,
        status: str | None = None,
        name: str | None = None,
        cursor: str | None = None,
    ) -> tuple[list[Item], str | None]:
        """Return an owner's tasks, newest first, and the cursor of the next page (None: no more).

        The cursor names the last task that was read, so new tasks do not shift the pages. With a
        filter, or if tasks have expired, a page may have fewer tasks than `limit` and a cursor
        nevertheless: one call reads a bounded part of the index.

        Raises:
            InvalidCursor: the cursor was not returned by this list.
        """
        names, values = {"#owner": "owner"}, {":owner": owner}
        filters = []
        for attribute, value in (("status", status), ("name", name)):
            if value is not None:
                filters.append(f"#{attribute} = :{attribute}")
                names[f"#{attribute}"], values[f":{attribute}"] = attribute, value
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
            query["ExclusiveStartKey"] = _start_key(cursor, owner)
        found, last = collect(self.table, query, limit, filtered=bool(filters))
        return found, encode_cursor(last["createdAt"], last["taskId"]) if last else None

    def overdue(self, before: str, limit: int) -> list[Item]:
        """Return some of the PENDING and RUNNING tasks that were last written `before`.

        Of each shard, these are the `limit` oldest ones, and `limit` of the others. The next call
        returns the next ones of those, so that tasks that stay overdue hide no other. Where it
        continues is stored in the table, because each call may be made by another process.
        """
        found: list[Item] = []
        more = {}
        for shard in map(str, range(ACTIVE_SHARDS)):
            items, last = overdue(self.table, shard, before, limit)
            found += items
            if last:
                more[shard] = last
        if not more:
            return found
        stored = (self.table.get(SWEEP) or {}).get("positions", {})
        following = {}
        for shard, last in more.items():
            start = max(last, stored.get(shard, last), key=lambda key: key["updatedAt"])
            items, end = overdue(self.table, shard, before, limit, start)
            found += items
            if end:
                following[shard] = end
        self.table.store(SWEEP, "positions", following)
        return found


def overdue(
    table: Table, shard: str, before: str, limit: int, after: Mapping[str, Any] | None = None
) -> tuple[list[Item], Mapping[str, Any] | None]:
    """Return the active items of one shard that were last written `before`, the oldest first.

    Args:
        table: the table of the index.
        shard: the shard of the index.
        before: a time, as `timestamp` writes it.
        limit: the most items to return.
        after: the key to continue after.

    Returns:
        the items, and the key of the last one (None: there are no more).
    """
    page = table.query(
        IndexName=ACTIVE_INDEX,
        KeyConditionExpression="#active = :shard AND #updatedAt < :before",
        ExpressionAttributeNames=aliases("active", "updatedAt"),
        ExpressionAttributeValues={":shard": shard, ":before": before},
        Limit=limit,
        **({"ExclusiveStartKey": after} if after else {}),
    )
    return page["Items"], page.get("LastEvaluatedKey")


def collect(
    table: Table, query: Mapping[str, Any], limit: int, *, filtered: bool
) -> tuple[list[Item], Mapping[str, Any] | None]:
    """Return up to `limit` items of a query, and the last key that was read (None: no more).

    Expired items are left out. One call reads a bounded part of the index, so it may return fewer
    items than `limit` together with a key.

    Args:
        table: the table of the index.
        query: a request of DynamoDB's Query.
        limit: the most items to return.
        filtered: whether the query has a filter. It then reads larger pages.
    """
    found: list[Item] = []
    start: dict[str, Any] = {}
    page_size = max(LARGE_PAGE, limit) if filtered else limit
    for _ in range(PAGES_PER_LIST):
        page = table.query(**{**query, **start}, Limit=page_size)
        for item in page["Items"]:
            if expired(item):
                continue
            found.append(item)
            if len(found) == limit:
                more = "LastEvaluatedKey" in page or item is not page["Items"][-1]
                return found, item if more else None
        if "LastEvaluatedKey" not in page:
            return found, None
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        page_size = max(LARGE_PAGE, limit)  # many items in a row may be left out
    return found, start["ExclusiveStartKey"]


def encode_cursor(*position: Any) -> str:
    """Return the cursor for a position in an index, given as the values of its keys."""
    text = json.dumps(position, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[Any, Any]:
    """Return the two values in a cursor. The caller has to check their types.

    Raises:
        InvalidCursor: the text is not a cursor of two values.
    """
    try:
        first, second = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, UnicodeDecodeError, ValueError, TypeError) as error:
        raise InvalidCursor(cursor) from error
    return first, second


def _start_key(cursor: str, owner: str) -> dict[str, str]:
    """Return the key to continue after. It always lies in the caller's own part of the index."""
    created_at, task_id = decode_cursor(cursor)
    key = {"createdAt": created_at, "taskId": task_id}
    # Our keys are ASCII. DynamoDB refuses an empty key, and a lone surrogate cannot be encoded.
    if not all(isinstance(value, str) and value and value.isascii() for value in key.values()):
        raise InvalidCursor(cursor)
    return {"owner": owner, **key}
