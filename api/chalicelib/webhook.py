"""The shape of webhooks, as `GET /openapi.json` tells it. `darkroom.events.model` makes them."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from chalicelib.models import Name
from chalicelib.responses import Answer, Failure, Id, Picture


class End(Answer):
    """How the task ended."""

    taskId: Annotated[Id, Field(description="Which task")]  # noqa: N815 - the contract's
    status: Annotated[
        Literal["COMPLETED", "FAILED", "CANCELLED"], Field(description="How it ended")
    ]
    attempt: Annotated[int, Field(ge=1, description="Which attempt it was: a retry is the next")]
    createdAt: Annotated[  # noqa: N815
        AwareDatetime, Field(description="When the task was taken")
    ]
    completedAt: Annotated[AwareDatetime, Field(description="When it ended")]  # noqa: N815
    name: Annotated[Name | None, Field(description="The name that the caller gave")]
    result: Annotated[
        Picture | None,
        Field(description="What was made, if COMPLETED; ask for the task to get a link to it"),
    ]
    failure: Annotated[Failure | None, Field(description="Why it FAILED, if it did")]


class Webhook(Answer):
    """A webhook after Standard Webhooks, whose libraries verify it."""

    type: Annotated[
        Literal["task.completed", "task.failed", "task.cancelled"],
        Field(description="What happened"),
    ]
    timestamp: Annotated[AwareDatetime, Field(description="When it happened")]
    data: Annotated[End, Field(description="The task")]
