"""The parts of the OpenAPI document: headers, errors, operations, examples."""

from typing import Any

from pydantic import BaseModel

from chalicelib.batch_responses import Batch
from chalicelib.error_catalog import STATUSES, code, statuses
from chalicelib.examples import EXAMPLES, ID
from chalicelib.openapi.schemas import QuerySchemas
from chalicelib.responses import ErrorResponse, Task
from chalicelib.webhook import Webhook

Json = dict[str, Any]

TEXT = {"type": "string"}
SECONDS = {"type": "string", "pattern": "^[1-9][0-9]*$"}
REPLAYED = {
    "description": "`true`: an earlier request with the same key created it",
    "schema": {"type": "string", "enum": ["true"]},
}
RETRY_AFTER = {"description": "Seconds to wait", "schema": SECONDS, "example": "1"}
CACHE_HEADERS: Json = {
    "ETag": {
        "description": "The version of this response, for `If-None-Match`",
        "schema": {"type": "string", "pattern": '^W/"[0-9a-f]+"$'},
        "required": True,
        "example": 'W/"17ad7867c0ffee00"',
    },
    "Retry-After": {
        "description": "Seconds until the next poll, while something has not ended; grows with "
        "its age",
        "schema": SECONDS,
        "example": "2",
    },
}
NOT_MODIFIED: Json = {
    "304": {"description": "The client has this version", "headers": CACHE_HEADERS}
}
ALLOW = {
    "description": "The methods that the path supports",
    "schema": TEXT,
    "required": True,
    "example": "GET, POST",
}
# The headers of error responses, by HTTP status.
ERROR_HEADERS: Json = {
    "405": {"Allow": ALLOW},
    "429": {"Retry-After": RETRY_AFTER},
    "503": {"Retry-After": RETRY_AFTER},
    "5XX": {"Retry-After": RETRY_AFTER},
}
# The operations that take the id of a task or a batch in a response (OpenAPI links).
LINKS: dict[type[BaseModel], Json] = {
    model: {
        name: {"operationId": name, "parameters": {key: f"$response.body#/{key}"}} for name in names
    }
    for model, key, names in (
        (
            Task,
            "taskId",
            (
                *("showTask", "showHistory", "showLogs"),
                *("retryTask", "cancelTask", "sendCallback", "deleteTask"),
            ),
        ),
        (
            Batch,
            "batchId",
            ("showBatch", "listBatchTasks", "retryBatch", "cancelBatch", "deleteBatch"),
        ),
    )
}
TAGS = {
    "Tasks": "Submit images one by one, follow them and fetch their results",
    "Batches": "Submit many images in one request",
    "Uploads": "Send files to S3",
    "Webhooks": "Verify the webhooks that Darkroom sends",
    "Service": "The API itself",
}
"""Groups of operations. Generators of clients make a module or a class of each."""
SEGMENTS = {
    "tasks": "Tasks",
    "batches": "Batches",
    "uploads": "Uploads",
    "callback-secret": "Webhooks",
    "health": "Service",
    "openapi.json": "Service",
}
"""The tag of the operations whose path begins with a segment."""
# Errors of every operation; API Gateway itself returns some of them.
COMMON_ERRORS = "BadRequest MethodNotAllowed TooManyRequests ServiceUnavailable InternalError"
API_KEY_ERRORS = "Forbidden QuotaExceeded"
BODY_ERRORS = "MalformedJson InvalidRequest RequestTooLarge UnsupportedCharset"


def location(path: str) -> Json:
    """Return the `Location` header of an accepted request, with a path as its example."""
    about = {
        "description": "Its path, as in `links.self`: resolve it against the URL of the request",
        "required": True,
    }
    schema = {"type": "string", "format": "uri-reference"}
    return {"Location": {**about, "schema": schema, "example": path}}


def parameter(
    place: str, name: str, description: str, schema: Json, *, required: bool = False
) -> Json:
    """Return a parameter in the `path`, the `query` or a `header`."""
    needed = {"required": True} if required else {}
    return {"name": name, "in": place, **needed, "description": description, "schema": schema}


def path_id(name: str, description: str) -> Json:
    """Return the path parameter for an id."""
    schema = {"type": "string", "format": "uuid", "example": ID}
    return parameter("path", name, description, schema, required=True)


