"""An execution's end leads to its task, also after a person acted in the console."""

import json
import uuid
from typing import Any

import pytest

from darkroom.aws.execution_failures import Outcome
from darkroom.tasks.model import execution_name
from darkroom.tasks.reconciler import Reconciler
from tests.support.fakes.aws import STARTED

TASK = str(uuid.UUID(int=7))
ORDER = {"taskId": TASK, "attempt": 1, "source": {}, "output": {}}
OWN = execution_name(TASK, 1)
BY_HAND = str(uuid.UUID(int=8))
LIKE_AN_ATTEMPT = "0b9c1f6e-31a5-4f0c-9a51-123456789012"
"""The console's names are UUIDs. One in three hundred ends with twelve digits."""


class Machine:
    """Executions whose ARN is their name, all of which now have the same outcome."""

    outcome_now: Outcome | None = Outcome("ABORTED", cause="By hand.")

    def outcome(self, _: str) -> Outcome | None:
        return self.outcome_now

    def last_step(self, _: str) -> str:
        return "Download"


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def reconciler(aws: Any, machine: Machine) -> Reconciler:
    return Reconciler(
        aws.store, aws.index, queue=None, dead_letters=None, machine=machine, eraser=None
    )


@pytest.fixture(autouse=True)
def pending(aws: Any) -> None:
    aws.store.create(TASK, "me", {"source": {}, "output": {}})


def ended(name: str, given: Any = ORDER, status: str = "ABORTED") -> dict[str, Any]:
    """The detail of an event about an execution; `input` is null if it is large."""
    text = None if given is None else json.dumps(given)
    return {"name": name, "executionArn": name, "status": status, "input": text}


@pytest.mark.parametrize("name", [OWN, BY_HAND, LIKE_AN_ATTEMPT])
def test_the_execution_that_owns_a_task_ends_it_whatever_its_name(aws, reconciler, name: str):
    aws.store.start(TASK, 1, name, STARTED)

    assert reconciler.execution_ended(ended(name)) == {"Ended": 1}

    failure = {"step": "Download", "error": "ExecutionAborted", "message": "By hand."}
    assert aws.store.get(TASK)["failure"] == failure


def test_a_large_input_is_not_needed_by_an_execution_with_the_name_of_the_task(reconciler):
    assert reconciler.execution_ended(ended(OWN, None)) == {"Ended": 1}


@pytest.mark.parametrize("owner", [None, OWN])
def test_one_that_was_started_by_hand_and_owns_no_task_ends_none(aws, reconciler, owner):
    if owner:
        aws.store.start(TASK, 1, owner, STARTED)

    assert reconciler.execution_ended(ended(BY_HAND)) == {}
    assert aws.store.get(TASK)["status"] in {"PENDING", "RUNNING"}


@pytest.mark.parametrize("given", [None, {}, [], "x", {**ORDER, "taskId": "x"}])
def test_one_that_was_started_by_hand_without_a_task_is_no_error(reconciler, given: Any):
    assert reconciler.execution_ended(ended(BY_HAND, given)) == {}


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
@pytest.mark.parametrize("now", ["RUNNING", "SUCCEEDED", "PENDING_REDRIVE"])
def test_an_execution_that_was_redriven_after_the_event_keeps_its_task(
    aws, reconciler, machine: Machine, status: str, now: str
):
    """A person redrove it before reconcile read the event."""
    aws.store.start(TASK, 1, OWN, STARTED)
    machine.outcome_now = Outcome(now, redriven=True)

    assert reconciler.execution_ended(ended(OWN, status=status)) == {}
    assert aws.store.get(TASK)["status"] == "RUNNING"


def test_a_status_that_is_behind_the_event_ends_no_task_late(aws, reconciler, machine: Machine):
    aws.store.start(TASK, 1, OWN, STARTED)
    machine.outcome_now = Outcome("RUNNING")

    assert reconciler.execution_ended(ended(OWN)) == {"Ended": 1}
    assert aws.store.get(TASK)["failure"]["error"] == "ExecutionAborted"


def test_one_whose_outcome_is_unknown_ends_as_the_event_says(aws, reconciler, machine: Machine):
    """It was deleted with its machine, or the machine was replaced."""
    aws.store.start(TASK, 1, OWN, STARTED)
    machine.outcome_now = None

    assert reconciler.execution_ended(ended(OWN, status="TIMED_OUT")) == {"Ended": 1}
    assert aws.store.get(TASK)["failure"]["error"] == "States.Timeout"
