"""The client of the HTTP API: upload, submit, read, retry, cancel, wait, download.

A task is the JSON object of `GET /tasks/{taskId}` as a typed dictionary. So is a batch, see
`Darkroom.batches`.
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
from darkroom.client.errors import ApiError, BrokenDownload, DarkroomError, Unreachable
from darkroom.client.media import head, media_type, open_file
from darkroom.client.polling import PAGE, Poll, Watch, ended
from darkroom.client.transport import path_of
from darkroom.client.views import Batch, Task

__all__ = [
    "PAGE",
    "ApiError",
    "Batch",
    "Batches",
    "BrokenDownload",
    "Darkroom",
    "DarkroomError",
    "Task",
    "Unreachable",
    "ended",
]


class Darkroom:
    """A client of one API. It is thread-safe and keeps its connections alive; `with` closes it."""

    def __init__(
        self,
        api_url: str,
        api_key: str,
        *,
        proxies: bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Store the settings. The first request opens a connection.

        Args:
            api_url: the stack's output `ApiUrl`.
            api_key: the key of the caller who owns the tasks.
            proxies: whether to use the proxies of the environment.
            sleep: waits for some seconds before a request is sent again.
        """
        self._sleep = sleep
        self._api = transport.Api(api_url, api_key, proxies=proxies, sleep=sleep)
        # Files are on another host, which must not receive the key.
        self._files = transport.connection(proxies=proxies)
        self.batches = Batches(self._api, self._upload, sleep)
        """Submit and follow many images in one request."""

    def __enter__(self) -> Self:
        """Return the client itself."""
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
        """Submit one image; return its task, which is PENDING.

        Each call has its own idempotency key. So the request is sent again if the response is lost,
        and creates only one task.

        Args:
            source: `{"imageUrl": …}`, or `{"uploadId": …}` from `upload`.
            name: a name of the caller's choice; several tasks may have the same one.
            output: `format` and `quality`; what is left out is the API's default.
            callback_url: receives a signed webhook when the task has ended.

        Raises:
            ApiError: the API refused the request, also after retries.
            Unreachable: there was no response, also after retries.
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
        """Send a file to S3; return the id of the upload, which is valid for a day.

        Raises:
            ApiError: the API or S3 refused it; `EntityTooLarge`: the file is larger than allowed.
            Unreachable: as `submit`.
            OSError: the file cannot be read, changed during the upload, or is not a regular file
                (a pipe, a device).
            ValueError: the path is not a valid file name.
        """
        with open_file(path) as file:
            return self._upload(file, media_type(head(file)), os.fstat(file.fileno()).st_size)

    def task(self, task_id: str) -> Task:
        """Return one task. Raises ApiError (404: no task has this id), Unreachable."""
        task: Task = self._api.json("GET", path_of("tasks", task_id), repeatable=True)
        return task

    def retry(self, task_id: str, attempt: int | None = None) -> Task:
        """Start a new attempt of a FAILED or CANCELLED task; return the task, which is PENDING.

        With `attempt`, only if that is still its latest attempt: when two people retry a task at
        the same time, only one of them starts an attempt.

        The request is not sent again after a lost response, because that could start two attempts.

        Raises:
            ApiError: 409, the task is neither FAILED nor CANCELLED; 404; or refused after retries.
            Unreachable: no connection, or it broke when the attempt may have started.
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
        """Return one page of tasks, newest first, and the cursor of the next (None: the last)."""
        query = {"status": status, "name": name, "limit": limit, "cursor": cursor}
        given = {key: value for key, value in query.items() if value is not None}
        page = self._api.json("GET", "/tasks", repeatable=True, params=given)
        return page["tasks"], page.get("cursor")

    def all_tasks(
        self, status: str | None = None, name: str | None = None, page: int = PAGE
    ) -> Iterator[Task]:
        """Yield the tasks, newest first; read `page` of them at a time, when they are needed."""
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
        """Poll tasks until all have ended; return the last known state of each.

        Args:
            task_ids: the tasks. Several are read together, a page in a request.
            seconds: the timeout. After it the tasks are returned although some have not ended.
            on_change: called with each task once at first and then after each change of its status.

        Raises:
            ApiError, Unreachable: as `task`.
        """
        return Watch(Poll(self._api.get_if_changed, self._sleep)).until_ended(
            task_ids, seconds, on_change
        )

    def download(self, task: Mapping[str, Any], path: Path) -> None:
        """Save the result of a COMPLETED task. The file is replaced only by a valid result.

        Raises:
            ApiError: the link is not valid, or has expired.
            BrokenDownload: the content does not have the checksum of the task.
            Unreachable: no connection.
            OSError: the file cannot be written.
            ValueError: the path is not a valid file name.
        """
        result = task["result"]
        data = self._send_file("GET", result["url"])
        if result.get("sha256") and hashlib.sha256(data).hexdigest() != result["sha256"]:
            raise BrokenDownload(
                f"The result of {task['taskId']} is damaged or incomplete. Download it again."
            )
        # Not the name of the file with a suffix: that name may already have the maximum length.
        digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()
        partial = path.with_name(f".{digest[:16]}.partial")
        try:
            partial.write_bytes(data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def _upload(self, file: IO[bytes], kind: str, size: int) -> str:
        """Send a file from its beginning, given its media type and size; return the upload id."""
        # Repeatable: an unused form has no effect, and the same file sent twice is one upload.
        form = self._api.json("POST", "/uploads", repeatable=True, json={"contentType": kind})
        uploads.check(form, size)
        # S3 ignores fields after the file; httpx sends them before it.
        content = uploads.FixedSizeFile(file, size)
        sent = {"data": form["fields"], "files": {"file": ("file", content, kind)}}
        try:
            self._send_file("POST", form["url"], **sent)
        except ApiError as error:
            if error.code != uploads.TOO_LARGE:
                raise
            raise uploads.too_large(size) from error
        upload_id: str = form["uploadId"]
        return upload_id

    def _send_file(self, method: str, url: str, **request: Any) -> bytes:
        """Send a repeatable request to the host of the files; return the body of the response."""
        return transport.send(
            self._files, method, url, repeatable=True, sleep=self._sleep, **request
        ).content
