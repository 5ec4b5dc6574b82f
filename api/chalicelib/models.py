"""The models of requests, and the error for a request that does not match its model."""

import codecs
import itertools
import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from chalicelib import body_advice
from chalicelib.errors import Problem
from darkroom.errors import SourceError
from darkroom.sources.data_urls import is_data_url
from darkroom.sources.urls import check_url
from darkroom.tasks.model import Status, is_id

MAX_NAME_LENGTH = 200
MAX_FIELD_LENGTH = 100
"""Characters of a wrong field's name in an error: the client chose it, and it may be very long."""
MAX_LIST = 100
MAX_ATTEMPT = 10_000
"""In a query: a task never has more attempts."""
FIELD_TO_NAME = {"NewTask": "imageUrl", "NewItem": "imageUrl", "NewBatch": "sources"}
"""Some models need exactly one of several fields: this is the field that the error names."""
ACCEPTED = {
    "contentType": "Use the type of an image, such as image/png, or else application/x-ndjson or "
    "text/csv",
}
"""By field: what it accepts, where Pydantic's message is a regular expression."""

MAX_TOKENS = 30_000
"""Strings, commas and opening brackets of a body. A batch of 1,000 items, each with all its fields,
has 23,000. The limit is needed because Pydantic creates an error for each wrong field: a body of
6 MB, which Lambda accepts, could need more memory than the function has."""
# An unterminated string extends to the end of the body, so that no part is scanned twice.
TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[,\[{]', re.DOTALL)

CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s;"]*)', re.IGNORECASE)
"""The parameter `charset` of a media type (RFC 9110, 8.3.2)."""
UTF_8 = {"utf-8", "utf8", "us-ascii", "ascii"}
"""The charsets whose texts are UTF-8."""

Model = TypeVar("Model", bound=BaseModel)
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]


def as_integer(number: object) -> object:
    """Return 75.0 as 75: in JSON Schema, and so in our OpenAPI document, both are integers."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _checked_upload_id(upload_id: str) -> str:
    """Return the id of an upload in lower case. Whether a file was uploaded is not checked."""
    if not is_id(upload_id.lower()):
        raise ValueError("this is not an id from POST /uploads")
    return upload_id.lower()


def checked_url(url: str) -> str:
    """Return a URL that Darkroom may call. Its address is checked later, when it is called."""
    try:
        check_url(url)
    except SourceError as error:
        raise ValueError(str(error)) from error
    return url


def _checked_source(url: str) -> str:
    return url if is_data_url(url) else checked_url(url)


UploadId = Annotated[str, AfterValidator(_checked_upload_id)]
Url = Annotated[str, AfterValidator(checked_url)]
UrlOrData = Annotated[str, AfterValidator(_checked_source)]


class Body(BaseModel):
    """The body of a request, or a part of it."""

    model_config = ConfigDict(extra="forbid", strict=True)


Format = Literal["auto", "jpeg", "png", "webp", "avif"]


class Output(Body):
    """The format and quality of the result."""

    format: Annotated[
        Format,
        Field(
            description="`auto`, the default: the format of the source; for HEIC and JPEG 2000 "
            "`jpeg`, or `png` if it has transparency or 16 bits of gray"
        ),
    ] = "auto"
    quality: Annotated[int, BeforeValidator(as_integer)] = Field(
        90,
        ge=1,
        le=100,
        description="For lossy formats; 90 by default, and about that of a JPEG in each",
    )


class NewTask(Body):
    """The body of `POST /tasks`. The image is at a URL, or was uploaded with `POST /uploads`."""

    imageUrl: Annotated[
        UrlOrData | None,
        Field(description="`http:`, `https:` (2,048 characters) or `data:image/…;base64,…`"),
    ] = None
    uploadId: Annotated[
        UploadId | None,
        Field(description="From `POST /uploads`", json_schema_extra={"format": "uuid"}),
    ] = None
    name: Annotated[Name | None, Field(description="A name to find the task by")] = None
    output: Annotated[Output, Field(description="The format and quality of the result")] = Field(
        default_factory=lambda: Output(format="auto", quality=90)
    )
    callbackUrl: Annotated[
        Url | None, Field(description="Receives a signed webhook when the task has ended")
    ] = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.imageUrl is None) == (self.uploadId is None):
            raise ValueError("Send either imageUrl or uploadId")
        return self


class NewAttempt(Body):
    """The optional body of `POST /tasks/{taskId}/retry`."""

    attempt: Annotated[int, Field(ge=1), BeforeValidator(as_integer)] | None = Field(
        None, description="The attempt to retry: if the task is in a later one, the answer is 409"
    )


class NewUpload(Body):
    """The body of `POST /uploads`."""

    contentType: Annotated[
        str,
        Field(
            max_length=100,
            pattern=r"^(image/[a-zA-Z0-9.+-]+|application/x-ndjson|text/csv)$",
            description="The file's type: an image, or a batch manifest. S3 refuses any other type",
        ),
    ]


class ListQuery(BaseModel):
    """The query of `GET /tasks`."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[Status | None, Field(description="Only tasks of this status")] = None
    name: Annotated[Name | None, Field(description="Only tasks with exactly this name")] = None
    limit: int = Field(20, ge=1, le=MAX_LIST, description="Tasks on a page, at most")
    cursor: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        None, description="The `cursor` of the previous page; it stays valid while tasks arrive"
    )


