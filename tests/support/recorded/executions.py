"""What AWS answered about executions, as LocalStack's snapshot tests recorded it.

The recordings are facts of https://github.com/localstack/localstack (8b9a79f05), in
`tests/aws/services/stepfunctions/v2`. Which fields there are, and the texts of AWS, are as they
were recorded. ARNs, names, times, inputs and outputs are ours: the recordings mask them.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:tasks"
EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:tasks:t1-1"
EXPRESS = "arn:aws:states:eu-central-1:123456789012:express:tasks:t1-1:6b1f0c9e"
START = datetime.datetime(2026, 11, 25, 1, 2, 3, tzinfo=datetime.UTC)
INPUT = '{"taskId":"t1"}'
FAILURE = "This state machines raises a 'SomeFailure' failure."
NOT_FOR_EXPRESS = "Invalid Arn: 'Resource type not valid in this context: express'"


@dataclass(frozen=True)
class Recorded:
    """An answer, and where and when it was recorded."""

    source: str
    """Below `tests/aws/services/stepfunctions/v2`: the file without its ending, and the test."""
    date: str
    answer: Any


def _described(status: str, **fields: Any) -> dict[str, Any]:
    """What DescribeExecution answers of every execution that has ended, and `fields`."""
    return {
        "executionArn": EXECUTION,
        "stateMachineArn": MACHINE,
        "name": "t1-1",
        "status": status,
        "startDate": START,
        "stopDate": START,
        "input": INPUT,
        "inputDetails": {"included": True},
        "redriveCount": 0,
        "redriveStatus": "REDRIVABLE",
        **fields,
    }


DESCRIBED: Mapping[str, Recorded] = {
    "a success, started through an alias": Recorded(
        "test_sfn_api_aliasing::test_base_lifecycle_create_invoke_describe_list",
        "2025-04-09",
        _described(
            "SUCCEEDED",
            output="{}",
            outputDetails={"included": True},
            redriveStatus="NOT_REDRIVABLE",
            redriveStatusReason="Execution is SUCCEEDED and cannot be redriven",
            stateMachineAliasArn=f"{MACHINE}:live",
            stateMachineVersionArn=f"{MACHINE}:1",
        ),
    ),
    "a failure": Recorded(
        "base/test_base::test_state_fail",
        "2024-03-06",
        _described("FAILED", error="SomeFailure", cause=FAILURE),
    ),
    "a failure without error and cause": Recorded(
        "base/test_base::test_state_fail_empty", "2024-03-06", _described("FAILED")
    ),
    "a time limit": Recorded(
        "timeouts/test_timeouts::test_global_timeout", "2024-03-10", _described("TIMED_OUT")
    ),
}
"""Answers of DescribeExecution."""

REFUSED: Mapping[str, Recorded] = {
    "DescribeExecution, no such execution": Recorded(
        "test_sfn_api::test_describe_execution_no_such_state_machine",
        "2024-03-08",
        ("ExecutionDoesNotExist", f"Execution Does Not Exist: '{EXECUTION}'"),
    ),
    "GetExecutionHistory, no such execution": Recorded(
        "test_sfn_api::test_get_execution_history_no_such_execution",
        "2024-03-08",
        ("ExecutionDoesNotExist", f"Execution Does Not Exist: '{EXECUTION}'"),
    ),
    "DescribeExecution, GetExecutionHistory and StopExecution, Express": Recorded(
        "test_sfn_api_express::test_start_async_describe_history_execution",
        "2024-07-03",
        ("InvalidArn", NOT_FOR_EXPRESS),
    ),
    "StartExecution, a name of another input or of an execution that has ended": Recorded(
        "test_sfn_api::test_start_execution_idempotent",
        "2024-08-21",
        ("ExecutionAlreadyExists", f"Execution Already Exists: '{EXECUTION}'"),
    ),
    "StartExecution, no such state machine": Recorded(
        "test_sfn_api::test_invalid_start_execution_arn",
        "2023-06-22",
        ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{MACHINE}'"),
    ),
    "StartExecution, no JSON": Recorded(
        "test_sfn_api::test_invalid_start_execution_input",
        "2023-06-22",
        (
            "InvalidExecutionInput",
            "Invalid State Machine Execution Input: 'Invalid execution input.'",
        ),
    ),
}
"""Error codes and messages, all with the HTTP status 400."""

STATUS_CHANGE = Recorded(
    "base/test_base::test_event_bridge_events_base",
    "2024-02-07",
    {
        "version": "0",
        "id": "315c1398-40ff-a850-213b-158f73e60175",
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": "123456789012",
        "time": "2026-11-25T01:02:04Z",
        "region": "eu-central-1",
        "resources": [EXECUTION],
        "detail": {
            "executionArn": EXECUTION,
            "stateMachineArn": MACHINE,
            "name": "t1-1",
            "status": "SUCCEEDED",
            "startDate": 1795579323000,
            "stopDate": 1795579324000,
            "input": INPUT,
            "output": "{}",
            "stateMachineVersionArn": None,
            "stateMachineAliasArn": None,
            "redriveCount": 0,
            "redriveDate": None,
            "redriveStatus": "NOT_REDRIVABLE",
            "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
            "inputDetails": {"included": True},
            "outputDetails": {"included": True},
            "error": None,
            "cause": None,
        },
    },
)
"""The event of an execution that succeeded. One of RUNNING and one of SUCCEEDED were recorded; both
have all of these fields. That an unsuccessful one has its `error` and `cause` is documented:
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html"""