IDEMPOTENCY_KEY = parameter(
    "header",
    "Idempotency-Key",
    "A request with the same key and body returns the same task or batch, and creates no second "
    "one",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
)
IF_NONE_MATCH = parameter(
    "header",
    "If-None-Match",
    "The `ETag` of the client's last response: 304 while nothing has changed",
    TEXT,
)


def operation(
    name: str, summary: str, description: str, answers: Json, errors: str = "", **more: Any
) -> Json:
    """Return an operation.

    Args:
        name: its `operationId`.
        summary: one line.
        description: further sentences.
        answers: the successful responses by status.
        errors: names of its own errors in `ERRORS`, separated by spaces; common ones are added.
        more: other properties of the operation.
    """
    names = f"{errors} {COMMON_ERRORS}"
    names += f" {API_KEY_ERRORS}" if more.get("security") != [] else ""
    names += f" {BODY_ERRORS}" if "requestBody" in more else ""
    refused = {status: _error(status, found) for status, found in statuses(names.split()).items()}
    about = {"operationId": name, "summary": summary, "description": description}
    return {**about, **more, "responses": answers | refused}


def tagged(paths: Json) -> Json:
    """Return the paths with a tag in each operation: the one of its first segment."""
    for path, item in paths.items():
        for operation in item.values():
            if isinstance(operation, dict):  # not the parameters of the path
                operation["tags"] = [SEGMENTS[path.split("/")[1]]]
    return paths


def answer(
    description: str, model: type[BaseModel], examples: Json | None = None, **headers: Json
) -> Json:
    """Return a response of an operation, with links to the operations that take its id."""
    content = content_of(model, examples)
    links = LINKS.get(model, {})
    return {"description": description, "headers": headers, "content": content, "links": links}


def body(model: type[BaseModel], examples: Json | None = None, *, needed: bool = True) -> Json:
    """Return the request body of an operation."""
    return {"requestBody": {"required": needed, "content": content_of(model, examples)}}


def content_of(model: type[BaseModel], examples: Json | None = None) -> Json:
    """Return JSON content of a model, with named examples or the model's example in `EXAMPLES`."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    if examples is None:
        return {"application/json": {"schema": schema, "example": EXAMPLES[model]}}
    named = {name: {"value": example} for name, example in examples.items()}
    return {"application/json": {"schema": schema, "examples": named}}


def query(model: type[BaseModel]) -> list[Json]:
    """Return the query parameters of a model. All are optional; `null` cannot be sent."""
    schema = model.model_json_schema(
        ref_template="#/components/schemas/{model}", schema_generator=QuerySchemas
    )
    return [
        parameter("query", name, field["description"], _without_null(field))
        for name, field in schema["properties"].items()
    ]


def webhook() -> Json:
    """Return the operation that receives a caller's webhooks at its `callbackUrl`."""
    headers = {
        "webhook-id": ("The same for each delivery", "00ebb763-6783-4f6d-ad5a-ac1fcc3b8807-1"),
        "webhook-timestamp": ("When it was sent, in seconds since 1970", "1795580792"),
        "webhook-signature": (
            "`v1,` and the HMAC-SHA256 of id, timestamp and body; several after a rotation",
            "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
        ),
    }
    return {
        "summary": "Receive a webhook when the task has ended",
        "description": "Signed as Standard Webhooks specifies. A 2xx within 15 seconds means "
        "delivered. Otherwise it is retried for two hours. A webhook may be delivered more than "
        "once, and webhooks in any order.",
        "parameters": [
            parameter("header", name, description, TEXT, required=True) | {"example": example}
            for name, (description, example) in headers.items()
        ],
        "requestBody": {"required": True, "content": content_of(Webhook)},
        "responses": {
            "2XX": {"description": "Delivered"},
            "410": {"description": "The receiver is gone: no retry"},
            "default": {"description": "Retried later"},
        },
    }


def _error(status: str, names: list[str]) -> Json:
    schema = {"$ref": f"#/components/schemas/{ErrorResponse.__name__}"}
    examples = {code(name): {"$ref": f"#/components/examples/{name}"} for name in names}
    return {
        "description": STATUSES[status],
        "headers": ERROR_HEADERS.get(status, {}),
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


def _without_null(field: Json) -> Json:
    if "anyOf" in field:
        return field["anyOf"][0]  # type: ignore[no-any-return]
    return {name: value for name, value in field.items() if name != "description"}
