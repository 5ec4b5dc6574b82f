"""The work of the batch state machine when it deletes a batch: page by page, then the record.

Tasks that are open are cancelled first. A task that ended shortly before may still have a running
function, whose files would appear after its deletion. It is deleted in a later round, when nothing
can write any more, so that the files of a task are checked only once.
"""

import datetime
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Any

from darkroom.aws.dynamodb import Table
from darkroom.aws.s3 import Bucket, files_of_batch
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.groups import AT_ONCE, groups
from darkroom.batches.model import PAGE_SECONDS, is_deleting
from darkroom.batches.store import BatchStore
from darkroom.batches.task_index import BatchTaskIndex, cursor_after
from darkroom.errors import StaleAttempt
from darkroom.tasks.commands import cancel
from darkroom.tasks.erasure import Eraser
from darkroom.tasks.erasure_rules import writes_until
from darkroom.tasks.model import OPEN
from darkroom.tasks.store import Item, TaskStore

Answer = dict[str, Any]


@dataclass(frozen=True)
class BatchEraser:
    """Deletes batches. No method changes a batch that is not to be deleted."""

    batches: BatchStore
    tasks: TaskStore
    table: Table
    """The table of tasks."""
    batch_tasks: BatchTaskIndex
    machine: StateMachine
    """The state machine of tasks."""
    eraser: Eraser
    bucket: Bucket

    def delete_page(self, batch_id: str, run: int, cursor: str) -> Answer:
        """Delete the tasks of one page of the index, for `PAGE_SECONDS` at most.

        Returns:
            `cursor`: of the next page, "" after the last one; `open`: how many tasks of this page
            a later round has to delete.
        """
        started = monotonic()
        item = self._current(batch_id, run)
        if item is None:
            return {"cursor": "", "open": 0}
        entries, following = self.batch_tasks.page(batch_id, cursor or None)
        next_cursor = following or ""
        deleted: Counter[str] = Counter()
        left = 0
        last: Item | None = None
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for group in groups(entries):
                if last and monotonic() - started > PAGE_SECONDS:
                    next_cursor = cursor_after(last)
                    break
                found = self.table.get_many([{"taskId": entry["taskId"]} for entry in group])
                for task, is_gone in zip(found, pool.map(self._delete, found), strict=True):
                    if is_gone:
                        deleted[task["status"]] += 1
                    else:
                        left += 1
                last = group[-1]
        self._record(item, deleted)
        return {"cursor": next_cursor, "open": left}

    def forget(self, batch_id: str, run: int) -> Answer:
        """Delete the manifests and the record of a batch that has no tasks any more."""
        if item := self._current(batch_id, run):
            self.bucket.erase([*files_of_batch(batch_id), *self._uploaded(item)])
            self.batches.forget(item)
        return {}

    def _uploaded(self, item: Item) -> list[str]:
        """Return the key of the manifest as its caller uploaded it, unless tasks use the file."""
        upload: str | None = item["manifest"].get("upload")
        if upload is None or self.eraser.uses.is_used({"object": upload}):
            return []
        return [upload]

    def _delete(self, task: Item) -> bool:
        """Delete a task, and return whether it is gone. An open one is cancelled."""
        now = datetime.datetime.now(datetime.UTC)
        express = not self.machine.describes_executions
        try:
            if task["status"] in OPEN:
                cancel(self.tasks, self.machine, task["taskId"], task["attempt"])
                return False
            if writes_until(task, now, express=express):
                return False
            self.eraser.erase(task, remember=False)
        except StaleAttempt:
            return False
        return True

    def _record(self, item: Item, deleted: Counter[str]) -> None:
        """Subtract deleted tasks from the stored counts, which a request shows of a large batch."""
        if stored := item.get("counted"):
            left = {status: max(n - deleted[status], 0) for status, n in stored.items()}
            self.batches.record_counts(item, left)

    def _current(self, batch_id: str, run: int) -> Item | None:
        item = self.batches.get(batch_id)
        return item if item and item["run"] == run and is_deleting(item) else None
