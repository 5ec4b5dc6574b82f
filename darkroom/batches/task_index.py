"""The tasks of a batch in the order of its manifest: the sparse index `batch` of the task table.

An entry has the keys, the status and the attempt of a task. The index follows the table within
about a second. Tasks are counted by reading their entries (`counting`): there are no counters that
could drift.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from darkroom.aws.dynamodb import Table, aliases
from darkroom.tasks.model import is_id
from darkroom.tasks.queries import InvalidCursor, collect, decode_cursor, encode_cursor
from darkroom.tasks.store import Item

BATCH_INDEX = "batch"
ENTRIES_PER_PAGE = 8_000
"""Entries of the index in one page of a cancel or a retry. They have less than the 1 MB that one
query returns at most: an entry has about 120 bytes."""


class BatchTaskIndex:
    """The index of one table of tasks."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def count(
        self,
        batch_id: str,
        cursor: str | None = None,
        should_continue: Callable[[Counter[str]], bool] = lambda _: True,
    ) -> tuple[Counter[str], str | None]:
        """Count tasks by status. One query reads about 8,500 entries, 1 MB.

        Args:
            batch_id: the batch.
            cursor: where an earlier count ended; None: at the first entry.
            should_continue: called with the counts after each query; the count ends if it returns
                False.

        Returns:
            the number of tasks by status, and the cursor of the entries that are left (None: none).
        """
        counted: Counter[str] = Counter()
        query = self._query(batch_id, cursor)
        query["ProjectionExpression"] = "#status"
        query["ExpressionAttributeNames"] |= aliases("status")
        while True:
            page = self._table.query(**query)
            counted.update(entry["status"] for entry in page["Items"])
            last = page.get("LastEvaluatedKey")
            if not last:
                return counted, None
            if not should_continue(counted):
                return counted, cursor_after(last)
            query["ExclusiveStartKey"] = last

    def page(self, batch_id: str, cursor: str | None = None) -> tuple[list[Item], str | None]:
        """Return the entries of the next page, and the cursor of the one after it (None: no more).

        `cursor_after` returns the cursor that continues after one of them.
        """
        page = self._table.query(**self._query(batch_id, cursor), Limit=ENTRIES_PER_PAGE)
        last = page.get("LastEvaluatedKey")
        return page["Items"], cursor_after(last) if last else None

    def tasks(
        self, batch_id: str, *, limit: int, status: str | None = None, cursor: str | None = None
    ) -> tuple[list[Item], str | None]:
        """Return whole tasks in the order of the manifest, and the next cursor (None: no more).

        There may be fewer tasks than `limit` and a cursor nevertheless.

        Raises:
            InvalidCursor: the cursor was not returned by this list.
        """
        query = self._query(batch_id, cursor)
        if status:
            query["FilterExpression"] = "#status = :status"
            query["ExpressionAttributeNames"] |= aliases("status")
            query["ExpressionAttributeValues"][":status"] = status
        entries, last = collect(self._table, query, limit, filtered=bool(status))
        keys = [{"taskId": entry["taskId"]} for entry in entries]
        by_id = {item["taskId"]: item for item in self._table.get_many(keys)} if keys else {}
        items = [by_id[key["taskId"]] for key in keys if key["taskId"] in by_id]
        # The table is ahead of its index: leave out tasks that have another status by now.
        current = [item for item in items if status in {None, item["status"]}]
        return current, cursor_after(last) if last else None

    def _query(self, batch_id: str, cursor: str | None = None) -> dict[str, Any]:
        query: dict[str, Any] = {
            "IndexName": BATCH_INDEX,
            "KeyConditionExpression": "#batchId = :batchId",
            "ExpressionAttributeNames": aliases("batchId"),
            "ExpressionAttributeValues": {":batchId": batch_id},
        }
        if cursor:
            query["ExclusiveStartKey"] = {"batchId": batch_id, **_start_key(cursor)}
        return query


def cursor_after(entry: Mapping[str, Any]) -> str:
    """Return the cursor that continues after an entry of the index."""
    return encode_cursor(entry["batchIndex"], entry["taskId"])


def _start_key(cursor: str) -> dict[str, Any]:
    index, task_id = decode_cursor(cursor)
    # Not isinstance: in Python, True is an int. DynamoDB refuses numbers that are too large.
    if type(index) is not int or not 0 <= index < 2**53:
        raise InvalidCursor(cursor)
    if not isinstance(task_id, str) or not is_id(task_id):
        raise InvalidCursor(cursor)
    return {"batchIndex": index, "taskId": task_id}
