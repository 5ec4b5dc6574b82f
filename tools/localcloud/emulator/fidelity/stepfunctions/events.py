"""Step Functions: the events of an execution, in its history and in the machine's log group.

Differences from AWS: docs/aws-differences.md, "Step Functions".
"""

import contextvars
import datetime
import functools
import json
import re
from collections.abc import Mapping
from typing import Any

from ministack.services import cloudwatch_logs, stepfunctions
from ministack.services.cloudformation import provisioners

from tools.localcloud.emulator.replacing import Function, Patch, rely_on, replaces

# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html (event types and log levels)
FATAL = frozenset({"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"})
ERROR = FATAL | {
    "FailStateEntered",
    "LambdaFunctionFailed",
    "LambdaFunctionScheduleFailed",
    "LambdaFunctionStartFailed",
    "LambdaFunctionTimedOut",
    "MapIterationAborted",
    "MapIterationFailed",
    "MapRunAborted",
    "MapRunFailed",
    "MapStateAborted",
    "MapStateFailed",
    "ParallelStateAborted",
    "ParallelStateFailed",
    "TaskFailed",
    "TaskStartFailed",
    "TaskStateAborted",
    "TaskSubmitFailed",
    "TaskTimedOut",
    "WaitStateAborted",
}
# Omitted from the log unless it includes execution data.
DATA = frozenset({"input", "inputDetails", "output", "outputDetails", "parameters"})
# `arn:aws:states:::lambda:invoke`, `arn:aws:states:::aws-sdk:s3:copyObject`
INTEGRATION = re.compile(r"arn:[^:]+:states:::(?P<type>aws-sdk:[^:]+|[^:]+):(?P<action>.+)")

_timeout: contextvars.ContextVar[Any] = contextvars.ContextVar("timeout", default=None)


@replaces(stepfunctions, "_execute_task", has='"TaskScheduled"')
def know_the_time_limit_of_a_task(original: Function, state: dict[str, Any], *rest: Any) -> Any:
    """Keep a task's `TimeoutSeconds`, which `record_details_as_aws_does` records."""
    _timeout.set(state.get("TimeoutSeconds"))
    return original(state, *rest)


@replaces(stepfunctions, "_add_event", has='"id": len(execution["events"]) + 1')
def record_details_as_aws_does(
    original: Function, execution: dict[str, Any], event_type: str, details: Any = None
) -> Any:
    """Set `previousEventId`, separate service and action of a task, and record `TaskTimedOut`.

    ministack records the whole ARN of a task's resource, and `TaskFailed` for a task that took too
    long. The details are those that AWS records, without the `parameters` of a task.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
    """
    event = original(execution, *_as_recorded(event_type, details or {}))
    execution["events"][0].setdefault("previousEventId", 0)
    # On AWS, the first state has no previous event either.
    event["previousEventId"] = event["id"] - 1 if event["id"] > 2 else 0  # noqa: PLR2004
    return event


@replaces(stepfunctions, "_add_event", has='"id": len(execution["events"]) + 1')
def write_events_to_the_log_group(
    original: Function, execution: dict[str, Any], event_type: str, details: Any = None
) -> Any:
    """Log each event that the machine's `loggingConfiguration` selects, as one JSON object.

    ministack stores the configuration and logs nothing. AWS logs some seconds later. If the log
    group was deleted, AWS continues without an error, and so does this patch.
    https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
    """
    event = original(execution, event_type, details)
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"])
    if machine:
        # ministack records the first event without calling this function.
        for each in execution["events"][:2] if event["id"] == 2 else [event]:  # noqa: PLR2004
            _log(machine, execution, each)
    return event


@replaces(stepfunctions, "_add_event", has="return event")
def record_the_start_of_a_task(
    original: Function, execution: dict[str, Any], event_type: str, details: Any = None
) -> Any:
    """Record `TaskStarted` after `TaskScheduled`. ministack does not.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskStartedEventDetails.html
    """
    event = original(execution, event_type, details)
    scheduled = event.get("taskScheduledEventDetails", {})
    if "region" in scheduled:
        started = {name: scheduled[name] for name in ("resource", "resourceType")}
        original(execution, "TaskStarted", {"taskStartedEventDetails": started})
    return event


