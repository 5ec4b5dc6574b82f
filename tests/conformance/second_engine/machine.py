"""The state machine of tasks as one stack has it, with shorter waits."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from tests.conformance.second_engine.scenario import MACHINE, TASK, Scenario
from tests.support.engines.runs import Run
from tests.support.project import PROJECT
from tests.support.template.resolved import Deployed
from tools.build.cloudformation import translated

SHORTEST = 1
"""Seconds. The language allows no shorter interval."""

Definition = dict[str, Any]


@cache
def substitutions() -> Mapping[str, str]:
    """The ARNs that the template puts into the definition, by name."""
    template = translated(yaml_parse((PROJECT / "template.yaml").read_text()))
    # The local cloud's region and account: it invokes no function of another.
    stack = Deployed(template, "darkroom", region="us-east-1", account="000000000000")
    machine = stack.of_type("AWS::StepFunctions::StateMachine")["TaskStateMachine"]
    given: dict[str, str] = machine["DefinitionSubstitutions"]
    return given


def functions() -> dict[str, str]:
    """The logical ids of the functions, by the ARN that the state machine invokes."""
    # As CloudFormation names them: the stack, the logical id, something random; then the version.
    return {arn: arn.split(":")[6].split("-")[1] for arn in substitutions().values()}


def definition() -> Definition:
    """The definition that the stack deploys."""
    text = (PROJECT / "statemachine" / "task.asl.json").read_text()
    for name, arn in substitutions().items():
        text = text.replace(f"${{{name}}}", arn)
    read: Definition = json.loads(text)
    return read


def run_of(scenario: Scenario, machine: Definition | None = None) -> Run:
    """The execution of a scenario, on the deployed definition or on a changed one."""
    short = shortened(machine or definition(), scenario.timeouts)
    return Run(json.dumps(short), {"taskId": scenario.task_id, **TASK}, scenario.script)


def shortened(machine: Definition, timeouts: Mapping[str, int]) -> Definition:
    """Shorten the waits between retries, and the time limits that a scenario names.

    What is retried, how often, and where an error leads stays as it is.
    """
    states = {name: dict(state) for name, state in machine["States"].items()}
    for name, state in states.items():
        if "Retry" in state:
            state["Retry"] = [_quick(retrier) for retrier in state["Retry"]]
        if name in timeouts:
            state["TimeoutSeconds"] = timeouts[name]
    seconds = timeouts.get(MACHINE, machine["TimeoutSeconds"])
    return machine | {"States": states, "TimeoutSeconds": seconds}


def _quick(retrier: Mapping[str, Any]) -> dict[str, Any]:
    return {**retrier, "IntervalSeconds": SHORTEST, "MaxDelaySeconds": SHORTEST}
