"""The description of this API: OpenAPI 3.1, made from the models that validate requests.

`tests/contract/test_openapi.py` holds it against the routes, and
`tests/integration/test_openapi_live.py` against what the running API answers.
"""

import functools
import json
from typing import TYPE_CHECKING

from pydantic.json_schema import models_json_schema

from chalicelib.answers import Batch, CallbackSecret, Error, Health, Task, TaskList, Upload
from chalicelib.batch_models import BatchTasksQuery, NewBatch
from chalicelib.examples import CANCELLED, EXAMPLES, PENDING
from chalicelib.models import ListQuery, NewAttempt, NewTask, NewUpload
from chalicelib.openapi_parts import (
    ASK_AGAIN,
    CURRENT,
    ERRORS,
    ETAG,
    IDEMPOTENCY_KEY,
    KNOWN,
    LOCATION,
    REPLAYED,
    Json,
    answer,
    body,
    error,
    operation,
    path_id,
    query,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

ABOUT = (
    "Develops images in the background: post a task, ask for its state, fetch its gray image. "
    "A path answers a method that it does not take with 405 and the header `Allow`."
)


@functools.cache
def document() -> str:
    """Return the description as JSON text. It is made at the first call and not on import."""
    models: list[type[BaseModel]] = [*EXAMPLES, Error]
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "Darkroom", "version": "1", "description": ABOUT},
            "servers": [{"url": ".", "description": "Where this document is"}],
            "security": [{"apiKey": []}],
            "paths": _paths(),
            "components": {
                "securitySchemes": {
                    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"}
                },
                "responses": {
                    name: error(description, code, headers)
                    for name, description, code, headers in ERRORS.values()
                },
                "schemas": schemas["$defs"],
            },
        },
        ensure_ascii=False,
    )


def _paths() -> Json:
    waiting: Json = {"ETag": ETAG, "Retry-After": ASK_AGAIN}
    take = {"200": answer("The task", Task, **waiting)} | CURRENT
    accept = {"202": answer("The task as it is now", Task, Location=LOCATION)}
    submitted = {
        "202": answer(
            "The task", Task, PENDING, Location=LOCATION, **{"Idempotent-Replayed": REPLAYED}
        )
    }
    task_id = path_id("taskId")
    free: Json = {"security": []}
    return {
        "/tasks": {
            "post": operation(
                "submit",
                "Take a task",
                submitted,
                "403 409 413",
                parameters=[IDEMPOTENCY_KEY],
                **body(NewTask),
            ),
            "get": operation(
                "listTasks",
                "List the caller's tasks, newest first",
                {"200": answer("A page", TaskList, **waiting)} | CURRENT,
                "403",
                parameters=[*query(ListQuery), KNOWN],
            ),
        },
        "/tasks/{taskId}": {
            "parameters": [task_id],
            "get": operation("showTask", "Show a task", take, "403 404", parameters=[KNOWN]),
        },
        "/tasks/{taskId}/retry": {
            "parameters": [task_id],
            "post": operation(
                "retry",
                "Try a task again",
                accept,
                "403 404 409",
                **body(NewAttempt, needed=False),
            ),
        },
        "/tasks/{taskId}/cancel": {
            "parameters": [task_id],
            "post": operation("cancel", "Cancel a task", accept, "403 404 409"),
        },
        **_batch_paths(waiting),
        "/uploads": {
            "post": operation(
                "upload",
                "Get a form that sends one file to S3",
                {"201": answer("The form", Upload)},
                "403 413",
                **body(NewUpload),
            )
        },
        "/callback-secret": {
            "get": operation(
                "callbackSecret",
                "Get the secret that webhooks for the caller are signed with",
                {"200": answer("The secret", CallbackSecret)},
                "403",
            )
        },
        "/health": {
            "get": operation("health", "Say hello", {"200": answer("Well", Health)}, **free)
        },
        "/openapi.json": {
            "get": operation(
                "openapi",
                "Describe this API",
                {
                    "200": {
                        "description": "This document",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    }
                },
                **free,
            )
        },
    }


def _batch_paths(waiting: Json) -> Json:
    batch_id = path_id("batchId")
    replayed = {"Idempotent-Replayed": REPLAYED}
    return {
        "/batches": {
            "post": operation(
                "submitBatch",
                "Take a batch of tasks",
                {"202": answer("The batch", Batch, Location=LOCATION, **replayed)},
                "403 409 413",
                parameters=[IDEMPOTENCY_KEY],
                **body(NewBatch),
            ),
        },
        "/batches/{batchId}": {
            "parameters": [batch_id],
            "get": operation(
                "showBatch",
                "Show a batch, its tasks counted",
                {"200": answer("The batch", Batch, **waiting)} | CURRENT,
                "403 404",
                parameters=[KNOWN],
            ),
        },
        "/batches/{batchId}/tasks": {
            "parameters": [batch_id],
            "get": operation(
                "listBatch",
                "List the tasks of a batch in the order of its manifest",
                {"200": answer("A page", TaskList, **waiting)} | CURRENT,
                "403 404",
                parameters=[*query(BatchTasksQuery), KNOWN],
            ),
        },
        "/batches/{batchId}/retry": {
            "parameters": [batch_id],
            "post": operation(
                "retryBatch",
                "Try the tasks of a batch again that FAILED or were CANCELLED",
                {"202": answer("The batch as it is now", Batch, Location=LOCATION)},
                "403 404 409",
            ),
        },
        "/batches/{batchId}/cancel": {
            "parameters": [batch_id],
            "post": operation(
                "cancelBatch",
                "Cancel a batch and what is open of it",
                {"202": answer("The batch as it is now", Batch, CANCELLED, Location=LOCATION)},
                "403 404 409",
            ),
        },
    }
