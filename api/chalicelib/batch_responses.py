"""The shapes of answers about batches, as `GET /openapi.json` tells them."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from chalicelib.models import Name
from chalicelib.responses import Answer, Execution, Id
from darkroom.batches.model import BatchStatus

Path = Annotated[
    str, Field(pattern="^/(.+/)?batches/", json_schema_extra={"format": "uri-reference"})
]
Count = Annotated[int, Field(ge=0)]


class BatchFailure(Answer):
    """Why a batch FAILED. What was still open is CANCELLED."""

    error: Annotated[
        str, Field(description="For programs: `TooManyFailures`, `EmptyBatch` or the like")
    ]
    message: Annotated[str, Field(description="For people: what happened")]


class Counts(Answer):
    """How many tasks of a batch have each status."""

    PENDING: Annotated[Count, Field(description="Not begun, or not even there yet")]
    RUNNING: Annotated[Count, Field(description="An execution works on them")]
    COMPLETED: Annotated[Count, Field(description="Have a result")]
    FAILED: Annotated[Count, Field(description="Each says why in its own `failure`")]
    CANCELLED: Annotated[Count, Field(description="With the batch, or each by itself")]


class BatchLinks(Answer):
    """Where the batch is, and what may be done to it now: `null`, not now.

    Paths like those of a task.
    """

    self: Annotated[Path, Field(description="GET this to see the batch")]
    tasks: Annotated[Path, Field(description="GET this to list its tasks")]
    cancel: Annotated[Path | None, Field(description="POST here to cancel what is open of it")]
    retry: Annotated[
        Path | None, Field(description="POST here to try again what FAILED or was CANCELLED")
    ]


class Batch(Answer):
    """A batch. Its tasks are tasks like any other."""

    batchId: Annotated[Id, Field(description="Its id")]  # noqa: N815 - the contract's spelling
    name: Annotated[Name | None, Field(description="The name that was sent, if one was")]
    status: Annotated[
        BatchStatus,
        Field(
            description="RUNNING, then COMPLETED when all tasks have ended and no more of them "
            "FAILED than is tolerated, else FAILED; a cancel ends it CANCELLED, and only a retry "
            "begins anew"
        ),
    ]
    toleratedFailurePercentage: Annotated[  # noqa: N815
        int, Field(ge=0, le=100, description="Of all tasks, how many may have FAILED")
    ]
    createdAt: Annotated[  # noqa: N815
        AwareDatetime, Field(description="When it was taken")
    ]
    completedAt: Annotated[  # noqa: N815
        AwareDatetime | None, Field(description="When it ended, well or badly")
    ]
    total: Annotated[
        int | None, Field(description="`null` while a manifest or a prefix is being read")
    ]
    counts: Annotated[Counts, Field(description="They sum to `total` as soon as it is known")]
    failure: Annotated[BatchFailure | None, Field(description="Of a FAILED batch")]
    execution: Annotated[
        Execution, Field(description="That which enters the tasks and waits for their ends")
    ]
    links: Annotated[BatchLinks, Field(description="What may be done now")]
