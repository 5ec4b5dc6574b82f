"""What the description of the API is made of: headers, errors, operations, examples."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from chalicelib.batch_responses import Batch
from chalicelib.error_catalog import STATUSES, code, statuses
from chalicelib.examples import EXAMPLES, ID
from chalicelib.responses import Error, Task

Json = dict[str, Any]

TEXT = {"type": "string"}
SECONDS = {"type": "string", "pattern": "^[0-9]+$"}
REPLAYED = {
    "description": "`true`: it was there already, from a request with the same key",
    "schema": {"type": "string", "enum": ["true"]},
}
RETRY_AFTER = {"description": "Seconds to wait", "schema": SECONDS, "example": "1"}
WAITING: Json = {
    "ETag": {
        "description": "The version of this answer, for `If-None-Match`",
        "schema": {"type": "string", "pattern": '^W/"[0-9a-f]+"$'},
        "required": True,
        "example": 'W/"17ad7867c0ffee00"',
    },
    "Retry-After": {
        "description": "Seconds after which to look again, of what has not ended; grows with its "
        "age",
        "schema": SECONDS,
        "example": "2",
    },
}
CURRENT: Json = {"304": {"description": "The client has this version", "headers": WAITING}}
ALLOW = {
    "description": "The methods that the path takes",
    "schema": TEXT,
    "required": True,
    "example": "GET, POST",
}
# What a refusal brings along, by its status.
TOLD: Json = {
    "405": {"Allow": ALLOW},
    "429": {"Retry-After": RETRY_AFTER},
    "503": {"Retry-After": RETRY_AFTER},
    "5XX": {"Retry-After": RETRY_AFTER},
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
    "description": "The same key and body again give the same task or batch, not a second one",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
KNOWN = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of an answer that the client has: 304 while it is still right",
    "schema": TEXT,
}
# What any request may meet; API Gateway itself gives some of these.
ALWAYS = (
    "BadRequest",
    "MethodNotAllowed",
    "TooManyRequests",
    "ServiceUnavailable",
    "InternalError",
)
WITH_KEY = ("Forbidden", "QuotaExceeded")
WITH_BODY = ("MalformedJson", "InvalidRequest", "RequestTooLarge")


class Untitled(GenerateJsonSchema):
    """Gives fields no titles: they would be their names, spelt worse."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's hook
        """Say no."""
        return False


def location(path: str) -> Json:
    """Return the header that says where what was taken is, with a path as its example."""
    about = {
        "description": "Where it is, as in `links.self`: resolve it against the URL of the request",
        "required": True,
    }
    schema = {"type": "string", "format": "uri-reference"}
    return {"Location": {**about, "schema": schema, "example": path}}


def path_id(name: str, description: str) -> Json:
    """Return the parameter that the path has for an id."""
    schema = {"type": "string", "format": "uuid", "example": ID}
    where = {"name": name, "in": "path", "required": True}
    return {**where, "description": description, "schema": schema}


def operation(
    name: str, summary: str, description: str, answers: Json, errors: str = "", **more: Any
) -> Json:
    """Return an operation.

    Args:
        name: its id.
        summary: what it does, in a line.
        description: what there is to know about it.
        answers: what it answers when all is well.
        errors: the names of the refusals that are its own, parted by spaces.
        more: what else OpenAPI has to say of it.
    """
    names = [*errors.split(), *ALWAYS]
    names += WITH_KEY if more.get("security") != [] else ()
    names += WITH_BODY if "requestBody" in more else ()
    refused = {status: _refusal(status, told) for status, told in statuses(names).items()}
    about = {"operationId": name, "summary": summary, "description": description}
    return {**about, **more, "responses": answers | refused}


def answer(
    description: str, model: type[BaseModel], examples: Json | None = None, **headers: Json
) -> Json:
    """Return an answer of an operation, with what the ids in it are good for."""
    content = content_of(model, examples)
    links = LINKS.get(model, {})
    return {"description": description, "headers": headers, "content": content, "links": links}


def body(model: type[BaseModel], examples: Json | None = None, *, needed: bool = True) -> Json:
    """Return the body that an operation takes."""
    return {"requestBody": {"required": needed, "content": content_of(model, examples)}}


def content_of(model: type[BaseModel], examples: Json | None = None) -> Json:
    """Return content of a model's shape, with examples by their names, or the model's own one."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    if examples is None:
        return {"application/json": {"schema": schema, "example": EXAMPLES[model]}}
    named = {name: {"value": example} for name, example in examples.items()}
    return {"application/json": {"schema": schema, "examples": named}}


def query(model: type[BaseModel]) -> list[Json]:
    """Return the parameters of a query. What is left out is `None` to the model."""
    schema = model.model_json_schema(
        ref_template="#/components/schemas/{model}", schema_generator=Untitled
    )
    return [
        {
            "name": name,
            "in": "query",
            "description": field["description"],
            "schema": _without_null(field),
        }
        for name, field in schema["properties"].items()
    ]


def _refusal(status: str, names: list[str]) -> Json:
    schema = {"$ref": f"#/components/schemas/{Error.__name__}"}
    examples = {code(name): {"$ref": f"#/components/examples/{name}"} for name in names}
    return {
        "description": STATUSES[status],
        "headers": TOLD.get(status, {}),
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


def _without_null(field: Json) -> Json:
    if "anyOf" in field:
        return field["anyOf"][0]  # type: ignore[no-any-return]
    return {name: value for name, value in field.items() if name != "description"}