class HistoryQuery(BaseModel):
    """The query of `GET /tasks/{taskId}/history`."""

    model_config = ConfigDict(extra="forbid")

    attempt: int | None = Field(
        None, ge=1, le=MAX_ATTEMPT, description="The attempt; by default the last one"
    )


def parse_body(model: type[Model], body: str | bytes, content_type: str = "") -> Model:
    """Return the body of a request as a model.

    Args:
        model: to validate it with.
        body: of the request.
        content_type: the request's header.

    Raises:
        Problem: 400, with the first field that is wrong; 415, the body has another charset than
            UTF-8.
    """
    check_charset(content_type)
    sent = body if isinstance(body, bytes) else body.encode(errors="surrogatepass")
    sent = sent.removeprefix(codecs.BOM_UTF8)  # a parser may ignore it (RFC 8259, 8.1)
    tokens = TOKEN.finditer(sent)
    if next(itertools.islice(tokens, MAX_TOKENS, None), None):
        message = "The body has more fields and values than a batch of 1,000 items needs."
        raise Problem(400, "InvalidRequest", message)
    try:
        return model.model_validate_json(sent)
    except ValidationError as error:
        problem, text = _problem(error), sent.decode(errors="replace")
        first = error.errors(include_url=False, include_input=False)[0]
        if problem.code == "MalformedJson":
            message = body_advice.not_json(text, content_type, first["ctx"]["error"])
        elif first["type"] == "model_type" and not first["loc"]:
            message = body_advice.not_an_object(text)
        else:
            raise problem from error
        raise Problem(400, problem.code, message) from error


def check_charset(content_type: str) -> None:
    """Check that a header `Content-Type` names no other charset than UTF-8.

    JSON that is exchanged between systems is UTF-8 (RFC 8259, 8.1), and ASCII is a part of it. Text
    in another charset cannot be read: API Gateway passes the body on as a string, in which bytes
    that are not UTF-8 are lost.

    Raises:
        Problem: 415, it names another one.
    """
    if any(charset.lower() not in UTF_8 for charset in CHARSET.findall(content_type)):
        raise Problem.known("UnsupportedCharset")


def parse_line(model: type[Model], text: str, where: str) -> Model:
    """Return a line of a manifest as a model.

    Args:
        model: to validate it with.
        text: the line.
        where: the start of the error message, "Line 17".

    Raises:
        Problem: as `parse_body`.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        problem = _problem(error, where)
        message = str(problem)
        if problem.code == "MalformedJson":
            # "EOF while parsing a string at line 1 column 9": `where` has the real line number.
            reason = error.errors()[0]["ctx"]["error"].replace(" at line 1 column ", ", column ")
            message = f"{message.removesuffix('.')}: {reason}."
        elif not message.startswith(where):
            message = f"{where}: {message}"
        raise Problem(400, problem.code, message, problem.field) from error


def parse_query(model: type[Model], query: Mapping[str, list[str]]) -> Model:
    """Return the query of a request as a model. Each parameter may be sent once.

    Raises:
        Problem: 400, with the first parameter that is wrong.
    """
    for name, values in query.items():
        shown = name[:MAX_FIELD_LENGTH]
        if name not in model.model_fields:
            message = f"There is no parameter {shown}. There are: {', '.join(model.model_fields)}."
            raise Problem(400, "InvalidRequest", message, shown)
        if len(values) > 1:
            raise Problem(400, "InvalidRequest", f"Send {shown} only once.", shown)
    try:
        return model.model_validate({name: values[0] for name, values in query.items()})
    except ValidationError as error:
        raise _problem(error) from error


def _problem(error: ValidationError, subject: str = "The body") -> Problem:
    """Return the first of Pydantic's errors as an error response; `subject` was validated."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if len(field) > MAX_FIELD_LENGTH:
        field = field[:MAX_FIELD_LENGTH] + "…"
    match first["type"]:
        case "json_invalid":
            return Problem(400, "MalformedJson", f"{subject} is not valid JSON.")
        case "model_type" if not field:
            return Problem(400, "InvalidRequest", f"{subject} must be a JSON object.")
        case "extra_forbidden":
            return Problem(400, "InvalidRequest", f"There is no field {field}.", field)
        case "value_error" if not field:  # the model needs exactly one of several fields
            message = first["msg"].removeprefix("Value error, ")
            return Problem(400, "InvalidRequest", f"{message}.", FIELD_TO_NAME[error.title])
        case "missing":
            return Problem(400, "InvalidRequest", f"The field {field} is missing.", field)
    message = ACCEPTED.get(field) or first["msg"].removeprefix("Value error, ").rstrip(".")
    is_source = bool({"imageUrl", "uploadId"} & set(first["loc"][-1:]))
    code = "InvalidSource" if is_source else "InvalidRequest"
    return Problem(400, code, f"{field}: {message}.", field)
