"""The OpenAPI 3.1 document of this API, made from the models that validate requests.

`make describe` writes it to `docs/openapi.json`. The page's function serves that file, so no
function imports this module. `tests/contract/api/test_openapi.py` compares the document with the
routes, and `tests/integration/callers/test_openapi_live.py` with the responses of the running API.
"""

from typing import TYPE_CHECKING

from chalicelib import error_catalog, examples
from chalicelib.examples import ID, ROOT
from chalicelib.history.responses import TaskHistory, TaskLogs
from chalicelib.models import HistoryQuery, ListQuery, NewAttempt, NewTask, NewUpload
from chalicelib.openapi import batches, deletions
from chalicelib.openapi.parts import (
    CACHE_HEADERS,
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    NOT_MODIFIED,
    REPLAYED,
    TAGS,
    Json,
    answer,
    body,
    location,
    operation,
    path_id,
    query,
    tagged,
    webhook,
)
from chalicelib.openapi.schemas import schemas_of
from chalicelib.responses import (
    CallbackSecret,
    Description,
    ErrorResponse,
    Health,
    Task,
    TaskList,
    Upload,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

DESCRIPTION = """\
Develops images in the background: submit a task, poll its status, download its gray image. \
A batch holds many images.

Requests and responses are JSON in UTF-8. A request may have up to 6 MB. Unknown fields are \
refused. A request body may be compressed with `Content-Encoding: gzip` or `deflate`. Responses of \
1 kB or more are compressed for clients that accept it.

No request waits for a task. Poll instead: every response with tasks has an `ETag`, and a request \
with `If-None-Match` gets 304 while nothing has changed. `Retry-After` says when to poll again. \
Alternatively, send a `callbackUrl` to receive a webhook when the task has ended.

Every error response says what to do: `code` is for programs, `message` for people. \
HEAD works wherever GET does. A path that does not support a method responds with 405 and `Allow`.\
"""
NO_LICENCE = {"name": "No licence has been chosen yet", "identifier": "LicenseRef-None"}
"""The owner has not decided: see README.md."""
KEY_DESCRIPTION = (
    "The key identifies the caller. A caller may have several keys, and sees only its own tasks, "
    "batches and uploads."
)


def document() -> Json:
    """Return the OpenAPI document."""
    models: list[type[BaseModel]] = [*examples.EXAMPLES, ErrorResponse]
    scheme = {"type": "apiKey", "in": "header", "name": "x-api-key", "description": KEY_DESCRIPTION}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Darkroom",
            "version": "1",
            "description": DESCRIPTION,
            "contact": {"name": "The operator of this stack"},
            "license": NO_LICENCE,
        },
        # Relative to the URL of this document, which contains the stage's name.
        "servers": [{"url": ".", "description": "The path of this document"}],
        "security": [{"apiKey": []}],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": tagged(_paths()),
        "components": {
            "securitySchemes": {"apiKey": scheme},
            "examples": error_catalog.examples(),
            "schemas": schemas_of(models),
        },
    }


