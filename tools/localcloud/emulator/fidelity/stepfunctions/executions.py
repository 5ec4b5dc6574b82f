"""Step Functions: starts, time limits, payload limits and the end of an execution.

Differences from AWS: docs/aws-differences.md, "Step Functions".
"""

import contextvars
import json
import threading
from collections.abc import Mapping
from typing import Any

from ministack.services import stepfunctions

from tools.localcloud.emulator.replacing import Function, replaces

# The largest input, result or output, in bytes of UTF-8.
PAYLOAD_LIMIT = 256 * 1024
INTEGRATION = "arn:aws:states:::"
# An Express execution ends after five minutes, whatever its TimeoutSeconds.
EXPRESS_LIMIT = 300.0
# How the message of a refused name begins: ministack, AWS.
ALREADY = (b"Execution already exists", b"Execution Already Exists")
# Held while an execution ends, so that it ends once.
_ending = threading.RLock()


@replaces(stepfunctions, "_run_execution", has='ctx["State"]')
def time_out(original: Function, arn: str) -> None:
    """End an execution `TIMED_OUT` after the machine's `TimeoutSeconds`, with a status event.

    https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
    https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html (five minutes)
    """
    execution = stepfunctions._executions.get(arn)
    limit = _limit(execution)
    if limit is None:
        original(arn)
        return
    # The account and region of the execution are context variables of this thread.
    scope = contextvars.copy_context()
    timer = threading.Timer(limit, scope.run, (_end_by_timeout, execution))
    timer.daemon = True
    timer.start()
    try:
        original(arn)
    finally:
        timer.cancel()


@replaces(stepfunctions, "_fail_execution", has='execution["status"] = "FAILED"')
def fail_only_what_is_running(
    original: Function, execution: dict[str, Any], error: str, cause: str
) -> None:
    """After ABORTED or TIMED_OUT there is no other status.

    ministack continues the running state, and an error of it makes the execution FAILED.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
    """
    with _ending:
        if execution["status"] == "RUNNING":
            original(execution, error, cause)


@replaces(stepfunctions, "_stop_execution", has='execution["status"] = "ABORTED"')
def stop_only_what_is_running(original: Function, data: dict[str, Any]) -> Any:
    """Hold the lock during a stop, so that the execution cannot also fail or time out."""
    with _ending:
        return original(data)


@replaces(stepfunctions, "_add_event", has='execution["events"].append')
def record_nothing_after_the_end(
    original: Function, execution: dict[str, Any], event_type: str, details: Any = None
) -> Any:
    """After ABORTED or TIMED_OUT there is no event and no retry.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
    """
    if _has_been_ended(execution) and not event_type.startswith("Execution"):
        # ministack calls this inside its retry loop, so the exception also ends the loop.
        raise stepfunctions._ExecutionError("States.Ended", "The execution has ended.")
    return original(execution, event_type, details)


@replaces(stepfunctions, "_start_execution", has="ExecutionAlreadyExists")
def answer_a_repeated_start(original: Function, data: dict[str, Any]) -> Any:
    """Starting a running execution again, with the same input, returns that execution.

    ministack refuses the second start.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    machine = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", ""))
    if machine is None:
        return original(data)
    arn = _execution_arn(machine, data.get("name", ""))
    same = stepfunctions._executions.get(arn)
    if same and same["status"] == "RUNNING" and same["input"] == data.get("input", "{}"):
        return stepfunctions.json_response(
            {"executionArn": same["executionArn"], "startDate": same["startDate"]}
        )
    status, headers, body = original(data)
    return status, headers, body.replace(*ALREADY)


@replaces(stepfunctions, "_start_execution", has='data.get("input", "{}")')
def refuse_an_input_that_is_no_json(original: Function, data: dict[str, Any]) -> Any:
    """Refuse to start an execution with an input that is not JSON. ministack starts it with `{}`.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    try:
        json.loads(data.get("input", "{}"))
    except ValueError as error:
        message = f"Invalid State Machine Execution Input: '{error}'"
        return stepfunctions.error_response_json("InvalidExecutionInput", message, 400)
    return original(data)


