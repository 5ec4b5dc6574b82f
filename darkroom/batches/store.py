"""The table of batches: what is written to it, and under which condition.

Of two writers that race for a status, DynamoDB lets one win, as with tasks: every write names the
run that it is meant for, and the statuses from which its row of `batches.TRANSITIONS` leads.
"""

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from darkroom.aws.dynamodb import Table, aliases, condition_failed
from darkroom.batches.model import TRANSITIONS, BatchStatus
from darkroom.runtime.clock import timestamp
from darkroom.tasks.model import active_shard
from darkroom.tasks.queries import overdue
from darkroom.tasks.store import SECONDS_PER_DAY, Item

OF_THE_RUN = ("completedAt", "failure")
"""What belongs to a run and not to the batch: a retry begins without it."""


class BatchStore:
    """Batches in one DynamoDB table."""

    def __init__(self, table: Table, retention_days: int) -> None:
        """Take the table; its items expire `retention_days` after their creation."""
        self._table = table
        self._retention = retention_days * SECONDS_PER_DAY

    def create(self, batch_id: str, owner: str, attributes: Mapping[str, Any]) -> tuple[Item, bool]:
        """Store a new RUNNING batch; return it and True, or the one that has this id and False."""
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
        there = self._table.create(item, "batchId")
        return (item, True) if there is None else (there, False)

    def get(self, batch_id: str) -> Item | None:
        """Return a batch as it is now (a consistent read), or None: there is none, or it expired.

        Its tasks are as old as it is, or younger: they need not be asked for `expiresAt`, which the
        index of its tasks does not have.
        """
        return self._table.get({"batchId": batch_id})

    def end(self, transition: str, item: Item, failure: Item | None = None) -> Item | None:
        """End a run: "complete", "fail" or "cancel"; None if it has ended, or another has begun.

        One that FAILED or was CANCELLED stays in the index of active ones until it is settled.
        """
        now = timestamp()
        changes: Item = {"completedAt": now, "updatedAt": now}
        if failure:
            changes["failure"] = failure
        remove = ("active",) if transition == "complete" else ()
        return self._change(item, TRANSITIONS[transition].sources, changes, remove, transition)

    def retry(self, item: Item, pause: int) -> Item | None:
        """Begin the next run, after `pause` seconds; None if this one has not ended, or is over."""
        changes = {
            "run": item["run"] + 1,
            "startedAt": timestamp(),
            "active": active_shard(item["batchId"]),
            "pause": pause,
        }
        return self._change(item, TRANSITIONS["retry"].sources, changes, OF_THE_RUN, "retry")

    def entered(self, item: Item, total: int) -> Item | None:
        """Note that all of the manifest has been entered; None if the run is over."""
        changes = {"entered": True, "total": total}
        return self._change(item, frozenset({BatchStatus.RUNNING}), changes)

    def touch(self, item: Item) -> Item | None:
        """Move a batch to the end of the line for repairs; None if it is not as it was read."""
        return self._change(item, frozenset({BatchStatus(item["status"])}), {})

    def settle(self, item: Item) -> Item | None:
        """Note that nothing of a run is open any more that FAILED or was CANCELLED."""
        return self._change(item, TRANSITIONS["retry"].sources, {}, ("active",))

    def unsettled(self, shard: str, before: str, limit: int) -> list[Item]:
        """Return batches of one shard that are not settled and were last written `before`."""
        return overdue(self._table, shard, before, limit)

    def _change(
        self,
        item: Item,
        sources: frozenset[BatchStatus],
        changes: Item,
        remove: tuple[str, ...] = (),
        transition: str = "",
    ) -> Item | None:
        """Write to a batch that is in the run of `item` and in one of these statuses.

        Args:
            item: the batch as it was read.
            sources: the statuses that it may have now.
            changes: attributes to set.
            remove: attributes to remove.
            transition: the row of the rules whose status it gets; "": it keeps its own.
        """
        changes = {"updatedAt": timestamp(), **changes}
        if transition:
            changes["status"] = TRANSITIONS[transition].target.value
        allowed = {f":{status.lower()}": status.value for status in sorted(sources)}
        update = f"SET {', '.join(f'#{name} = :new_{name}' for name in changes)}"
        if remove:
            update += f" REMOVE {', '.join(f'#{name}' for name in remove)}"
        try:
            answer = self._table.update(
                Key={"batchId": item["batchId"]},
                UpdateExpression=update,
                ConditionExpression=f"#run = :run AND #status IN ({', '.join(allowed)})",
                ExpressionAttributeNames=aliases(*changes, *remove, "run", "status"),
                ExpressionAttributeValues={
                    **{f":new_{name}": value for name, value in changes.items()},
                    **allowed,
                    ":run": item["run"],
                },
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            return None
        batch: Item = answer["Attributes"]
        return batch
