"""The work of the batch state machine: watch one run, cancel or retry its tasks page by page.

A cancelling page may still be running when its batch is retried, because nothing stops a function
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
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Any

from darkroom.aws.execution_failures import explain
from darkroom.aws.s3 import Bucket
from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.counting import Pass, is_large
from darkroom.batches.groups import AT_ONCE, change_at_once, groups
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

    def watch(self, batch_id: str, run: int, total: int, cursor: str) -> Answer:
        """Count the tasks, and end the batch if its outcome is certain.

        Args:
            batch_id: the batch.
            run: its run.
            total: the number of items that this run ingested. Stored if the batch has no total yet.
            cursor: "" to begin a count, or that of an answer "count", to continue it.

        Returns:
            `next`: "count" (with the `cursor`) if the count takes longer than one call may take,
            "wait", "done", "failed" (with the `failure`), or "gone" if the run was cancelled or is
            not the current one.
        """
        deadline = monotonic() + PAGE_SECONDS
        item = self._current(batch_id, run)
        if item and item["status"] == BatchStatus.RUNNING and not item.get("entered"):
            item = self.batches.record_total(item, total) or self._current(batch_id, run)
        if item is None or item["status"] != BatchStatus.RUNNING:
            return _next_of_ended(item)
        so_far = Pass.read(cursor)
        counted, following = self.batch_tasks.count(
            batch_id, so_far.after, lambda _: monotonic() < deadline
        )
        so_far = so_far.plus(counted, following)
        if following:
            return {"next": "count", "cursor": so_far.text()}
        self._record(item, so_far)
        counts = displayed_counts(item, so_far.counted)
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

        found, following = self._change(batch_id, run, OPEN, cursor, cancel_one, running=False)
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
        _, following = self._change(
            batch_id,
            run,
            statuses,
            cursor,
            retry_one,
            running=True,
            then=lambda retried: enqueue(self.queue, retried),
        )
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
        then: Callable[[list[Item]], None] = lambda _: None,
    ) -> tuple[int, str]:
        """Change the tasks of one page that have one of the `statuses`, in groups.

        All tasks of the page are counted. The count is stored at the end of the index.
        Stops when the run is not the current one or its status does not match `running`.

        Args:
            batch_id: the batch.
            run: its run.
            statuses: of the tasks to change.
            cursor: "" to begin at the first entry of the index, or that of the previous page.
            change: changes the task of an entry and returns it, or None if its status stays.
            running: whether the batch must be RUNNING, or must not be.
            then: called with the tasks of each group that were changed.

        Returns:
            the number of tasks found, and the cursor of the next page, "" after the last one.
        """
        started = checked = monotonic()
        item = self._matching(batch_id, run, running=running)
        if item is None:
            return 0, ""
        so_far = Pass.read(cursor)
        entries, following = self.batch_tasks.page(batch_id, so_far.after)
        status_of = [entry["status"] for entry in entries]
        due = [number for number, status in enumerate(status_of) if status in statuses]
        done, read = 0, len(entries)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for group in groups(due):
                now = monotonic()
                if done and now - started > PAGE_SECONDS:
                    read = group[0]
                    following = cursor_after(entries[read - 1])
                    break
                if now - checked > CHECK_SECONDS:
                    checked = now
                    if not self._matching(batch_id, run, running=running):
                        return done, ""
                changed = change_at_once(pool, change, [entries[n] for n in group], then)
                for number, task in zip(group, changed, strict=True):
                    status_of[number] = task["status"] if task else status_of[number]
                done += len(group)
        so_far = so_far.plus(Counter(status_of[:read]), following)
        if following:
            return done, so_far.text()
        self._record(item, so_far)
        return done, ""

    def _record(self, item: Item, ended: Pass) -> None:
        """Store the counts of a large batch for the requests that show it."""
        if is_large(ended.counted):
            self.batches.record_counts(item, ended.counted)

    def _matching(self, batch_id: str, run: int, *, running: bool) -> Item | None:
        item = self._current(batch_id, run)
        return item if item and (item["status"] == BatchStatus.RUNNING) == running else None


def _next_of_ended(item: Item | None) -> Answer:
    """Return what the machine does next if a run has ended, or is not the current one (None)."""
    if item and item["status"] == BatchStatus.FAILED:
        return {"next": "failed", "failure": item["failure"]}
    return {"next": "done" if item and item["status"] == BatchStatus.COMPLETED else "gone"}
