"""Step Functions: Express executions, which have no unique name and no history except the log.

Differences from AWS: docs/aws-differences.md, "Step Functions".
"""

import json
from collections.abc import Iterator
from typing import Any

from ministack.services import stepfunctions

from tools.localcloud.emulator.replacing import Function, replaces

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


@replaces(stepfunctions, "_start_execution", has=":execution:{sm['name']}:{name}")
def give_each_start_its_own_execution(original: Function, data: dict[str, Any]) -> Any:
    """A name may be used again: the ARN of each execution ends in a unique id.

    ministack refuses the second start.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
    """
    machine = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", ""))
    if not _is_express(machine):
        return original(data)
    # The execution's thread corrects name and ARN, see `keep_an_execution_until_its_end`.
    status, headers, body = original({**data, "name": _unique_name(data)})
    return status, headers, _express_arn(body.decode()).encode()


@replaces(stepfunctions, "_run_execution", has="execution = _executions.get(exec_arn)")
def keep_an_execution_until_its_end(original: Function, arn: str) -> None:
    """Keep the record of an Express execution, with its own name and ARN, only while it runs.

    The record is deleted at the end, because no action may read it.
    https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
    """
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


@replaces(stepfunctions, "_start_sync_execution", has="_run_execution(exec_arn)")
def answer_a_synchronous_start(original: Function, data: dict[str, Any]) -> Any:
    """Answer `StartSyncExecution` with ARN, name and billing details, for Express machines only.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html
    """
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


@replaces(stepfunctions, *OF_ONE_EXECUTION, has="ExecutionDoesNotExist")
def refuse_what_only_standard_executions_have(original: Function, data: dict[str, Any]) -> Any:
    """Refuse to describe or stop an Express execution, and to return its history.

    The error codes and messages are those of AWS. ministack answers as for a Standard execution.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
    """
    if data.get("executionArn", "").split(":")[5:6] == ["express"]:
        message = "Invalid Arn: 'Resource type not valid in this context: express'"
        return _refused("InvalidArn", message)
    return original(data)


@replaces(stepfunctions, "_list_executions", has="_execution_sort_key")
def refuse_to_list_express_executions(original: Function, data: dict[str, Any]) -> Any:
    """Refuse to list the executions of an Express machine.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
    """
    machine = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", ""))
    if _is_express(machine):
        return _refused("StateMachineTypeNotSupported", NOT_OF_THIS_TYPE)
    return original(data)


@replaces(stepfunctions, "_emit_execution_status_event", has="_put_events")
def send_no_status_event(original: Function, execution: dict[str, Any]) -> None:
    """Send no status event for an Express execution.

    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    if not _is_express(execution["stateMachineArn"]):
        original(execution)


@replaces(stepfunctions, "_create_state_machine", has="_validate_definition_jsonata")
def refuse_to_wait_for_other_services(original: Function, data: dict[str, Any]) -> Any:
    """Refuse an Express machine with `.sync`, `.waitForTaskToken` or an activity.

    Only CreateStateMachine does so here, not a template.
    https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
    """
    definition = json.loads(data.get("definition", "{}"))
    found = next(_waiting(definition), None) if data.get("type") == "EXPRESS" else None
    if found:
        message = f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {found}'"
        return _refused("InvalidDefinition", message)
    return original(data)


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
