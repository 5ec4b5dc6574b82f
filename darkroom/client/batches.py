"""Batches of the API: submit many images at once, follow them, cancel them, try them again."""

import io
import json
import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

from darkroom.client.transport import Api, fits, path_of
from darkroom.client.views import Batch, Task
from darkroom.client.waiting import PAGE, Poll, ended
from darkroom.tasks.model import OPEN

INLINE = 1000
"""Sources that one request takes; more are a manifest, which is uploaded first."""
JSON_LINES = "application/x-ndjson"

Upload = Callable[[IO[bytes], str, int], str]
"""Sends a file, given its media type and size in bytes; gives the id of the upload."""


class Batches:
    """The batches of one API: `Darkroom.batches`."""

    def __init__(self, api: Api, upload: Upload, sleep: Callable[[float], None]) -> None:
        """Take the API, what uploads a file, and what waits some seconds."""
        self._api, self._upload, self._sleep = api, upload, sleep

    def source(self, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return items as `submit` takes them; too many for one request are uploaded as a manifest.

        Args:
            items: each like the body of `POST /tasks`: `imageUrl` or `uploadId`; optional `name`,
                `output`, `callbackUrl`.

        Raises:
            ApiError, Unreachable: the manifest was not taken; as `Darkroom.upload`.
        """
        inline = {"sources": list(items)}
        return inline if len(items) <= INLINE and fits(inline) else self.manifest(items)

    def manifest(self, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Upload items as a manifest and return it as `submit` takes it.

        The batch is accepted whatever its items are: a wrong one is a task that FAILED. Raises as
        `source`.
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
        """Submit a batch; return it, RUNNING. It is sent again when an answer is lost.

        Args:
            source: of `source`; or `{"s3Prefix": …}`, `{"manifest": {"uploadId", "format"}}`.
            name: the caller's own name for the batch.
            output: `format` and `quality` of the items that say nothing else.
            tolerated_failure_percentage: more failed items than that end the batch.
            idempotency_key: the same key and arguments again give the same batch, also to another
                process. Without it each call is a batch of its own.

        Raises:
            ApiError: refused; `field` names the item, `sources.17.imageUrl`.
            Unreachable: no answer, many times.
        """
        optional = {
            "name": name,
            "output": dict(output) if output else None,
            "toleratedFailurePercentage": tolerated_failure_percentage,
        }
        body = {**source, **{key: value for key, value in optional.items() if value is not None}}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        batch: Batch = self._api.json(
            "POST", "/batches", repeatable=True, json=body, headers=headers
        )
        return batch

    def get(self, batch_id: str) -> Batch:
        """Return a batch. Raises ApiError (404: there is none of this id), Unreachable."""
        batch: Batch = self._api.json("GET", path_of("batches", batch_id), repeatable=True)
        return batch

    def tasks(self, batch_id: str, status: str | None = None) -> Iterator[Task]:
        """Go through a batch's tasks in the order of its items, a page a request. Raises as `get`.

        An item has a task only once it has entered: see the `counts` of the batch.
        """
        query = {"status": status} if status else {}
        while True:
            page = self._page(batch_id, query)
            yield from page["tasks"]
            if not page["cursor"]:
                return
            query["cursor"] = page["cursor"]

    def cancel(self, batch_id: str) -> Batch:
        """Cancel what has not ended of a RUNNING batch; return it. Raises as `retry`."""
        return self._act(batch_id, "cancel")

    def retry(self, batch_id: str) -> Batch:
        """Try again what FAILED or was CANCELLED of a batch that has ended; return it, RUNNING.

        It is sent once: after a lost answer, a second one might try again what failed again.

        Raises:
            ApiError: 409, it is RUNNING (for `cancel`: it is not); 404; or refused many times.
            Unreachable: no connection; or it broke when the request may have been taken.
        """
        return self._act(batch_id, "retry")

    def wait(self, batch_id: str, seconds: float = math.inf) -> Batch:
        """Poll a batch until it and all its tasks have ended, or seconds have passed; return it.

        Raises:
            ApiError, Unreachable: as `get`.
        """
        *_, last = self._changes(batch_id, seconds)
        return last

    def as_ended(
        self, batch_id: str, on_change: Callable[[Batch], None] | None = None
    ) -> Iterator[Task]:
        """Poll a batch until it has ended; give each of its tasks once that has ended.

        A task that was tried again meanwhile is given once more for each attempt.

        Args:
            batch_id: the batch.
            on_change: called with the batch when it is seen first and whenever it changed.

        Raises:
            ApiError, Unreachable: as `get`.
        """
        given: set[tuple[str, int]] = set()
        start: str | None = None
        for batch in self._changes(batch_id, math.inf):
            if on_change:
                on_change(batch)
            # Most batches end in their order, so that the pages before `start` are not looked at
            # again, nor those behind one where nothing has ended. The last round looks at all.
            last = _over(batch)
            cursor = None if last else start
            while True:
                page = self._page(batch_id, {"cursor": cursor} if cursor else {})
                done = [task for task in page["tasks"] if ended(task)]
                for task in done:
                    if (attempt := (task["taskId"], task["attempt"])) not in given:
                        given.add(attempt)
                        yield task
                following = page["cursor"]
                if not following or not (done or last):
                    break
                if cursor == start and len(done) == len(page["tasks"]):
                    start = following
                cursor = following

    def _act(self, batch_id: str, action: str) -> Batch:
        batch: Batch = self._api.json(
            "POST", path_of("batches", batch_id, action), repeatable=False
        )
        return batch

    def _page(self, batch_id: str, query: Mapping[str, str]) -> Any:
        path = path_of("batches", batch_id, "tasks")
        return self._api.json("GET", path, repeatable=True, params={"limit": PAGE, **query})

    def _changes(self, batch_id: str, seconds: float) -> Iterator[Batch]:
        """Poll a batch until it is over or time is; give it whenever it is not what it was."""
        poll = Poll(self._api.ask, self._sleep)
        deadline = time.monotonic() + seconds
        before = None
        while True:
            batch = poll.get(path_of("batches", batch_id), {})
            if batch is not before:
                yield batch
            before = batch
            rest = deadline - time.monotonic()
            if _over(batch) or rest <= 0:
                return
            poll.rest(rest)


def _over(batch: Batch) -> bool:
    """Whether a batch has ended, and with it all its tasks: those of a cancelled one do later."""
    return batch["status"] != "RUNNING" and not any(batch["counts"].get(s) for s in OPEN)
