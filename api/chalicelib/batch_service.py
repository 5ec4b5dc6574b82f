"""Accepts, retries, cancels and deletes batches: stores the item, then starts an execution."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import Problem
from chalicelib.task_service import new_id, replay, request_digest
from darkroom.aws.s3 import (
    Bucket,
    files_of_batch,
    import_key,
    manifest_key,
    upload_key,
    uploaded_manifest_key,
)
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.manifests import encode
from darkroom.batches.model import (
    CANCELLING,
    INDEX_DELAY_SECONDS,
    cancelling_order,
    deleting_name,
    deleting_order,
    execution_name,
    is_deleting,
    order,
)
from darkroom.batches.store import BatchStore
from darkroom.errors import SourceNotFound
from darkroom.runtime.logging import logger
from darkroom.tasks.store import Item

if TYPE_CHECKING:
    from chalicelib.batch_models import NewBatch


@dataclass(frozen=True)
class BatchService:
    """Accepts, retries, cancels and deletes batches."""

    store: BatchStore
    bucket: Bucket
    machine: StateMachine
    """The state machine of batches."""

    def submit(self, owner: str, new: "NewBatch", key: str | None) -> tuple[Item, bool]:
        """Store a batch and start its execution; return it and whether it existed already.

        If the start fails, the batch is accepted nevertheless: reconcile starts it within minutes.

        Raises:
            Problem: 400, the key is not well formed; 404, there is no such upload; 409, the key
                belongs to another request.
        """
        batch_id = new_id(owner, key, "batch ")
        if key and (existing := self.store.get(batch_id)):
            return replay(existing, new), True
        attributes: dict[str, Any] = {
            "manifest": self._store_manifest(owner, batch_id, new),
            "output": new.output.model_dump(),
            "toleratedFailurePercentage": new.toleratedFailurePercentage,
            "request": request_digest(new),
        }
        if new.sources is not None:
            attributes["total"] = len(new.sources)
        if new.name is not None:
            attributes["name"] = new.name
        item, created = self.store.create(batch_id, owner, attributes)
        if not created and key:  # a concurrent request with this key was first
            return replay(item, new), True
        if key and self.store.was_deleted(batch_id):
            # Read after the write, so that a deletion before this request is always found.
            self.store.retract(item)
            self.bucket.erase(files_of_batch(batch_id))
            raise Problem.known("AlreadyDeleted")
        self._start(item)
        return item, False

    def cancel(self, item: Item) -> Item:
        """Cancel a batch and return it. A second execution cancels its open tasks.

        Raises:
            Problem: 409, the batch has ended.
        """
        cancelled = self.store.end("cancel", item)
        if cancelled is None:
            raise Problem.known("NotCancellable-batch")
        self._stop(execution_name(item["batchId"], item["run"]), "The batch was cancelled.")
        name = execution_name(item["batchId"], item["run"], CANCELLING)
        self._try("not started", lambda: self.machine.start(name, cancelling_order(cancelled)))
        return cancelled

    def retry(self, item: Item) -> Item:
        """Retry the FAILED and CANCELLED tasks of a batch, and return the batch.

        Raises:
            Problem: 409, the batch has not ended, or is being deleted.
        """
        settled = "active" not in item
        retried = self.store.retry(item, 0 if settled else INDEX_DELAY_SECONDS)
        if retried is None:
            if is_deleting(self.store.get(item["batchId"]) or item):
                message = "This batch is being deleted, so it cannot be retried."
                raise Problem(409, "NotRetryable", message)
            raise Problem.known("NotRetryable-batch")
        if not settled:
            old = execution_name(item["batchId"], item["run"], CANCELLING)
            self._stop(old, "The batch is being retried.")
        self._start(retried)
        return retried

    def delete(self, item: Item) -> Item:
        """Begin to delete a batch that has ended, and return it. A second execution does the work.

        If it is being deleted already, nothing changes.

        Raises:
            Problem: 409, the batch is RUNNING.
        """
        if is_deleting(item):
            return item
        deleting = self.store.begin_deletion(item)
        if deleting is None:
            current = self.store.get(item["batchId"])
            if current and is_deleting(current):
                return current  # another request was first
            raise Problem.known("NotDeletable-batch")
        name, deletion = deleting_name(deleting), deleting_order(deleting)
        self._try("not started", lambda: self.machine.start(name, deletion))
        return deleting

    def _store_manifest(self, owner: str, batch_id: str, new: "NewBatch") -> dict[str, str]:
        """Store the items that were sent or uploaded; return their location and how to read them.

        An upload is copied, because its form can replace the file until the form expires. A batch's
        items never change after the batch was accepted.
        """
        entries = manifest_key(batch_id)
        if new.sources is not None:
            texts = [source.model_dump_json(exclude_unset=True) for source in new.sources]
            lines = [encode({"line": number, "text": text}) for number, text in enumerate(texts, 1)]
            self.bucket.put(entries, b"".join(lines), "application/x-ndjson")
            return {"reader": "lines", "key": entries}
        if new.manifest is not None:
            uploaded = uploaded_manifest_key(batch_id)
            upload = upload_key(owner, new.manifest.uploadId)
            try:
                self.bucket.copy(upload, uploaded, "The upload")
            except SourceNotFound as error:
                raise Problem.known("UploadNotFound") from error
            form = {"uploaded": uploaded, "format": new.manifest.format, "upload": upload}
            return {"reader": "manifest", "key": entries, **form}
        return {"reader": "objects", "key": import_key(owner, new.s3Prefix or "")}

    def _start(self, item: Item) -> None:
        name = execution_name(item["batchId"], item["run"])
        self._try("not started", lambda: self.machine.start(name, order(item)))

    def _stop(self, name: str, cause: str) -> None:
        execution = self.machine.arn_of(name)
        self._try("not stopped", lambda: self.machine.stop(execution, cause, "BatchOver"))

    def _try(self, failure: str, call: Callable[[], object]) -> None:
        """Call Step Functions and log a failure. Reconcile repairs it from the stored item."""
        try:
            call()
        except (BotoCoreError, ClientError) as error:
            logger.warning(f"an execution was {failure}", reason=str(error))
