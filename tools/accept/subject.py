"""The stack that is tested, and everything that the test creates there."""

import base64
import contextlib
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from darkroom.cli.operator.deployment import Deployment
from darkroom.cli.stack import Stack
from darkroom.client import ApiError, Batch, Darkroom, Task, ended
from darkroom.tasks.upload_uses import USES
from tools.accept.report import Broken, NotChecked

SECONDS = 330.0
"""The time for all promises. With the clean-up, the test takes less than six minutes."""
TASK_SECONDS = 90.0
"""The time limit of a task: cold starts, and other callers' tasks in the queue."""
PAUSE = 0.3
TRY_AGAIN = {429, 503}
AGAIN_AFTER = (1.0, 2.0)
"""Seconds before a request is sent again."""
STUCK = "no task ends on this stack: see the first promise that FAILED"

T = TypeVar("T")


@dataclass
class Created:
    """What the test has created and must remove."""

    tasks: list[str] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    """Keys of uploads."""


@dataclass
class Subject:
    """A deployed stack. Every method that creates something remembers it for `remove`."""

    stack: Stack
    client: Darkroom
    http: httpx.Client
    """It has no separate key: see `request`."""
    stage: str | None
    """`dev`, `staging`, `prod` or another name; None: unknown."""
    parameters: Mapping[str, str]
    created: Created = field(default_factory=Created)
    first: Task | None = None
    """The first task that was COMPLETED, which several checks use."""
    trace_id: str = ""
    """The `Location` of the response that submitted it."""
    stuck: bool = False
    """Whether tasks do not end, so that every check that needs one would only wait."""
    name: str = field(default_factory=lambda: f"accept-{uuid.uuid4().hex[:8]}")
    """The name of all tasks and batches of this test."""
    ends: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    @cached_property
    def deployment(self) -> Deployment:
        """The stack's resources."""
        return Deployment(self.stack)

    @property
    def is_express(self) -> bool:
        """Whether its tasks run as Express executions."""
        return self.parameters["WorkflowType"] == "EXPRESS"

    @property
    def own_port(self) -> int:
        """A port of 127.0.0.1 that no stack may fetch from: that of the local cloud itself."""
        return urlsplit(self.stack.endpoint_url or "").port or 80

    def left(self, seconds: float) -> float:
        """Return `seconds`, or the rest of the test's time if that is less.

        Raises:
            Broken: the time is over.
        """
        rest = self.ends - time.monotonic()
        if rest <= 0:
            raise Broken(f"all promises kept within {SECONDS:.0f} s", "no time left for this one")
        return min(seconds, rest)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request with the stack's key; return a 2xx response.

        A response that asks the client to try again is followed, as every client should.

        Raises:
            ApiError: another response.
            HTTPError: there is none.
        """
        headers = {"x-api-key": self.stack.api_key, **options.pop("headers", {})}
        url = f"{self.stack.api_url}{path}"
        for wait in (*AGAIN_AFTER, None):
            response = self.http.request(method, url, headers=headers, **options)
            if response.status_code not in TRY_AGAIN or wait is None:
                break
            time.sleep(wait)
        if response.is_success:
            return response
        try:
            error = response.json()["error"]
            code, message = str(error["code"]), str(error["message"])
        except (ValueError, LookupError, TypeError):
            code, message = response.reason_phrase, response.text
        raise ApiError(response.status_code, code, message)

    def submit(
        self, source: Mapping[str, str], headers: Mapping[str, str] | None = None, **fields: Any
    ) -> httpx.Response:
        """Submit a task; return the response. Raises as `request`."""
        headers = {"Idempotency-Key": str(uuid.uuid4()), **(headers or {})}
        body = {"name": self.name, **source, **fields}
        response = self.request("POST", "/tasks", headers=headers, json=body)
        if (task_id := response.json()["taskId"]) not in self.created.tasks:
            self.created.tasks.append(task_id)
        return response

    def task(self, source: Mapping[str, str], **fields: Any) -> Task:
        """Submit a task; return it. Raises as `request`."""
        task: Task = self.submit(source, **fields).json()
        return task

    def batch(self, source: Mapping[str, Any]) -> Batch:
        """Submit a batch. Raises as `request`."""
        batch = self.client.batches.submit(source, self.name)
        self.created.batches.append(batch["batchId"])
        return batch

    def form(self, media_type: str) -> dict[str, Any]:
        """Request a form for an upload. Raises as `request`."""
        form: dict[str, Any] = self.request(
            "POST", "/uploads", json={"contentType": media_type}
        ).json()
        self.created.objects.append(form["fields"]["key"])
        return form

    def send_form(self, form: Mapping[str, Any], data: bytes) -> httpx.Response:
        """Send a file to S3 by a form; return the response, whatever its status."""
        files = {"file": ("file", data)}
        return self.http.post(form["url"], data=form["fields"], files=files)

    def upload(self, data: bytes, suffix: str = ".png") -> dict[str, str]:
        """Upload a file with the client library; return it as the source of a task.

        Raises:
            ApiError, Unreachable: as `Darkroom.upload`.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, f"source{suffix}")
            file.write_bytes(data)
            upload_id = self.client.upload(file)
        self.uploaded(upload_id)
        return {"uploadId": upload_id}

    def uploaded(self, upload_id: str) -> None:
        """Remember an upload that the client library has sent. Raises as `request`."""
        self.created.objects.append(f"{self._folder}/{upload_id}")

    @cached_property
    def _folder(self) -> str:
        """The folder of the caller's uploads in the bucket."""
        key: str = self.form("image/png")["fields"]["key"]
        return key.rpartition("/")[0]

    def completed(self) -> Task:
        """Return the first task.

        Raises:
            NotChecked: it was not COMPLETED.
        """
        if self.first is None:
            raise NotChecked("it needs a task that is COMPLETED")
        return self.first

    def require_not_stuck(self) -> None:
        """Raise NotChecked if no task ends on this stack."""
        if self.stuck:
            raise NotChecked(STUCK)

    def ended(self, tasks: Sequence[Task]) -> list[Task]:
        """Wait until tasks have ended; return them in the same order.

        Raises:
            Broken: one has not ended in time. If none has, the stack is `stuck`.
            NotChecked: the stack is `stuck`.
        """
        self.require_not_stuck()
        ids = [task["taskId"] for task in tasks]
        seconds = self.left(TASK_SECONDS)
        found = self.client.wait(ids, seconds)
        late = [task for task in found.values() if not ended(task)]
        if late:
            self.stuck = len(late) == len(found)
            raise Broken(f"an end within {seconds:.0f} s", _unended(late[0]))
        return [found[task_id] for task_id in ids]

    def until(
        self, expected: str, seconds: float, look: Callable[[], tuple[T | None, object]]
    ) -> T:
        """Look again and again until there is a value; return it.

        Args:
            expected: what is waited for, for the message.
            seconds: the time limit.
            look: returns the value or None, and what was seen.

        Raises:
            Broken: there is none in time.
        """
        deadline = time.monotonic() + self.left(seconds)
        while True:
            value, seen = look()
            if value is not None:
                return value
            if time.monotonic() >= deadline:
                raise Broken(f"{expected} within {seconds:.0f} s", seen)
            time.sleep(PAUSE)

    def remove(self) -> str:
        """Delete all that the test has created; return how many of each.

        Raises:
            ApiError, BotoCoreError, ClientError: something could not be deleted.
        """
        created, outputs = self.created, self.stack.outputs
        for batch_id in created.batches:
            with contextlib.suppress(ApiError):  # 409: it has ended
                self.client.batches.cancel(batch_id)
            created.tasks += [task["taskId"] for task in self.client.batches.tasks(batch_id)]
        for task_id in created.tasks:
            if not ended(self.client.task(task_id)):
                with contextlib.suppress(ApiError):  # 409: it has just ended
                    self.client.cancel(task_id)
        table = self.stack.client("dynamodb")
        for task_id in created.tasks:
            key = {"taskId": {"S": task_id}}
            record = table.delete_item(
                TableName=outputs["TableName"], Key=key, ReturnValues="ALL_OLD"
            )
            # The API stores the picture of a data URL like an upload.
            source = record.get("Attributes", {}).get("source", {}).get("M", {})
            if "object" in source:
                upload = source["object"]["S"]
                created.objects.append(upload)
                uses = {"taskId": {"S": f"{USES}{upload}"}}
                table.delete_item(TableName=outputs["TableName"], Key=uses)
        for batch_id in created.batches:
            table.delete_item(TableName=outputs["BatchTableName"], Key={"batchId": {"S": batch_id}})
        objects = sum(map(self._delete_objects, self._prefixes()))
        return (
            f"deleted {len(created.tasks)} tasks, {len(created.batches)} batches, {objects} "
            "objects; executions, logs, metrics and traces expire"
        )

    def _prefixes(self) -> list[str]:
        return [
            *sorted(set(self.created.objects)),
            *(f"work/{task_id}/" for task_id in self.created.tasks),
            *(f"results/{task_id}/" for task_id in self.created.tasks),
            *(f"batches/{batch_id}/" for batch_id in self.created.batches),
        ]

    def _delete_objects(self, prefix: str) -> int:
        bucket, s3 = self.stack.outputs["BucketName"], self.stack.client("s3")
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        for entry in found:
            s3.delete_object(Bucket=bucket, Key=entry["Key"])
        return len(found)


def data_url(data: bytes, media_type: str) -> dict[str, str]:
    """Return a picture as the source of a task, inside the request."""
    return {"imageUrl": f"data:{media_type};base64,{base64.b64encode(data).decode()}"}


def _unended(task: Task) -> str:
    if task["status"] == "PENDING":
        return "PENDING: nothing has started its execution (task queue, dispatch, state machine)"
    execution = task["execution"]
    return f"{task['status']}: its execution does not end ({execution and execution['arn']})"
