"""Speak to the API of a Darkroom: submit, ask, wait, download.

A task is the JSON object that the API shows (`GET /tasks/{taskId}`), as a dictionary.
"""

import hashlib
import itertools
import random
import time
import urllib.parse
from collections.abc import Callable, Collection, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from darkroom.tasks import OPEN, Status
from local.stack import Stack

Task = dict[str, Any]

PAGE = 100
"""Tasks that one answer lists at most."""
TRIES = 7
"""Requests that are sent for one answer, before its refusal is told."""
MAX_DELAY = 10.0
"""Seconds between two of them at most, whatever `Retry-After` says."""
FIRST_POLL, SLOWEST_POLL, SLOWER = 0.1, 2.0, 1.25
"""Seconds between the first two polls, between the last ones, and how one grows to the other."""
CONNECT_SECONDS, READ_SECONDS = 5.0, 35.0
"""A little more than the 29 s that API Gateway gives a request."""

# Refused before any work was done: even a POST may be sent again.
NOT_TAKEN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
NO_ANSWER = {HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}
# A status that comes late never shows a task going backwards.
RANK = {Status.PENDING: 0, Status.RUNNING: 1}


class ApiError(Exception):
    """The API refused. `message` says what to do, `field` names what was wrong in the request."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        """Take the parts of the answer."""
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field


class Unreachable(Exception):
    """Nothing answered, or the connection broke; the message says where."""


class BrokenDownload(Exception):
    """A result did not arrive as the task describes it."""


def ended(task: Mapping[str, Any]) -> bool:
    """Whether a task has ended, well or badly."""
    return task["status"] not in OPEN


class Client:
    """A connection to one API, kept alive. Threads may share it; `with` closes it."""

    def __init__(self, stack: Stack, sleep: Callable[[float], None] = time.sleep) -> None:
        """Connect to nothing yet. `sleep` waits some seconds before a request is repeated."""
        self._sleep = sleep
        # A proxy of the environment is no way to a local cloud, nor to results in its S3.
        options: dict[str, Any] = {
            "timeout": httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            "trust_env": stack.endpoint_url is None,
        }
        self._api_url = stack.api_url
        self._api = httpx.Client(
            base_url=stack.api_url, headers={"x-api-key": stack.api_key}, **options
        )
        # Results lie with another host, which the key is none of the business of.
        self._files = httpx.Client(**options)

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
        self, image_url: str, name: str | None = None, output: Mapping[str, Any] | None = None
    ) -> Task:
        """Submit one image, a URL or a `data:` URL; return its task, PENDING.

        Args:
            image_url: http, https or `data:image/…;base64,…`.
            name: the caller's own name for it; several tasks may have it.
            output: `format` and `quality`; what is left out is the API's default.

        Raises:
            ApiError: refused, for good or `TRIES` times.
            Unreachable: no connection; or it broke when the task may have been taken already.
        """
        body: dict[str, Any] = {"imageUrl": image_url}
        if name is not None:
            body["name"] = name
        if output:
            body["output"] = dict(output)
        task: Task = self._json("POST", "/tasks", json=body)
        return task

    def task(self, task_id: str) -> Task:
        """Return one task. Raises ApiError (404: there is none of this id), Unreachable."""
        task: Task = self._json("GET", f"/tasks/{urllib.parse.quote(task_id, safe='')}")
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
        page = self._json("GET", "/tasks", params={k: v for k, v in query.items() if v is not None})
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
        on_change: Callable[[Task], None],
        deadline: float,
    ) -> dict[str, Task]:
        """Poll tasks until all have ended; return each as it was seen last.

        Args:
            task_ids: the tasks. Many are asked for together, a page an answer.
            on_change: called with a task when it is seen first and whenever its status changed.
            deadline: a moment of `time.monotonic()`; then the tasks are returned as they are.

        Raises:
            ApiError, Unreachable: as `task`.
        """
        seen: dict[str, Task] = {}
        left, pause = dict.fromkeys(task_ids), FIRST_POLL
        while left:
            for task in self._look(left):
                before = seen.get(task["taskId"])
                if before is None or _rank(task) > _rank(before):
                    seen[task["taskId"]] = task
                    on_change(task)
                if ended(task):
                    del left[task["taskId"]]
            if not left or time.monotonic() + pause > deadline:
                break
            self._sleep(pause)
            pause = min(pause * SLOWER, SLOWEST_POLL)
        return seen

    def download(self, task: Mapping[str, Any], path: Path) -> None:
        """Save the result of a COMPLETED task. The file appears whole and verified, or not at all.

        Raises:
            ApiError: the link is not valid (any more).
            BrokenDownload: not the bytes that the task's checksum promises.
            Unreachable: no connection.
            OSError: the file cannot be written.
        """
        result = task["result"]
        data = self._request(self._files, "GET", result["url"]).content
        if result.get("sha256") and hashlib.sha256(data).hexdigest() != result["sha256"]:
            raise BrokenDownload(f"The result of {task['taskId']} did not arrive whole. Try again.")
        partial = path.with_name(path.name + ".partial")
        partial.write_bytes(data)
        partial.replace(path)

    def _look(self, task_ids: Collection[str]) -> Iterator[Task]:
        """Ask for tasks in as few requests as may be."""
        missing = set(task_ids)
        if len(missing) > 1:
            # What was submitted last stands first. Others may have submitted meanwhile, but to
            # read through all their tasks would be no saving any more.
            reach = PAGE * (len(missing) // PAGE + 1)
            for task in itertools.islice(self.all_tasks(), reach):
                if task["taskId"] in missing:
                    missing.remove(task["taskId"])
                    yield task
                    if not missing:
                        return
        yield from map(self.task, missing)

    def _json(self, method: str, path: str, **request: Any) -> Any:
        response = self._request(self._api, method, path, **request)
        try:
            return response.json()
        except ValueError as error:
            raise ApiError(
                response.status_code,
                "NotJson",
                f"What answers at {self._api_url} is not a Darkroom: its answer is not JSON.",
            ) from error

    def _request(
        self, client: httpx.Client, method: str, url: str, **request: Any
    ) -> httpx.Response:
        """Send a request until it is answered, as often as is safe and `TRIES` allows."""
        safe = method == "GET"
        again = NOT_TAKEN | NO_ANSWER if safe else NOT_TAKEN
        for attempt in range(1, TRIES + 1):
            try:
                response = client.request(method, url, **request)
            except httpx.TransportError as error:
                # A connection that was never made has carried no request.
                if attempt < TRIES and (safe or isinstance(error, httpx.ConnectError)):
                    self._sleep(_delay(attempt))
                    continue
                raise Unreachable(_unreachable(client, url, error)) from error
            if response.status_code in again and attempt < TRIES:
                self._sleep(_delay(attempt, response.headers.get("Retry-After")))
                continue
            if response.is_success:
                return response
            raise _error(response)
        raise AssertionError  # the last attempt has returned or raised


def _rank(task: Mapping[str, Any]) -> int:
    return RANK.get(task["status"], len(RANK))


def _delay(attempt: int, retry_after: str | None = None) -> float:
    """Return the seconds to wait: what the server asked for, else growing and never twice alike."""
    if retry_after and retry_after.isdecimal():
        return min(float(retry_after), MAX_DELAY)
    return random.uniform(0.05, min(0.1 * 2**attempt, MAX_DELAY))  # noqa: S311


def _unreachable(client: httpx.Client, url: str, error: httpx.TransportError) -> str:
    host = httpx.URL(url).host or client.base_url.host
    port = (httpx.URL(url) if httpx.URL(url).host else client.base_url).port
    place = f"{host}:{port}" if port else host
    why = str(error) or type(error).__name__
    hint = " Is the local cloud up? `make up` starts it." if host == "127.0.0.1" else ""
    return f"{place} does not answer ({why}).{hint}"


def _error(response: httpx.Response) -> ApiError:
    try:
        body = response.json()
    except ValueError:
        body = None
    told = body.get("error") if isinstance(body, dict) else None
    if isinstance(told, dict):
        return ApiError(
            response.status_code,
            str(told.get("code", "")),
            str(told.get("message", "")),
            told.get("field"),
        )
    # API Gateway's own refusals have a message only, S3's are XML.
    reason = response.reason_phrase
    said = body.get("message") if isinstance(body, dict) else None
    message = f"The answer was {response.status_code} {reason}" + (f": {said}" if said else "")
    if response.status_code == HTTPStatus.FORBIDDEN:
        message += ". The API key is wrong, or the link has expired."
    return ApiError(response.status_code, reason.replace(" ", ""), message)
