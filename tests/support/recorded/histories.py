"""Histories of executions, as LocalStack's snapshot tests recorded them of AWS.

Types, order, ids and details of the events are as recorded: see `executions` for the source. The
names of states, inputs and outputs are ours.
"""

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.recorded.executions import EXPRESS, FAILURE, START, Recorded

CAUSE = json.dumps(
    {
        "errorMessage": "Some exception was raised.",
        "errorType": "Exception",
        "requestId": "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d",
        "stackTrace": [
            """  File "/var/task/handler.py", line 2, in handler\n    raise Exception("…")\n"""
        ],
    },
    separators=(",", ":"),
)
"""The cause of a function's exception."""
TOO_LARGE = (
    "The state/task 'lambda' returned a result with a size exceeding the maximum number of bytes "
    "service limit."
)
NO_FUNCTION = (
    "Function not found: arn:aws:lambda:eu-central-1:123456789012:function:no_such:$LATEST "
    "(Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; "
    "Request ID: 5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d; Proxy: null)"
)

Event = Mapping[str, Any]
DETAILS = {"StateEntered": "stateEntered", "StateExited": "stateExited"}
"""Events of all kinds of states have the same details."""
INVOKE = {"resource": "invoke", "resourceType": "lambda"}


def history(*events: tuple[str, dict[str, Any] | None]) -> list[Event]:
    """Events of GetExecutionHistory, one a second. None: the event has no details."""
    found: list[Event] = []
    for number, (kind, details) in enumerate(events, start=1):
        event: dict[str, Any] = {
            "timestamp": START + datetime.timedelta(seconds=number),
            "type": kind,
            "id": number,
            "previousEventId": number - 1 if number > 2 else 0,
        }
        if details is not None:
            event[f"{_key(kind)}EventDetails"] = details
        found.append(event)
    return found


def _key(kind: str) -> str:
    """The name of an event's details, without its ending."""
    shared = next((DETAILS[end] for end in DETAILS if kind.endswith(end)), None)
    return shared or kind[0].lower() + kind[1:]


def entered(kind: str, name: str) -> tuple[str, dict[str, Any]]:
    return f"{kind}StateEntered", {
        "name": name,
        "input": "{}",
        "inputDetails": {"truncated": False},
    }


def exited(kind: str, name: str) -> tuple[str, dict[str, Any]]:
    details = {"name": name, "output": "{}", "outputDetails": {"truncated": False}}
    return f"{kind}StateExited", details


STARTED = (
    "ExecutionStarted",
    {"input": "{}", "inputDetails": {"truncated": False}, "roleArn": "arn:aws:iam::1:role/r"},
)
SUCCEEDED = ("ExecutionSucceeded", {"output": "{}", "outputDetails": {"truncated": False}})
SCHEDULED = ("TaskScheduled", {**INVOKE, "region": "eu-central-1", "parameters": "{}"})
INVOKED = (SCHEDULED, ("TaskStarted", INVOKE))
RAISED = (*INVOKED, ("TaskFailed", {**INVOKE, "error": "Exception", "cause": CAUSE}))
CAUGHT = (exited("Task", "Work"), entered("Pass", "Caught"), exited("Pass", "Caught"), SUCCEEDED)


def _caught(error: str, cause: str) -> tuple[tuple[str, dict[str, Any] | None], ...]:
    return (*INVOKED, ("TaskFailed", {**INVOKE, "error": error, "cause": cause}), *CAUGHT)


def work(*events: tuple[str, dict[str, Any] | None]) -> list[Event]:
    """A history in which the Task state "Work" is entered first."""
    return history(STARTED, entered("Task", "Work"), *events)


HISTORIES: Mapping[str, Recorded] = {
    "an exception that is caught": Recorded(
        "error_handling/test_task_service_lambda::test_raise_exception_catch",
        "2024-11-28",
        work(*RAISED, *CAUGHT),
    ),
    "an exception that nothing catches": Recorded(
        "error_handling/test_task_service_lambda::test_raise_exception",
        "2024-11-28",
        work(*RAISED, ("ExecutionFailed", {"error": "Exception", "cause": CAUSE})),
    ),
    "three retries": Recorded(
        "scenarios/test_base_scenarios::test_lambda_service_invoke_with_retry_extended_input",
        "2023-10-24",
        work(*RAISED, *RAISED, *RAISED, *RAISED, *CAUGHT),
    ),
    "a time limit of a state": Recorded(
        "timeouts/test_timeouts::test_fixed_timeout_service_lambda",
        "2024-03-10",
        work(
            (SCHEDULED[0], {**SCHEDULED[1], "timeoutInSeconds": 5}),
            ("TaskStarted", INVOKE),
            ("TaskTimedOut", {**INVOKE, "error": "States.Timeout"}),
            ("ExecutionFailed", {"error": "States.Timeout"}),
        ),
    ),
    "a result over the limit": Recorded(
        "error_handling/test_states_errors::"
        "test_service_task_lambada_catch_state_all_data_limit_exceeded_on_large_utf8_response",
        "2024-03-21",
        work(*_caught("States.DataLimitExceeded", TOO_LARGE)),
    ),
    "a function that does not exist": Recorded(
        "error_handling/test_task_service_lambda::test_no_such_function_catch",
        "2025-11-25",
        work(*_caught("Lambda.ResourceNotFoundException", NO_FUNCTION)),
    ),
    "stopped in a Wait state": Recorded(
        "test_sfn_api::test_stop_execution",
        "2024-05-06",
        history(STARTED, entered("Wait", "Work"), ("ExecutionAborted", {})),
    ),
    "a Fail state with an error only": Recorded(
        "scenarios/test_base_scenarios::test_fail_error_jsonata",
        "2024-11-13",
        history(STARTED, entered("Fail", "Work"), ("ExecutionFailed", {"error": "Exception"})),
    ),
    "a Fail state with a cause only": Recorded(
        "scenarios/test_base_scenarios::test_fail_cause_jsonata",
        "2024-11-13",
        history(
            STARTED,
            entered("Fail", "Work"),
            ("ExecutionFailed", {"cause": "This failed to due an Exception."}),
        ),
    ),
    "a Fail state with neither": Recorded(
        "base/test_base::test_state_fail_empty",
        "2024-03-06",
        history(STARTED, entered("Fail", "Work"), ("ExecutionFailed", {})),
    ),
}
"""Answers of GetExecutionHistory. "Work" is the state in which it happened."""

LOGGED = Recorded(
    "logs/test_logs::test_base[raise_failure.json5_ALL_False]",
    "2024-06-10",
    [
        ("ExecutionStarted", {"roleArn": "arn:aws:iam::1:role/r"}),
        ("FailStateEntered", {"name": "Work"}),
        ("ExecutionFailed", {"error": "SomeFailure", "cause": FAILURE}),
    ],
)
"""The events that a machine logs at the level ALL without execution data: type and `details`.

That an Express execution logs the same was recorded of its last event only, in
`express/test_express_async::test_base[BASE_RAISE_FAILURE]` on 2024-07-03."""


def log_lines(events: Sequence[tuple[str, dict[str, Any]]], execution: str = EXPRESS) -> list[str]:
    """The lines of a log group: numbers are text, and the names of fields are in snake case."""
    return [
        json.dumps(
            {
                "id": str(number),
                "type": kind,
                "details": details,
                "previous_event_id": str(number - 1 if number > 2 else 0),
                "event_timestamp": str(int(START.timestamp() * 1000) + number),
                "execution_arn": execution,
                "redrive_count": "0",
            }
        )
        for number, (kind, details) in enumerate(events, start=1)
    ]
