"""Delete tasks with everything that is stored of them: the record, the files, and the source.

One transaction deletes the record. From then on nobody finds the task, and no execution can change
it, because every write of one has a condition (`store`). The same transaction stores a mark, which
lists the files until they are deleted too. If the function dies in between, the caller's next
DELETE or reconcile continues from the mark:

    DELETE                      table                                bucket
    transaction ─────────────▶  task gone, mark with the files
    delete the files ──────────────────────────────────────────────▶ work/…, results/…, the source
    close the mark ──────────▶  no file named any more
                                (late MarkCompleted: StaleAttempt)

    An execution of a cancelled task that is still running, see `erasure_rules`:
    Download writes ───────────────────────────────────────────────▶ work/…/source
    reconcile, some minutes later: delete the files again ─────────▶ gone
    close the mark ──────────▶  no file named any more

A closed mark is `{"taskId": "deleted 9f86…", "expiresAt": …}`: a digest of the id, so that neither
a repeated request nor a backup of the table brings the task back.
"""

import contextlib
import datetime
import random
import time
from collections.abc import Sequence
from typing import Any

from darkroom.aws.dynamodb import ConditionFailed, Table, TransactionRefused, Write
from darkroom.aws.s3 import Bucket, files_of_task
from darkroom.errors import ServiceUnavailable, StaleAttempt
from darkroom.runtime.clock import timestamp
from darkroom.runtime.logging import logger
from darkroom.tasks.erasure_rules import (
    REMEMBERED_SECONDS,
    mark_of,
    writes_until,
)
from darkroom.tasks.model import Status, active_shard
from darkroom.tasks.store import Item
from darkroom.tasks.upload_uses import UploadUses, own_files

TRIES = 10
"""Tries of a transaction. Two deletions at the same time may need the same item of a batch."""
LONGEST_PAUSE = 0.1
THIS_TASK = "#attempt = :attempt AND #status = :status"
OPEN_MARK = ("active", "updatedAt", "files", "quietAt", "deletedBy", "remember")
"""The attributes of a mark until all files are deleted."""


class RefusedTogether(Exception):
    """The task was not deleted, because a write that belongs to the deletion is not allowed."""


class Eraser:
    """Deletes tasks of one table and their files."""

    def __init__(self, table: Table, bucket: Bucket, *, express: bool) -> None:
        """`express`: whether the executions of tasks cannot be stopped."""
        self._table, self._bucket = table, bucket
        self._express = express
        self.uses = UploadUses(table)

    def erase(self, item: Item, also: Sequence[Write] = (), *, remember: bool = True) -> None:
        """Delete a task that has ended, with its files. Everything is gone when this returns.

        Only a task that ended shortly before may leave files that are deleted minutes later: see
        the module.

        Args:
            item: the task as it was read.
            also: writes to make in the same transaction.
            remember: whether to keep a mark. The tasks of a deleted batch need none, because the
                batch has one.

        Raises:
            StaleAttempt: the task is not as it was read any more.
            RefusedTogether: the condition of a write in `also` does not hold.
            ServiceUnavailable: too many others changed the same items, or S3 refused a deletion.
        """
        condition = {"attempt": item["attempt"], "status": item["status"]}
        delete = self._table.delete_of({"taskId": item["taskId"]}, THIS_TASK, **condition)
        for _ in range(TRIES):
            uses, sources = self.uses.removal(item["source"])
            mark = self._mark(item, [*files_of_task(item["taskId"]), *sources], remember=remember)
            try:
                self._table.transact([delete, *also, self._table.put_of(mark), *uses])
            except TransactionRefused as refused:
                if refused.reasons[0] == "ConditionalCheckFailed":
                    raise StaleAttempt(f"Task {item['taskId']} has changed.") from refused
                if "ConditionalCheckFailed" in refused.reasons[1 : 1 + len(also)]:
                    raise RefusedTogether(str(refused)) from refused
                time.sleep(random.uniform(0, LONGEST_PAUSE))  # noqa: S311 - no secret
            else:
                logger.info("deleted", correlation_id=item["taskId"])
                self.finish(mark)
                return
        raise ServiceUnavailable(f"Task {item['taskId']} is used by too many requests at once.")

    def finish(self, mark: Item) -> None:
        """Delete the files that a mark lists, and close it unless more of them may appear."""
        self._bucket.erase(mark["files"])
        key = {"taskId": mark["taskId"]}
        open_still = "attribute_exists(#files)"  # or another request has closed it
        if mark["quietAt"] > timestamp():
            later = {"updatedAt": mark["quietAt"]}  # reconcile checks it after that time
            with contextlib.suppress(ConditionFailed):
                self._table.change(key, later, open_still, {}, ("deletedBy",))
        elif mark["remember"]:
            kept = {"expiresAt": mark["expiresAt"]}
            with contextlib.suppress(ConditionFailed):
                self._table.change(key, kept, open_still, {}, OPEN_MARK)
        else:
            self._table.delete(key)

    def resume(self, task_id: str, owner: str) -> bool:
        """Finish an interrupted deletion, and return whether there was one of this caller."""
        mark = self._table.get({"taskId": mark_of(task_id)})
        if mark is None or mark.get("deletedBy") != owner:
            return False
        self.finish(mark)
        return True

    def retract(self, item: Item) -> None:
        """Delete a task that was just created by a request which a deletion came before."""
        condition = {"attempt": 1, "status": Status.PENDING.value}
        self._table.delete({"taskId": item["taskId"]}, THIS_TASK, **condition)
        self.drop_source(item["source"], last=True)

    def drop_source(self, source: Item, *, last: bool = False) -> None:
        """Undo what was stored for the source of a task that was not created.

        `last` as for `UploadUses.take_back`.
        """
        self.uses.take_back(source, last=last)
        self._bucket.erase(own_files(source))

    def _mark(self, item: Item, files: list[str], *, remember: bool) -> Item:
        now = datetime.datetime.now(datetime.UTC)
        until = writes_until(item, now, express=self._express)
        return {
            "taskId": mark_of(item["taskId"]),
            "active": active_shard(item["taskId"]),
            "updatedAt": timestamp(now),
            "expiresAt": int(time.time()) + REMEMBERED_SECONDS,
            "files": files,
            "quietAt": timestamp(until or now),
            "deletedBy": item["owner"],
            "remember": remember,
        }


def is_mark(item: dict[str, Any]) -> bool:
    """Whether an item of the index `active` is a deletion that is to be finished, and no task."""
    return "files" in item
