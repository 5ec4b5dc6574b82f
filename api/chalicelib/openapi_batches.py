"""The paths of batches in the description of the API."""

from chalicelib.batch_models import BatchTasksQuery, NewBatch
from chalicelib.batch_responses import Batch
from chalicelib.examples import (
    BATCH,
    BATCH_AGAIN,
    BATCH_ENDED,
    BATCH_FAILED,
    BATCH_READING,
    BATCH_STOPPED,
    BATCH_TAKEN,
    ID,
    NEW_BATCHES,
    OF_BATCH,
    ROOT,
)
from chalicelib.openapi_parts import (
    CURRENT,
    IDEMPOTENCY_KEY,
    KNOWN,
    REPLAYED,
    WAITING,
    Json,
    answer,
    body,
    location,
    operation,
    path_id,
    query,
)
from chalicelib.responses import TaskList


def batch_paths() -> Json:
    """Return the paths of batches, as OpenAPI has them."""
    place = location(f"{ROOT}/batches/{ID}")
    taken = {"With its sources": BATCH_TAKEN, "While it is being read": BATCH_READING}
    shown = {"Under way": BATCH, "Developed": BATCH_ENDED, "Failed": BATCH_FAILED}
    again, stopped = {"Tried again": BATCH_AGAIN}, {"Cancelled": BATCH_STOPPED}
    batch_id = path_id("batchId", "The id of a batch, as `POST /batches` answered it")
    return {
        "/batches": {
            "post": operation(
                "submitBatch",
                "Take a batch of tasks",
                "Its items are those that are sent, up to 1,000, or the lines of a manifest, or "
                "the objects under a prefix, up to two million. Each becomes a task like any "
                "other, with an execution, a cancel, a retry and a webhook of its own; none tells "
                "of the batch. A line that is no source is a task that FAILED. With an "
                "`Idempotency-Key` the request may safely be sent again.",
                {
                    "202": answer(
                        "The batch", Batch, taken, **place, **{"Idempotent-Replayed": REPLAYED}
                    )
                },
                "InvalidSource-batch InvalidIdempotencyKey UploadNotFound IdempotencyConflict",
                parameters=[IDEMPOTENCY_KEY],
                **body(NewBatch, NEW_BATCHES),
            ),
        },
        "/batches/{batchId}": {
            "parameters": [batch_id],
            "get": operation(
                "showBatch",
                "Show a batch, its tasks counted",
                "Counts are of this moment. What is not there yet counts as PENDING as soon as "
                "the total is known.",
                {"200": answer("The batch", Batch, shown, **WAITING)} | CURRENT,
                "BatchNotFound NotFound",
                parameters=[KNOWN],
            ),
        },
        "/batches/{batchId}/tasks": {
            "parameters": [batch_id],
            "get": operation(
                "listBatch",
                "List the tasks of a batch in the order of its manifest",
                "A batch that has just been taken may have none yet. A page may be short, or "
                "empty, and still have a cursor.",
                {"200": answer("A page", TaskList, {"Two tasks": OF_BATCH}, **WAITING)} | CURRENT,
                "InvalidRequest InvalidCursor BatchNotFound NotFound",
                parameters=[*query(BatchTasksQuery), KNOWN],
            ),
        },
        "/batches/{batchId}/retry": {
            "parameters": [batch_id],
            "post": operation(
                "retryBatch",
                "Try the tasks of a batch again that FAILED or were CANCELLED",
                "Of a batch that has ended. What is COMPLETED stays as it is, and what was never "
                "entered is entered now.",
                {"202": answer("The batch", Batch, again, **place)},
                "BatchNotFound NotFound NotRetryable-batch",
            ),
        },
        "/batches/{batchId}/cancel": {
            "parameters": [batch_id],
            "post": operation(
                "cancelBatch",
                "Cancel a batch and what is open of it",
                "The batch is CANCELLED at once, its tasks within seconds.",
                {"202": answer("The batch", Batch, stopped, **place)},
                "BatchNotFound NotFound NotCancellable-batch",
            ),
        },
    }
