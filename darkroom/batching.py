"""What the machine of batches asks for: watch one run, cancel or retry its tasks by page."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from darkroom.batch_store import BatchStore
from darkroom.batches import BatchStatus, caught_failure, told, verdict
from darkroom.door import cancel, send_all
from darkroom.errors import StaleAttempt
from darkroom.executions import StateMachine
from darkroom.logs import logger
from darkroom.manifests import write
from darkroom.members import Members
from darkroom.messages import Queue
from darkroom.objects import Bucket
from darkroom.store import Item, TaskStore
from darkroom.tasks import OPEN, Status

TO_RETRY = frozenset({Status.FAILED, Status.CANCELLED})

Answer = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """Works on one run of a batch. A run that is over is left alone by every method."""

    batches: BatchStore
    tasks: TaskStore
    members: Members
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
        counts = told(item, self.members.counts(batch_id))
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
        item = self._current(batch_id, run)
        if item is None or item["status"] == BatchStatus.RUNNING:
            return {"cursor": "", "open": 0}

        def end(task_id: str, attempt: int) -> Item:
            return cancel(self.tasks, self.machine, task_id, attempt)

        found, following, _ = self._each(batch_id, OPEN, cursor, end)
        return {"cursor": following, "open": found}

    def retry(self, batch_id: str, run: int, cursor: str) -> Answer:
        """Begin a new attempt of the tasks of one page that FAILED or were CANCELLED.

        Returns:
            `cursor` of the next page, "" after the last one.
        """
        item = self._current(batch_id, run)
        if item is None or item["status"] != BatchStatus.RUNNING:
            return {"cursor": ""}
        _, following, begun = self._each(batch_id, TO_RETRY, cursor, self.tasks.retry)
        send_all(self.queue, begun)
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
        statuses: frozenset[Status],
        cursor: str,
        change: Callable[[str, int], Item],
    ) -> tuple[int, str, list[Item]]:
        """Change the tasks of a page; return how many there were, the cursor, and the changed."""
        entries, following = self.members.page(batch_id, statuses, cursor or None)
        changed = []
        for entry in entries:
            try:
                changed.append(change(entry["taskId"], entry["attempt"]))
            except StaleAttempt:
                continue  # it has moved on since it was counted
        return len(entries), following or "", changed


def _over(item: Item | None) -> Answer:
    """Return what the machine does about a run that has ended, or is none any more."""
    if item and item["status"] == BatchStatus.FAILED:
        return {"next": "failed", "failure": item["failure"]}
    return {"next": "done" if item and item["status"] == BatchStatus.COMPLETED else "gone"}
