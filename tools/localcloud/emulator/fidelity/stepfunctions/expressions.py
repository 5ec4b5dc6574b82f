"""Step Functions: JSONata expressions that fail, variables, and the output of a state.

Differences from AWS: docs/aws-differences.md, "Step Functions".
"""

import contextvars
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ministack.services import stepfunctions

from tools.localcloud.emulator.replacing import Function, replace

FAILED = "States.QueryEvaluationError"
# How the messages of ministack begin, for which AWS has other words.
UNDEFINED = "JSONata expression did not return a result: "
UNEXPECTED_TYPE = "The JSONata expression specified for the field"

# The path to the expression that is evaluated: `Output`, `result` for `Output/result`.
_path: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("path", default=())
# The execution to which the states of a Map or a branch belong.
_execution: contextvars.ContextVar[Any] = contextvars.ContextVar("execution", default=None)


def apply() -> None:
    """Apply the patches of this module, after `events` and `maps`."""
    locate_the_expression()
    know_the_child_execution()
    report_a_failed_expression()
    record_no_task_failure_for_an_expression()
    assign_all_variables_at_once()
    apply_the_output_of_a_default_choice()
    apply_the_output_of_a_succeed_state()


def locate_the_expression() -> None:
    """Follow the path of the expression that is evaluated, which AWS reports if it fails.

    How AWS writes the index of a list, or the rule of a Choice, has not been recorded.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_EvaluationFailedEventDetails.html
    """

    def template(original: Function) -> Function:
        def located(value: Any, *rest: Any, **named: Any) -> Any:
            if isinstance(value, dict):
                return {key: below(key, each, *rest, **named) for key, each in value.items()}
            if isinstance(value, list):
                return [below(str(i), each, *rest, **named) for i, each in enumerate(value)]
            return original(value, *rest, **named)

        def below(key: str, value: Any, *rest: Any, **named: Any) -> Any:
            with _at(*_path.get(), key):
                return stepfunctions._apply_jsonata_template(value, *rest, **named)

        return located

    def field(name: str) -> Any:
        def within(original: Function) -> Function:
            def located(*given: Any, **named: Any) -> Any:
                with _at(name):
                    return original(*given, **named)

            return located

        return within

    replace(stepfunctions, "_apply_jsonata_template", template, has='value.startswith("{%")')
    replace(stepfunctions, "_apply_jsonata_arguments", field("Arguments"), has='"Arguments"')
    replace(stepfunctions, "_apply_jsonata_output", field("Output"), has='"Output"')


def know_the_child_execution() -> None:
    """Follow which execution a state runs in: a child of a Map Run has a history of its own.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
    """

    def run(original: Function) -> Function:
        def within(states: Any, start: Any, given: Any, execution: Any, ctx: Any) -> Any:
            token = _execution.set(execution)
            try:
                return original(states, start, given, execution, ctx)
            finally:
                _execution.reset(token)

        return within

    stepfunctions._run_sub_machine = run(stepfunctions._run_sub_machine)


def report_a_failed_expression() -> None:
    """Record `EvaluationFailed`, and word the cause as AWS does: state, expression and field.

    ministack only passes on the message of the JSONata engine.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_EvaluationFailedEventDetails.html
    """

    def template(original: Function) -> Function:
        def reported(value: Any, raw_input: Any, ctx: Any = None, *rest: Any, **named: Any) -> Any:
            with _reporting(ctx, value, "/".join(_path.get())):
                return original(value, raw_input, ctx, *rest, **named)

        return reported

    def field(original: Function) -> Function:
        def reported(state: Any, name: str, expected: str, raw_input: Any, ctx: Any) -> Any:
            with _reporting(ctx, state[name], name), _at(name):
                return original(state, name, expected, raw_input, ctx)

        return reported

    def pause(name: str) -> Any:
        def around(original: Function) -> Function:
            def reported(state: Any, raw_input: Any, ctx: Any) -> Any:
                with _reporting(ctx, state[name], name):
                    return original(state, raw_input, ctx)

            return reported

        return around

    def condition(original: Function) -> Function:
        def reported(rule: Any, raw_input: Any, ctx: Any) -> Any:
            with _reporting(ctx, rule.get("Condition"), "Condition"):
                return original(rule, raw_input, ctx)

        return reported

    has = "_evaluate_jsonata(expr, raw_input, ctx"
    stepfunctions._apply_jsonata_template = template(stepfunctions._apply_jsonata_template)
    replace(stepfunctions, "_jsonata_state_field", field, has=UNEXPECTED_TYPE)
    replace(stepfunctions, "_jsonata_wait_seconds", pause("Seconds"), has="_ExecutionError")
    replace(stepfunctions, "_jsonata_wait_timestamp", pause("Timestamp"), has="_ExecutionError")
    replace(stepfunctions, "_evaluate_jsonata_choice_rule", condition, has=has)


def record_no_task_failure_for_an_expression() -> None:
    """Record no `TaskFailed` if an expression of a Task failed: the task itself did not.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_EvaluationFailedEventDetails.html
    """

    def add_event(original: Function) -> Function:
        def add(execution: dict[str, Any], event_type: str, details: Any = None) -> Any:
            failure = (details or {}).get("taskFailedEventDetails", {})
            if failure.get("error") == FAILED:
                return execution["events"][-1]
            return original(execution, event_type, details)

        return add

    stepfunctions._add_event = add_event(stepfunctions._add_event)


def assign_all_variables_at_once() -> None:
    """Evaluate every variable of an `Assign` with the values from before the state.

    ministack evaluates them one by one, so that one sees the new values of those before it.
    https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
    """

    def assign(original: Function) -> Function:
        def at_once(state: dict[str, Any], raw_input: Any, ctx: Any, **rest: Any) -> None:
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

        return at_once

    replace(stepfunctions, "_apply_state_assign", assign, has='state_def.get("Assign")')


def apply_the_output_of_a_default_choice() -> None:
    """If no rule of a Choice matches, its own `Output` is the output. ministack ignores it.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
    """
    default = "the default, whatever its name"

    def choose(original: Function) -> Function:
        def chosen(state: dict[str, Any], raw_input: Any, ctx: Any = None) -> Any:
            if "Default" not in state or not _is_jsonata(state, ctx):
                return original(state, raw_input, ctx)
            rules = {**state, "Default": default, "Assign": None}
            output, following = original(rules, raw_input, ctx)
            if following != default:
                return output, following
            output = stepfunctions._apply_jsonata_output(state, raw_input, ctx, default=raw_input)
            stepfunctions._apply_state_assign(state, raw_input, ctx)
            return output, state["Default"]

        return chosen

    replace(stepfunctions, "_execute_choice", choose, has="return raw_input, default")


def apply_the_output_of_a_succeed_state() -> None:
    """A Succeed state in JSONata may have an `Output`. ministack ignores it.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-succeed.html
    """

    def output(original: Function) -> Function:
        def applied(state: dict[str, Any], data: Any, ctx: Any = None) -> Any:
            if state.get("Type") == "Succeed" and _is_jsonata(state, ctx):
                return stepfunctions._apply_jsonata_output(state, data, ctx, default=data)
            return original(state, data, ctx)

        return applied

    replace(stepfunctions, "_apply_output_path", output, has="OutputPath")


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
