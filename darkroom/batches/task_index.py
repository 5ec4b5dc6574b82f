"""The tasks of a batch in the order of its manifest: the sparse index `batch` of the task table.

An entry has the keys, the status and the attempt of a task. The index follows the table within
about a second. To count a batch, all its entries are read: there are no counters that could drift.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from darkroom.aws.dynamodb import Table, aliases
from darkroom.tasks.model import Status, is_id
from darkroom.tasks.queries import InvalidCursor, collect, decode_cursor, encode_cursor
from darkroom.tasks.store import Item

BATCH_INDEX = "batch"
ENTRIES_PER_PAGE = 200
"""Entries of the index in one page of a cancel or a retry. Each may need two calls."""


class BatchTaskIndex:
    """The index of one table of tasks."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def counts(self, batch_id: str) -> Counter[str]:
        """Return the number of tasks by status. One read returns about 10,000 entries."""
        counted: Counter[str] = Counter()
        query = self._query(batch_id)
        while True:
            page = self._table.query(**query)
            counted.update(entry["status"] for entry in page["Items"])
            if "LastEvaluatedKey" not in page:
                return counted
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def page(
        self, batch_id: str, statuses: frozenset[Status], cursor: str | None
    ) -> tuple[list[Item], str | None]:
        """Return the entries of the next page that have one of these statuses, and the next cursor.

        `cursor_after` returns the cursor that continues after one of them.
        """
        query = self._query(batch_id, cursor)
        page = self._table.query(**query, Limit=ENTRIES_PER_PAGE)
        last = page.get("LastEvaluatedKey")
        found = [entry for entry in page["Items"] if entry["status"] in statuses]
        return found, cursor_after(last) if last else None

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
