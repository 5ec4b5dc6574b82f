"""Accepts, retries, cancels and deletes tasks: stores the item, then enqueues its order."""

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import Problem
from darkroom.aws.s3 import Bucket, upload_key
from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.store import BatchStore
from darkroom.errors import SourceError, SourceTooLarge, StaleAttempt
from darkroom.events.model import webhook_order
from darkroom.runtime.logging import logger
from darkroom.sources import data_urls
from darkroom.tasks.commands import cancel
from darkroom.tasks.erasure import Eraser, RefusedTogether
from darkroom.tasks.model import Status, message_group, order
from darkroom.tasks.store import Item, TaskStore, task_at_refusal

if TYPE_CHECKING:
    from pydantic import BaseModel

    from chalicelib.models import NewTask

# The namespace of ids that are made from an idempotency key. The same caller and key give the same
# id (RFC 9562, 5.5), so that one conditional put decides a race.
NAMESPACE = uuid.UUID("6f1d5a0e-5c1b-4d4e-9c55-1f0a3f2f6d10")
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True)
class TaskService:
    """Accepts, retries, cancels and deletes tasks."""

    store: TaskStore
    bucket: Bucket
    queue: Queue
    machine: StateMachine
    callbacks: Queue
    eraser: Eraser
    batches: BatchStore
    max_source_bytes: int

    def submit(self, owner: str, new: "NewTask", key: str | None) -> tuple[Item, bool]:
        """Store and enqueue a task; return it and whether it existed already.

        Args:
            owner: the caller.
            new: the body of the request.
            key: the idempotency key, if one was sent. The same key and request always return the
                same task, in its current status.

        Raises:
            Problem: 400, the key or a data URL is not well formed; 409, the key belongs to another
                request; 413, the data URL is too large.
        """
        task_id = new_id(owner, key)
        if key and (existing := self.store.get(task_id)):
            return replay(existing, new), True
        attributes: dict[str, Any] = {
            "source": self._store_source(owner, new),
            "output": new.output.model_dump(),
            "request": request_digest(new),
        }
        for name in ("name", "callbackUrl"):
            if (value := getattr(new, name)) is not None:
                attributes[name] = value
        self.eraser.uses.add(attributes["source"])
        item, created = self.store.create(task_id, owner, attributes)
        if not created and key:  # a concurrent request with this key was first
            self.eraser.drop_source(attributes["source"])
            return replay(item, new), True
        if key and self.store.was_deleted(task_id):
            # Read after the write, so that a deletion before this request is always found.
            self.eraser.retract(item)
            raise Problem.known("AlreadyDeleted")
        # Without a key it exists only if the SDK retried this put, and the first one had succeeded.
        self._enqueue(item)
        return item, False

    def retry(self, item: Item, attempt: int | None) -> Item:
        """Begin a new attempt of a task and return it.

        Args:
            item: the task.
            attempt: the attempt to retry; `None`: the last one.

        Raises:
            Problem: 409, the task is not FAILED or CANCELLED, or is in another attempt now.
        """
        if attempt not in {None, item["attempt"]}:
            message = (
                f"The task is in attempt {item['attempt']}, not in attempt {attempt}. "
                "GET the task again."
            )
            raise Problem(409, "NotRetryable", message, "attempt")
        try:
            retried = self.store.retry(item["taskId"], item["attempt"])
        except StaleAttempt as error:
            rule = "Only a FAILED or CANCELLED task can be retried"
            raise _conflict("NotRetryable", rule, item, error) from error
        self._enqueue(retried)
        return retried

    def cancel(self, item: Item) -> Item:
        """Cancel a task, stop its execution, and return it.

        Raises:
            Problem: 409, the task has ended.
        """
        task_id, attempt = item["taskId"], item["attempt"]
        try:
            return cancel(self.store, self.machine, task_id, attempt)
        except StaleAttempt as error:
            rule = "Only a PENDING or RUNNING task can be cancelled"
            raise _conflict("NotCancellable", rule, item, error) from error

    def send_callback(self, item: Item) -> Item:
        """Queue the webhook of a task that has ended once more, and return the task.

        It has the same id and content as before, so that a receiver recognizes a duplicate. It is
        tried as often as a new one.

        Raises:
            Problem: 409, the task has no `callbackUrl`, or has not ended.
        """
        if "callbackUrl" not in item:
            raise Problem.known("NoCallback")
        if not Status(item["status"]).terminal:
            message = f"A webhook is sent when the task has ended; this one is {item['status']}."
            raise Problem(409, "NotEnded", message)
        self.callbacks.send(webhook_order(item), message_group(item))
        return item

    def delete(self, item: Item) -> None:
        """Delete a task that has ended, with its files. See `darkroom.tasks.erasure`.

        Raises:
            Problem: 409, the task or its batch has not ended, or both change at this moment.
        """
        if not Status(item["status"]).terminal:
            rule = "Only a task that has ended can be deleted"
            message = f"{rule}; this one is {item['status']}. Cancel it first."
            raise Problem(409, "NotDeletable", message)
        if item["status"] == Status.CANCELLED and "execution" in item:
            # The cancel may have failed to do so. What still runs would write files.
            self.machine.stop(item["execution"], f"Task {item['taskId']} was deleted.")
        batch_id = item.get("batchId")
        also = self.batches.item_deletion(batch_id) if batch_id else []
        try:
            self.eraser.erase(item, also)
        except StaleAttempt as error:
            message = "The task has changed in the meantime. GET the task again."
            raise Problem(409, "NotDeletable", message) from error
        except RefusedTogether as error:
            raise Problem.known("BatchNotEnded") from error

    def _enqueue(self, item: Item) -> None:
        """Enqueue the order of a task. If that fails, the task is accepted nevertheless.

        It stays PENDING without a message, and reconcile enqueues it within minutes. An error
        response would be wrong, because the task will be processed.
        """
        try:
            self.queue.send(order(item), message_group(item))
        except (BotoCoreError, ClientError) as error:
            logger.warning(
                "a task was not queued", correlation_id=item["taskId"], reason=str(error)
            )

    def _store_source(self, owner: str, new: "NewTask") -> dict[str, str]:
        """Return the source of a task. The bytes of a data URL are stored in the bucket."""
        if new.uploadId is not None:
            return {"object": upload_key(owner, new.uploadId)}
        url = new.imageUrl or ""
        if not data_urls.is_data_url(url):
            return {"imageUrl": url}
        try:
            shown, data = data_urls.decode(url, self.max_source_bytes)
        except SourceTooLarge as error:
            raise Problem(413, "SourceTooLarge", str(error), "imageUrl") from error
        except SourceError as error:
            raise Problem(400, "InvalidSource", str(error), "imageUrl") from error
        key = upload_key(owner, str(uuid.uuid4()))
        self.bucket.put(key, data, "application/octet-stream")
        return {"imageUrl": shown, "object": key}


