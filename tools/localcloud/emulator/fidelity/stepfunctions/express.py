"""Step Functions: Express executions, which have no unique name and no history except the log.

Differences from AWS: docs/aws-differences.md, "Step Functions".
"""

import json
from collections.abc import Iterator
from typing import Any

from ministack.services import stepfunctions

from tools.localcloud.emulator.replacing import Function, replace

# The actions on a single execution, as functions of ministack.
OF_ONE_EXECUTION = (
    "_describe_execution",
    "_describe_state_machine_for_execution",
    "_get_execution_history",
    "_stop_execution",
)
NOT_OF_THIS_TYPE = "This operation is not supported by this type of state machine"
# Parts of the resource of a Task that waits, and what AWS calls it.
WAITING = {
    ".sync": "'.sync' service integration",
    ".waitForTaskToken": "'.waitForTaskToken' service integration",
    ":activity:": "Activity ARN",
}
# The smallest billed memory, and the unit of the billed duration.
BILLED_MB, BILLED_STEP_MS = 64, 100


def apply() -> None:
    """Apply the patches of this module, after those of `executions`."""
    give_each_start_its_own_execution()
    answer_a_synchronous_start()
    refuse_what_only_standard_executions_have()
    send_no_status_event()
    refuse_to_wait_for_other_services()


def give_each_start_its_own_execution() -> None:
    """A name may be used again: the ARN of each execution ends in a unique id.

    ministack refuses the second start. The record of an Express execution is deleted at its end,
    because no action may read it.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
    """

    def start(original: Function) -> Function:
        def unique(data: dict[str, Any]) -> Any:
            machine = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", ""))
            if not _is_express(machine):
                return original(data)
            # The execution's thread corrects name and ARN, see `run`.
            status, headers, body = original({**data, "name": _unique_name(data)})
            return status, headers, _express_arn(body.decode()).encode()

        return unique

    def run(original: Function) -> Function:
        def named(arn: str) -> None:
            execution = stepfunctions._executions.get(arn)
            if not execution or not _is_express(execution["stateMachineArn"]):
                original(arn)
                return
            if not execution.get("sync"):  # StartSyncExecution reads it at the end
                del stepfunctions._executions[arn]
            arn = _express_arn(arn)
            execution.update(executionArn=arn, name=execution["name"].partition(":")[0])
            stepfunctions._executions[arn] = execution
            try:
                original(arn)
            finally:
                del stepfunctions._executions[arn]

        return named

    stepfunctions._start_execution = start(stepfunctions._start_execution)
    stepfunctions._run_execution = run(stepfunctions._run_execution)


def answer_a_synchronous_start() -> None:
    """Answer `StartSyncExecution` with ARN, name and billing details, for Express machines only.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html
    """

    def start(original: Function) -> Function:
        def unique(data: dict[str, Any]) -> Any:
            machine = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", ""))
            if machine is None:
                return original(data)
            if not _is_express(machine):
                return _refused("StateMachineTypeNotSupported", NOT_OF_THIS_TYPE)
            name = _unique_name(data)
            _, _, body = original({**data, "stateMachineArn": machine, "name": name})
            answer = json.loads(body)
            del stepfunctions._executions[answer["executionArn"]]
            answer.update(
                executionArn=_express_arn(answer["executionArn"]),
                name=name.partition(":")[0],
                billingDetails={
                    "billedDurationInMilliseconds": _billed_ms(answer),
                    "billedMemoryUsedInMB": BILLED_MB,
                },
            )
            if answer["status"] != "SUCCEEDED":
                del answer["output"]
            return stepfunctions.json_response(answer)

        return unique

    replace(stepfunctions, "_start_sync_execution", start, has="_run_execution(exec_arn)")


def refuse_what_only_standard_executions_have() -> None:
    """Refuse to describe, list or stop an Express execution, and to return its history.

    The error codes and messages are those of AWS. ministack answers as for a Standard execution.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
    """

    def of_one(original: Function) -> Function:
        def ask(data: dict[str, Any]) -> Any:
            if data.get("executionArn", "").split(":")[5:6] == ["express"]:
                message = "Invalid Arn: 'Resource type not valid in this context: express'"
                return _refused("InvalidArn", message)
            return original(data)

        return ask

    def of_all(original: Function) -> Function:
        def ask(data: dict[str, Any]) -> Any:
            machine = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", ""))
            if _is_express(machine):
                return _refused("StateMachineTypeNotSupported", NOT_OF_THIS_TYPE)
            return original(data)

        return ask

    for name in OF_ONE_EXECUTION:
        setattr(stepfunctions, name, of_one(getattr(stepfunctions, name)))
    replace(stepfunctions, "_list_executions", of_all, has="_execution_sort_key")


def send_no_status_event() -> None:
    """Send no status event for an Express execution.

    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """

    def emit(original: Function) -> Function:
        def emit_if_standard(execution: dict[str, Any]) -> None:
            if not _is_express(execution["stateMachineArn"]):
                original(execution)

        return emit_if_standard

    replace(stepfunctions, "_emit_execution_status_event", emit, has="_put_events")


def refuse_to_wait_for_other_services() -> None:
    """Refuse an Express machine with `.sync`, `.waitForTaskToken` or an activity.

    Only CreateStateMachine does so here, not a template.
    https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
    """

    def create(original: Function) -> Function:
        def checked(data: dict[str, Any]) -> Any:
            definition = json.loads(data.get("definition", "{}"))
            found = next(_waiting(definition), None) if data.get("type") == "EXPRESS" else None
            if found:
                message = f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {found}'"
                return _refused("InvalidDefinition", message)
            return original(data)

        return checked

    replace(stepfunctions, "_create_state_machine", create, has="_validate_definition_jsonata")


def _waiting(node: Any, path: str = "") -> Iterator[str]:
    """Yield what an Express machine may not wait for, with the path to it in the definition."""
    pairs: Any = enumerate(node) if isinstance(node, list) else getattr(node, "items", tuple)()
    for key, value in pairs:
        yield from _waiting(value, f"{path}/{key}")
        if key == "Resource":
            for part, what in WAITING.items():
                if part in value:
                    yield f"Express state machine does not support {what} at {path}/{key}"


def _is_express(machine_arn: str | None) -> bool:
    machine = stepfunctions._state_machines.get(machine_arn or "") or {}
    return bool(machine.get("type") == "EXPRESS")


def _unique_name(data: dict[str, Any]) -> str:
    return f"{data.get('name') or stepfunctions.new_uuid()}:{stepfunctions.new_uuid()}"


def _express_arn(text: str) -> str:
    return text.replace(":execution:", ":express:", 1)


def _billed_ms(answer: dict[str, Any]) -> int:
    began: int = stepfunctions._iso_to_epoch_ms(answer["startDate"])
    ended: int = stepfunctions._iso_to_epoch_ms(answer["stopDate"])
    return max(1, -(-(ended - began) // BILLED_STEP_MS)) * BILLED_STEP_MS


def _refused(code: str, message: str) -> Any:
    return stepfunctions.error_response_json(code, message, 400)
