"""The shapes of answers, as `GET /openapi.json` tells them.

Views are not built through these models: a task was checked when it was stored, and to check it
again would cost every request. `tests/integration/test_openapi_live.py` holds real answers against
them.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from chalicelib.models import Name, Output
from darkroom.batches import BatchStatus
from darkroom.tasks import Status

TaskId = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Path = Annotated[str, Field(pattern="^/tasks/")]
BatchPath = Annotated[str, Field(pattern="^/batches/")]
Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]


class Answer(BaseModel):
    """All fields of an answer are always there, and there are no others."""

    model_config = ConfigDict(extra="forbid")


class Result(Answer):
    """The gray image of a COMPLETED task."""

    url: Annotated[Url, Field(description="Good until `expiresAt`; ask again for a new one.")]
    expiresAt: AwareDatetime  # noqa: N815 - the contract's spelling
    contentType: str  # noqa: N815
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    bytes: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Failure(Answer):
    """Why a task FAILED. `docs/errors.md` lists the errors."""

    step: str
    error: str
    message: str


class Execution(Answer):
    """The execution of the state machine that works, or worked, on the task."""

    arn: str
    consoleUrl: str  # noqa: N815


class Delivery(Answer):
    """What became of the last try to deliver the webhook."""

    delivered: bool
    tries: Annotated[int, Field(ge=1)]
    at: AwareDatetime
    status: Annotated[int | None, Field(description="What the receiver answered, if it did.")]
    message: str | None


class Callback(Answer):
    """Where the end of the task is told. It never changes the task's status."""

    url: str
    delivery: Annotated[Delivery | None, Field(description="`null`: not tried yet.")]


class CallbackSecret(Answer):
    """What the webhooks for this caller are signed with, after Standard Webhooks."""

    secret: Annotated[str, Field(pattern="^whsec_[A-Za-z0-9+/]+=*$")]


class Links(Answer):
    """Where the task is, and what may be done to it now."""

    self: Path
    retry: Path | None
    cancel: Path | None


class UrlSource(Answer):
    """The URL that was sent. Of a `data:` URL the bytes are left out."""

    imageUrl: str  # noqa: N815


class UploadSource(Answer):
    """The upload that was sent."""

    uploadId: TaskId  # noqa: N815


class ObjectSource(Answer):
    """The object that a batch found under its prefix."""

    object: Annotated[str, Field(description="Its key below `imports/{id of the API key}/`")]


class LineSource(Answer):
    """The line of a batch's manifest, cut short, that is no source: the task FAILED for it."""

    line: str


class Task(Answer):
    """A task."""

    taskId: TaskId  # noqa: N815
    name: Name | None
    status: Status
    attempt: Annotated[int, Field(ge=1)]
    source: UrlSource | UploadSource | ObjectSource | LineSource
    output: Output
    createdAt: AwareDatetime  # noqa: N815
    startedAt: AwareDatetime | None  # noqa: N815
    completedAt: AwareDatetime | None  # noqa: N815
    result: Result | None
    failure: Failure | None
    callback: Callback | None
    execution: Execution | None
    links: Links


class TaskList(Answer):
    """A page of tasks. Only a cursor of `null` means the end."""

    tasks: list[Task]
    cursor: str | None


class BatchFailure(Answer):
    """Why a batch FAILED."""

    error: str
    message: str


class Counts(Answer):
    """How many tasks of a batch have each status."""

    PENDING: Annotated[int, Field(ge=0)]
    RUNNING: Annotated[int, Field(ge=0)]
    COMPLETED: Annotated[int, Field(ge=0)]
    FAILED: Annotated[int, Field(ge=0)]
    CANCELLED: Annotated[int, Field(ge=0)]


class BatchLinks(Answer):
    """Where the batch is, and what may be done to it now."""

    self: BatchPath
    tasks: BatchPath
    cancel: BatchPath | None
    retry: BatchPath | None


class Batch(Answer):
    """A batch."""

    batchId: TaskId  # noqa: N815
    name: Name | None
    status: BatchStatus
    toleratedFailurePercentage: Annotated[int, Field(ge=0, le=100)]  # noqa: N815
    createdAt: AwareDatetime  # noqa: N815
    completedAt: AwareDatetime | None  # noqa: N815
    total: Annotated[
        int | None, Field(description="`null` while a manifest or a prefix is being read.")
    ]
    counts: Annotated[Counts, Field(description="They sum to `total` as soon as it is known.")]
    failure: BatchFailure | None
    execution: Execution
    links: BatchLinks


class Upload(Answer):
    """A form that sends one file to S3: POST `fields`, then the file as `file`, to `url`."""

    uploadId: TaskId  # noqa: N815
    url: Url
    fields: dict[str, str]
    expiresAt: AwareDatetime  # noqa: N815


class Health(Answer):
    """The API runs."""

    status: Literal["ok"]


class ErrorDetail(Answer):
    """What is wrong and what to do about it."""

    code: Annotated[str, Field(description="For programs: it will not change.")]
    message: Annotated[str, Field(description="For people: it may change.")]
    field: Annotated[
        str | SkipJsonSchema[None], Field(description="The field, parameter or header.")
    ] = None


class Error(Answer):
    """Every answer that is no success."""

    error: ErrorDetail
