"""Find items by two indexes of a table: those of an owner, newest first, and unfinished ones.

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
        """Return an owner's tasks, newest first, as `of_owner`."""
        filters = {"status": status, "name": name}
        return of_owner(self.table, "taskId", owner, filters, limit=limit, cursor=cursor)

    def overdue(self, before: str, limit: int) -> list[Item]:
        """Return some of the PENDING and RUNNING tasks that were last written `before`.

        These are the `limit` oldest ones of each shard, and `limit` of the others. The next call
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


def of_owner(
    table: Table,
    key: str,
    owner: str,
    filters: Mapping[str, str | None],
    *,
    limit: int,
    cursor: str | None,
) -> tuple[list[Item], str | None]:
    """Return an owner's items, newest first, and the cursor of the next page (None: no more).

    The cursor names the last item that was read, so new items do not shift the pages. With a
    filter, or if items have expired, a page may have fewer items than `limit` and a cursor
    nevertheless: one call reads a bounded part of the index.

    Args:
        table: the table of the index.
        key: the name of the table's key attribute.
        owner: the caller.
        filters: the values that attributes must have; None: any.
        limit: the most items to return.
        cursor: where the previous page ended; None: at the newest item.

    Raises:
        InvalidCursor: the cursor was not returned by this list.
    """
    wanted = {name: value for name, value in filters.items() if value is not None}
    query: dict[str, Any] = {
        "IndexName": OWNER_INDEX,
        "KeyConditionExpression": "#owner = :owner",
        "ExpressionAttributeNames": aliases("owner", *wanted),
        "ExpressionAttributeValues": {f":{n}": v for n, v in {"owner": owner, **wanted}.items()},
        "ScanIndexForward": False,
    }
    if wanted:
        query["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in wanted)
    if cursor:
        query["ExclusiveStartKey"] = _start_key(cursor, owner, key)
    found, last = collect(table, query, limit, filtered=bool(wanted))
    return found, encode_cursor(last["createdAt"], last[key]) if last else None


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


def _start_key(cursor: str, owner: str, key: str = "taskId") -> dict[str, str]:
    """Return the key to continue after. It always lies in the caller's own part of the index."""
    position = decode_cursor(cursor)
    # Our keys are ASCII. DynamoDB refuses an empty key, and a lone surrogate cannot be encoded.
    if not all(isinstance(value, str) and value and value.isascii() for value in position):
        raise InvalidCursor(cursor)
    created_at, item_id = position
    return {"owner": owner, "createdAt": created_at, key: item_id}
