"""The state machine is valid, fails as documented, and matches its functions and their roles."""

import json
import random
import re

from cfnlint.api import lint

from tests.support.project import PROJECT
from tests.support.template.machines import THROTTLING, next_states
from tests.support.template.resolved import strings

STEPS = ["MarkRunning", "Download", "Grayscale", "Upload", "MarkCompleted"]


def test_a_validator_that_is_not_ours_finds_nothing(machine):
    substitutions = {
        name: "arn:aws:lambda:us-east-1:123456789012:function:any"
        for text in strings(machine)
        for name in re.findall(r"\$\{(\w+)\}", text)
    }
    properties = {
        "RoleArn": "arn:aws:iam::123456789012:role/any",
        "Definition": machine,
        "DefinitionSubstitutions": substitutions,
    }
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    assert [str(match) for match in lint(json.dumps({"Resources": {"M": resource}}))] == []


def test_every_transition_leads_to_a_state_and_every_state_is_reached(machine):
    states = machine["States"]
    reached, waiting = set(), [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(next_states(states[name]))
    assert reached == set(states)


def test_the_steps_are_in_order(machine):
    path = [machine["StartAt"]]
    while following := machine["States"][path[-1]].get("Next"):
        path.append(following)
    assert path == STEPS


def test_a_successful_task_is_charged_for_its_steps_only(machine):
    """Each state costs $25 per million tasks, so there is no Succeed state after the last step."""
    assert machine["States"][STEPS[-1]]["End"] is True


def test_an_error_that_nobody_expects_is_recorded_with_the_step_where_it_happened(tasks):
    for name in STEPS:
        last = tasks[name]["Catch"][-1]
        assert last["ErrorEquals"] == ["States.ALL"]
        assert last["Next"] == "MarkFailed"
        assert last["Assign"]["step"] == name


def test_a_failure_that_cannot_be_recorded_still_ends_in_the_fail_state(machine):
    states = machine["States"]
    assert states["MarkFailed"]["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
    assert states["MarkFailed"]["Catch"][-1]["Next"] == states["MarkFailed"]["Next"] == "TaskFailed"
    assert states["TaskFailed"]["Type"] == "Fail"


def test_a_stale_attempt_ends_quietly_at_every_write_of_a_status_unless_a_person_began_it(
    tasks, machine
):
    for name in ("MarkRunning", "MarkCompleted", "MarkFailed"):
        assert tasks[name]["Catch"][0]["ErrorEquals"] == ["StaleAttempt"]
        assert tasks[name]["Catch"][0]["Next"] == "NotTheOwner"
    assert machine["States"]["NotTheOwner"]["Default"] == "Superseded"
    assert machine["States"]["Superseded"]["Type"] == "Succeed"
    [by_hand] = machine["States"]["NotTheOwner"]["Choices"]
    assert machine["States"][by_hand["Next"]]["Type"] == "Fail"


def test_no_step_gives_up_while_lambda_is_busy_for_an_hour(tasks):
    chance = random.Random(0)
    for name, state in tasks.items():
        retrier = next(r for r in state["Retry"] if THROTTLING in r["ErrorEquals"])
        assert retrier["JitterStrategy"] == "FULL", name
        assert retrier["MaxDelaySeconds"] <= 60, name  # it continues within a minute after that
        delays = [
            min(
                retrier["MaxDelaySeconds"],
                retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt,
            )
            for attempt in range(retrier["MaxAttempts"])
        ]
        waits = [sum(chance.uniform(0, delay) for delay in delays) for _ in range(1000)]
        assert min(waits) > 3600, name


def test_a_crash_is_tried_once_more_and_no_step_retries_whatever_comes(tasks):
    for state in tasks.values():
        crash = next(r for r in state["Retry"] if "Runtime.ExitError" in r["ErrorEquals"])
        assert crash["MaxAttempts"] == 1
        assert {"States.Timeout", "Sandbox.Timedout"} <= set(crash["ErrorEquals"])
        named = {error for retrier in state["Retry"] for error in retrier["ErrorEquals"]}
        assert not named & {"States.ALL", "States.TaskFailed"}


def test_a_step_outlasts_its_function_and_the_machine_is_legal_as_express(
    machine, tasks, invoked, resources, template
):
    default = template["Globals"]["Function"]["Timeout"]
    for name, state in tasks.items():
        timeout = resources[invoked[name]]["Properties"].get("Timeout", default)
        assert timeout < state["TimeoutSeconds"], name
    # Express allows five minutes, which are too few for the retries of a Standard execution.
    assert "TimeoutSeconds" not in machine
    assert not [text for text in strings(machine) if ".sync" in text or "waitForTaskToken" in text]


def test_every_state_says_what_it_does(machine):
    assert [name for name, state in machine["States"].items() if len(state["Comment"]) < 40] == []


def test_the_substitutions_of_the_template_are_those_of_the_definition(machine, resources):
    used = {n for text in strings(machine) for n in re.findall(r"\$\{(\w+)\}", text)}
    assert used == set(resources["TaskStateMachine"]["Properties"]["DefinitionSubstitutions"])


def test_the_machines_role_may_invoke_its_functions_and_nothing_else(invoked, resources):
    policy = resources["TaskStateMachineRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    allowed = [s for s in policy["Statement"] if s["Action"] == "lambda:InvokeFunction"]
    # Any version: an execution that began before a deployment ends with the versions of that time.
    versions = {f"${{{function}.Arn}}:*" for function in invoked.values()}
    assert {arn["Fn::Sub"] for arn in allowed[0]["Resource"]} == versions
    others = [s["Action"] for s in policy["Statement"] if s not in allowed]
    assert all(a.startswith(("logs:", "xray:")) for actions in others for a in actions)


def test_the_handler_of_each_step_reads_what_the_state_sends(tasks, invoked, resources):
    """A key that the code reads from its event is in the state's Payload."""
    for name, state in tasks.items():
        handler = resources[invoked[name]]["Properties"]["Handler"]
        source = _source(handler)
        read = set(re.findall(r"event\[\"(\w+)\"\]", source))
        sent = set(state["Arguments"]["Payload"])
        optional = (
            {"started", "retries", "step", "caught", "result"}
            if handler.startswith("update_status")
            else set()
        )
        assert read - optional <= sent, name
        assert sent <= read, name


def _source(handler: str) -> str:
    return (PROJECT / "lambdas" / f"{handler.partition('.')[0]}.py").read_text()
