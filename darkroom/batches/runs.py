"""The work of the batch state machine: watch one run, cancel or retry its tasks page by page.

A cancelling page may still be at work when its batch is retried, because nothing stops a function
and its calls may be slow. So each task stores the run of its batch that it belongs to (`batchRun`),
and DynamoDB refuses a cancel by an earlier run:

    cancel of run 1            DynamoDB                              retry, run 2
    page: A, B, C are open
    A  ────────────────────▶   A CANCELLED
                               A PENDING, attempt 2, of run 2   ◀──  A was CANCELLED: retried
                               B of run 2                       ◀──  B is open: assigned to run 2
    B  ────────────────────▶   (B is of run 2: refused)
    C  ────────────────────▶   C CANCELLED
                               C PENDING, attempt 2, of run 2   ◀──  C is no longer open: retried
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from darkroom.aws.execution_failures import explain
from darkroom.aws.s3 import Bucket
from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.manifests import write
from darkroom.batches.model import (
    CHECK_SECONDS,
    PAGE_SECONDS,
    BatchStatus,
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

RETRYABLE = frozenset({Status.FAILED, Status.CANCELLED})

Answer = dict[str, Any]


@dataclass(frozen=True)
class BatchRunner:
    """Works on the runs of batches. No method changes a batch whose run is not the current one."""

    batches: BatchStore
    tasks: TaskStore
    batch_tasks: BatchTaskIndex
    queue: Queue
    machine: StateMachine
    """The state machine of tasks."""
    bucket: Bucket

    def prepare(self, batch_id: str, run: int) -> Answer:
        """Write the entries of an uploaded manifest for the Map Run. Repeating it is harmless.

        Raises:
            ManifestTooLarge: the manifest has more items, or more text, than a batch may have.
            SourceNotFound: the manifest was deleted, 15 days after its upload.
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
        """Count the tasks, and end the batch if its outcome is certain.

        Args:
            batch_id: the batch.
            run: its run.
            total: the number of items that this run ingested. Stored if the batch has no total yet.

        Returns:
            `next`: "wait", "done", "failed" (with the `failure`), or "gone" if the run was
            cancelled or is not the current one.
        """
        item = self._current(batch_id, run)
        if item and item["status"] == BatchStatus.RUNNING and not item.get("entered"):
            item = self.batches.record_total(item, total) or self._current(batch_id, run)
        if item is None or item["status"] != BatchStatus.RUNNING:
            return _next_of_ended(item)
        counts = displayed_counts(item, self.batch_tasks.counts(batch_id))
        end = verdict(item, counts)
        logger.info("tasks counted", counts=counts)
        if end is None:
            return {"next": "wait"}
        transition, failure = end
        ended = self.batches.end(transition, item, failure)
        return _next_of_ended(ended or self._current(batch_id, run))

    def fail(self, batch_id: str, run: int, caught: dict[str, str]) -> Answer:
        """Set the batch FAILED with the error output of a state. Returns the same as `watch`."""
        item = self._current(batch_id, run)
        if item and item["status"] == BatchStatus.RUNNING:
            failure = explain("The batch", caught)
            item = self.batches.end("fail", item, failure) or self._current(batch_id, run)
        return _next_of_ended(item)

    def cancel(self, batch_id: str, run: int, cursor: str) -> Answer:
        """Cancel the open tasks of one page of a FAILED or CANCELLED batch.

        Returns:
            `cursor` of the next page, "" after the last one, and `open`: how many it found.
        """

        def cancel_one(entry: Item) -> Item:
            return cancel(self.tasks, self.machine, entry["taskId"], entry["attempt"], run)

        found, following, _ = self._change(batch_id, run, OPEN, cursor, cancel_one, running=False)
        return {"cursor": following, "open": found}

    def retry(self, batch_id: str, run: int, cursor: str) -> Answer:
        """Begin a new attempt of the FAILED and CANCELLED tasks of one page.

        Open tasks, which the previous run has not cancelled yet, are assigned to this run instead.

        Returns:
            `cursor` of the next page, "" after the last one.
        """

        def retry_one(entry: Item) -> Item | None:
            task = (entry["taskId"], entry["attempt"])
            if entry["status"] in OPEN and self.tasks.assign_to_run(*task, run):
                return None
            return self.tasks.retry(*task, run)  # if it was open, it has ended in the meantime

        statuses = RETRYABLE | OPEN
        _, following, retried = self._change(
            batch_id, run, statuses, cursor, retry_one, running=True
        )
        enqueue(self.queue, retried)
        return {"cursor": following}

    def settle(self, batch_id: str, run: int) -> Answer:
        """Record that no task of a FAILED or CANCELLED batch is open any more.

        Returns:
            `next`: "done", or "gone" if the batch is not FAILED or CANCELLED in this run.
        """
        item = self._current(batch_id, run)
        settled = self.batches.settle(item) if item else None
        if settled is None or settled["status"] == BatchStatus.COMPLETED:
            return {"next": "gone"}
        return {"next": "done"}

    def _current(self, batch_id: str, run: int) -> Item | None:
        item = self.batches.get(batch_id)
        return item if item and item["run"] == run else None

    def _change(
        self,
        batch_id: str,
        run: int,
        statuses: frozenset[Status],
        cursor: str,
        change: Callable[[Item], Item | None],
        *,
        running: bool,
    ) -> tuple[int, str, list[Item]]:
        """Change the tasks of one page that have one of the `statuses`.

        Stops when the run is not the current one or its status does not match `running`.

        Returns:
            the number of tasks found, the cursor of the next page, and the tasks that were changed.
        """
        started = checked = monotonic()
        if not self._is(batch_id, run, running=running):
            return 0, "", []
        entries, following = self.batch_tasks.page(batch_id, statuses, cursor or None)
        changed: list[Item] = []
        for number, entry in enumerate(entries):
            now = monotonic()
            if number and now - started > PAGE_SECONDS:
                return number, cursor_after(entries[number - 1]), changed
            if now - checked > CHECK_SECONDS:
                checked = now
                if not self._is(batch_id, run, running=running):
                    return number, "", changed
            try:
                task = change(entry)
            except StaleAttempt:
                continue  # it has changed since the index was read
            if task:
                changed.append(task)
        return len(entries), following or "", changed

    def _is(self, batch_id: str, run: int, *, running: bool) -> bool:
        item = self._current(batch_id, run)
        return item is not None and (item["status"] == BatchStatus.RUNNING) == running


def _next_of_ended(item: Item | None) -> Answer:
    """Return what the machine does next if a run has ended, or is not the current one (None)."""
    if item and item["status"] == BatchStatus.FAILED:
        return {"next": "failed", "failure": item["failure"]}
    return {"next": "done" if item and item["status"] == BatchStatus.COMPLETED else "gone"}
