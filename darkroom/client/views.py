"""The responses of the API as typed dictionaries; docs/api.md describes the fields."""

from typing import Any, Literal, TypedDict


class Result(TypedDict):
    """The result of a COMPLETED task. `url` is valid until `expiresAt`."""

    url: str
    expiresAt: str
    contentType: str
    width: int
    height: int
    bytes: int
    sha256: str


class Failure(TypedDict):
    """Why a task FAILED."""

    step: str
    error: str
    message: str


class Delivery(TypedDict):
    """The outcome of the last attempt to deliver a webhook."""

    delivered: bool
    tries: int
    at: str
    status: int | None
    message: str | None


class Callback(TypedDict):
    """The webhook of a task."""

    url: str
    delivery: Delivery | None


class Execution(TypedDict):
    """The execution of a task's latest attempt."""

    arn: str
    consoleUrl: str | None


class Task(TypedDict):
    """A task. Times are ISO 8601 in UTC."""

    taskId: str
    name: str | None
    batchId: str | None
    status: Literal["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
    attempt: int
    source: dict[str, Any]
    output: dict[str, Any]
    createdAt: str
    startedAt: str | None
    completedAt: str | None
    result: Result | None
    failure: Failure | None
    callback: Callback | None
    execution: Execution | None
    links: dict[str, str | None]


class CallbackSecret(TypedDict):
    """The secret that signs webhooks. Until `previousExpiresAt` an earlier one signs as well."""

    secret: str
    previousExpiresAt: str | None


class BatchFailure(TypedDict):
    """Why a batch FAILED."""

    error: str
    message: str


class BatchSummary(TypedDict):
    """A batch in a list. `total` is None until its manifest or prefix was read."""

    batchId: str
    name: str | None
    status: Literal["RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
    toleratedFailurePercentage: int
    createdAt: str
    completedAt: str | None
    total: int | None
    deleted: int
    deletionRequestedAt: str | None
    failure: BatchFailure | None
    execution: Execution | None
    links: dict[str, str | None]


class Batch(BatchSummary):
    """A batch. Once `total` is known, it is the sum of `counts`, the number of tasks by status."""

    counts: dict[str, int]
