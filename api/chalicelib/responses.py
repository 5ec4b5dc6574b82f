"""The models of responses, as `GET /openapi.json` describes them.

The API does not build its responses with these models: a task was validated when it was stored,
and validation would slow down every request.
`tests/integration/callers/test_openapi_live.py` validates real responses with them.
"""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from chalicelib.models import Format, Name
from darkroom.tasks.model import Status

Cursor = Annotated[str | None, Field(description="For the next page; `null` on the last page only")]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Reference = Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]
TaskPath = Annotated[Reference, Field(pattern="^/(.+/)?tasks/")]
Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]


class Answer(BaseModel):
    """A response always has all of its fields, and no others."""

    model_config = ConfigDict(extra="forbid")


class Picture(Answer):
    """The properties of the gray image's file."""

    contentType: Annotated[str, Field(description="`image/jpeg`, …")]
    width: Annotated[int, Field(ge=1, description="In pixels")]
    height: Annotated[int, Field(ge=1, description="In pixels")]
    bytes: Annotated[int, Field(ge=1, description="The size of the file")]
    sha256: Annotated[
        str, Field(pattern="^[0-9a-f]{64}$", description="The file's SHA-256, in hexadecimal")
    ]


class Result(Picture):
    """The gray image of a COMPLETED task."""

    url: Annotated[Url, Field(description="Valid until `expiresAt`; GET the task for a new one")]
    expiresAt: Annotated[AwareDatetime, Field(description="At most an hour after the request")]


class Failure(Answer):
    """Why a task FAILED."""

    step: Annotated[str, Field(description="The state of the state machine that failed")]
    error: Annotated[str, Field(description="For programs: `SourceNotFound`, …")]
    message: Annotated[str, Field(description="For people: what happened")]


class Execution(Answer):
    """The Step Functions execution that processes, or processed, the task or the batch."""

    arn: Annotated[str, Field(description="Its ARN")]
    consoleUrl: Annotated[
        str | None,
        Field(description="Its page in the Step Functions console, if there is a console"),
    ]


class Delivery(Answer):
    """The outcome of the last try to deliver the webhook."""

    delivered: Annotated[bool, Field(description="Whether the receiver accepted it with a 2xx")]
    tries: Annotated[int, Field(ge=1, description="The number of tries so far")]
    at: Annotated[AwareDatetime, Field(description="When the last try ended")]
    status: Annotated[int | None, Field(description="The receiver's HTTP status, if it answered")]
    message: Annotated[str | None, Field(description="For people: why the try failed, if it did")]


class Callback(Answer):
    """Where the webhook about the task is sent. A failed delivery never changes the task."""

    url: Annotated[str, Field(description="The `callbackUrl` that was sent")]
    delivery: Annotated[Delivery | None, Field(description="`null`: no try yet")]


class CallbackSecret(Answer):
    """The secret that signs this caller's webhooks, as Standard Webhooks specifies."""

    secret: Annotated[
        str,
        Field(
            pattern="^whsec_[A-Za-z0-9+/]+=*$",
            description="In the form that libraries for Standard Webhooks take; it changes only "
            "if you rotate it",
        ),
    ]
    previousExpiresAt: Annotated[
        AwareDatetime | None,
        Field(
            description="After a rotation: until then webhooks are also signed with the earlier "
            "secret"
        ),
    ]


class TaskOutput(Answer):
    """The format and quality that were asked for."""

    format: Annotated[
        Format,
        Field(description="`auto`: the format of the source if it can be written, else `png`"),
    ]
    quality: Annotated[int, Field(ge=1, le=100, description="For lossy formats")]


class Links(Answer):
    """The path of the task, and the actions that its status allows; others are `null`.

    Paths start at the root of the host and include the stage or base path: resolve them against
    the URL of the request, as a browser does.
    """

    self: Annotated[TaskPath, Field(description="GET this to show the task")]
    retry: Annotated[TaskPath | None, Field(description="POST here to retry it")]
    cancel: Annotated[TaskPath | None, Field(description="POST here to cancel it")]


