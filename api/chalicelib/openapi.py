"""The description of this API: OpenAPI 3.1, made from the models that validate requests.

`make describe` writes it to `docs/openapi.json`, which the page's function serves: no function
needs this module. `tests/contract/api/test_openapi.py` holds the document against the routes, and
`tests/integration/callers/test_openapi_live.py` against what the running API answers.
"""

from typing import TYPE_CHECKING

from pydantic.json_schema import models_json_schema

from chalicelib import error_catalog
from chalicelib.examples import (
    AGAIN,
    EXAMPLES,
    FAILED,
    ID,
    NEW_TASKS,
    PENDING,
    ROOT,
    STOPPED,
    TASK,
)
from chalicelib.models import ListQuery, NewAttempt, NewTask, NewUpload
from chalicelib.openapi_batches import batch_paths
from chalicelib.openapi_parts import (
    CURRENT,
    IDEMPOTENCY_KEY,
    KNOWN,
    REPLAYED,
    TEXT,
    WAITING,
    Json,
    Untitled,
    answer,
    body,
    content_of,
    location,
    operation,
    path_id,
    query,
)
from chalicelib.responses import CallbackSecret, Error, Health, Task, TaskList, Upload
from chalicelib.webhook import Webhook

if TYPE_CHECKING:
    from pydantic import BaseModel

ABOUT = """\
Develops images in the background: post a task, ask for its state, fetch its gray image. \
Many images at once are a batch.

JSON in, JSON out. A request may have 6 MB. A field that is not described is refused.

No request waits for a task. Ask again instead, for little: every answer with tasks has an `ETag`, \
and while nothing has changed, `If-None-Match` is answered 304. `Retry-After` says when to look \
again. Or give a `callbackUrl`, and be told.

Every answer that is no success says what to do: `code` is for programs, `message` for people. \
A path answers a method that it does not take with 405 and the header `Allow`.\
"""
KEY = "The key says who calls. A caller sees its own tasks and batches only."


def document() -> Json:
    """Return the description."""
    models: list[type[BaseModel]] = [*EXAMPLES, Error]
    _, schemas = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/components/schemas/{model}",
        schema_generator=Untitled,
    )
    scheme = {"type": "apiKey", "in": "header", "name": "x-api-key", "description": KEY}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Darkroom", "version": "1", "description": ABOUT},
        # Relative to the address of this document, which the stage's name is part of.
        "servers": [{"url": ".", "description": "Where this document is"}],
        "security": [{"apiKey": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"apiKey": scheme},
            "examples": error_catalog.examples(),
            "schemas": schemas["$defs"],
        },
    }


def _paths() -> Json:
    place = location(f"{ROOT}/tasks/{ID}")
    task_id = path_id("taskId", "The id of a task, as `POST /tasks` answered it")
    return {
        "/tasks": {
            "post": operation(
                "submit",
                "Take a task",
                "The task is stored and will be done, whatever happens to the connection. With an "
                "`Idempotency-Key` the request may safely be sent again: keys are each caller's "
                "own, and hold for as long as the task is kept.",
                {
                    "202": answer(
                        "The task",
                        Task,
                        {"Taken": PENDING},
                        **place,
                        **{"Idempotent-Replayed": REPLAYED},
                    )
                },
                "InvalidSource InvalidIdempotencyKey IdempotencyConflict SourceTooLarge",
                parameters=[IDEMPOTENCY_KEY],
                callbacks={"ended": {"{$request.body#/callbackUrl}": {"post": _webhook()}}},
                **body(NewTask, NEW_TASKS),
            ),
            "get": operation(
                "listTasks",
                "List the caller's tasks, newest first",
                "One request tells of many tasks. A page may be short, or empty, and still have a "
                "cursor.",
                {"200": answer("A page", TaskList, **WAITING)} | CURRENT,
                "InvalidRequest InvalidCursor",
                parameters=[*query(ListQuery), KNOWN],
            ),
        },
        "/tasks/{taskId}": {
            "parameters": [task_id],
            "get": operation(
                "showTask",
                "Show a task",
                "The link to its result is good for an hour; each answer has a new one.",
                {"200": answer("The task", Task, {"Developed": TASK, "Failed": FAILED}, **WAITING)}
                | CURRENT,
                "TaskNotFound NotFound",
                parameters=[KNOWN],
            ),
        },
        "/tasks/{taskId}/retry": {
            "parameters": [task_id],
            "post": operation(
                "retry",
                "Try a task again",
                "Begins the next attempt of a task that FAILED or was CANCELLED. The body may be "
                "left out.",
                {"202": answer("The task", Task, {"Tried again": AGAIN}, **place)},
                "TaskNotFound NotFound NotRetryable",
                **body(NewAttempt, needed=False),
            ),
        },
        "/tasks/{taskId}/cancel": {
            "parameters": [task_id],
            "post": operation(
                "cancel",
                "Cancel a task",
                "Ends a task that is PENDING or RUNNING, and stops its execution.",
                {"202": answer("The task", Task, {"Cancelled": STOPPED}, **place)},
                "TaskNotFound NotFound NotCancellable",
            ),
        },
        **batch_paths(),
        "/uploads": {
            "post": operation(
                "upload",
                "Get a form that sends one file to S3",
                "Send all `fields`, then the file as `file`, to `url`, as a form: S3 refuses a "
                "file that is too large. Then give `uploadId` to `POST /tasks`, or as a manifest "
                "to `POST /batches`, within a day.",
                {"201": answer("The form", Upload)},
                **body(NewUpload),
            )
        },
        "/callback-secret": {
            "get": operation(
                "callbackSecret",
                "Get the secret that webhooks for the caller are signed with",
                "Each caller has its own.",
                {"200": answer("The secret", CallbackSecret)},
            )
        },
        **_free_paths(),
    }


def _free_paths() -> Json:
    shape = {"type": "object", "required": ["openapi", "info", "paths"]}
    example = {"openapi": "3.1.0", "info": {"title": "Darkroom", "version": "1"}, "paths": {}}
    content = {"application/json": {"schema": shape, "example": example}}
    return {
        "/health": {
            "get": operation(
                "health",
                "Say hello",
                "Needs no key. API Gateway answers: no function and no service is asked.",
                {"200": answer("Well", Health)},
                security=[],
            )
        },
        "/openapi.json": {
            "get": operation(
                "openapi",
                "Describe this API",
                "For programs; `docs` beside it is for people.",
                {"200": {"description": "This document", "content": content}},
                security=[],
            )
        },
    }


def _webhook() -> Json:
    """Return the operation that a caller's receiver has, if it gave a `callbackUrl`."""
    headers = {
        "webhook-id": ("The same at each try", "00ebb763-6783-4f6d-ad5a-ac1fcc3b8807-1"),
        "webhook-timestamp": ("When it was sent, in seconds since 1970", "1795580792"),
        "webhook-signature": (
            "`v1,` and an HMAC with SHA-256 of id, timestamp and body",
            "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
        ),
    }
    return {
        "summary": "Be told that the task has ended",
        "description": "Signed after Standard Webhooks. A 2xx within 15 seconds means delivered. "
        "Everything else is tried again for two hours. Deliveries may come twice, in any order.",
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "description": description,
                "schema": TEXT,
                "example": example,
            }
            for name, (description, example) in headers.items()
        ],
        "requestBody": {"required": True, "content": content_of(Webhook)},
        "responses": {
            "2XX": {"description": "Delivered"},
            "410": {"description": "The receiver is gone: it is not tried again"},
            "default": {"description": "Tried again later"},
        },
    }
