"""The models of the responses about the execution of a task. See `chalicelib.responses`."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from chalicelib.batch_responses import Count
from chalicelib.responses import Answer, Id

Omitted = Annotated[
    list[Literal["input", "output"]],
    Field(description="Which of the two is left out, because it has more than 8,192 characters"),
]
Data = Annotated[
    Any,
    Field(
        description="JSON without secrets: of a URL only scheme and host are left. `null`: there "
        "is none, or it was not recorded, as for EXPRESS"
    ),
]
ErrorName = Annotated[str | None, Field(description="The name of the error, if there was one")]
CauseText = Annotated[str | None, Field(description="What happened, in a sentence, without URLs")]


class HistoryTry(Answer):
    """One try of a state."""

    startedAt: Annotated[AwareDatetime, Field(description="When it was scheduled")]
    endedAt: Annotated[AwareDatetime | None, Field(description="`null`: it has not ended")]
    seconds: Annotated[
        float | None, Field(ge=0, description="Its duration, without the wait before a retry")
    ]
    error: ErrorName
    cause: CauseText


class HistoryState(Answer):
    """One visit of a state."""

    name: Annotated[str, Field(description="The name of the state")]
    type: Annotated[str, Field(description="`Task`, `Choice`, `Succeed`, `Fail`, …")]
    outcome: Annotated[
        Literal["SUCCEEDED", "CAUGHT_ERROR", "FAILED", "ABORTED", "RUNNING"],
        Field(
            description="CAUGHT_ERROR: its last try failed, and a Catch led to the next state. "
            "ABORTED: the execution was stopped here"
        ),
    ]
    enteredAt: Annotated[AwareDatetime, Field(description="When it was entered")]
    leftAt: Annotated[AwareDatetime | None, Field(description="`null`: it is running")]
    error: ErrorName
    cause: CauseText
    tries: Annotated[
        list[HistoryTry],
        Field(description="The first one and its retries; none for a state that does no work"),
    ]
    input: Data
    output: Data
    omitted: Omitted


class HistoryEvent(Answer):
    """One event of the execution."""

    id: Annotated[int, Field(ge=0, description="Its number in the execution")]
    at: Annotated[AwareDatetime, Field(description="When it happened")]
    type: Annotated[str, Field(description="`TaskStateEntered`, `TaskFailed`, …, as AWS names it")]
    state: Annotated[str | None, Field(description="The state that it belongs to, if to one")]
    error: ErrorName
    cause: CauseText


class HistoryExecution(Answer):
    """The execution, and where to find it in AWS."""

    arn: Annotated[str, Field(description="Its ARN")]
    consoleUrl: Annotated[str | None, Field(description="Its page, as in the task")]
    logsUrl: Annotated[
        str | None,
        Field(description="What the functions logged about the task, in the CloudWatch console"),
    ]


class Missing(Answer):
    """Why there is no history."""

    code: Annotated[
        Literal["NotStarted", "NoSuchAttempt", "Expired", "NotLogged", "NotKept", "OtherMachine"],
        Field(description="For programs"),
    ]
    message: Annotated[str, Field(description="For people: the reason, and what to do")]


class TaskHistory(Answer):
    """The history of the execution of one attempt of a task."""

    taskId: Annotated[Id, Field(description="The id of the task")]
    attempt: Annotated[int, Field(ge=1, description="The attempt whose execution this is")]
    execution: Annotated[
        HistoryExecution | None, Field(description="`null`: no execution is known")
    ]
    status: Annotated[
        Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"] | None,
        Field(description="The status of the execution; `null` if its history is missing"),
    ]
    startedAt: Annotated[AwareDatetime | None, Field(description="When the execution started")]
    endedAt: Annotated[AwareDatetime | None, Field(description="`null`: it has not ended")]
    redrives: Annotated[Count, Field(description="How often a person has redriven it")]
    error: ErrorName
    cause: CauseText
    input: Data
    output: Data
    omitted: Omitted
    states: Annotated[
        list[HistoryState],
        Field(description="In the order in which they were entered; others were not reached"),
    ]
    events: Annotated[
        list[HistoryEvent],
        Field(description="Of more than 1,000 the first 500 and the last 500"),
    ]
    complete: Annotated[
        bool, Field(description="`false`: there are more events than this response has")
    ]
    missing: Annotated[Missing | None, Field(description="Why there are no states and events")]


class LogLine(Answer):
    """What one of Darkroom's functions logged."""

    at: Annotated[AwareDatetime, Field(description="When it was logged")]
    level: Annotated[str, Field(description="`INFO`, `WARNING` or `ERROR`")]
    function: Annotated[str, Field(description="The function: `app`, `dispatch`, `download`, …")]
    message: Annotated[str, Field(description="What happened, without URLs")]
    details: Annotated[
        dict[str, str | float],
        Field(
            description="Those of `status`, `seconds`, `tries`, `step`, `error` and `reason` that "
            "the line has"
        ),
    ]


class TaskLogs(Answer):
    """What the functions logged about the last attempt of a task."""

    taskId: Annotated[Id, Field(description="The id of the task")]
    attempt: Annotated[int, Field(ge=1, description="The last attempt, to which the lines belong")]
    lines: Annotated[
        list[LogLine],
        Field(
            description="By time, of more than 1,000 the first 500 and the last 500. None: they "
            "have not arrived yet, or have expired"
        ),
    ]
    complete: Annotated[
        bool, Field(description="`false`: there are more lines than this response has")
    ]
