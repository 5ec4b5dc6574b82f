"""The machine of batches is valid, ends as documented, and matches its functions and their
roles."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from cfnlint.api import lint

from darkroom.aws.dynamodb import Table
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.model import (
    CHECK_SECONDS,
    PAGE_SECONDS,
    SETTLE_SECONDS,
    TRANSITIONS,
    cancelling_order,
    order,
)
from tests.support.project import PROJECT
from tests.support.template.machines import THROTTLING, next_states
from tests.support.template.resolved import strings

MAPS = ["EnterLines", "EnterObjects"]


def retriers_of(value: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield the `Retry` of every state, including those inside a Map."""
    if isinstance(value, dict):
        if "Retry" in value:
            yield value["Retry"]
        for entry in value.values():
            yield from retriers_of(entry)


@pytest.fixture(scope="module")
def machine() -> dict[str, Any]:
    return json.loads((PROJECT / "statemachine" / "batch.asl.json").read_text())


@pytest.fixture(scope="module")
def states(machine: dict[str, Any]) -> dict[str, Any]:
    return machine["States"]


@pytest.fixture(scope="module")
def tasks(states: dict[str, Any]) -> dict[str, Any]:
    """The Task states, including those of the children."""
    own = {name: state for name, state in states.items() if state["Type"] == "Task"}
    return own | {"Enter": states[MAPS[0]]["ItemProcessor"]["States"]["Enter"]}


@pytest.fixture(scope="module")
def substitutions(resources: dict[str, Any]) -> dict[str, Any]:
    return resources["BatchStateMachine"]["Properties"]["DefinitionSubstitutions"]


@pytest.fixture(scope="module")
def invoked(tasks: dict[str, Any], substitutions: dict[str, Any]) -> dict[str, str]:
    names = {name: state["Arguments"]["FunctionName"][2:-1] for name, state in tasks.items()}
    return {
        name: substitutions[variable]["Ref"].removesuffix(".Version")
        for name, variable in names.items()
    }


def test_a_validator_that_is_not_ours_finds_nothing(machine, substitutions):
    properties = {
        "RoleArn": "arn:aws:iam::123456789012:role/any",
        "Definition": machine,
        "DefinitionSubstitutions": dict.fromkeys(substitutions, "any"),
    }
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    assert [str(match) for match in lint(json.dumps({"Resources": {"M": resource}}))] == []