def _conflict(code: str, rule: str, read: Item, error: StaleAttempt) -> Problem:
    """Return the error for a change that the task no longer allows. `read` is the item read."""
    now = {**read, **task_at_refusal(error)}
    if now["attempt"] != read["attempt"]:
        message = f"Attempt {now['attempt']} has begun in the meantime. GET the task again."
        return Problem(409, code, message)
    return Problem(409, code, f"{rule}; this one is {now['status']}.")


def new_id(owner: str, key: str | None, kind: str = "") -> str:
    """Return the id for a new task or batch: always the same for one caller, key and kind.

    Raises:
        Problem: 400, the key is not well formed.
    """
    if key is None:
        return str(uuid.uuid4())
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Problem.known("InvalidIdempotencyKey")
    # A key has no space. So a kind, which ends in one, never makes it equal to another key.
    return str(uuid.uuid5(NAMESPACE, f"{owner}\n{kind}{key}"))


def request_digest(new: "BaseModel") -> str:
    """Return a digest that is the same for requests with the same meaning only.

    It omits values that are the default. So it does not change when a later version of the API adds
    a field that has one.
    """
    given = new.model_dump(mode="json", exclude_defaults=True)
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()


def earlier_digest(new: "BaseModel") -> str:
    """Return the digest as releases before December 2026 stored it, with all values."""
    return hashlib.sha256(new.model_dump_json().encode()).hexdigest()


def replay(item: Item, new: "BaseModel") -> Item:
    """Return the item that an earlier request with the same key created.

    Raises:
        Problem: 409, the earlier request was different.
    """
    if item.get("request") not in {request_digest(new), earlier_digest(new)}:
        raise Problem.known("IdempotencyConflict")
    return item
