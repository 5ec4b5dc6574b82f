"""Copy items that a table has lost back from a restored copy of it.

DynamoDB restores a backup as a new table beside the old one:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery.html

Only items that are missing are copied. What the table has now is newer, and stays. Items that have
expired stay away, and so do tasks and batches that somebody has deleted, which marks tell (see
`darkroom.tasks.erasure`). Items are copied as they are stored, whatever attributes they have.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from darkroom.aws.dynamodb import expired, read_item
from darkroom.cli import aws
from darkroom.cli.errors import CommandError
from darkroom.cli.stack import NoStack, Stack
from darkroom.cli.submissions import AT_ONCE
from darkroom.tasks.erasure_rules import mark_of
from darkroom.tasks.upload_uses import USES

OUTPUTS = {"taskId": "TableName", "batchId": "BatchTableName"}
"""The output of the stack that names a table, by the key attribute of the table."""
KEYS_PER_REQUEST = 100
"""The most keys of one request: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""

WireItem = dict[str, Any]
"""An item in the format of DynamoDB, `{"taskId": {"S": …}}`."""


class RestoreError(CommandError):
    """A table cannot be read or written, or is no copy of one of the stack."""


class Restore:
    """A restored table, and the table of the stack that it is a copy of."""

    def __init__(self, stack: Stack, restored: str) -> None:
        """Find the tables.

        Raises:
            NoStack: the tables of the stack are not known.
            RestoreError: the restored table does not exist, or is no copy of one of the stack.
        """
        if not set(OUTPUTS.values()) <= stack.outputs.keys():
            raise NoStack("The tables of the stack are not known. Use --stack to name the stack.")
        self._dynamodb = stack.client("dynamodb")
        self._restored = restored
        self._tables = {key: stack.outputs[output] for key, output in OUTPUTS.items()}
        try:
            schema = self._dynamodb.describe_table(TableName=restored)["Table"]["KeySchema"]
        except aws.AwsError as error:
            reason = aws.message(error)
            raise RestoreError(f"The table {restored} cannot be read: {reason}") from error
        self._key = schema[0]["AttributeName"]
        if len(schema) > 1 or self._key not in OUTPUTS or restored in self._tables.values():
            raise RestoreError(f"{restored} is no restored copy of a table of this stack.")
        self.target: str = self._tables[self._key]
        """The table that gets the items."""

    def run(self, *, dry_run: bool) -> Counter[str]:
        """Copy the items that are missing, and return the number of items by outcome.

        The outcomes are `copied`, `present`, `expired` and `deleted`. Running it again is harmless.

        Raises:
            RestoreError: a request failed. Items copied before that stay.
        """
        outcomes: Counter[str] = Counter()
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                for items in self._pages():
                    wanted = [item for item in items if not expired(read_item(item))]
                    outcomes["expired"] += len(items) - len(wanted)
                    gone = self._deleted(wanted)
                    rest = [item for item in wanted if self._id(item) not in gone]
                    outcomes["deleted"] += len(wanted) - len(rest)
                    if dry_run:
                        present = self._existing(self.target, self._key, map(self._id, rest))
                        outcomes["present"] += len(present)
                        outcomes["copied"] += len(rest) - len(present)
                    else:
                        outcomes.update(pool.map(self._copy, rest))
        except aws.AwsError as error:
            reason = aws.message(error).rstrip(".")
            copied = f"{outcomes['copied']} items were copied" if not dry_run else "Nothing changed"
            raise RestoreError(f"{reason}. {copied}. Run it again.") from error
        return outcomes

    def _pages(self) -> Iterator[Sequence[WireItem]]:
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._restored, PaginationConfig={"PageSize": KEYS_PER_REQUEST}
        )
        for page in pages:
            # A number of uses would outlive its upload. Without it the upload expires by itself.
            items = [each for each in page["Items"] if not self._id(each).startswith(USES)]
            if items:
                yield items

    def _id(self, item: WireItem) -> str:
        return str(item[self._key]["S"])

    def _deleted(self, items: Sequence[WireItem]) -> set[str]:
        """Return the ids of items that were deleted, or whose batch was."""
        own = {mark_of(self._id(item)): self._id(item) for item in items}
        gone = {own[mark] for mark in self._existing(self.target, self._key, own)}
        if self._key == "taskId":
            batches = {item["batchId"]["S"] for item in items if "batchId" in item}
            marks = {mark_of(batch): batch for batch in batches}
            found = self._existing(self._tables["batchId"], "batchId", marks)
            lost = {marks[mark] for mark in found}
            gone |= {self._id(item) for item in items if item.get("batchId", {}).get("S") in lost}
        return gone

    def _existing(self, table: str, key: str, ids: Any) -> set[str]:
        """Return those of the keys that a table has."""
        request: Any = [{key: {"S": each}} for each in ids]
        found: set[str] = set()
        while request:
            answer = self._dynamodb.batch_get_item(
                RequestItems={
                    table: {
                        "Keys": request,
                        "ProjectionExpression": "#key",
                        "ExpressionAttributeNames": {"#key": key},
                        "ConsistentRead": True,
                    }
                }
            )
            found |= {item[key]["S"] for item in answer["Responses"].get(table, [])}
            request = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys")
        return found

    def _copy(self, item: WireItem) -> str:
        try:
            self._dynamodb.put_item(
                TableName=self.target,
                Item=item,
                ConditionExpression="attribute_not_exists(#key)",
                ExpressionAttributeNames={"#key": self._key},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return "present"
        return "copied"
