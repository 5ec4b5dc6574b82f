"""The client of the HTTP API: upload, submit, read, retry, cancel, wait, download, delete.

A task is the JSON object of `GET /tasks/{taskId}` as a typed dictionary. So is a batch, see
`Darkroom.batches`.
"""

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Self

from darkroom.client import uploads
from darkroom.client.batches import Batches
from darkroom.client.errors import ApiError, BrokenDownload, DarkroomError, Unreachable
from darkroom.client.polling import PAGE, ended, until_ended
from darkroom.client.transport import Api, Server, given, pages
from darkroom.client.uploads import head, media_type, open_file
from darkroom.client.views import Batch, BatchSummary, CallbackSecret, Task

__all__ = [
    "PAGE",
    "ApiError",
    "Batch",
    "BatchSummary",
    "Batches",
    "BrokenDownload",
    "CallbackSecret",
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
        headers = {"x-api-key": api_key}
        self._api = Api(proxies=proxies, sleep=sleep, base_url=api_url, headers=headers)
        # Files are on another host, which must not receive the key.
        self._files = Server(proxies=proxies, sleep=sleep)
        self.batches = Batches(self._api, self._upload)
        """Submit and follow many images in one request."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
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
        options = given(name=name, output=dict(output or {}) or None, callbackUrl=callback_url)
        body = {**source, **options}
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._task("POST", repeatable=True, json=body, headers=headers)

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
        return self._task("GET", task_id, repeatable=True)

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
        return self._task("POST", task_id, "retry", repeatable=False, json=body)

    def cancel(self, task_id: str) -> Task:
        """Cancel a PENDING or RUNNING task; return it. Raises as `retry`."""
        return self._task("POST", task_id, "cancel", repeatable=False)

    def delete(self, task_id: str) -> None:
        """Delete a task that has ended, with its result and its source. This cannot be undone.

        Succeeds if an earlier try of this call deleted the task, and only its response was lost.

        Raises:
            ApiError: 409, the task has not ended; 404; or refused after retries.
            Unreachable: as `submit`.
        """
        self._api.delete("tasks", task_id)

    def send_callback(self, task_id: str) -> Task:
        """Send the webhook of a task that has ended again; return the task. Raises as `retry`."""
        return self._task("POST", task_id, "callback", repeatable=True)

    def callback_secret(self) -> CallbackSecret:
        """Return the secret that signs the caller's webhooks. Raises as `task`."""
        secret: CallbackSecret = self._api.json("GET", "callback-secret", repeatable=True)
        return secret

    def rotate_callback_secret(self) -> CallbackSecret:
        """Change the secret that signs the caller's webhooks; return the new one.

        For a day, webhooks are also signed with the earlier one.

        Raises:
            ApiError: 409, it was changed too often; or refused after retries.
            Unreachable: no connection, or it broke when the secret may have been changed.
        """
        secret: CallbackSecret = self._api.json(
            "POST", "callback-secret", "rotate", repeatable=False
        )
        return secret

    def all_tasks(
        self, status: str | None = None, name: str | None = None, page: int = PAGE
    ) -> Iterator[Task]:
        """Yield the tasks, newest first; read `page` of them at a time, when they are needed."""
        for found in pages(self._page, given(status=status, name=name, limit=page)):
            yield from found["tasks"]

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
        return until_ended(self._api, task_ids, seconds, on_change)

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
        data = self._files.send("GET", result["url"], repeatable=True).content
        if result.get("sha256") and hashlib.sha256(data).hexdigest() != result["sha256"]:
            raise BrokenDownload(
                f"The result of {task['taskId']} is damaged or incomplete. Download it again."
            )
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(data)  # a pipe or a device, such as /dev/null, must not be replaced
            return
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
        form = self._api.json("POST", "uploads", repeatable=True, json={"contentType": kind})
        uploads.check(form, size)
        # S3 ignores fields after the file; httpx sends them before it.
        content = uploads.FixedSizeFile(file, size)
        sent = {"data": form["fields"], "files": {"file": ("file", content, kind)}}
        try:
            self._files.send("POST", form["url"], repeatable=True, **sent)
        except ApiError as error:
            if error.code != uploads.TOO_LARGE:
                raise
            raise uploads.too_large(size) from error
        upload_id: str = form["uploadId"]
        return upload_id

    def _task(self, method: str, *path: str, repeatable: bool, **request: Any) -> Task:
        task: Task = self._api.json(
            method, "tasks", *path, repeatable=repeatable, field="taskId", **request
        )
        return task

    def _page(self, query: Mapping[str, Any]) -> Any:
        return self._api.json("GET", "tasks", repeatable=True, field="tasks", params=query)