@replaces(stepfunctions, "_start_execution", has='data.get("input", "{}")')
def refuse_a_large_input(original: Function, data: dict[str, Any]) -> Any:
    """Limit the input of an execution to 256 KiB.

    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    if len(data.get("input", "{}").encode()) > PAYLOAD_LIMIT:
        return stepfunctions.error_response_json(
            "ValidationException",
            "1 validation error detected: Value at 'input' failed to satisfy constraint: "
            f"Member must have length less than or equal to {PAYLOAD_LIMIT}",
            400,
        )
    return original(data)


@replaces(stepfunctions, "_invoke_resource", has="states:::lambda:invoke")
def limit_the_payloads_of_a_task(original: Function, resource: str, input_data: Any) -> Any:
    """Limit the input and the result of a task to 256 KiB.

    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    _require_small(input_data, f"The input of the task '{resource}' has")
    result = original(resource, input_data)
    service = resource.removeprefix(INTEGRATION).partition(":")[0]
    _require_small(result, _returned(service))
    return result


@replaces(stepfunctions, "_add_event", has='execution["events"].append')
def limit_the_output_of_a_state(
    original: Function, execution: dict[str, Any], event_type: str, details: Any = None
) -> Any:
    """Fail the execution at the end of a state that returns more than 256 KiB.

    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    exited = (details or {}).get("stateExitedEventDetails")
    # ministack escapes what is not ASCII: its JSON is never shorter than the UTF-8.
    if exited and len(exited["output"]) > PAYLOAD_LIMIT:
        _require_small(json.loads(exited["output"]), _returned(exited["name"]))
    return original(execution, event_type, details)


@replaces(stepfunctions, "_fail_execution", has='execution["output"] = json.dumps(')
def end_a_failed_execution_without_output(
    original: Function, execution: dict[str, Any], error: str, cause: str
) -> None:
    """A failed execution has an error and a cause only. ministack repeats them as its output.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
    """
    original(execution, error, cause)
    execution["output"] = None


@replaces(stepfunctions, "_state_query_language", has="QueryLanguage")
def complete_the_context(original: Function, state: dict[str, Any], ctx: Any = None) -> Any:
    """`$states.context.Execution` has `RoleArn` and `RedriveCount`. There is no redrive here: 0.

    A synchronous execution has no `RedriveCount`.
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """
    # ministack asks for the query language of a state before it evaluates an expression.
    context = (ctx or {}).get("Execution", {})
    execution = stepfunctions._executions.get(context.get("Id", ""))
    if execution and "RoleArn" not in context:
        started = execution["events"][0]["executionStartedEventDetails"]
        context["RoleArn"] = started["roleArn"]
        context.update({} if execution.get("sync") else {"RedriveCount": 0})
    return original(state, ctx)


def _limit(execution: Mapping[str, Any] | None) -> float | None:
    """Return how many seconds an execution may take; None if there is no limit."""
    machine = stepfunctions._state_machines.get((execution or {}).get("stateMachineArn", ""))
    if not machine:
        return None
    try:
        seconds = json.loads(machine["definition"]).get("TimeoutSeconds")
    except ValueError:
        return None  # ministack itself fails such an execution
    if machine.get("type") == "EXPRESS":
        return min(float(seconds or EXPRESS_LIMIT), EXPRESS_LIMIT)
    return float(seconds) if seconds else None


def _end_by_timeout(execution: dict[str, Any]) -> None:
    with _ending:
        if execution["status"] == "RUNNING":
            execution.update(status="TIMED_OUT", stopDate=stepfunctions.now_iso())
            stepfunctions._add_event(
                execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}}
            )
            stepfunctions._emit_execution_status_event(execution)


def _has_been_ended(execution: Mapping[str, Any]) -> bool:
    return execution["status"] in ("ABORTED", "TIMED_OUT")


def _execution_arn(machine_arn: str, name: str) -> str:
    return machine_arn.replace(":stateMachine:", ":execution:", 1) + f":{name}"


def _require_small(payload: Any, what: str) -> None:
    if len(json.dumps(payload, ensure_ascii=False).encode()) > PAYLOAD_LIMIT:
        raise stepfunctions._ExecutionError(
            "States.DataLimitExceeded",
            f"{what} a size exceeding the maximum number of bytes service limit.",
        )


def _returned(name: str) -> str:
    return f"The state/task '{name}' returned a result with"
