"""The description of this API: OpenAPI 3.1, made from the models that validate requests.

`tests/contract/test_openapi.py` holds it against the routes, and
`tests/integration/test_openapi_live.py` against what the running API answers.
"""

import functools
import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chalicelib.answers import CallbackSecret, Error, Health, Task, TaskList, Upload
from chalicelib.examples import EXAMPLES, ID, PENDING
from chalicelib.models import ListQuery, NewAttempt, NewTask, NewUpload

Json = dict[str, Any]

ABOUT = (
    "Develops images in the background: post a task, ask for its state, fetch its gray image. "
    "A path answers a method that it does not take with 405 and the header `Allow`."
)
TEXT = {"type": "string"}
LOCATION = {"description": "The path of the task", "schema": TEXT, "required": True}
REPLAYED = {
    "description": "`true`: the task was there already, from a request with the same key",
    "schema": {"type": "string", "enum": ["true"]},
}
RETRY_AFTER = {"description": "Seconds", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
ETAG: Json = {
    "description": "The version of this answer, for `If-None-Match`",
    "schema": {"type": "string", "pattern": '^W/"[0-9a-f]+"$'},
    "required": True,
}
ASK_AGAIN: Json = {
    "description": "Seconds after which to look again, of what has not ended; grows with its age",
    "schema": RETRY_AFTER["schema"],
}
CURRENT: Json = {
    "304": {
        "description": "The client has this version",
        "headers": {"ETag": ETAG, "Retry-After": ASK_AGAIN},
    }
}
ALLOW = {"description": "The methods that the path takes", "schema": TEXT, "required": True}

# Every error: the name of its response, what it means, its code in the example, its header.
ERRORS: dict[str, tuple[str, str, str, Json]] = {
    "400": ("BadRequest", "The request is not well formed", "InvalidRequest", {}),
    "403": ("Forbidden", "No valid API key", "Forbidden", {}),
    "404": ("NotFound", "The caller has no such task", "TaskNotFound", {}),
    "405": ("MethodNotAllowed", "Not on this path", "MethodNotAllowed", {"Allow": ALLOW}),
    "409": ("Conflict", "Not in this state, or not with this key", "NotRetryable", {}),
    "413": ("TooLarge", "The request or its image is too large", "SourceTooLarge", {}),
    "429": (
        "TooManyRequests",
        "More than the caller, or the service, may do now",
        "TooManyRequests",
        {"Retry-After": RETRY_AFTER},
    ),
    "503": (
        "Unavailable",
        "Not served now; a submission that was answered so may be sent again",
        "ServiceUnavailable",
        {"Retry-After": RETRY_AFTER},
    ),
    "5XX": (
        "Broken",
        "Something broke on our side: 500, 502, 504",
        "InternalError",
        {"Retry-After": RETRY_AFTER},
    ),
}
# What the id of a task, wherever one is answered, is good for.
LINKS = {
    name: {"operationId": name, "parameters": {"taskId": "$response.body#/taskId"}}
    for name in ("showTask", "retry", "cancel")
}
ALWAYS = ("400", "429", "503", "5XX")  # API Gateway itself gives some of these


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
                    name: _error(description, code, headers)
                    for name, description, code, headers in ERRORS.values()
                },
                "schemas": schemas["$defs"],
            },
        },
        ensure_ascii=False,
    )


def _paths() -> Json:
    waiting: Json = {"ETag": ETAG, "Retry-After": ASK_AGAIN}
    take = {"200": _answer("The task", Task, **waiting)} | CURRENT
    accept = {"202": _answer("The task as it is now", Task, Location=LOCATION)}
    submitted = {
        "202": _answer(
            "The task", Task, PENDING, Location=LOCATION, **{"Idempotent-Replayed": REPLAYED}
        )
    }
    task_id = {"name": "taskId", "in": "path", "required": True, "schema": _ID}
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same key and body again give the same task, not a second one",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    }
    free: Json = {"security": []}
    return {
        "/tasks": {
            "post": _operation(
                "submit",
                "Take a task",
                submitted,
                "403 409 413",
                parameters=[key],
                **_body(NewTask),
            ),
            "get": _operation(
                "listTasks",
                "List the caller's tasks, newest first",
                {"200": _answer("A page", TaskList, **waiting)} | CURRENT,
                "403",
                parameters=[*_query(), _KNOWN],
            ),
        },
        "/tasks/{taskId}": {
            "parameters": [task_id],
            "get": _operation("showTask", "Show a task", take, "403 404", parameters=[_KNOWN]),
        },
        "/tasks/{taskId}/retry": {
            "parameters": [task_id],
            "post": _operation(
                "retry",
                "Try a task again",
                accept,
                "403 404 409",
                **_body(NewAttempt, needed=False),
            ),
        },
        "/tasks/{taskId}/cancel": {
            "parameters": [task_id],
            "post": _operation("cancel", "Cancel a task", accept, "403 404 409"),
        },
        "/uploads": {
            "post": _operation(
                "upload",
                "Get a form that sends one file to S3",
                {"201": _answer("The form", Upload)},
                "403 413",
                **_body(NewUpload),
            )
        },
        "/callback-secret": {
            "get": _operation(
                "callbackSecret",
                "Get the secret that webhooks for the caller are signed with",
                {"200": _answer("The secret", CallbackSecret)},
                "403",
            )
        },
        "/health": {
            "get": _operation("health", "Say hello", {"200": _answer("Well", Health)}, **free)
        },
        "/openapi.json": {
            "get": _operation(
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


_ID = {"type": "string", "format": "uuid", "example": ID}
_KNOWN = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of an answer that the client has",
    "schema": TEXT,
}


def _operation(name: str, summary: str, answers: Json, errors: str = "", **more: Any) -> Json:
    """Return an operation; `405` is for the methods that are not here, and yet of every path."""
    refused = {
        status: {"$ref": f"#/components/responses/{ERRORS[status][0]}"}
        for status in sorted({*errors.split(), *ALWAYS, "405"})
    }
    return {"operationId": name, "summary": summary, **more, "responses": answers | refused}


def _answer(
    description: str, model: type[BaseModel], example: Json | None = None, **headers: Json
) -> Json:
    content = _content(model, example or EXAMPLES[model])
    links = LINKS if model is Task else {}
    return {"description": description, "headers": headers, "content": content, "links": links}


def _error(description: str, code: str, headers: Json) -> Json:
    example = {"error": {"code": code, "message": f"{description}."}}
    return {"description": description, "headers": headers, "content": _content(Error, example)}


def _body(model: type[BaseModel], *, needed: bool = True) -> Json:
    return {"requestBody": {"required": needed, "content": _content(model, EXAMPLES[model])}}


def _content(model: type[BaseModel], example: Json) -> Json:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"application/json": {"schema": schema, "example": example}}


def _query() -> list[Json]:
    """Return the parameters that `ListQuery` takes. What is left out is `None` to the model."""
    schema = ListQuery.model_json_schema(ref_template="#/components/schemas/{model}")
    return [
        {"name": name, "in": "query", "schema": _without_null(field)}
        for name, field in schema["properties"].items()
    ]


def _without_null(field: Json) -> Json:
    return field["anyOf"][0] if "anyOf" in field else field
