"""The client of the HTTP API: upload, submit, ask, try again, cancel, wait, download.

A task is the JSON object that the API shows (`GET /tasks/{taskId}`), as a typed dictionary.
So is a batch, see `Darkroom.batches`.
"""

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from darkroom.client import transport, uploads
from darkroom.client.batches import Batches
from darkroom.client.media import head, media_type, open_file
from darkroom.client.transport import ApiError, Unreachable, path_of
from darkroom.client.views import Batch, Task
from darkroom.client.waiting import PAGE, Poll, Watch, ended

__all__ = [
    "PAGE",
    "ApiError",
    "Batch",
    "Batches",
    "BrokenDownload",
    "Darkroom",
    "Task",
    "Unreachable",
    "ended",
]


class BrokenDownload(Exception):
    """A result did not arrive as the task describes it."""


class Darkroom:
    """A connection to one API, kept alive. Threads may share it; `with` closes it."""

    def __init__(
        self,
        api_url: str,
        api_key: str,
        *,
        proxies: bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connect to nothing yet.

        Args:
            api_url: of the stack's outputs, `ApiUrl`.
            api_key: whose tasks they are.
            proxies: whether to go through a proxy that the environment names.
            sleep: waits some seconds before a request is repeated.
        """
        self._sleep = sleep
        self._api = transport.Api(api_url, api_key, proxies=proxies, sleep=sleep)
        # Files lie with another host, which the key is none of the business of.
        self._files = transport.connection(proxies=proxies)
        self.batches = Batches(self._api, self._upload, sleep)
        """Many images in one request."""

    def __enter__(self) -> Self:
        """Give the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        self._files.close()

    def submit(
        self,
        source: Mapping[str, str],
        name: str | None = None,
        output: Mapping[str, Any] | None = None,
        callback_url: str | None = None,
    ) -> Task:
        """Submit one image; return its task, PENDING.

        The submission has an idempotency key of its own, so that it is sent again when an answer
        is lost, and makes one task all the same.

        Args:
            source: `{"imageUrl": …}`, or `{"uploadId": …}` of `upload`.
            name: the caller's own name for it; several tasks may have it.
            output: `format` and `quality`; what is left out is the API's default.
            callback_url: gets a signed webhook when the task has ended.

        Raises:
            ApiError: refused, for good or many times.
            Unreachable: no answer, many times.
        """
        body: dict[str, Any] = dict(source)
        if name is not None:
            body["name"] = name
        if callback_url is not None:
            body["callbackUrl"] = callback_url
        if output:
            body["output"] = dict(output)
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        task: Task = self._api.json("POST", "/tasks", repeatable=True, json=body, headers=headers)
        return task

    def upload(self, path: Path) -> str:
        """Send a file to S3; return the id of the upload, good for a day.

        Raises:
            ApiError: the API or S3 refused; `EntityTooLarge`: it is larger than allowed.
            Unreachable: as `submit`.
            OSError: the file cannot be read, has changed meanwhile, or is no regular file: a pipe,
                a device.
            ValueError: a file cannot have this name.
        """
        with open_file(path) as file:
            return self._upload(file, media_type(head(file)), os.fstat(file.fileno()).st_size)

    def task(self, task_id: str) -> Task:
        """Return one task. Raises ApiError (404: there is none of this id), Unreachable."""
        task: Task = self._api.json("GET", path_of("tasks", task_id), repeatable=True)
        return task

    def retry(self, task_id: str, attempt: int | None = None) -> Task:
        """Begin a new attempt of a FAILED or CANCELLED task; return it, PENDING.

        With `attempt`, only if that is still its last one: of two people, one gets to do it.

        It is sent once: after a lost answer, a second one might try again what failed again.

        Raises:
            ApiError: 409, it is neither; 404; or refused many times.
            Unreachable: no connection; or it broke when the attempt may have begun.
        """
        body = {} if attempt is None else {"attempt": attempt}
        task: Task = self._api.json(
            "POST", path_of("tasks", task_id, "retry"), repeatable=False, json=body
        )
        return task

    def cancel(self, task_id: str) -> Task:
        """Cancel a PENDING or RUNNING task; return it. Raises as `retry`."""
        task: Task = self._api.json("POST", path_of("tasks", task_id, "cancel"), repeatable=False)
        return task

    def tasks(
        self,
        status: str | None = None,
        name: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> tuple[list[Task], str | None]:
        """Return one page of tasks, newest first, and the cursor of the next (None: no more)."""
        query = {"status": status, "name": name, "limit": limit, "cursor": cursor}
        given = {key: value for key, value in query.items() if value is not None}
        page = self._api.json("GET", "/tasks", repeatable=True, params=given)
        return page["tasks"], page.get("cursor")

    def all_tasks(
        self, status: str | None = None, name: str | None = None, page: int = PAGE
    ) -> Iterator[Task]:
        """Go through the tasks, newest first, asking for `page` at a time as they are needed."""
        cursor = None
        while True:
            found, cursor = self.tasks(status, name, page, cursor)
            yield from found
            if not cursor:
                return

    def wait(
        self,
        task_ids: Collection[str],
        seconds: float = 600,
        on_change: Callable[[Task], None] | None = None,
    ) -> dict[str, Task]:
        """Poll tasks until all have ended; return each as it was seen last.

        Args:
            task_ids: the tasks. Many are asked for together, a page an answer.
            seconds: after which the tasks are returned as they are.
            on_change: called with a task when it is seen first and whenever its status changed.

        Raises:
            ApiError, Unreachable: as `task`.
        """
        return Watch(Poll(self._api.ask, self._sleep)).until_ended(task_ids, seconds, on_change)

    def download(self, task: Mapping[str, Any], path: Path) -> None:
        """Save the result of a COMPLETED task. The file appears whole and verified, or not at all.

        Raises:
            ApiError: the link is not valid (any more).
            BrokenDownload: not the bytes that the task's checksum promises.
            Unreachable: no connection.
            OSError: the file cannot be written.
            ValueError: a file cannot have this name.
        """
        result = task["result"]
        data = self._send_file("GET", result["url"])
        if result.get("sha256") and hashlib.sha256(data).hexdigest() != result["sha256"]:
            raise BrokenDownload(f"The result of {task['taskId']} did not arrive whole. Try again.")
        # Its own name may be as long as names can be.
        digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()
        partial = path.with_name(f".{digest[:16]}.partial")
        try:
            partial.write_bytes(data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def _upload(self, file: IO[bytes], kind: str, size: int) -> str:
        """Send a file of a media type and so many bytes, from its beginning; return the upload."""
        # A form that nobody fills in is nothing, and the same file twice is one upload.
        form = self._api.json("POST", "/uploads", repeatable=True, json={"contentType": kind})
        uploads.check(form, size)
        # S3 ignores the fields after the file, and httpx puts them before it.
        whole = uploads.Unchanged(file, size)
        sent = {"data": form["fields"], "files": {"file": ("file", whole, kind)}}
        try:
            self._send_file("POST", form["url"], **sent)
        except ApiError as error:
            if error.code != uploads.TOO_LARGE:
                raise
            raise uploads.too_large(size) from error
        upload_id: str = form["uploadId"]
        return upload_id

    def _send_file(self, method: str, url: str, **request: Any) -> bytes:
        """Send a request about a file, which may be repeated; return the body of the answer."""
        return transport.send(
            self._files, method, url, repeatable=True, sleep=self._sleep, **request
        ).content
