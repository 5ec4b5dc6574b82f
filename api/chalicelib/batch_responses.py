"""The models of responses about batches: see `responses`."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from chalicelib.models import Name
from chalicelib.responses import Answer, Cursor, Execution, Id, Reference
from darkroom.batches.model import BatchStatus

BatchPath = Annotated[Reference, Field(pattern="^/(.+/)?batches/")]
Count = Annotated[int, Field(ge=0)]


class BatchFailure(Answer):
    """Why a batch FAILED. Its open tasks are cancelled."""

    error: Annotated[str, Field(description="For programs: `TooManyFailures`, `EmptyBatch`, …")]
    message: Annotated[str, Field(description="For people: what happened")]


class Counts(Answer):
    """The number of the batch's tasks by status."""

    PENDING: Annotated[Count, Field(description="Not started yet, or not created yet")]
    RUNNING: Annotated[Count, Field(description="Executions are working on them")]
    COMPLETED: Annotated[Count, Field(description="Each has a result")]
    FAILED: Annotated[Count, Field(description="The `failure` of each explains why")]
    CANCELLED: Annotated[Count, Field(description="Cancelled with the batch, or individually")]


class BatchLinks(Answer):
    """The path of the batch, and the actions that its status allows; others are `null`.

    Paths like those of a task.
    """

    self: Annotated[BatchPath, Field(description="GET this to show the batch")]
    tasks: Annotated[BatchPath, Field(description="GET this to list its tasks")]
    cancel: Annotated[
        BatchPath | None, Field(description="POST here to cancel it and its open tasks")
    ]
    retry: Annotated[
        BatchPath | None, Field(description="POST here to retry its FAILED and CANCELLED tasks")
    ]


class BatchSummary(Answer):
    """A batch in a list. It has no counts, because to count its tasks takes several reads."""

    batchId: Annotated[Id, Field(description="Its id")]
    name: Annotated[Name | None, Field(description="The name that was sent, if one was")]
    status: Annotated[
        BatchStatus,
        Field(
            description="RUNNING at first. COMPLETED when all tasks have ended and the share of "
            "FAILED tasks is tolerated, otherwise FAILED. CANCELLED after a cancel. Only a retry "
            "makes it RUNNING again"
        ),
    ]
    toleratedFailurePercentage: Annotated[
        int, Field(ge=0, le=100, description="The share of all tasks that may end FAILED")
    ]
    createdAt: Annotated[AwareDatetime, Field(description="When it was accepted")]
    completedAt: Annotated[
        AwareDatetime | None, Field(description="When it ended: COMPLETED, FAILED or CANCELLED")
    ]
    total: Annotated[
        int | None,
        Field(description="The number of its tasks; `null` until its manifest or prefix was read"),
    ]
    deleted: Annotated[
        Count, Field(description="Tasks that were deleted. `total` and `counts` omit them")
    ]
    deletionRequestedAt: Annotated[
        AwareDatetime | None,
        Field(description="Since then the batch is being deleted. When it is gone, GET is a 404"),
    ]
    failure: Annotated[BatchFailure | None, Field(description="Why it is FAILED, if it is")]
    execution: Annotated[
        Execution, Field(description="The execution that creates the tasks and waits for them")
    ]
    links: Annotated[BatchLinks, Field(description="The actions that its status allows")]


class Batch(BatchSummary):
    """A batch of tasks. Its tasks are ordinary tasks."""

    counts: Annotated[Counts, Field(description="They sum to `total` as soon as it is known")]


class BatchList(Answer):
    """A page of batches."""

    batches: Annotated[list[BatchSummary], Field(description="A page may be short or empty")]
    cursor: Cursor