def _paths() -> Json:
    place = location(f"{ROOT}/tasks/{ID}")
    shown = {"Completed": examples.TASK, "Failed": examples.FAILED}
    histories = {"Failed": examples.HISTORY, "Not started": examples.NO_HISTORY}
    task_id = path_id("taskId", "The id of a task, from `POST /tasks`")
    return {
        "/tasks": {
            "post": operation(
                "submitTask",
                "Submit a task",
                "The task is stored and will be processed even if the connection breaks. With an "
                "`Idempotency-Key` it is safe to send the request again. Keys belong to the "
                "caller, and are valid for as long as the task is kept.",
                {
                    "202": answer(
                        "The task",
                        Task,
                        {"Accepted": examples.PENDING},
                        **place,
                        **{"Idempotent-Replayed": REPLAYED},
                    )
                },
                "InvalidSource InvalidIdempotencyKey IdempotencyConflict AlreadyDeleted "
                "SourceTooLarge",
                parameters=[IDEMPOTENCY_KEY],
                callbacks={"ended": {"{$request.body#/callbackUrl}": {"post": webhook()}}},
                **body(NewTask, examples.NEW_TASKS),
            ),
            "get": operation(
                "listTasks",
                "List the caller's tasks, newest first",
                "One request returns many tasks. A page may be short, or empty, and still have a "
                "cursor.",
                {"200": answer("A page", TaskList, **CACHE_HEADERS)} | NOT_MODIFIED,
                "InvalidRequest InvalidCursor",
                parameters=[*query(ListQuery), IF_NONE_MATCH],
            ),
        },
        "/tasks/{taskId}": {
            "parameters": [task_id],
            "get": operation(
                "showTask",
                "Show a task",
                "The link to the result is valid for an hour; each response has a new one.",
                {"200": answer("The task", Task, shown, **CACHE_HEADERS)} | NOT_MODIFIED,
                "TaskNotFound NotFound",
                parameters=[IF_NONE_MATCH],
            ),
            "delete": deletions.delete_task(),
        },
        "/tasks/{taskId}/history": {
            "parameters": [task_id],
            "get": operation(
                "showHistory",
                "Show what happened in the execution of a task",
                "For a person who looks at one task: its states with their tries, errors and "
                "times. Do not poll it: poll the task. Step Functions keeps a history for 90 days. "
                "That of an EXPRESS execution is read from its log: it has no input and output, "
                "arrives some seconds late, and is kept as long as the log.",
                {"200": answer("The history", TaskHistory, histories)},
                "InvalidRequest TaskNotFound NotFound",
                parameters=query(HistoryQuery),
            ),
        },
        "/tasks/{taskId}/logs": {
            "parameters": [task_id],
            "get": operation(
                "showLogs",
                "Show what the functions logged about a task",
                "For a person who looks at one task: the log lines about its last attempt, from an "
                "hour before the attempt started until a day after its end. Do not poll it: poll "
                "the task. Log lines arrive some seconds late, and are kept for as long as the "
                "stack's logs.",
                {"200": answer("The log lines", TaskLogs, {"Failed": examples.LOGS})},
                "TaskNotFound NotFound",
            ),
        },
        "/tasks/{taskId}/retry": {
            "parameters": [task_id],
            "post": operation(
                "retryTask",
                "Retry a task",
                "Begins the next attempt of a FAILED or CANCELLED task. The body is optional.",
                {"202": answer("The task", Task, {"Retried": examples.RETRIED}, **place)},
                "TaskNotFound NotFound NotRetryable",
                **body(NewAttempt, needed=False),
            ),
        },
        "/tasks/{taskId}/cancel": {
            "parameters": [task_id],
            "post": operation(
                "cancelTask",
                "Cancel a task",
                "Cancels a PENDING or RUNNING task, and stops its execution.",
                {"202": answer("The task", Task, {"Cancelled": examples.CANCELLED_TASK}, **place)},
                "TaskNotFound NotFound NotCancellable",
            ),
        },
        "/tasks/{taskId}/callback": {
            "parameters": [task_id],
            "post": deletions.send_callback(),
        },
        **batches.paths(),
        "/uploads": {
            "post": operation(
                "createUpload",
                "Get a form that sends one file to S3",
                "Send a form with all `fields`, then the file as `file`, to `url`. S3 refuses a "
                "file that is too large. Then use the `uploadId` in `POST /tasks`, or as the "
                "manifest in `POST /batches`, within a day.",
                {"201": answer("The form", Upload)},
                **body(NewUpload),
            )
        },
        "/callback-secret": {
            "get": operation(
                "showCallbackSecret",
                "Get the secret that signs the caller's webhooks",
                "Each caller has its own secret.",
                {"200": answer("The secret", CallbackSecret)},
            )
        },
        "/callback-secret/rotate": {"post": deletions.rotate_secret()},
        **_free_paths(),
    }


def _free_paths() -> Json:
    return {
        "/health": {
            "get": operation(
                "health",
                "Check that the API responds",
                "Needs no key. API Gateway responds itself: no function and no service is called.",
                {"200": answer("The API responds", Health)},
                security=[],
            )
        },
        "/openapi.json": {
            "get": operation(
                "openapi",
                "Describe this API",
                "For programs. The path `docs` shows it to people.",
                {"200": answer("This document", Description)},
                security=[],
            )
        },
    }
