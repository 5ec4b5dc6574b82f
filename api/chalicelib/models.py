"""The shapes of requests: what validates, and how a wrong one is told."""

import itertools
import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from chalicelib.errors import Problem
from darkroom.errors import SourceError
from darkroom.sources.data_urls import is_data_url
from darkroom.sources.http import check_url
from darkroom.tasks.model import Status, is_id

MAX_NAME_LENGTH = 200
MAX_FIELD_LENGTH = 100
"""Of the name of a wrong field, in an error: it is the client's own, and may have megabytes."""
MAX_LIST = 100
ONE_OF = {"NewTask": "imageUrl", "NewItem": "imageUrl", "NewBatch": "sources"}
"""Of the fields of which a model needs exactly one, the one that an error names."""

MAX_TOKENS = 30_000
"""Of a body: its strings, commas and opening brackets. A whole batch of 1,000 items, each with all
its fields, has 23,000. Pydantic makes an error of each field that is wrong, so that the six
megabytes that Lambda takes could need more memory than the function has."""
# A string that does not end goes on to the end of the body, so that none is looked at twice.
TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[,\[{]', re.DOTALL)

Model = TypeVar("Model", bound=BaseModel)
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]


def whole(number: object) -> object:
    """Return 75.0 as 75: to JSON Schema, and so to our own document, both are the same integer."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def is_an_upload(upload_id: str | None) -> str | None:
    """Return the id of an upload, whether or not a file was sent to it.

    Raises:
        ValueError: it does not look like one.
    """
    if upload_id is not None and not is_id(upload_id):
        raise ValueError("this is no id that POST /uploads gave")
    return upload_id


class Output(BaseModel):
    """What the result should be."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: Annotated[
        Literal["auto", "jpeg", "png", "webp"],
        Field(description="`auto`: as the source, where that can be written, else `png`"),
    ] = "auto"
    quality: Annotated[int, BeforeValidator(whole)] = Field(
        90, ge=1, le=100, description="For the formats that lose something"
    )


class NewTask(BaseModel):
    """The body of `POST /tasks`. The image is at a URL, or was uploaded before."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            # What `_has_one_source` asks, in the words of JSON Schema.
            "oneOf": [
                {"required": ["imageUrl"], "properties": {"imageUrl": {"type": "string"}}},
                {"required": ["uploadId"], "properties": {"uploadId": {"type": "string"}}},
            ]
        },
    )

    imageUrl: Annotated[  # noqa: N815 - the contract's spelling
        str | None,
        Field(description="`http:`, `https:` (2,048 characters) or `data:image/…;base64,…`"),
    ] = None
    uploadId: Annotated[  # noqa: N815
        str | None,
        Field(description="What `POST /uploads` gave", json_schema_extra={"format": "uuid"}),
    ] = None
    name: Annotated[Name | None, Field(description="To find the task by")] = None
    output: Annotated[Output, Field(description="What the result should be")] = Field(
        default_factory=lambda: Output(format="auto", quality=90)
    )
    callbackUrl: Annotated[  # noqa: N815
        str | None,
        Field(description="Gets a signed webhook when the task has ended"),
    ] = None

    @field_validator("imageUrl")
    @classmethod
    def _is_a_source(cls, url: str | None) -> str | None:
        return url if url is None or is_data_url(url) else _callable(url)

    @field_validator("callbackUrl")
    @classmethod
    def _can_be_called(cls, url: str | None) -> str | None:
        return url if url is None else _callable(url)

    _is_an_upload = field_validator("uploadId")(is_an_upload)

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.imageUrl is None) == (self.uploadId is None):
            raise ValueError("Give either imageUrl or uploadId")
        return self


class NewAttempt(BaseModel):
    """The body of `POST /tasks/{taskId}/retry`, which may be left out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    attempt: Annotated[int, Field(ge=1), BeforeValidator(whole)] | None = Field(
        None, description="The attempt that failed: with it, no later one is tried again"
    )


