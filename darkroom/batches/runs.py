"""What the machine of batches asks for: watch one run, cancel or retry its tasks by page.

A page that cancels may still be at work when its batch is tried again: nothing stops a function,
and its calls may be slow. So a task knows the run of its batch that it belongs to, `batchRun`, and
DynamoDB refuses the cancel of an earlier one:

    cancel of run 1            DynamoDB                              retry, run 2
    page: A, B, C are open
    A  ────────────────────▶   A CANCELLED
                               A PENDING, attempt 2, of run 2   ◀──  A was CANCELLED: tried again
                               B of run 2                       ◀──  B is open: kept
    B  ────────────────────▶   (B is of run 2: refused)
    C  ────────────────────▶   C CANCELLED
                               C PENDING, attempt 2, of run 2   ◀──  C cannot be kept: tried again
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from darkroom.aws.s3 import Bucket
from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.manifests import write
from darkroom.batches.model import (
    LOOK_SECONDS,
    PAGE_SECONDS,
    BatchStatus,
    caught_failure,
    displayed_counts,
    verdict,
)
from darkroom.batches.store import BatchStore
from darkroom.batches.task_index import BatchTaskIndex, cursor_after
from darkroom.errors import StaleAttempt
from darkroom.runtime.logging import logger
from darkroom.tasks.commands import cancel, enqueue
from darkroom.tasks.model import OPEN, Status
from darkroom.tasks.store import Item, TaskStore

TO_RETRY = frozenset({Status.FAILED, Status.CANCELLED})

Answer = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """Works on one run of a batch. A run that is over is left alone by every method."""

    batches: BatchStore
    tasks: TaskStore
    batch_tasks: BatchTaskIndex
    queue: Queue
    machine: StateMachine
    """That of tasks."""
    bucket: Bucket

    def prepare(self, batch_id: str, run: int) -> Answer:
        """Write the entries of an uploaded manifest, which the Map Run reads. Again is the same.

        Raises:
            ManifestTooLarge: it has more items, or more text, than a batch may have.
            SourceNotFound: it is gone, after a week.
        """
        if item := self._current(batch_id, run):
            manifest = item["manifest"]
            with tempfile.TemporaryFile() as entries:
                chunks = self.bucket.chunks(manifest["uploaded"], "The manifest")
                write(chunks, manifest["format"], entries)
                entries.seek(0)
                self.bucket.put(manifest["key"], entries, "application/x-ndjson")
        return {}

    def watch(self, batch_id: str, run: int, total: int) -> Answer:
        """Count the tasks, and end the batch if that is due.

        Args:
            batch_id: the batch.
            run: its run.
            total: what has been entered in this run; it counts if the batch does not know it.

        Returns:
            `{"next": "wait"}`, `"done"`, `"failed"` with the `failure`, or `"gone"`: somebody else
            has ended the run.
        """
        item = self._current(batch_id, run)
        if item and item["status"] == BatchStatus.RUNNING and not item.get("entered"):
            item = self.batches.entered(item, total) or self._current(batch_id, run)
        if item is None or item["status"] != BatchStatus.RUNNING:
            return _over(item)
        counts = displayed_counts(item, self.batch_tasks.counts(batch_id))
        end = verdict(item, counts)
        logger.info("counted", counts=counts)
        if end is None:
            return {"next": "wait"}
        return _over(self.batches.end(end[0], item, end[1]) or self._current(batch_id, run))

    def fail(self, batch_id: str, run: int, caught: dict[str, str]) -> Answer:
        """End the batch FAILED with an error that the machine caught; answers like `watch`."""
        item = self._current(batch_id, run)
        if item and item["status"] == BatchStatus.RUNNING:
            failure = caught_failure(caught)
            item = self.batches.end("fail", item, failure) or self._current(batch_id, run)
        return _over(item)

    def cancel(self, batch_id: str, run: int, cursor: str) -> Answer:
        """Cancel the open tasks of one page of a batch that FAILED or was CANCELLED.

        Returns:
            `cursor` of the next page, "" after the last one, and `open`: how many it found.
        """

        def end(entry: Item) -> Item:
            return cancel(self.tasks, self.machine, entry["taskId"], entry["attempt"], run)

        found, following, _ = self._each(batch_id, run, OPEN, cursor, end, running=False)
        return {"cursor": following, "open": found}

    def retry(self, batch_id: str, run: int, cursor: str) -> Answer:
        """Begin a new attempt of the tasks of one page that FAILED or were CANCELLED.

        Those that are open, for the run before has not cancelled them yet, are kept.

        Returns:
            `cursor` of the next page, "" after the last one.
        """

        def again(entry: Item) -> Item | None:
            task = (entry["taskId"], entry["attempt"])
            if entry["status"] in OPEN and self.tasks.assign_to_run(*task, run):
                return None
            return self.tasks.retry(*task, run)  # of one that is open: it has ended meanwhile

        wanted = TO_RETRY | OPEN
        _, following, begun = self._each(batch_id, run, wanted, cursor, again, running=True)
        enqueue(self.queue, begun)
        return {"cursor": following}

    def settle(self, batch_id: str, run: int) -> Answer:
        """Note that nothing is open any more of a batch that FAILED or was CANCELLED."""
        item = self._current(batch_id, run)
        if item:
            self.batches.settle(item)
        return {}

    def _current(self, batch_id: str, run: int) -> Item | None:
        item = self.batches.get(batch_id)
        return item if item and item["run"] == run else None

    def _each(
        self,
        batch_id: str,
        run: int,
        statuses: frozenset[Status],
        cursor: str,
        change: Callable[[Item], Item | None],
        *,
        running: bool,
    ) -> tuple[int, str, list[Item]]:
        """Change the tasks of a page for as long as the run is, or is not, RUNNING.

        Returns:
            how many there were, the cursor of the next page, and the tasks that were changed.
        """
        started = looked = monotonic()
        if not self._is(batch_id, run, running=running):
            return 0, "", []
        entries, following = self.batch_tasks.page(batch_id, statuses, cursor or None)
        changed: list[Item] = []
        for number, entry in enumerate(entries):
            now = monotonic()
            if number and now - started > PAGE_SECONDS:
                return number, cursor_after(entries[number - 1]), changed
            if now - looked > LOOK_SECONDS:
                looked = now
                if not self._is(batch_id, run, running=running):
                    return number, "", changed
            try:
                task = change(entry)
            except StaleAttempt:
                continue  # it has moved on since it was counted
            if task:
                changed.append(task)
        return len(entries), following or "", changed

    def _is(self, batch_id: str, run: int, *, running: bool) -> bool:
        item = self._current(batch_id, run)
        return item is not None and (item["status"] == BatchStatus.RUNNING) == running


def _over(item: Item | None) -> Answer:
    """Return what the machine does about a run that has ended, or is none any more."""
    if item and item["status"] == BatchStatus.FAILED:
        return {"next": "failed", "failure": item["failure"]}
    return {"next": "done" if item and item["status"] == BatchStatus.COMPLETED else "gone"}