@Patch
def convert_the_logging_of_a_template() -> None:
    """Convert a template's `LoggingConfiguration` to the API's `loggingConfiguration`.

    ministack keeps the template's field names, which no client of Step Functions reads.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_LoggingConfiguration.html
    """

    def converted(original: Function, *arguments: Any, **named: Any) -> Any:
        answer = original(*arguments, **named)
        machine = stepfunctions._state_machines[answer[0]]
        machine["loggingConfiguration"] = _in_camel_case(machine["loggingConfiguration"])
        return answer

    rely_on(provisioners, "_sfn_state_machine_create", has='props.get("LoggingConfiguration"')
    handlers = provisioners._RESOURCE_HANDLERS["AWS::StepFunctions::StateMachine"]
    for action in ("create", "update"):
        handlers[action] = functools.partial(converted, handlers[action])


def _as_recorded(event_type: str, details: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the type and the details that AWS records for an event of ministack."""
    [(key, given)] = details.items() or [("", {})]
    recorded = dict(given)
    integration = INTEGRATION.fullmatch(recorded.get("resource", ""))
    if integration:
        recorded |= {"resource": integration["action"], "resourceType": integration["type"]}
        if event_type == "TaskScheduled":
            recorded["region"] = stepfunctions.get_region()
            if isinstance(_timeout.get(), int):
                recorded["timeoutInSeconds"] = _timeout.get()
    if event_type == "TaskFailed" and recorded.get("error") == "States.Timeout":
        event_type, key = "TaskTimedOut", "taskTimedOutEventDetails"
        del recorded["cause"]
    if event_type in {"ExecutionFailed", "ExecutionAborted"}:
        recorded = {name: text for name, text in recorded.items() if text}
    return event_type, {key: recorded} if key else {}


def _log(
    machine: Mapping[str, Any], execution: Mapping[str, Any], event: Mapping[str, Any]
) -> None:
    """Write an event to the log group of its machine, if the log level includes it."""
    logging = machine["loggingConfiguration"]
    level = logging.get("level", "OFF")
    wanted = {"ERROR": ERROR, "FATAL": FATAL, "OFF": frozenset()}.get(level)
    group = _group(logging)
    if group is None or (wanted is not None and event["type"] not in wanted):
        return
    details = dict(next((v for k, v in event.items() if k.endswith("EventDetails")), {}))
    for payload in details.keys() & {"input", "output"}:
        details[f"{payload}Details"] = {"truncated": False}
    if str(logging.get("includeExecutionData")).lower() != "true":
        details = {name: value for name, value in details.items() if name not in DATA}
    moment = stepfunctions._iso_to_epoch_ms(event["timestamp"])
    line = {
        "details": details,
        "redrive_count": "0",
        "id": str(event["id"]),
        "type": event["type"],
        "previous_event_id": str(event.get("previousEventId", 0)),
        "event_timestamp": str(moment),
        "execution_arn": execution["executionArn"],
    }
    entry = {
        "timestamp": moment,
        "message": json.dumps(line, ensure_ascii=False, separators=(",", ":")),
        "ingestionTime": moment,
    }
    hour = datetime.datetime.fromtimestamp(moment / 1000, datetime.UTC).strftime("%Y-%m-%d-%H")
    stream = f"states/{machine['name']}/{hour}/00000000"
    if stream not in cloudwatch_logs._log_groups[group]["streams"]:
        cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    cloudwatch_logs._append_log_events(
        cloudwatch_logs._log_groups[group]["streams"][stream], [entry]
    )


def _group(logging: Mapping[str, Any]) -> str | None:
    """Return the log group of a machine; None if it has none or the group was deleted."""
    for destination in logging.get("destinations", []):
        arn = destination["cloudWatchLogsLogGroup"]["logGroupArn"]
        name = str(arn.partition(":log-group:")[2].removesuffix(":*"))
        if name in cloudwatch_logs._log_groups:
            return name
    return None


def _in_camel_case(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_camel_case(entry) for entry in value]
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _in_camel_case(entry) for key, entry in value.items()}
    return value