class UrlSource(Answer):
    """The URL that was sent. The bytes of a `data:` URL are left out."""

    imageUrl: Annotated[str, Field(description="The URL")]


class UploadSource(Answer):
    """The upload that was sent."""

    uploadId: Annotated[Id, Field(description="Its id")]


class ObjectSource(Answer):
    """The object that a batch found under its prefix."""

    object: Annotated[str, Field(description="Its key below the caller's `imports/{owner}/`")]


class LineSource(Answer):
    """The invalid line of a batch's manifest for which the task FAILED."""

    line: Annotated[str, Field(description="The beginning of its text")]
    lineNumber: Annotated[int, Field(ge=1, description="Its number in the file")]


class Task(Answer):
    """A task."""

    taskId: Annotated[Id, Field(description="Its id")]
    name: Annotated[Name | None, Field(description="The name that was sent, if one was")]
    batchId: Annotated[Id | None, Field(description="The batch of the task, if it belongs to one")]
    status: Annotated[
        Status,
        Field(
            description="PENDING, then RUNNING, then COMPLETED or FAILED. CANCELLED after a "
            "cancel. Only a retry makes it PENDING again"
        ),
    ]
    attempt: Annotated[int, Field(ge=1, description="Each retry increases it by one")]
    source: Annotated[
        UrlSource | UploadSource | ObjectSource | LineSource,
        Field(description="The source of the image"),
    ]
    output: Annotated[TaskOutput, Field(description="The format and quality of the result")]
    createdAt: Annotated[AwareDatetime, Field(description="When it was accepted")]
    startedAt: Annotated[
        AwareDatetime | None, Field(description="When an execution claimed this attempt")
    ]
    completedAt: Annotated[
        AwareDatetime | None,
        Field(description="When this attempt ended: COMPLETED, FAILED or CANCELLED"),
    ]
    result: Annotated[Result | None, Field(description="The gray image, if COMPLETED")]
    failure: Annotated[Failure | None, Field(description="Why it is FAILED, if it is")]
    callback: Annotated[Callback | None, Field(description="If a `callbackUrl` was sent")]
    execution: Annotated[
        Execution | None, Field(description="`null`: no execution has claimed it yet")
    ]
    links: Annotated[Links, Field(description="The actions that its status allows")]


class TaskList(Answer):
    """A page of tasks."""

    tasks: Annotated[list[Task], Field(description="A page may be short or empty")]
    cursor: Cursor


class Upload(Answer):
    """A form that sends one file to S3: POST `fields`, then the file as `file`, to `url`."""

    uploadId: Annotated[Id, Field(description="For `POST /tasks`, or a manifest")]
    url: Annotated[Url, Field(description="The URL to POST the form to")]
    fields: Annotated[
        dict[str, str], Field(description="Fields of the form: send all, before the `file`")
    ]
    expiresAt: Annotated[AwareDatetime, Field(description="When S3 stops accepting the form")]


class Health(Answer):
    """The API responds."""

    status: Annotated[Literal["ok"], Field(description="The only value")]


class Description(BaseModel):
    """A document of OpenAPI 3.1, with more fields than these."""

    openapi: Annotated[str, Field(description="The version of OpenAPI")]
    info: Annotated[dict[str, Any], Field(description="The title and the version of this API")]
    paths: Annotated[dict[str, Any], Field(description="The operations, by path and method")]


class ErrorDetail(Answer):
    """What is wrong and what to do about it."""

    code: Annotated[str, Field(description="For programs: it will not change")]
    message: Annotated[str, Field(description="For people: what is wrong; the text may change")]
    field: Annotated[
        str,
        # Optional; OpenAPI would show a plain default as a value.
        Field(
            default_factory=str,
            description="The field, parameter or header that is wrong, if one is",
        ),
    ]


class ErrorResponse(Answer):
    """Every error response."""

    error: Annotated[ErrorDetail, Field(description="The first error of the request")]
