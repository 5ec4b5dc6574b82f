"""The shapes of answers, as `GET /openapi.json` tells them.

Views are not built through these models: a task was checked when it was stored, and to check it
again would cost every request. `tests/integration/callers/test_openapi_live.py` holds real answers
against them.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from chalicelib.models import Name, Output
from darkroom.tasks.model import Status

Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Path = Annotated[
    str, Field(pattern="^/(.+/)?tasks/", json_schema_extra={"format": "uri-reference"})
]
Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]


class Answer(BaseModel):
    """All fields of an answer are always there, and there are no others."""

    model_config = ConfigDict(extra="forbid")


class Picture(Answer):
    """What was made."""

    contentType: Annotated[str, Field(description="`image/jpeg` or the like")]  # noqa: N815 - the contract's spelling
    width: Annotated[int, Field(ge=1, description="In pixels")]
    height: Annotated[int, Field(ge=1, description="In pixels")]
    bytes: Annotated[int, Field(ge=1, description="The size of the file")]
    sha256: Annotated[
        str, Field(pattern="^[0-9a-f]{64}$", description="The digest of the file, in hexadecimal")
    ]


class Result(Picture):
    """The gray image of a COMPLETED task."""

    url: Annotated[Url, Field(description="Good until `expiresAt`; ask again for a new one")]
    expiresAt: Annotated[  # noqa: N815
        AwareDatetime, Field(description="An hour after the question, at most")
    ]


class Failure(Answer):
    """Why a task FAILED."""

    step: Annotated[str, Field(description="The state of the state machine that failed")]
    error: Annotated[str, Field(description="For programs: `SourceNotFound` or the like")]
    message: Annotated[str, Field(description="For people: what happened")]


class Execution(Answer):
    """The execution of the state machine that works, or worked, on the task."""

    arn: Annotated[str, Field(description="Its name to AWS")]
    consoleUrl: Annotated[  # noqa: N815
        str | None,
        Field(description="Where a person sees it in the Step Functions console, if there is one"),
    ]


class Delivery(Answer):
    """What became of the last try to deliver the webhook."""

    delivered: Annotated[bool, Field(description="Whether the receiver took it, with a 2xx")]
    tries: Annotated[int, Field(ge=1, description="How many there were")]
    at: Annotated[AwareDatetime, Field(description="When the last try ended")]
    status: Annotated[int | None, Field(description="What the receiver answered, if it did")]
    message: Annotated[str | None, Field(description="For people: what went wrong, if it did")]


class Callback(Answer):
    """Where the end of the task is told. It never changes the task's status."""

    url: Annotated[str, Field(description="The `callbackUrl` that was sent")]
    delivery: Annotated[Delivery | None, Field(description="`null`: not tried yet")]


class CallbackSecret(Answer):
    """What the webhooks for this caller are signed with, after Standard Webhooks."""

    secret: Annotated[
        str,
        Field(
            pattern="^whsec_[A-Za-z0-9+/]+=*$",
            description="As libraries of Standard Webhooks take it; it stays the same",
        ),
    ]


class Links(Answer):
    """Where the task is, and what may be done to it now: `null`, not now.

    Paths from the root of the host, the stage or base path included: resolve them against the URL
    of the request, as a browser does.
    """

    self: Annotated[Path, Field(description="GET this to see the task")]
    retry: Annotated[Path | None, Field(description="POST here to try it again")]
    cancel: Annotated[Path | None, Field(description="POST here to cancel it")]


class UrlSource(Answer):
    """The URL that was sent. Of a `data:` URL the bytes are left out."""

    imageUrl: Annotated[str, Field(description="The URL")]  # noqa: N815


class UploadSource(Answer):
    """The upload that was sent."""

    uploadId: Annotated[Id, Field(description="Its id")]  # noqa: N815


class ObjectSource(Answer):
    """The object that a batch found under its prefix."""

    object: Annotated[str, Field(description="Its key below `imports/{id of the API key}/`")]


class LineSource(Answer):
    """The line of a batch's manifest that is no source: the task FAILED for it."""

    line: Annotated[str, Field(description="What it says, cut short")]
    lineNumber: Annotated[int, Field(ge=1, description="Which one it is")]  # noqa: N815


class Task(Answer):
    """A task."""

    taskId: Annotated[Id, Field(description="Its id")]  # noqa: N815
    name: Annotated[Name | None, Field(description="The name that was sent, if one was")]
    status: Annotated[
        Status,
        Field(
            description="PENDING, then RUNNING, then COMPLETED or FAILED, and never back; a cancel "
            "ends it CANCELLED, and only a retry begins anew"
        ),
    ]
    attempt: Annotated[int, Field(ge=1, description="One more with each retry")]
    source: Annotated[
        UrlSource | UploadSource | ObjectSource | LineSource,
        Field(description="Where the image is from"),
    ]
    output: Annotated[Output, Field(description="What the result should be")]
    createdAt: Annotated[  # noqa: N815
        AwareDatetime, Field(description="When it was taken")
    ]
    startedAt: Annotated[  # noqa: N815
        AwareDatetime | None, Field(description="When an execution began to work on this attempt")
    ]
    completedAt: Annotated[  # noqa: N815
        AwareDatetime | None, Field(description="When this attempt ended, well or badly")
    ]
    result: Annotated[Result | None, Field(description="Of a COMPLETED task")]
    failure: Annotated[Failure | None, Field(description="Of a FAILED task")]
    callback: Annotated[Callback | None, Field(description="If a `callbackUrl` was sent")]
    execution: Annotated[
        Execution | None, Field(description="`null`: no execution has claimed it yet")
    ]
    links: Annotated[Links, Field(description="What may be done now")]


class TaskList(Answer):
    """A page of tasks."""

    tasks: Annotated[list[Task], Field(description="A page may be short or empty")]
    cursor: Annotated[
        str | None, Field(description="For the next page; only `null` means that there is none")
    ]


class Upload(Answer):
    """A form that sends one file to S3: POST `fields`, then the file as `file`, to `url`."""

    uploadId: Annotated[Id, Field(description="For `POST /tasks`, or a manifest")]  # noqa: N815
    url: Annotated[Url, Field(description="Where the form goes to, by POST")]
    fields: Annotated[
        dict[str, str], Field(description="Of the form: all of them, before the `file`")
    ]
    expiresAt: Annotated[AwareDatetime, Field(description="Until when S3 takes it")]  # noqa: N815


class Health(Answer):
    """The API runs."""

    status: Annotated[Literal["ok"], Field(description="There is no other")]


class ErrorDetail(Answer):
    """What is wrong and what to do about it."""

    code: Annotated[str, Field(description="For programs: it will not change")]
    message: Annotated[str, Field(description="For people: what is wrong; it may change")]
    field: Annotated[
        str,
        # May be left out; a plain default would be told as one.
        Field(
            default_factory=str,
            description="The field, parameter or header that is wrong, if one is",
        ),
    ]


class Error(Answer):
    """Every answer that is no success."""

    error: Annotated[ErrorDetail, Field(description="The one thing to mend first")]
