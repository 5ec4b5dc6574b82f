"""The table of batches: every write, with its condition.

When two writers race, DynamoDB accepts only one write, as for tasks: the condition of every write
names its run and the `sources` of its row of `TRANSITIONS`.
"""

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from darkroom.aws.dynamodb import ConditionFailed, Table, TransactionRefused, Write
from darkroom.batches.model import ENDED, TRANSITIONS, BatchStatus, is_deleting
from darkroom.runtime.clock import timestamp
from darkroom.tasks.erasure_rules import REMEMBERED_SECONDS, mark_of
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
        """Begin the next run, after `pause` seconds. None if this run is open or was retried.

        None also if the batch is being deleted, which no retry stops.
        """
        if is_deleting(item):
            return None
        changes = {
            "run": item["run"] + 1,
            "startedAt": timestamp(),
            "active": active_shard(item["batchId"]),
            "pause": pause,
        }
        return self._change(item, ENDED, changes, RUN_ATTRIBUTES, "retry")

    def begin_deletion(self, item: Item) -> Item | None:
        """Begin to delete a batch that has ended. None if it is RUNNING, or is being deleted.

        It stays in the index of active batches until it is gone, so that reconcile finds it.
        """
        changes = {
            "deletion": 1,
            "deletionRequestedAt": timestamp(),
            "settledBefore": "active" not in item,
            "active": active_shard(item["batchId"]),
        }
        return self._change(item, ENDED, changes)

    def repeat_deletion(self, item: Item) -> Item | None:
        """Begin another try of a deletion whose execution has ended too early."""
        return self._change(item, ENDED, {"deletion": item["deletion"] + 1})

    def item_deletion(self, batch_id: str) -> list[Write]:
        """Return the writes that count a task of a batch as deleted: none if the batch is gone.

        They fail unless the batch is settled. Otherwise the deleted task could be created again, or
        the batch would wait for it.
        """
        if self.get(batch_id) is None:
            return []
        settled = "attribute_exists(#batchId) AND attribute_not_exists(#active)"
        return [self._table.add_of({"batchId": batch_id}, "deleted", 1, settled)]

    def forget(self, item: Item) -> None:
        """Delete the record of a batch that is being deleted; keep a digest of its id.

        Neither a repeated request nor a backup of the table may bring the batch back.
        """
        expires = int(time.time()) + REMEMBERED_SECONDS
        mark = {"batchId": mark_of(item["batchId"]), "expiresAt": expires}
        deletion = {"run": item["run"], "deletion": item["deletion"]}
        delete = self._table.delete_of(
            {"batchId": item["batchId"]}, "#run = :run AND #deletion = :deletion", **deletion
        )
        with contextlib.suppress(TransactionRefused):  # it is gone
            self._table.transact([delete, self._table.put_of(mark)])

    def was_deleted(self, batch_id: str) -> bool:
        """Whether a batch of this id was deleted within the last 90 days."""
        return self._table.get({"batchId": mark_of(batch_id)}) is not None

    def retract(self, item: Item) -> None:
        """Delete a batch that was just created by a request which a deletion came before."""
        self._table.delete({"batchId": item["batchId"]}, "#createdAt = :at", at=item["createdAt"])

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
        """Remove a batch that has ended from the index of active batches.

        None also if it is being deleted: it stays in the index until it is gone.
        """
        return None if is_deleting(item) else self._change(item, ENDED, {}, ("active",))

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
        if "deletion" in item:
            condition += " AND #deletion = :deletion"
            values[":deletion"] = item["deletion"]
        else:
            condition += " AND attribute_not_exists(#deletion)"
        try:
            return self._table.change(
                {"batchId": item["batchId"]}, changes, condition, values, remove
            )
        except ConditionFailed:
            return None
