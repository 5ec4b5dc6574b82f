"""Step Functions: JSONata expressions that fail, variables, and the output of a state.

Differences from AWS: docs/aws-differences.md, "Step Functions".
"""

import contextvars
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ministack.services import stepfunctions

from tools.localcloud.emulator.replacing import Function, replaces

FAILED = "States.QueryEvaluationError"
# How the messages of ministack begin, for which AWS has other words.
UNDEFINED = "JSONata expression did not return a result: "
UNEXPECTED_TYPE = "The JSONata expression specified for the field"

# The path to the expression that is evaluated: `Output`, `result` for `Output/result`.
_path: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("path", default=())
# The execution to which the states of a Map or a branch belong.
_execution: contextvars.ContextVar[Any] = contextvars.ContextVar("execution", default=None)


@replaces(stepfunctions, "_apply_jsonata_template", has='value.startswith("{%")')
def locate_the_expression(original: Function, value: Any, *rest: Any, **named: Any) -> Any:
    """Follow the path of the expression that is evaluated, which AWS reports if it fails.

    How AWS writes the index of a list, or the rule of a Choice, has not been recorded.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_EvaluationFailedEventDetails.html
    """

    def below(key: str, each: Any) -> Any:
        with _at(*_path.get(), key):
            return stepfunctions._apply_jsonata_template(each, *rest, **named)

    if isinstance(value, dict):
        return {key: below(key, each) for key, each in value.items()}
    if isinstance(value, list):
        return [below(str(index), each) for index, each in enumerate(value)]
    return original(value, *rest, **named)


@replaces(stepfunctions, "_apply_jsonata_arguments", has='"Arguments"')
def locate_arguments(original: Function, *given: Any, **named: Any) -> Any:
    """Begin the path of an expression in `Arguments`."""
    with _at("Arguments"):
        return original(*given, **named)


@replaces(stepfunctions, "_apply_jsonata_output", has='"Output"')
def locate_an_output(original: Function, *given: Any, **named: Any) -> Any:
    """Begin the path of an expression in `Output`."""
    with _at("Output"):
        return original(*given, **named)


@replaces(stepfunctions, "_run_sub_machine", has="execution, ctx)")
def know_the_child_execution(
    original: Function, states: Any, start: Any, given: Any, *rest: Any
) -> Any:
    """Follow which execution a state runs in: a child of a Map Run has its own history.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
    """
    execution, _ = rest
    token = _execution.set(execution)
    try:
        return original(states, start, given, *rest)
    finally:
        _execution.reset(token)


@replaces(stepfunctions, "_apply_jsonata_template", has="_evaluate_jsonata(expr, raw_input, ctx")
def report_a_failed_expression(
    original: Function, value: Any, raw_input: Any, ctx: Any = None, *rest: Any, **named: Any
) -> Any:
    """Record `EvaluationFailed`, and word the cause as AWS does: state, expression and field.

    ministack only passes on the message of the JSONata engine.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_EvaluationFailedEventDetails.html
    """
    with _reporting(ctx, value, "/".join(_path.get())):
        return original(value, raw_input, ctx, *rest, **named)


@replaces(stepfunctions, "_jsonata_state_field", has=UNEXPECTED_TYPE)
def report_a_failed_field(
    original: Function, state: Any, name: str, expected: str, *rest: Any
) -> Any:
    """Report a field of a state whose expression fails or returns another type."""
    _, ctx = rest
    with _reporting(ctx, state[name], name), _at(name):
        return original(state, name, expected, *rest)


@replaces(stepfunctions, "_jsonata_wait_seconds", has="_ExecutionError")
def report_invalid_seconds(original: Function, state: Any, raw_input: Any, ctx: Any) -> Any:
    """Report `Seconds` that a Wait state does not accept."""
    with _reporting(ctx, state["Seconds"], "Seconds"):
        return original(state, raw_input, ctx)


@replaces(stepfunctions, "_jsonata_wait_timestamp", has="_ExecutionError")
def report_an_invalid_timestamp(original: Function, state: Any, raw_input: Any, ctx: Any) -> Any:
    """Report a `Timestamp` that a Wait state does not accept."""
    with _reporting(ctx, state["Timestamp"], "Timestamp"):
        return original(state, raw_input, ctx)


@replaces(stepfunctions, "_evaluate_jsonata_choice_rule", has="_evaluate_jsonata(expr, raw_input, ")
def report_a_failed_condition(original: Function, rule: Any, raw_input: Any, ctx: Any) -> Any:
    """Report a rule of a Choice whose `Condition` fails."""
    with _reporting(ctx, rule.get("Condition"), "Condition"):
        return original(rule, raw_input, ctx)


