"""The model of webhooks, for `GET /openapi.json`. `darkroom.events.model` creates them."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from chalicelib.models import Name
from chalicelib.responses import Answer, Failure, Id, Picture


class End(Answer):
    """A task that has ended."""

    taskId: Annotated[Id, Field(description="The task's id")]
    status: Annotated[
        Literal["COMPLETED", "FAILED", "CANCELLED"], Field(description="Its final status")
    ]
    attempt: Annotated[
        int, Field(ge=1, description="The attempt that ended; each retry increases it by one")
    ]
    createdAt: Annotated[AwareDatetime, Field(description="When the task was accepted")]
    completedAt: Annotated[AwareDatetime, Field(description="When it ended")]
    name: Annotated[Name | None, Field(description="The name that was sent, if one was")]
    batchId: Annotated[Id | None, Field(description="The batch of the task, if it belongs to one")]
    result: Annotated[
        Picture | None,
        Field(description="The gray image, if COMPLETED; GET the task for a link to it"),
    ]
    failure: Annotated[Failure | None, Field(description="Why it is FAILED, if it is")]


class Webhook(Answer):
    """A webhook in the format of Standard Webhooks, whose libraries can verify it."""

    type: Annotated[
        Literal["task.completed", "task.failed", "task.cancelled"],
        Field(description="The type of the event"),
    ]
    timestamp: Annotated[AwareDatetime, Field(description="When the task ended")]
    data: Annotated[End, Field(description="The task")]
