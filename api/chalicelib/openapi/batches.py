"""The operations of batches."""

from chalicelib import examples
from chalicelib.batch_models import BatchListQuery, BatchTasksQuery, NewBatch
from chalicelib.batch_responses import Batch, BatchList
from chalicelib.examples import ID, ROOT
from chalicelib.openapi import deletions
from chalicelib.openapi.parts import (
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
from chalicelib.responses import TaskList


def paths() -> Json:
    """Return the operations by path and method."""
    place = location(f"{ROOT}/batches/{ID}")
    accepted = {
        "With its sources": examples.BATCH_ACCEPTED,
        "While it is being read": examples.BATCH_READING,
    }
    shown = {
        "Running": examples.BATCH,
        "Completed": examples.BATCH_COMPLETED,
        "Failed": examples.BATCH_FAILED,
    }
    retried, cancelled = (
        {"Retried": examples.BATCH_RETRIED},
        {"Cancelled": examples.BATCH_CANCELLED},
    )
    tasks = {"Two tasks": examples.BATCH_TASKS}
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
                "InvalidSource-batch InvalidIdempotencyKey UploadNotFound IdempotencyConflict "
                "AlreadyDeleted",
                parameters=[IDEMPOTENCY_KEY],
                **body(NewBatch, examples.NEW_BATCHES),
            ),
            "get": operation(
                "listBatches",
                "List the caller's batches, newest first",
                "The tasks of the batches are not counted: `GET /batches/{batchId}` does that. A "
                "page may be short, or empty, and still have a cursor.",
                {"200": answer("A page", BatchList, **CACHE_HEADERS)} | NOT_MODIFIED,
                "InvalidRequest InvalidCursor",
                parameters=[*query(BatchListQuery), IF_NONE_MATCH],
            ),
        },
        "/batches/{batchId}": {
            "parameters": [batch_id],
            "get": operation(
                "showBatch",
                "Show a batch and its task counts",
                "The counts of a batch with up to 50,000 tasks are current. The tasks of a larger "
                "one are counted by its execution: every minute or two at first, later at least "
                "every hour. Until the first time, its first tasks are counted. Once the total is "
                "known, tasks that do not exist yet, or were not counted yet, count as PENDING. A "
                "batch that is being deleted is shown with `deletionRequestedAt` until it is gone.",
                {"200": answer("The batch", Batch, shown, **CACHE_HEADERS)} | NOT_MODIFIED,
                "BatchNotFound NotFound",
                parameters=[IF_NONE_MATCH],
            ),
            "delete": deletions.delete_batch(),
        },
        "/batches/{batchId}/tasks": {
            "parameters": [batch_id],
            "get": operation(
                "listBatchTasks",
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
