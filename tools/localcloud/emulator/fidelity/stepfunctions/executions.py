"""Step Functions: starts, time limits, payload limits and the end of an execution.

Differences from AWS: docs/aws-differences.md, "Step Functions".
"""

import contextvars
import json
import threading
from collections.abc import Mapping
from typing import Any

from ministack.services import stepfunctions

from tools.localcloud.emulator.replacing import Function, replace

# The largest input, result or output, in bytes of UTF-8.
PAYLOAD_LIMIT = 256 * 1024
INTEGRATION = "arn:aws:states:::"
# An Express execution ends after five minutes, whatever its TimeoutSeconds.
EXPRESS_LIMIT = 300.0
# How the message of a refused name begins: ministack, AWS.
ALREADY = (b"Execution already exists", b"Execution Already Exists")
# Held while an execution ends, so that it ends once.
_ending = threading.RLock()


def apply() -> None:
    """Apply the patches of this module."""
    time_out()
    end_once()
    answer_a_repeated_start()
    refuse_an_input_that_is_no_json()
    refuse_large_payloads()
    limit_the_output_of_a_state()
    end_a_failed_execution_without_output()
    complete_the_context()


def time_out() -> None:
    """End an execution `TIMED_OUT` after the machine's `TimeoutSeconds`, with a status event.

    https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
    https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html (five minutes)
    """

    def run(original: Function) -> Function:
        def timed(arn: str) -> None:
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

        return timed

    replace(stepfunctions, "_run_execution", run, has='ctx["State"]')


def end_once() -> None:
    """After ABORTED or TIMED_OUT there is no other status, no event and no retry.

    ministack continues the running state, and an error of it makes the execution FAILED.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
    """

    def fail(original: Function) -> Function:
        def once(execution: dict[str, Any], error: str, cause: str) -> None:
            with _ending:
                if execution["status"] == "RUNNING":
                    original(execution, error, cause)

        return once

    def stop(original: Function) -> Function:
        def once(data: dict[str, Any]) -> Any:
            with _ending:
                return original(data)

        return once

    def add_event(original: Function) -> Function:
        def add(execution: dict[str, Any], event_type: str, details: Any = None) -> Any:
            if _has_been_ended(execution) and not event_type.startswith("Execution"):
                # ministack calls this inside its retry loop, so the exception ends the loop, too.
                raise stepfunctions._ExecutionError("States.Ended", "The execution has ended.")
            return original(execution, event_type, details)

        return add

    replace(stepfunctions, "_fail_execution", fail, has='execution["status"] = "FAILED"')
    replace(stepfunctions, "_stop_execution", stop, has='execution["status"] = "ABORTED"')
    replace(stepfunctions, "_add_event", add_event, has='execution["events"].append')


def answer_a_repeated_start() -> None:
    """Starting a running execution again, with the same input, returns that execution.

    ministack refuses the second start.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """

    def start(original: Function) -> Function:
        def repeatable(data: dict[str, Any]) -> Any:
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

        return repeatable

    replace(stepfunctions, "_start_execution", start, has="ExecutionAlreadyExists")


def refuse_an_input_that_is_no_json() -> None:
    """Refuse to start an execution with an input that is not JSON. ministack starts it with `{}`.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """

    def start(original: Function) -> Function:
        def parsed(data: dict[str, Any]) -> Any:
            try:
                json.loads(data.get("input", "{}"))
            except ValueError as error:
                message = f"Invalid State Machine Execution Input: '{error}'"
                return stepfunctions.error_response_json("InvalidExecutionInput", message, 400)
            return original(data)

        return parsed

    stepfunctions._start_execution = start(stepfunctions._start_execution)


def refuse_large_payloads() -> None:
    """Limit the input of an execution, and the input and result of a task, to 256 KiB.

    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """

    def start(original: Function) -> Function:
        def limited(data: dict[str, Any]) -> Any:
            if len(data.get("input", "{}").encode()) > PAYLOAD_LIMIT:
                return stepfunctions.error_response_json(
                    "ValidationException",
                    "1 validation error detected: Value at 'input' failed to satisfy constraint: "
                    f"Member must have length less than or equal to {PAYLOAD_LIMIT}",
                    400,
                )
            return original(data)

        return limited

    def invoke(original: Function) -> Function:
        def limited(resource: str, input_data: Any) -> Any:
            _require_small(input_data, f"The input of the task '{resource}' has")
            result = original(resource, input_data)
            service = resource.removeprefix(INTEGRATION).partition(":")[0]
            _require_small(result, _returned(service))
            return result

        return limited

    stepfunctions._start_execution = start(stepfunctions._start_execution)
    replace(stepfunctions, "_invoke_resource", invoke, has="states:::lambda:invoke")


def limit_the_output_of_a_state() -> None:
    """Fail the execution at the end of a state that returns more than 256 KiB.

    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """

    def add_event(original: Function) -> Function:
        def add(execution: dict[str, Any], event_type: str, details: Any = None) -> Any:
            exited = (details or {}).get("stateExitedEventDetails")
            # ministack escapes what is not ASCII: its JSON is never shorter than the UTF-8.
            if exited and len(exited["output"]) > PAYLOAD_LIMIT:
                _require_small(json.loads(exited["output"]), _returned(exited["name"]))
            return original(execution, event_type, details)

        return add

    stepfunctions._add_event = add_event(stepfunctions._add_event)


def end_a_failed_execution_without_output() -> None:
    """A failed execution has an error and a cause only. ministack repeats them as its output.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
    """

    def fail(original: Function) -> Function:
        def without_output(execution: dict[str, Any], error: str, cause: str) -> None:
            original(execution, error, cause)
            execution["output"] = None

        return without_output

    stepfunctions._fail_execution = fail(stepfunctions._fail_execution)


def complete_the_context() -> None:
    """`$states.context.Execution` has `RoleArn` and `RedriveCount`. There is no redrive here: 0.

    A synchronous execution has no `RedriveCount`.
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """

    def language(original: Function) -> Function:
        def asked(state: dict[str, Any], ctx: Any = None) -> Any:
            # ministack asks for the query language of a state before it evaluates an expression.
            context = (ctx or {}).get("Execution", {})
            execution = stepfunctions._executions.get(context.get("Id", ""))
            if execution and "RoleArn" not in context:
                started = execution["events"][0]["executionStartedEventDetails"]
                context["RoleArn"] = started["roleArn"]
                context.update({} if execution.get("sync") else {"RedriveCount": 0})
            return original(state, ctx)

        return asked

    replace(stepfunctions, "_state_query_language", language, has="QueryLanguage")


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
