"""The table in `darkroom.tasks.repair_rules`, row by row."""

import datetime

import pytest

from darkroom.aws.execution_failures import Outcome
from darkroom.tasks.model import attempt_of, execution_name
from darkroom.tasks.repair_rules import Fail, Requeue, decide

NOW = datetime.datetime(2026, 11, 25, 12, 0, tzinfo=datetime.UTC)

TASK = "5b0c5d5e-6a0f-4a55-9d0c-b0f7a2f5c111"


def task(status: str, age: float = 200) -> dict[str, str]:
    moment = (NOW - datetime.timedelta(seconds=age)).isoformat().replace("+00:00", "Z")
    return {"status": status, "updatedAt": moment, "startedAt": moment}


def repair(item: dict[str, str], outcome: Outcome | None):
    return decide(item, outcome, lambda: "Grayscale", NOW)


def test_a_pending_task_without_an_execution_is_queued_again():
    assert repair(task("PENDING"), None) == Requeue()


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_a_task_whose_execution_runs_is_left_alone(status: str):
    assert repair(task(status, age=10_000), Outcome("RUNNING")) is None


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
@pytest.mark.parametrize(
    ("outcome", "error", "message"),
    [
        (Outcome("FAILED", "Other", "a answered 404."), "Other", "a answered 404."),
        (Outcome("FAILED", "Boom", '{"errorMessage": "it broke"}'), "Boom", "it broke"),
        (Outcome("FAILED"), "States.Runtime", "The step Grayscale ended with the error"),
        (Outcome("FAILED", "Boom", ""), "Boom", "The step Grayscale ended with the error Boom"),
        (Outcome("TIMED_OUT"), "States.Timeout", "The step Grayscale did not end"),
        (Outcome("ABORTED", None, "By Ann."), "ExecutionAborted", "By Ann."),
        (Outcome("ABORTED"), "ExecutionAborted", "The execution was stopped."),
        (Outcome("ABORTED", None, "{}"), "ExecutionAborted", "The execution was stopped."),
        (Outcome("SUCCEEDED"), "ExecutionLost", "ended without a result"),
    ],
)
def test_a_task_gets_the_end_that_its_execution_had(
    status: str, outcome: Outcome, error: str, message: str
):
    end = repair(task(status), outcome)
    assert isinstance(end, Fail)
    assert (end.failure["step"], end.failure["error"]) == ("Grayscale", error)
    assert message in end.failure["message"]


@pytest.mark.parametrize(("age", "ended"), [(299, False), (301, True)])
def test_a_running_task_without_an_execution_is_given_the_time_that_one_may_take(
    age: float, ended: bool
):
    end = repair(task("RUNNING", age), None)
    assert isinstance(end, Fail) is ended
    assert end is None or end.failure["error"] == "ExecutionLost"


@pytest.mark.parametrize("skew", [-300, 300])
@pytest.mark.parametrize(("age", "ended"), [(299, False), (301, True)])
def test_a_function_with_a_wrong_clock_ends_no_task_early_or_late(
    age: float, ended: bool, skew: int
):
    """`updatedAt` is by the clock of the function that claimed the task."""
    item = {**task("RUNNING", age), "updatedAt": task("RUNNING", age + skew)["updatedAt"]}
    assert isinstance(repair(item, None), Fail) is ended


def test_the_name_of_an_execution_contains_its_task_and_attempt():
    assert attempt_of(execution_name(TASK, 12)) == (TASK, 12)


@pytest.mark.parametrize("name", ["", "by hand", "-", "5b0c-1", f"{TASK}-", f"{TASK}-x"])
def test_a_name_that_a_person_chose_belongs_to_no_attempt(name: str):
    with pytest.raises(ValueError, match="attempt"):
        attempt_of(name)
