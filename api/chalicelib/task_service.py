"""Where tasks are taken, and tried again: the item stored, the order queued."""

import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import Problem
from darkroom.aws.s3 import Bucket, upload_key
from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.errors import SourceError, SourceTooLarge, StaleAttempt
from darkroom.runtime.logging import logger
from darkroom.sources import data_urls as dataurls
from darkroom.tasks.commands import cancel
from darkroom.tasks.model import order
from darkroom.tasks.store import Item, TaskExists, TaskStore, task_at_refusal

if TYPE_CHECKING:
    from pydantic import BaseModel

    from chalicelib.models import NewTask

# Ids of tasks with an idempotency key are made in this namespace: the same caller and key give the
# same id (RFC 9562, 5.5), so that one conditional put decides a race.
NAMESPACE = uuid.UUID("6f1d5a0e-5c1b-4d4e-9c55-1f0a3f2f6d10")
KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True)
class TaskService:
    """Takes tasks."""

    store: TaskStore
    bucket: Bucket
    queue: Queue
    machine: StateMachine
    max_source_bytes: int

    def submit(self, owner: str, new: "NewTask", key: str | None) -> tuple[Item, bool]:
        """Store and queue a task; return it and whether it was there already.

        Args:
            owner: the caller.
            new: what was sent.
            key: the idempotency key, if one was sent. The same key and request again give the same
                task, whatever has become of it.

        Raises:
            Problem: 400, the key or a data URL is not well formed; 409, the key belongs to another
                request; 413, the data URL is too large.
        """
        task_id = new_id(owner, key)
        digest = digest_of(new)
        if key and (there := self.store.get(task_id)):
            return same(there, digest), True
        attributes: dict[str, Any] = {
            "source": self._put_away(owner, new),
            "output": new.output.model_dump(),
            "request": digest,
        }
        for name in ("name", "callbackUrl"):
            if (given := getattr(new, name)) is not None:
                attributes[name] = given
        try:
            item = self.store.create(task_id, owner, attributes)
        except TaskExists as exists:
            if key:  # another request with this key was first
                return same(exists.item, digest), True
            item = exists.item  # the SDK sent this very put twice
        self._queue(item)
        return item, False

    def retry(self, item: Item, attempt: int | None) -> Item:
        """Begin a new attempt of a task and return it.

        Args:
            item: the task.
            attempt: the one that is to be tried again; `None`: the last one.

        Raises:
            Problem: 409, the task is not FAILED or CANCELLED, or in another attempt by now.
        """
        if attempt not in {None, item["attempt"]}:
            message = (
                f"The task is in attempt {item['attempt']}, not in {attempt}. Look at it again."
            )
            raise Problem(409, "NotRetryable", message, "attempt")
        try:
            fresh = self.store.retry(item["taskId"], item["attempt"])
        except StaleAttempt as error:
            sentence = "Only a FAILED or CANCELLED task can be tried again"
            raise _conflict("NotRetryable", sentence, item, error) from error
        self._queue(fresh)
        return fresh

    def cancel(self, item: Item) -> Item:
        """Cancel a task, stop its execution, and return it.

        Raises:
            Problem: 409, the task has ended.
        """
        task_id, attempt = item["taskId"], item["attempt"]
        try:
            return cancel(self.store, self.machine, task_id, attempt)
        except StaleAttempt as error:
            sentence = "Only a PENDING or RUNNING task can be cancelled"
            raise _conflict("NotCancellable", sentence, item, error) from error

    def _queue(self, item: Item) -> None:
        """Send the order of a task. If that fails, the task is accepted all the same.

        It stays PENDING without a message, and reconcile queues it again within minutes: to answer
        with an error would be to lie about a task that will be done.
        """
        try:
            self.queue.send(order(item))
        except (BotoCoreError, ClientError) as error:
            logger.warning(
                "a task was not queued", correlation_id=item["taskId"], reason=str(error)
            )

    def _put_away(self, owner: str, new: "NewTask") -> dict[str, str]:
        """Return the source of a task. The bytes of a data URL go to the bucket, not the table."""
        if new.uploadId is not None:
            return {"object": upload_key(owner, new.uploadId)}
        url = new.imageUrl or ""
        if not dataurls.is_data_url(url):
            return {"imageUrl": url}
        try:
            shown, data = dataurls.decode(url, self.max_source_bytes)
        except SourceTooLarge as error:
            raise Problem(413, "SourceTooLarge", str(error), "imageUrl") from error
        except SourceError as error:
            raise Problem(400, "InvalidSource", str(error), "imageUrl") from error
        key = upload_key(owner, str(uuid.uuid4()))
        self.bucket.put(key, data, "application/octet-stream")
        return {"imageUrl": shown, "object": key}


def _conflict(code: str, sentence: str, read: Item, error: StaleAttempt) -> Problem:
    """Return the answer to a change that the task, which was `read` before, does not allow now."""
    now = {**read, **task_at_refusal(error)}
    if now["attempt"] != read["attempt"]:
        message = f"Attempt {now['attempt']} has begun meanwhile. Look at the task again."
        return Problem(409, code, message)
    return Problem(409, code, f"{sentence}; it is {now['status']}.")


def new_id(owner: str, key: str | None, kind: str = "") -> str:
    """Return the id of what a request makes: always the same for one caller, key and kind.

    Raises:
        Problem: 400, the key is not well formed.
    """
    if key is None:
        return str(uuid.uuid4())
    if not KEY.fullmatch(key):
        message = "An idempotency key has 1 to 255 printable ASCII characters and no space."
        raise Problem(400, "InvalidIdempotencyKey", message, "Idempotency-Key")
    # A key has no space, so a kind before one is no other key.
    return str(uuid.uuid5(NAMESPACE, f"{owner}\n{kind}{key}"))


def digest_of(new: "BaseModel") -> str:
    """Return what tells one request from another."""
    return hashlib.sha256(new.model_dump_json().encode()).hexdigest()


def same(item: Item, digest: str) -> Item:
    """Return what an earlier request of the same key has made.

    Raises:
        Problem: 409, it was another request.
    """
    if item.get("request") != digest:
        message = "This idempotency key belongs to another request. Use a new key for a new task."
        raise Problem(409, "IdempotencyConflict", message, "Idempotency-Key")
    return item