@replaces(stepfunctions, "_add_event", has="return event")
def record_no_task_failure_for_an_expression(
    original: Function, execution: dict[str, Any], event_type: str, details: Any = None
) -> Any:
    """Record no `TaskFailed` if an expression of a Task failed: the task itself did not.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_EvaluationFailedEventDetails.html
    """
    failure = (details or {}).get("taskFailedEventDetails", {})
    if failure.get("error") == FAILED:
        return execution["events"][-1]
    return original(execution, event_type, details)


@replaces(stepfunctions, "_apply_state_assign", has='state_def.get("Assign")')
def assign_all_variables_at_once(
    original: Function, state: dict[str, Any], raw_input: Any, ctx: Any, **rest: Any
) -> None:
    """Evaluate every variable of an `Assign` with the values from before the state.

    ministack evaluates them one by one, so that one sees the new values of those before it.
    https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
    """
    before = dict((ctx or {}).get("variables", {}))
    after = dict(before)
    for name, value in (state.get("Assign") or {}).items():
        apart = {**(ctx or {}), "variables": dict(before)}
        with _at("Assign", name):
            original({**state, "Assign": {name: value}}, raw_input, apart, **rest)
        if name in apart["variables"]:  # not in JSONPath
            after[name] = apart["variables"][name]
    if ctx is not None:
        ctx["variables"] = after


@replaces(stepfunctions, "_execute_choice", has="return raw_input, default")
def apply_the_output_of_a_default_choice(
    original: Function, state: dict[str, Any], raw_input: Any, ctx: Any = None
) -> Any:
    """If no rule of a Choice matches, its own `Output` is the output. ministack ignores it.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
    """
    if "Default" not in state or not _is_jsonata(state, ctx):
        return original(state, raw_input, ctx)
    default = "the default, whatever its name"
    rules = {**state, "Default": default, "Assign": None}
    output, following = original(rules, raw_input, ctx)
    if following != default:
        return output, following
    output = stepfunctions._apply_jsonata_output(state, raw_input, ctx, default=raw_input)
    stepfunctions._apply_state_assign(state, raw_input, ctx)
    return output, state["Default"]


@replaces(stepfunctions, "_apply_output_path", has="OutputPath")
def apply_the_output_of_a_succeed_state(
    original: Function, state: dict[str, Any], data: Any, ctx: Any = None
) -> Any:
    """A Succeed state in JSONata may have an `Output`. ministack ignores it.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-succeed.html
    """
    if state.get("Type") == "Succeed" and _is_jsonata(state, ctx):
        return stepfunctions._apply_jsonata_output(state, data, ctx, default=data)
    return original(state, data, ctx)


def _is_jsonata(state: dict[str, Any], ctx: Any) -> bool:
    return bool(stepfunctions._state_query_language(state, ctx) == "JSONata")


@contextmanager
def _at(*path: str) -> Iterator[None]:
    token = _path.set(path)
    try:
        yield
    finally:
        _path.reset(token)


@contextmanager
def _reporting(ctx: Any, value: Any, location: str) -> Iterator[None]:
    """Word the error of the expression `value` as AWS does, and record it, but only once."""
    try:
        yield
    except stepfunctions._ExecutionError as error:
        started = (ctx or {}).get("Execution", {}).get("Id", "")
        execution = _execution.get() or stepfunctions._executions.get(started)
        if error.error != FAILED or hasattr(error, "state") or execution is None:
            raise
        state = ctx["State"]["Name"]
        where = f"the state '{state}' (entered at the event id #{_entered(execution, state)})"
        cause = (
            f"An error occurred while executing {where}. {_worded(error.cause, value, location)}"
        )
        failure = stepfunctions._ExecutionError(FAILED, cause)
        failure.state = state
        details = {"error": FAILED, "cause": cause, "location": location, "state": state}
        stepfunctions._add_event(
            execution, "EvaluationFailed", {"evaluationFailedEventDetails": details}
        )
        raise failure from None


def _worded(cause: str, value: Any, location: str) -> str:
    text = value[2:-2].strip() if isinstance(value, str) and value.startswith("{%") else value
    expression = f"The JSONata expression '{text}' specified for the field"
    if cause.startswith(UNDEFINED):
        return f"{expression} '{location}' returned nothing (undefined)."
    if cause.startswith(UNEXPECTED_TYPE):
        return cause.replace(UNEXPECTED_TYPE, expression, 1)
    if f"The {location} field" in cause or " cannot be negative" in cause:
        return cause
    return f"{expression} '{location}' threw an error during evaluation. {cause}"


def _entered(execution: Mapping[str, Any], state: str) -> int:
    """Return the event with which a state was entered.

    ministack records no events within a Map. There it is the event of the Map itself.
    """
    entered = [event for event in execution["events"] if "stateEnteredEventDetails" in event]
    named = [e for e in entered if e["stateEnteredEventDetails"]["name"] == state]
    return int((named or entered or [{"id": 0}])[-1]["id"])
