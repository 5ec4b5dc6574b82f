"""Copy what a stack's table has lost back from a restored copy of the table.

DynamoDB restores a point in time always into a new table, and a stack cannot be given another one
without losing what was written since. So the lost items are copied, and the stack keeps its table.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/pointintimerecovery_restores.html
"""

import datetime
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from darkroom.cli import aws
from darkroom.cli.errors import CommandError
from darkroom.cli.stack import NoStack, Stack
from darkroom.cli.submissions import AT_ONCE
from darkroom.tasks.erasure_rules import mark_of
from darkroom.tasks.upload_uses import USES

OUTPUTS = {"taskId": "TableName", "batchId": "BatchTableName"}
"""The stack's outputs with the names of its tables, by the key of their items."""
PAGE = 100
"""Keys in one BatchGetItem, a limit of DynamoDB."""

Item = dict[str, Any]
"""An item in DynamoDB's own JSON, so that every type is copied unchanged."""


class RestoreError(CommandError):
    """A request to one of the tables failed. The message says which table and why."""


_errors_of = partial(aws.explained, RestoreError)


class Restore:
    """The restored copy of a table, and the table of the stack that it is a copy of."""

    def __init__(self, stack: Stack, copy: str) -> None:
        """Find the table.

        Raises:
            NoStack: the tables of the stack are not known, only the address of the API.
            RestoreError: the copy cannot be read, or is not a copy of a table of the stack.
        """
        if not set(OUTPUTS.values()) <= stack.outputs.keys():
            raise NoStack("The tables of the stack are not known. Use --stack to name the stack.")
        self._dynamodb = stack.client("dynamodb")
        self._copy = copy
        self._tables = {key: stack.outputs[output] for key, output in OUTPUTS.items()}
        with _errors_of(copy):
            schema = self._dynamodb.describe_table(TableName=copy)["Table"]["KeySchema"]
        self._key = schema[0]["AttributeName"]
        self.table = stack.outputs.get(OUTPUTS.get(self._key, ""), "")
        if not self.table or len(schema) > 1:
            raise RestoreError(f"{copy} is not a copy of the stack's table of tasks or of batches.")
        if copy == self.table:
            raise RestoreError(f"{copy} is the table itself. Give the table that was restored.")

    def count(self) -> Counter[str]:
        """Return how many items are missing, by status. Reads the whole copy.

        Some items have no status: secrets and marks, which belong to no single task.
        """
        return Counter(item.get("status", {"S": ""})["S"] for item in self._missing())

    def copy(self) -> int:
        """Copy the missing items; return how many were copied.

        An item that was written in the meantime is not replaced.

        Raises:
            RestoreError: a request failed. What was copied before stays copied.
        """
        with ThreadPoolExecutor(AT_ONCE) as pool:
            # In portions, because `map` would first read the whole copy into memory.
            missing = self._missing()
            portions = iter(lambda: list(itertools.islice(missing, PAGE)), [])
            return sum(sum(pool.map(self._put, portion)) for portion in portions)

    def _put(self, item: Item) -> bool:
        with _errors_of(self.table):
            try:
                self._dynamodb.put_item(
                    TableName=self.table,
                    Item=item,
                    ConditionExpression="attribute_not_exists(#key)",
                    ExpressionAttributeNames={"#key": self._key},
                )
            except self._dynamodb.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def _missing(self) -> Iterator[Item]:
        """Yield the items of the copy that are not in the table and have not expired.

        Items that a caller has deleted are not copied; the marks of deletions identify them. So do
        the numbers of uses of uploads: one could outlive its upload. Without it the upload expires
        by itself.
        """
        now = datetime.datetime.now(datetime.UTC).timestamp()
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._copy, PaginationConfig={"PageSize": PAGE}
        )
        with _errors_of(self._copy):
            for page in pages:
                found = [
                    item
                    for item in page["Items"]
                    if float(item.get("expiresAt", {"N": "inf"})["N"]) > now
                    and not item[self._key]["S"].startswith(USES)
                ]
                ids = [item[self._key]["S"] for item in found]
                gone = self._present(ids) | self._deleted(found)
                yield from (item for item in found if item[self._key]["S"] not in gone)

    def _deleted(self, items: Sequence[Item]) -> set[str]:
        """Return the ids of those items that were deleted, or whose batch was."""
        ids = {mark_of(item[self._key]["S"]): item[self._key]["S"] for item in items}
        gone = {ids[mark] for mark in self._present([*ids])}
        if self._key == "taskId":
            members = [item for item in items if "batchId" in item]
            marks = {mark_of(item["batchId"]["S"]): item["batchId"]["S"] for item in members}
            lost = {marks[mark] for mark in self._present([*marks], "batchId")}
            gone |= {item["taskId"]["S"] for item in members if item["batchId"]["S"] in lost}
        return gone

    def _present(self, keys: Sequence[str], key: str = "") -> set[str]:
        """Return which of up to 100 keys the table has, or the one whose items have this `key`."""
        key = key or self._key
        table = self._tables[key]
        present: set[str] = set()
        asked: Item = {
            table: {
                "Keys": [{key: {"S": value}} for value in keys],
                "ProjectionExpression": key,
                "ConsistentRead": True,
            }
        }
        with _errors_of(table):
            while keys and asked:
                answer = self._dynamodb.batch_get_item(RequestItems=asked)
                present |= {item[key]["S"] for item in answer["Responses"][table]}
                asked = answer["UnprocessedKeys"]
        return present
