import datetime
import uuid
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from darkroom.aws.execution_failures import Outcome
from darkroom.batches.model import deleting_order, execution_name, order
from darkroom.batches.reconciler import BatchReconciler

BATCH = str(uuid.UUID(int=7))
RUN, CANCELLING = execution_name(BATCH, 1), execution_name(BATCH, 1, "cancel")
NOT_LONG = datetime.timedelta(seconds=-1)
"""Whatever was written until now was written long enough ago."""


class Machine:
    """Executions by name, and what was started."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.started: list[tuple[str, Any]] = []

    def arn_of(self, name: str) -> str:
        return name

    def outcome(self, execution: str) -> Outcome | None:
        return self.outcomes.get(execution)

    def start(self, name: str, given: Any) -> None:
        self.started.append((name, given))


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def reconciler(aws: Any, machine: Machine) -> BatchReconciler:
    return BatchReconciler(store=aws.batches, machine=machine)


@pytest.fixture(autouse=True)
def batch(aws: Any) -> dict[str, Any]:
    manifest = {"reader": "lines", "key": "k"}
    attributes = {"manifest": manifest, "output": {}, "toleratedFailurePercentage": 20, "total": 3}
    item, _ = aws.batches.create(BATCH, "me", attributes)
    return item


def ended(name: str, status: str = "ABORTED") -> dict[str, Any]:
    return {"name": name, "status": status, "executionArn": name}


def test_a_batch_that_was_never_started_is_started(reconciler, machine, batch):
    assert reconciler.sweep(NOT_LONG) == {"BatchStarted": 1}
    assert machine.started == [(RUN, order(batch))]


def test_a_batch_that_is_young_is_left_alone(reconciler, machine):
    assert reconciler.sweep(datetime.timedelta(minutes=2)) == {}
    assert machine.started == []


def test_a_batch_whose_execution_runs_is_left_alone(aws, reconciler, machine):
    machine.outcomes[RUN] = Outcome("RUNNING")
    assert reconciler.sweep(NOT_LONG) == {}
    assert aws.batches.get(BATCH)["status"] == "RUNNING"


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome("ABORTED", cause="By hand."), "ExecutionAborted"),
        (Outcome("FAILED", "States.DataLimitExceeded", "Too large."), "States.DataLimitExceeded"),
        (Outcome("SUCCEEDED"), "ExecutionLost"),
    ],
)
def test_a_batch_whose_execution_has_ended_fails_and_its_open_tasks_are_cancelled(
    aws, reconciler, machine, outcome: Outcome, error: str
):
    machine.outcomes[RUN] = outcome

    repaired = reconciler.execution_ended(ended(RUN, outcome.status))

    assert repaired == {"BatchEnded": 1, "BatchCancelling": 1}
    failed = aws.batches.get(BATCH)
    assert (failed["status"], failed["failure"]["error"]) == ("FAILED", error)
    [(name, given)] = machine.started
    assert (name, given["action"]) == (CANCELLING, "cancel")


def test_a_batch_that_was_cancelled_is_cancelled_to_the_end(aws, reconciler, machine, batch):
    """Step Functions failed when the API called it."""
    aws.batches.end("cancel", batch)
    machine.outcomes[RUN] = Outcome("ABORTED")
    assert reconciler.sweep(NOT_LONG) == {"BatchCancelling": 1}
    assert [name for name, _ in machine.started] == [CANCELLING]


@pytest.mark.parametrize("name", [RUN, CANCELLING])
def test_what_is_being_cancelled_is_left_alone(aws, reconciler, machine, batch, name: str):
    aws.batches.end("fail", batch, {"error": "e", "message": "m"})
    machine.outcomes[name] = Outcome("RUNNING")
    assert reconciler.sweep(NOT_LONG) == {}
    assert machine.started == []


def test_one_that_cannot_be_cancelled_is_still_settled(aws, reconciler, machine, batch):
    aws.batches.end("cancel", batch)
    machine.outcomes |= {RUN: Outcome("ABORTED"), CANCELLING: Outcome("FAILED")}
    assert reconciler.sweep(NOT_LONG) == {"BatchSettled": 1}
    assert "active" not in aws.batches.get(BATCH)


@pytest.mark.parametrize("name", [CANCELLING, "by-hand", execution_name(BATCH, 2), "gone-1"])
def test_an_event_that_is_not_about_a_run_changes_nothing(aws, reconciler, batch, name: str):
    assert reconciler.execution_ended(ended(name)) == {}
    assert aws.batches.get(BATCH) == batch


def test_an_event_of_a_batch_that_has_ended_changes_nothing(aws, reconciler, machine, batch):
    aws.batches.end("complete", batch)
    assert reconciler.execution_ended(ended(RUN)) == {}
    assert machine.started == []


def test_only_one_of_two_that_end_it_succeeds(aws, reconciler, machine, monkeypatch):
    machine.outcomes[RUN] = Outcome("ABORTED")
    monkeypatch.setattr(type(aws.batches), "end", lambda *_: None)
    assert reconciler.execution_ended(ended(RUN)) == {}


def test_one_that_cannot_be_repaired_does_not_delay_others(reconciler, machine, monkeypatch):
    def refuse(*_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://states")

    monkeypatch.setattr(machine, "outcome", refuse)
    assert reconciler.sweep(NOT_LONG) == {"Unrepaired": 1}


def test_a_deletion_whose_execution_is_missing_or_has_ended_is_started_again(
    aws, reconciler, machine, batch
):
    deleting = aws.batches.begin_deletion(aws.batches.end("complete", batch))
    first, second = (f"{BATCH}-1-delete{number}" for number in (1, 2))

    assert reconciler.sweep(NOT_LONG) == {"BatchDeleting": 1}
    machine.outcomes[first] = Outcome("RUNNING")
    assert reconciler.sweep(NOT_LONG) == {}
    machine.outcomes[first] = Outcome("ABORTED")
    assert reconciler.sweep(NOT_LONG) == {"BatchDeleting": 1}

    assert machine.started == [
        (first, deleting_order(deleting)),
        (second, deleting_order(deleting)),
    ]
    machine.outcomes[second] = Outcome("RUNNING")
    assert reconciler.sweep(NOT_LONG) == {}
    assert reconciler.execution_ended(ended(first)) == {}