def test_every_transition_leads_to_a_state_and_every_state_is_reached(machine, states):
    reached, waiting = set(), [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            state = states[name]
            waiting.extend(next_states(state))
            waiting.extend(choice["Next"] for choice in state.get("Choices", []))
            waiting.extend([state["Default"]] if "Default" in state else [])
    assert reached == set(states)


def test_every_state_says_what_it_does(states, tasks):
    everything = {**states, **tasks}
    assert [name for name, state in everything.items() if len(state["Comment"]) < 40] == []


def test_the_two_maps_differ_in_how_they_read_and_in_nothing_else(states):
    alike = [
        {
            name: value
            for name, value in states[each].items()
            if name not in {"Comment", "ItemReader"}
        }
        for each in MAPS
    ]
    assert alike[0] == alike[1]


def test_every_variable_has_its_first_value_before_anything_reads_it(machine, states):
    assert machine["StartAt"] == "Begin"
    assigned = {
        name
        for state in states.values()
        for place in (state, *state.get("Catch", []))
        for name in place.get("Assign", {})
    }
    assert assigned <= set(states["Begin"]["Assign"])


def test_throttling_is_retried_for_long_and_a_crash_once(tasks):
    for name, state in tasks.items():
        patient = next(r for r in state["Retry"] if THROTTLING in r["ErrorEquals"])
        assert patient["MaxAttempts"] >= 8, name
        assert "ServiceUnavailable" in patient["ErrorEquals"], name
        crash = next(r for r in state["Retry"] if "Runtime.ExitError" in r["ErrorEquals"])
        assert crash["MaxAttempts"] == 1, name


def test_every_state_retries_throttling_and_crashes_in_the_same_way(machine):
    """JSON cannot share a retrier, so every Task state has a copy."""
    copies = [retriers[-2:] for retriers in retriers_of(machine)]
    assert len(copies) == 10
    assert [copy for copy in copies if copy != copies[0]] == []


def test_a_crash_is_retried_as_by_the_machine_of_tasks(machine):
    other = json.loads((PROJECT / "statemachine" / "task.asl.json").read_text())
    copies = [retriers[-1] for retriers in (*retriers_of(machine), *retriers_of(other))]
    assert len(copies) > 10
    assert [copy for copy in copies if copy != copies[0]] == []


def test_a_step_outlasts_its_function(tasks, invoked, resources, template):
    default = template["Globals"]["Function"]["Timeout"]
    for name, state in tasks.items():
        timeout = resources[invoked[name]]["Properties"].get("Timeout", default)
        assert timeout < state["TimeoutSeconds"], name


def test_cancelled_tasks_are_checked_again_after_every_call_of_the_run_is_over(
    states, invoked, resources, template, slowest
):
    """A call of Enter is killed at its time limit; a page of a retry reads first, and then
    writes."""
    default = template["Globals"]["Function"]["Timeout"]
    enter = resources[invoked["Enter"]]["Properties"].get("Timeout", default)
    page = CHECK_SECONDS + slowest(Table("any")._dynamodb)
    assert states["LetEnterEnd"]["Seconds"] == SETTLE_SECONDS > max(enter, page)


def test_a_page_ends_before_its_function_is_killed(invoked, resources, slowest):
    last = slowest(Table("any")._dynamodb) + slowest(StateMachine("any")._states)
    timeout = resources[invoked["CancelPage"]]["Properties"]["Timeout"]
    assert PAGE_SECONDS + last < timeout


def test_the_substitutions_of_the_template_are_those_of_the_definition(machine, substitutions):
    used = {n for text in strings(machine) for n in re.findall(r"\$\{(\w+)\}", text)}
    assert used == set(substitutions)


def test_a_batch_is_always_standard(resources):
    assert resources["BatchStateMachine"]["Properties"]["Type"] == "STANDARD"


def test_the_role_may_do_what_the_definition_does_and_nothing_else(invoked, resources):
    policy = resources["BatchStateMachineRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    by_action = {str(s["Action"]): s for s in policy["Statement"] if isinstance(s["Action"], str)}
    assert set(by_action) == {"lambda:InvokeFunction", "s3:GetObject", "s3:ListBucket"}
    functions = by_action["lambda:InvokeFunction"]["Resource"]
    assert {arn["Fn::Sub"] for arn in functions} == {f"${{{f}.Arn}}:*" for f in invoked.values()}
    # Never an upload, because it can be replaced.
    assert by_action["s3:GetObject"]["Resource"] == {"Fn::Sub": "${Files.Arn}/batches/*"}
    assert by_action["s3:ListBucket"]["Condition"] == {"StringLike": {"s3:prefix": "imports/*"}}
    others = [s["Action"] for s in policy["Statement"] if isinstance(s["Action"], list)]
    assert all(a.startswith(("logs:", "xray:")) for actions in others for a in actions)


def test_a_map_run_may_start_its_children_and_no_other_machine(resources):
    policy = resources["RunMapsOfBatches"]["Properties"]
    assert policy["Roles"] == [{"Ref": "BatchStateMachineRole"}]
    start, rest = policy["PolicyDocument"]["Statement"]
    assert start["Action"] == "states:StartExecution"
    assert start["Resource"] == {"Ref": "BatchStateMachine"}
    assert rest["Resource"]["Fn::Sub"].endswith(":execution:${BatchStateMachine.Name}/*")


def test_the_handlers_read_what_the_states_send(tasks, invoked, resources):
    for name, state in tasks.items():
        properties = resources[invoked[name]]["Properties"]
        module = properties["Handler"].partition(".")[0]
        code = (PROJECT / properties["CodeUri"] / f"{module}.py").read_text()
        read = set(re.findall(r"event\[\"(\w+)\"\]", code))
        sent = set(state["Arguments"]["Payload"])
        assert sent <= read, name
        if module == "batch":
            case = re.search(
                rf'case "{state["Arguments"]["Payload"]["action"]}":(.+?)case ', code, re.S
            )
            assert set(re.findall(r"event\[\"(\w+)\"\]", case[1])) <= sent, name
        else:
            assert read == sent


def test_the_definition_reads_what_the_input_has(machine):
    item = {"batchId": "b", "run": 2, "manifest": {"reader": "lines", "key": "k"}, "total": 3}
    read = {n for t in strings(machine) for n in re.findall(r"Execution\.Input\.(\w+)", t)}
    assert read <= set(order(item))
    assert set(cancelling_order(item)) <= set(order(item))


def test_what_cancels_reads_only_what_its_input_has(states):
    """An expression without a result is an error of the state machine."""
    on_its_way = [states[name] for name in ("Begin", "CancelPage", "Settle")]
    on_its_way.append(states["Purpose"]["Choices"][0])
    read = {n for text in strings(on_its_way) for n in re.findall(r"Input\.(\w+)", text)}
    read |= set(re.findall(r"\$states\.input\.(\w+)", json.dumps(states["Begin"])))
    assert read <= set(cancelling_order({"batchId": "b", "run": 1}))
    assert states["Begin"]["Next"] == "Purpose"


def test_every_way_out_of_a_run_is_in_the_rules(states):
    ended = {state["Type"] for name, state in states.items() if name in ("Completed", "Cancelled")}
    assert ended == {"Succeed"}
    assert states["BatchFailed"]["Type"] == "Fail"
    assert set(TRANSITIONS) == {"complete", "fail", "cancel", "retry"}
