"""The error classes, the state machine and docs/errors.md name the same errors."""

import inspect
import re
from typing import Any

import pytest

from darkroom import errors
from tests.support.project import PROJECT

BASES = {"DarkroomError", "SourceError", "ImageError"}
FROM_AWS = re.compile(r"(States|Lambda|Sandbox|Runtime)\..+")


@pytest.fixture(scope="module")
def classes() -> set[str]:
    members = inspect.getmembers(errors, inspect.isclass)
    return {name for name, kind in members if issubclass(kind, errors.DarkroomError)} - BASES


@pytest.fixture(scope="module")
def documented() -> dict[str, list[str]]:
    rows = re.findall(
        r"^\| `(\w+)` \| (.+?) \| (.+?) \|", (PROJECT / "docs/errors.md").read_text(), re.M
    )
    return {error: [steps, retried] for error, steps, retried in rows}


def named(states: dict[str, Any], kind: str) -> set[str]:
    return {
        error
        for state in states.values()
        for rule in state.get(kind, [])
        for error in rule["ErrorEquals"]
        if not FROM_AWS.fullmatch(error)
    }


def retries(state: dict[str, Any], error: str) -> int:
    attempts = [r["MaxAttempts"] for r in state["Retry"] if error in r["ErrorEquals"]]
    return attempts[0] if attempts else 0


def test_every_error_class_is_documented_and_every_documented_error_is_a_class(classes, documented):
    assert set(documented) == classes


def test_retry_and_catch_name_only_errors_that_exist(tasks, classes):
    assert named(tasks, "Retry") | named(tasks, "Catch") <= classes


def test_an_error_is_retried_as_often_as_the_documentation_says(tasks, documented):
    for error, (steps, retried) in documented.items():
        times = 0 if retried == "no" else int(retried.partition(" ")[0])
        if steps == "reconcile":  # no step raises it
            assert times == 0
            continue
        for step in tasks if steps == "any" else steps.split(", "):
            assert retries(tasks[step], error) == times, (error, step)


def test_an_error_is_retried_only_in_the_steps_that_raise_it(tasks, documented):
    for step, state in tasks.items():
        for error in named({step: state}, "Retry"):
            steps = documented[error][0]
            assert steps == "any" or step in steps.split(", "), (error, step)


@pytest.mark.parametrize("step", ["Download", "Grayscale", "Upload"])
def test_the_module_of_a_step_documents_the_errors_that_it_raises(step, documented):
    module = PROJECT / "lambdas" / f"{step.lower()}.py"
    said = re.search(r"^Raises: (.+(?:\n +.+)*)$", module.read_text(), re.MULTILINE)[1]
    assert set(re.split(r",\s+", said)) == {
        error for error, (steps, _) in documented.items() if step in steps.split(", ")
    }


def test_every_error_is_raised_somewhere(classes):
    places = [*(PROJECT / "darkroom").rglob("*.py"), *(PROJECT / "lambdas").glob("*.py")]
    code = "".join(path.read_text() for path in places)
    assert {
        e for e in classes if not re.search(rf"(raise |return |= |as_failure\(){e}\(", code)
    } == set()