class NewUpload(BaseModel):
    """The body of `POST /uploads`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    contentType: Annotated[  # noqa: N815
        str,
        Field(
            max_length=100,
            pattern=r"^(image/[a-zA-Z0-9.+-]+|application/x-ndjson|text/csv)$",
            description="Of the file: an image, or the manifest of a batch. S3 takes no other",
        ),
    ]


class ListQuery(BaseModel):
    """The query of `GET /tasks`."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[Status | None, Field(description="Only tasks of this status")] = None
    name: Annotated[Name | None, Field(description="Only tasks of exactly this name")] = None
    limit: int = Field(20, ge=1, le=MAX_LIST, description="Tasks on a page, at most")
    cursor: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        None, description="The `cursor` of the page before; it stays valid while tasks arrive"
    )


def _callable(url: str) -> str:
    """Return a URL that Darkroom may call; its address is looked at when it is called."""
    try:
        check_url(url)
    except SourceError as error:
        raise ValueError(str(error)) from error
    return url


def parse_body(model: type[Model], body: str | bytes) -> Model:
    """Return the body of a request as a model.

    Raises:
        Problem: 400; it names the first field that is wrong.
    """
    tokens = TOKEN.finditer(body if isinstance(body, bytes) else body.encode(errors="replace"))
    if next(itertools.islice(tokens, MAX_TOKENS, None), None):
        message = "The body has more fields and values than a batch of 1,000 items needs."
        raise Problem(400, "InvalidRequest", message)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _problem(error) from error


def parse_line(model: type[Model], text: str, where: str) -> Model:
    """Return a line of a manifest as a model.

    Args:
        model: what the line has to be.
        text: of the line.
        where: begins the message, "Line 17".

    Raises:
        Problem: as `parse_body`.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        problem = _problem(error, where)
        message = str(problem)
        if problem.code == "MalformedJson":
            # "EOF while parsing a string at line 1 column 9": the line of the manifest is `where`.
            reason = error.errors()[0]["ctx"]["error"].replace(" at line 1 column ", ", column ")
            message = f"{message.removesuffix('.')}: {reason}."
        elif not message.startswith(where):
            message = f"{where}: {message}"
        raise Problem(400, problem.code, message, problem.field) from error


def parse_query(model: type[Model], query: Mapping[str, list[str]]) -> Model:
    """Return the query of a request as a model. A parameter may be given once.

    Raises:
        Problem: 400; it names the first parameter that is wrong.
    """
    for name, values in query.items():
        if len(values) > 1:
            shown = name[:MAX_FIELD_LENGTH]
            raise Problem(400, "InvalidRequest", f"Give {shown} once.", shown)
    try:
        return model.model_validate({name: values[0] for name, values in query.items()})
    except ValidationError as error:
        raise _problem(error) from error


def _problem(error: ValidationError, whole: str = "The body") -> Problem:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if len(field) > MAX_FIELD_LENGTH:
        field = field[:MAX_FIELD_LENGTH] + "…"
    match first["type"]:
        case "json_invalid":
            return Problem(400, "MalformedJson", f"{whole} is not valid JSON.")
        case "model_type" if not field:
            return Problem(400, "InvalidRequest", f"{whole} must be a JSON object.")
        case "extra_forbidden":
            return Problem(400, "InvalidRequest", f"There is no field {field}.", field)
        case "value_error" if not field:  # none of what the model needs one of, or several
            message = first["msg"].removeprefix("Value error, ")
            return Problem(400, "InvalidRequest", f"{message}.", ONE_OF[error.title])
        case "missing":
            return Problem(400, "InvalidRequest", f"The field {field} is missing.", field)
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    of_source = bool({"imageUrl", "uploadId"} & set(first["loc"][-1:]))
    code = "InvalidSource" if of_source else "InvalidRequest"
    return Problem(400, code, f"{field}: {message}.", field)
