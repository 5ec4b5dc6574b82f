"""The operations that delete tasks and batches, and those of webhooks, for `document`."""

from chalicelib import examples
from chalicelib.batch_responses import Batch
from chalicelib.examples import ID, ROOT
from chalicelib.openapi.parts import Json, answer, location, operation
from chalicelib.responses import CallbackSecret, Task


def delete_task() -> Json:
    """Return `DELETE /tasks/{taskId}`."""
    return operation(
        "deleteTask",
        "Delete a task",
        "Deletes the record, the result and the source of a task that has ended, at once. Links to "
        "the result stop working, and a webhook that is waiting is not sent. An upload is deleted "
        "with the last task that uses it. A second DELETE is a 404. The idempotency key of a "
        "deleted task cannot be used again for 90 days.",
        {"204": {"description": "The task is gone"}},
        "TaskNotFound NotFound NotDeletable BatchNotEnded",
    )


def delete_batch() -> Json:
    """Return `DELETE /batches/{batchId}`."""
    return operation(
        "deleteBatch",
        "Delete a batch and its tasks",
        "Deletes all tasks of a batch that has ended, one after the other, then its manifest and "
        "the batch. Until the batch is gone, GET is a 200 in which `deletionRequestedAt` is set "
        "and `deleted` shows the progress, and a second DELETE changes nothing; then both are a "
        "404. A deletion cannot be stopped. The idempotency key of a deleted batch cannot be used "
        "again for 90 days.",
        {
            "202": answer(
                "The batch",
                Batch,
                {"Being deleted": examples.BATCH_DELETING},
                **location(f"{ROOT}/batches/{ID}"),
            )
        },
        "BatchNotFound NotFound NotDeletable-batch",
    )


def send_callback() -> Json:
    """Return `POST /tasks/{taskId}/callback`."""
    return operation(
        "sendCallback",
        "Send the webhook of a task again",
        "For a task that has ended and has a `callbackUrl`. The webhook has the same `webhook-id` "
        "and body as before, so that the receiver can recognize a duplicate.",
        {
            "202": answer(
                "The task",
                Task,
                {"Not delivered yet": examples.FAILED_TOLD},
                **location(f"{ROOT}/tasks/{ID}"),
            )
        },
        "TaskNotFound NotFound NoCallback NotEnded",
    )


def rotate_secret() -> Json:
    """Return `POST /callback-secret/rotate`."""
    return operation(
        "rotateCallbackSecret",
        "Change the secret that signs the caller's webhooks",
        "Returns the new secret. For a day each webhook has two signatures, by the new and by the "
        "earlier secret; after that only the one by the new secret.",
        {"200": answer("The new secret", CallbackSecret, {"Rotated": examples.ROTATED_SECRET})},
        "TooManyRotations",
    )
