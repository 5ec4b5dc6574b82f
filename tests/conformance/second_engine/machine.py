"""The state machines as one stack has them, with shorter waits."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from darkroom.batches.model import CANCELLING
from darkroom.batches.model import execution_name as name_of_batch
from darkroom.tasks.model import execution_name as name_of_task
from tests.conformance.second_engine.batch_scenarios import BatchScenario
from tests.conformance.second_engine.scenario import MACHINE, MOST_RETRIES, TASK, Scenario
from tests.support.engines.runs import Run
from tests.support.project import PROJECT
from tests.support.template.resolved import Deployed
from tools.build.cloudformation import translated

OF_A_DISTRIBUTED_MAP = {"ItemReader", "ItemSelector", "ItemBatcher", "ToleratedFailurePercentage"}
REDRIVES = "$states.context.Execution.RedriveCount"
SHORTEST = 1
"""Seconds. The language allows no shorter interval."""

Definition = dict[str, Any]

TASKS, BATCHES = "TaskStateMachine", "BatchStateMachine"
FILES = {TASKS: "task.asl.json", BATCHES: "batch.asl.json"}


@cache
def substitutions(machine: str) -> Mapping[str, str]:
    """The names and ARNs that the template inserts into a definition."""
    template = translated(yaml_parse((PROJECT / "template.yaml").read_text()))
    # The local cloud's region and account: it invokes no function of another.
    stack = Deployed(template, "darkroom", region="us-east-1", account="000000000000")
    given: dict[str, str] = stack.of_type("AWS::StepFunctions::StateMachine")[machine][
        "DefinitionSubstitutions"
    ]
    return given


def functions(machine: str = TASKS) -> dict[str, str]:
    """The logical ids of the functions, by the ARN that the state machine invokes."""
    # As CloudFormation names them: the stack, the logical id, something random; then the version.
    given = substitutions(machine).values()
    return {arn: arn.split(":")[6].split("-")[1] for arn in given if ":function:" in arn}


def definition(machine: str = TASKS) -> Definition:
    """The definition that the stack deploys."""
    text = (PROJECT / "statemachine" / FILES[machine]).read_text()
    for name, value in substitutions(machine).items():
        text = text.replace(f"${{{name}}}", value)
    read: Definition = json.loads(text)
    return read


def run_of(scenario: Scenario, machine: Definition | None = None) -> Run:
    """The execution of a scenario, on the deployed definition or on a changed one."""
    short = shortened(machine or definition(), scenario.timeouts)
    given = {"taskId": scenario.task_id, **TASK}
    name = name_of_task(scenario.task_id, TASK["attempt"])
    return Run(_text(short, scenario), _name(name, scenario), given, scenario.script)


def run_of_batch(scenario: BatchScenario, machine: Definition | None = None) -> Run:
    """The execution of a scenario, on the deployed definition or on a changed one.

    Distributed Maps are replaced by inline ones, and the longest wait is shortened.
    """
    short = shortened(machine or definition(BATCHES))
    states = {name: _inline(state) for name, state in short["States"].items()}
    states["LetEnterEnd"]["Seconds"] = SHORTEST
    given = scenario.whole_input
    purpose = CANCELLING if given["action"] == "cancel" else ""
    name = name_of_batch(given["batchId"], given["run"], purpose)
    text = _text(short | {"States": states}, scenario)
    return Run(text, _name(name, scenario), given, scenario.script)


def shortened(machine: Definition, timeouts: Mapping[str, int] = {}) -> Definition:
    """Shorten the waits between retries, long series of retries, and time limits of a scenario.

    What is retried and where an error leads stays as it is.
    """
    states = {name: dict(state) for name, state in machine["States"].items()}
    for name, state in states.items():
        if "Retry" in state:
            state["Retry"] = [_quick(retrier) for retrier in state["Retry"]]
        if name in timeouts:
            state["TimeoutSeconds"] = timeouts[name]
    whole = {"TimeoutSeconds": timeouts[MACHINE]} if MACHINE in timeouts else {}
    return machine | whole | {"States": states}


def _text(machine: Definition, scenario: Scenario | BatchScenario) -> str:
    """Only AWS can redrive an execution, so the definition sets the redrive count."""
    text = json.dumps(machine)
    return text.replace(REDRIVES, "1") if scenario.redriven else text


def _name(own: str, scenario: Scenario | BatchScenario) -> str:
    return f"by-hand-{own}" if scenario.by_hand else own


def _quick(retrier: Mapping[str, Any]) -> dict[str, Any]:
    attempts = min(retrier["MaxAttempts"], MOST_RETRIES)
    short = {"IntervalSeconds": SHORTEST, "MaxDelaySeconds": SHORTEST, "MaxAttempts": attempts}
    return {**retrier, **short}


def _inline(state: Definition) -> Definition:
    if state["Type"] != "Map":
        return state
    kept = {name: value for name, value in state.items() if name not in OF_A_DISTRIBUTED_MAP}
    shared = state["ItemBatcher"]["BatchInput"]
    child = state["ItemProcessor"] | {"ProcessorConfig": {"Mode": "INLINE"}}
    # One batch of items, because moto confuses iterations that run at the same time.
    return kept | {"Items": [{"Items": [1, 2, 3, 4], "BatchInput": shared}], "ItemProcessor": child}
