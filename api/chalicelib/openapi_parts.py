"""What the description of the API is made of: headers, errors, operations, examples."""

from typing import Any

from pydantic import BaseModel

from chalicelib.answers import Batch, Error, Task
from chalicelib.examples import EXAMPLES, ID

Json = dict[str, Any]

TEXT = {"type": "string"}
LOCATION = {"description": "The path of the task or batch", "schema": TEXT, "required": True}
REPLAYED = {
    "description": "`true`: it was there already, from a request with the same key",
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
    "404": ("NotFound", "The caller has no such task or batch", "TaskNotFound", {}),
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
# What the id of a task or a batch, wherever one is answered, is good for.
LINKS: dict[type[BaseModel], Json] = {
    model: {
        name: {"operationId": name, "parameters": {key: f"$response.body#/{key}"}} for name in names
    }
    for model, key, names in (
        (Task, "taskId", ("showTask", "retry", "cancel")),
        (Batch, "batchId", ("showBatch", "listBatch", "retryBatch", "cancelBatch")),
    )
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key and body again give what they gave before, not a second one",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
ALWAYS = ("400", "429", "503", "5XX")  # API Gateway itself gives some of these
KNOWN = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of an answer that the client has",
    "schema": TEXT,
}


def path_id(name: str) -> Json:
    """Return the parameter that the path has for an id."""
    schema = {"type": "string", "format": "uuid", "example": ID}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def operation(name: str, summary: str, answers: Json, errors: str = "", **more: Any) -> Json:
    """Return an operation; `405` is for the methods that are not here, and yet of every path."""
    refused = {
        status: {"$ref": f"#/components/responses/{ERRORS[status][0]}"}
        for status in sorted({*errors.split(), *ALWAYS, "405"})
    }
    return {"operationId": name, "summary": summary, **more, "responses": answers | refused}


def answer(
    description: str, model: type[BaseModel], example: Json | None = None, **headers: Json
) -> Json:
    """Return an answer of an operation, with what the ids in it are good for."""
    content = _content(model, example or EXAMPLES[model])
    links = LINKS.get(model, {})
    return {"description": description, "headers": headers, "content": content, "links": links}


def error(description: str, code: str, headers: Json) -> Json:
    """Return the response to a request that is refused."""
    example = {"error": {"code": code, "message": f"{description}."}}
    return {"description": description, "headers": headers, "content": _content(Error, example)}


def body(model: type[BaseModel], *, needed: bool = True) -> Json:
    """Return the body that an operation takes."""
    return {"requestBody": {"required": needed, "content": _content(model, EXAMPLES[model])}}


def _content(model: type[BaseModel], example: Json) -> Json:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"application/json": {"schema": schema, "example": example}}


def query(model: type[BaseModel]) -> list[Json]:
    """Return the parameters of a query. What is left out is `None` to the model."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return [
        {"name": name, "in": "query", "schema": _without_null(field)}
        for name, field in schema["properties"].items()
    ]


def _without_null(field: Json) -> Json:
    return field["anyOf"][0] if "anyOf" in field else field
