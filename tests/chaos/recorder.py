"""What happened to a table: its stream of changes, recorded."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.cloud.stacks import until
from tools.localcloud.cloud import LocalCloud

SECONDS_BETWEEN_READS = 0.1

Item = dict[str, Any]
_read = TypeDeserializer().deserialize


@dataclass(frozen=True)
class Change:
    """One write to one item. Without `old` the item was created by it."""

    new: Item
    old: Item | None = None
    found: bool = False
    """Not a write: the item as it was found when the record had a gap, after a restart."""
    lost: bool = False
    """Not a write either: the item was not found then; its creation had not been saved."""


class Recorder:
    """Reads the stream of a table in a thread, from its beginning, until it is stopped.

    The emulator keeps a stream in memory only. After it was killed, `resume` records the items that
    were restored and continues from there.
    """

    def __init__(self, cloud: LocalCloud, table: str, key: str) -> None:
        self.key = key
        self.changes: list[Change] = []
        self._table = table
        self._dynamodb = cloud.client("dynamodb")
        self._streams = cloud.client("dynamodbstreams")
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._empty_reads = 0

    def start(self) -> None:
        """Turn the stream on, if it is not, and begin to read."""
        table = self._dynamodb.describe_table(TableName=self._table)["Table"]
        if not table.get("StreamSpecification", {}).get("StreamEnabled"):
            table = self._dynamodb.update_table(
                TableName=self._table,
                StreamSpecification={
                    "StreamEnabled": True,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            )["TableDescription"]
        stream = table["LatestStreamArn"]
        shards = self._streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
        # The emulator has one shard, which is never closed.
        iterator = self._streams.get_shard_iterator(
            StreamArn=stream, ShardId=shards[0]["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        self._over.clear()
        self._thread = threading.Thread(target=self._follow, args=(iterator,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread:
            self._thread.join(timeout=30)

    def resume(self) -> None:
        """Continue after a restart, with the present items of the table as the new beginning."""
        self.stop()
        there = self.items()
        last = {change.new[self.key]: change.new for change in self.changes}
        gone = last.keys() - {item[self.key] for item in there}
        self.changes += [Change(item, found=True) for item in there]
        self.changes += [Change(last[key], lost=True) for key in gone]
        self.start()

    def items(self) -> list[Item]:
        """Return every item as the table has it now."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table, ConsistentRead=True
        )
        return [plain(item) for page in pages for item in page["Items"]]

    def catch_up(self) -> None:
        """Wait until all that was written before now has been read."""
        self._empty_reads = 0
        until(lambda: self._empty_reads >= 2, 30, "the stream was read to its end")

    def _follow(self, iterator: str | None) -> None:
        while iterator and not self._over.wait(SECONDS_BETWEEN_READS):
            try:
                page = self._streams.get_records(ShardIterator=iterator)
            except (BotoCoreError, ClientError):
                continue  # the cloud is down: `resume` continues
            iterator = page.get("NextShardIterator")
            for record in page["Records"]:
                images = record["dynamodb"]
                old = plain(images["OldImage"]) if "OldImage" in images else None
                if "NewImage" in images:
                    self.changes.append(Change(plain(images["NewImage"]), old))
            self._empty_reads = 0 if page["Records"] else self._empty_reads + 1


def plain(image: Mapping[str, Any]) -> Item:
    """Return an item of DynamoDB's wire format as a plain one."""
    return {name: _read(value) for name, value in image.items()}
