"""Batches of the API: submit many images at once; follow, cancel, retry and delete them."""

import io
import json
import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

from darkroom.client.polling import PAGE, Poll, ended
from darkroom.client.transport import Api, fits, given, pages
from darkroom.client.views import Batch, BatchSummary, Task
from darkroom.tasks.model import OPEN

INLINE = 1000
"""Maximum number of sources in one request; more are uploaded as a manifest first."""
JSON_LINES = "application/x-ndjson"

Upload = Callable[[IO[bytes], str, int], str]
"""Sends a file, given its media type and size in bytes; returns the id of the upload."""


class Batches:
    """The batches of one API: `Darkroom.batches`."""

    def __init__(self, api: Api, upload: Upload) -> None:
        self._api, self._upload = api, upload

    def source(self, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return items in the form that `submit` takes.

        If they are too many or too large for one request, they are uploaded as a manifest.

        Args:
            items: each like the body of `POST /tasks`: `imageUrl` or `uploadId`; optional `name`,
                `output`, `callbackUrl`.

        Raises:
            ApiError, Unreachable: the manifest was not accepted; as `Darkroom.upload`.
        """
        inline = {"sources": list(items)}
        return inline if len(items) <= INLINE and fits(inline) else self.manifest(items)

    def manifest(self, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Upload items as a manifest and return it in the form that `submit` takes.

        With a manifest, an invalid item does not cause the batch to be refused: it becomes a task
        that is FAILED. Raises as `source`.
        """
        lines = b"".join(json.dumps(item).encode() + b"\n" for item in items)
        upload_id = self._upload(io.BytesIO(lines), JSON_LINES, len(lines))
        return {"manifest": {"uploadId": upload_id, "format": "jsonl"}}

    def submit(
        self,
        source: Mapping[str, Any],
        name: str | None = None,
        output: Mapping[str, Any] | None = None,
        tolerated_failure_percentage: int | None = None,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Submit a batch; return it, RUNNING. The request is sent again if the response is lost.

        Args:
            source: from `source`; or `{"s3Prefix": …}`, `{"manifest": {"uploadId", "format"}}`.
            name: a name of the caller's choice for the batch.
            output: `format` and `quality` of the items that have no `output` of their own.
            tolerated_failure_percentage: the batch fails if a larger share of its items fails.
            idempotency_key: the same key with the same arguments returns the same batch, also in
                another process. Without it each call creates a batch.

        Raises:
            ApiError: refused; `field` names the item, for example `sources.17.imageUrl`.
            Unreachable: there was no response, also after retries.
        """
        options = given(
            name=name,
            output=dict(output or {}) or None,
            toleratedFailurePercentage=tolerated_failure_percentage,
        )
        body = {**source, **options}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._batch("POST", repeatable=True, json=body, headers=headers)

    def get(self, batch_id: str) -> Batch:
        """Return a batch. Raises ApiError (404: no batch has this id), Unreachable."""
        return self._batch("GET", batch_id, repeatable=True)

    def all(self, status: str | None = None, page: int = PAGE) -> Iterator[BatchSummary]:
        """Yield the batches, newest first; read `page` of them at a time, when they are needed.

        A list does not count the tasks of its batches: `get` does.

        Raises:
            ApiError, Unreachable: as `get`.
        """
        for found in pages(self._list, given(status=status, limit=page)):
            yield from found["batches"]

    def tasks(self, batch_id: str, status: str | None = None) -> Iterator[Task]:
        """Yield the tasks of a batch in the order of its items, a page at a time. Raises as `get`.

        An item has a task only after it was ingested: see the `counts` of the batch.
        """
        for page in pages(lambda query: self._page(batch_id, query), given(status=status)):
            yield from page["tasks"]

    def cancel(self, batch_id: str) -> Batch:
        """Cancel the open tasks of a RUNNING batch; return the batch. Raises as `retry`."""
        return self._batch("POST", batch_id, "cancel", repeatable=False)

    def retry(self, batch_id: str) -> Batch:
        """Retry the FAILED and CANCELLED tasks of a batch that has ended; return it, RUNNING.

        The request is not sent again after a lost response, because that could start two attempts.

        Raises:
            ApiError: 409, it is RUNNING (for `cancel`: it is not); 404; or refused after retries.
            Unreachable: no connection, or it broke when the request may have been accepted.
        """
        return self._batch("POST", batch_id, "retry", repeatable=False)

    def delete(self, batch_id: str) -> Batch:
        """Begin to delete a batch that has ended, with all its tasks and results; return it.

        The batch is gone when `get` raises a 404. This cannot be undone.

        Raises:
            ApiError: 409, it is RUNNING; 404; or refused after retries.
            Unreachable: as `submit`.
        """
        return self._batch("DELETE", batch_id, repeatable=True)

    def wait(self, batch_id: str, seconds: float = math.inf) -> Batch:
        """Poll a batch until it and all its tasks have ended, or until the timeout; return it.

        Raises:
            ApiError, Unreachable: as `get`.
        """
        *_, last = self._changes(batch_id, seconds)
        return last

    def as_ended(
        self, batch_id: str, on_change: Callable[[Batch], None] | None = None
    ) -> Iterator[Task]:
        """Poll a batch until it has ended; yield each of its tasks when that has ended.

        A task that is retried in the meantime is yielded once for each attempt.

        Args:
            batch_id: the batch.
            on_change: called with the batch once at first and then after each change.

        Raises:
            ApiError, Unreachable: as `get`.
        """
        yielded: set[tuple[str, int]] = set()
        start: str | None = None
        for batch in self._changes(batch_id, math.inf):
            if on_change:
                on_change(batch)
            # Most tasks end in the order of their items. So the pages before `start`, where all
            # have ended, and the pages after one where none has ended, are not read in each round.
            # The last round reads all pages.
            last = _over(batch)
            cursor = None if last else start
            while True:
                page = self._page(batch_id, {"cursor": cursor} if cursor else {})
                done = [task for task in page["tasks"] if ended(task)]
                for task in done:
                    if (attempt := (task["taskId"], task["attempt"])) not in yielded:
                        yielded.add(attempt)
                        yield task
                following = page["cursor"]
                if not following or not (done or last):
                    break
                if cursor == start and len(done) == len(page["tasks"]):
                    start = following
                cursor = following

    def _batch(self, method: str, *path: str, repeatable: bool, **request: Any) -> Batch:
        batch: Batch = self._api.json(
            method, "batches", *path, repeatable=repeatable, field="batchId", **request
        )
        return batch

    def _list(self, query: Mapping[str, Any]) -> Any:
        return self._api.json("GET", "batches", repeatable=True, params=query)

    def _page(self, batch_id: str, query: Mapping[str, str]) -> Any:
        path = "batches", batch_id, "tasks"
        return self._api.json("GET", *path, repeatable=True, params={"limit": PAGE, **query})

    def _changes(self, batch_id: str, seconds: float) -> Iterator[Batch]:
        """Poll a batch until it is over or until the timeout; yield it after each change."""
        poll = Poll(self._api)
        deadline = time.monotonic() + seconds
        before = None
        while True:
            batch = poll.get("batches", batch_id)
            if batch is not before:
                yield batch
            before = batch
            rest = deadline - time.monotonic()
            if _over(batch) or rest <= 0:
                return
            poll.rest(rest)


def _over(batch: Batch) -> bool:
    """Whether a batch and all its tasks have ended. The tasks of a cancelled one end later."""
    return batch["status"] != "RUNNING" and not any(batch["counts"].get(s) for s in OPEN)
