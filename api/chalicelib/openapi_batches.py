"""The paths of batches in the OpenAPI document."""

from chalicelib.batch_models import BatchTasksQuery, NewBatch
from chalicelib.examples import (
    BATCH,
    BATCH_ACCEPTED,
    BATCH_CANCELLED,
    BATCH_COMPLETED,
    BATCH_FAILED,
    BATCH_READING,
    BATCH_RETRIED,
    BATCH_TASKS,
    ID,
    NEW_BATCHES,
    ROOT,
)
from chalicelib.openapi_parts import (
    CACHE_HEADERS,
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    NOT_MODIFIED,
    REPLAYED,
    Json,
    answer,
    body,
    location,
    operation,
    path_id,
    query,
)
from chalicelib.responses import Batch, TaskList


def batch_paths() -> Json:
    """Return the OpenAPI paths of batches."""
    place = location(f"{ROOT}/batches/{ID}")
    accepted = {"With its sources": BATCH_ACCEPTED, "While it is being read": BATCH_READING}
    shown = {"Running": BATCH, "Completed": BATCH_COMPLETED, "Failed": BATCH_FAILED}
    retried, cancelled = {"Retried": BATCH_RETRIED}, {"Cancelled": BATCH_CANCELLED}
    tasks = {"Two tasks": BATCH_TASKS}
    batch_id = path_id("batchId", "The id of a batch, from `POST /batches`")
    return {
        "/batches": {
            "post": operation(
                "submitBatch",
                "Submit a batch of tasks",
                "The items are up to 1,000 `sources` in the body, or up to two million lines of a "
                "manifest or objects under a prefix. Each item becomes an ordinary task, with its "
                "own execution, cancel, retry and webhook; the batch itself has no webhook. An "
                "invalid line becomes a FAILED task. With an `Idempotency-Key` it is safe to send "
                "the request again.",
                {
                    "202": answer(
                        "The batch", Batch, accepted, **place, **{"Idempotent-Replayed": REPLAYED}
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
                "Show a batch and its task counts",
                "The counts are current. Once the total is known, tasks that do not exist yet "
                "count as PENDING.",
                {"200": answer("The batch", Batch, shown, **CACHE_HEADERS)} | NOT_MODIFIED,
                "BatchNotFound NotFound",
                parameters=[IF_NONE_MATCH],
            ),
        },
        "/batches/{batchId}/tasks": {
            "parameters": [batch_id],
            "get": operation(
                "listBatch",
                "List the tasks of a batch in the order of its manifest",
                "A batch that was just accepted may have no tasks yet. A page may be short, or "
                "empty, and still have a cursor.",
                {"200": answer("A page", TaskList, tasks, **CACHE_HEADERS)} | NOT_MODIFIED,
                "InvalidRequest InvalidCursor BatchNotFound NotFound",
                parameters=[*query(BatchTasksQuery), IF_NONE_MATCH],
            ),
        },
        "/batches/{batchId}/retry": {
            "parameters": [batch_id],
            "post": operation(
                "retryBatch",
                "Retry the FAILED and CANCELLED tasks of a batch",
                "The batch must have ended. COMPLETED tasks stay as they are. Items that have no "
                "task yet are ingested now.",
                {"202": answer("The batch", Batch, retried, **place)},
                "BatchNotFound NotFound NotRetryable-batch",
            ),
        },
        "/batches/{batchId}/cancel": {
            "parameters": [batch_id],
            "post": operation(
                "cancelBatch",
                "Cancel a batch and its open tasks",
                "The batch is CANCELLED at once, its open tasks within seconds.",
                {"202": answer("The batch", Batch, cancelled, **place)},
                "BatchNotFound NotFound NotCancellable-batch",
            ),
        },
    }
