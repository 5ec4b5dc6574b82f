"""The table of batches: every write, with its condition.

When two writers race, DynamoDB accepts only one write, as for tasks: the condition of every write
names its run and the `sources` of its row of `TRANSITIONS`.
"""

import time
from collections.abc import Mapping
from typing import Any

from darkroom.aws.dynamodb import ConditionFailed, Table
from darkroom.batches.model import TRANSITIONS, BatchStatus
from darkroom.runtime.clock import timestamp
from darkroom.tasks.model import active_shard
from darkroom.tasks.queries import of_owner, overdue
from darkroom.tasks.store import SECONDS_PER_DAY, Item

RUN_ATTRIBUTES = ("completedAt", "failure")
"""The attributes of a run. A retry removes them."""


class BatchStore:
    """Batches in one DynamoDB table."""

    def __init__(self, table: Table, retention_days: int) -> None:
        """Items of the table expire `retention_days` after their creation."""
        self._table = table
        self._retention = retention_days * SECONDS_PER_DAY

    def create(self, batch_id: str, owner: str, attributes: Mapping[str, Any]) -> tuple[Item, bool]:
        """Store a new RUNNING batch; return it and True, or the existing batch and False."""
        now = timestamp()
        item = {
            "batchId": batch_id,
            "owner": owner,
            "run": 1,
            "status": BatchStatus.RUNNING.value,
            "createdAt": now,
            "startedAt": now,
            "updatedAt": now,
            "active": active_shard(batch_id),
            "expiresAt": int(time.time()) + self._retention,
            **attributes,
        }
        existing = self._table.create(item, "batchId")
        return (item, True) if existing is None else (existing, False)

    def get(self, batch_id: str) -> Item | None:
        """Return a batch by a consistent read; None if it does not exist or has expired.

        The tasks of a batch are created after it and expire after it. So the entries of their
        index, which lack `expiresAt`, need no check.
        """
        return self._table.get({"batchId": batch_id})

    def of_owner(
        self, owner: str, *, limit: int, status: str | None = None, cursor: str | None = None
    ) -> tuple[list[Item], str | None]:
        """Return an owner's batches, newest first, as `darkroom.tasks.queries.of_owner`."""
        filters = {"status": status}
        return of_owner(self._table, "batchId", owner, filters, limit=limit, cursor=cursor)

    def end(self, transition: str, item: Item, failure: Item | None = None) -> Item | None:
        """End a run: "complete", "fail" or "cancel". None if it has ended or another has begun.

        A FAILED or CANCELLED batch stays in the index of active batches until it is settled.
        """
        now = timestamp()
        changes: Item = {"completedAt": now, "updatedAt": now}
        if failure:
            changes["failure"] = failure
        remove = ("active",) if transition == "complete" else ()
        return self._change(item, TRANSITIONS[transition].sources, changes, remove, transition)

    def retry(self, item: Item, pause: int) -> Item | None:
        """Begin the next run, after `pause` seconds. None if this run is open or was retried."""
        changes = {
            "run": item["run"] + 1,
            "startedAt": timestamp(),
            "active": active_shard(item["batchId"]),
            "pause": pause,
        }
        return self._change(item, TRANSITIONS["retry"].sources, changes, RUN_ATTRIBUTES, "retry")

    def record_total(self, item: Item, total: int) -> Item | None:
        """Record that all items have been ingested, and how many. None if the run has ended."""
        changes = {"entered": True, "total": total}
        return self._change(item, frozenset({BatchStatus.RUNNING}), changes)

    def record_counts(self, item: Item, counted: Mapping[str, int]) -> Item | None:
        """Store how many tasks a pass over the index counted, by status. None as for `touch`."""
        changes = {"counted": dict(counted)}
        return self._change(item, frozenset({BatchStatus(item["status"])}), changes)

    def touch(self, item: Item) -> Item | None:
        """Renew `updatedAt`. None if the batch has another status or run than when it was read."""
        return self._change(item, frozenset({BatchStatus(item["status"])}), {})

    def settle(self, item: Item) -> Item | None:
        """Remove a batch that has ended from the index of active batches."""
        return self._change(item, TRANSITIONS["retry"].sources, {}, ("active",))

    def unsettled(self, shard: str, before: str, limit: int) -> list[Item]:
        """Return the batches of one shard that are not settled and were last written `before`."""
        return overdue(self._table, shard, before, limit)[0]

    def _change(
        self,
        item: Item,
        sources: frozenset[BatchStatus],
        changes: Item,
        remove: tuple[str, ...] = (),
        transition: str = "",
    ) -> Item | None:
        """Write to a batch and return it; None if its run or status does not allow the write.

        Args:
            item: the batch as it was read. Its run must still be the current one.
            sources: the statuses that the batch may have now.
            changes: attributes to set.
            remove: attributes to remove.
            transition: the row of `TRANSITIONS` with the new status; "": the status stays.
        """
        changes = {"updatedAt": timestamp(), **changes}
        if transition:
            changes["status"] = TRANSITIONS[transition].target.value
        allowed = {f":{status.lower()}": status.value for status in sorted(sources)}
        condition = f"#run = :run AND #status IN ({', '.join(allowed)})"
        values = {**allowed, ":run": item["run"]}
        try:
            return self._table.change(
                {"batchId": item["batchId"]}, changes, condition, values, remove
            )
        except ConditionFailed:
            return None
