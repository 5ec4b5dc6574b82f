from typing import Any

import pytest

from darkroom.aws.execution_failures import Outcome
from darkroom.batches import model as batches
from darkroom.batches.model import (
    BatchStatus,
    allowed,
    displayed_counts,
    failure_of,
    order,
    run_of,
    total_of,
    verdict,
)

BATCH = "7d1c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d"
ITEM = {
    "batchId": BATCH,
    "run": 1,
    "status": "RUNNING",
    "manifest": {"reader": "lines", "key": "batches/x/manifest.jsonl"},
    "toleratedFailurePercentage": 5,
    "total": 100,
}


def counts(**known: int) -> dict[str, int]:
    return displayed_counts(ITEM, known)


@pytest.mark.parametrize(
    ("transition", "sources"),
    [
        ("complete", {"RUNNING"}),
        ("fail", {"RUNNING"}),
        ("cancel", {"RUNNING"}),
        ("retry", {"COMPLETED", "FAILED", "CANCELLED"}),
    ],
)
def test_who_may_change_a_batch(transition: str, sources: set[str]):
    assert {status for status in BatchStatus if allowed(transition, status)} == sources


def test_the_same_item_of_a_batch_is_always_the_same_task():
    ids = {batches.task_id(BATCH, item) for item in ("0", "1", "imports/me/a.jpg")}
    assert len(ids) == 3
    assert batches.task_id(BATCH, "0") in ids


def test_a_run_is_known_by_the_name_of_its_execution():
    assert run_of(batches.execution_name(BATCH, 12)) == (BATCH, 12)


@pytest.mark.parametrize("name", [batches.execution_name(BATCH, 1, "cancel"), "by-hand", "x"])
def test_no_other_name_is_that_of_a_run(name: str):
    with pytest.raises(ValueError, match="not the name of a run"):
        run_of(name)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"reader": "lines", "retry": False, "pause": 0, "total": 100}),
        ({"run": 2, "entered": True}, {"reader": "none", "retry": True, "total": 100}),
        ({"run": 2, "pause": 12}, {"reader": "lines", "retry": True, "pause": 12}),
    ],
)
def test_a_run_reads_items_that_were_not_ingested_and_retries_the_others(
    changes: dict[str, Any], expected: dict[str, Any]
):
    made = order(ITEM | changes)
    assert expected.items() <= made.items()


def test_the_total_of_a_manifest_is_not_known_before_it_was_read():
    unread = {name: value for name, value in ITEM.items() if name != "total"}
    assert order(unread)["total"] == 0
    assert sum(displayed_counts(unread, {"PENDING": 7}).values()) == 7


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
def test_the_total_of_a_batch_that_ended_early_is_the_number_of_ingested_items(status: str):
    unread = {name: value for name, value in ITEM.items() if name != "total"}
    ended = unread | {"status": status}
    entered = counts(COMPLETED=3, CANCELLED=97)

    assert total_of(unread, entered) is None
    assert total_of(ended | {"active": "1"}, entered) is None  # Enter may still be running
    assert total_of(ended, entered) == 100
    assert total_of(ended | {"total": 200}, entered) == 200


@pytest.mark.parametrize(
    ("status", "where"),
    [
        ("RUNNING", "PENDING"),
        ("FAILED", "CANCELLED"),
        ("CANCELLED", "CANCELLED"),
        ("COMPLETED", "CANCELLED"),
    ],
)
def test_items_that_were_not_ingested_are_counted_with_their_later_status(status: str, where: str):
    shown = displayed_counts(ITEM | {"status": status}, {"COMPLETED": 10, where: 5})
    assert shown[where] == 90
    assert sum(shown.values()) == 100


@pytest.mark.parametrize(
    ("known", "transition"),
    [
        ({"COMPLETED": 100}, "complete"),
        ({"COMPLETED": 95, "FAILED": 5}, "complete"),
        ({"COMPLETED": 99, "CANCELLED": 1}, "complete"),
        ({"COMPLETED": 94, "FAILED": 6}, "fail"),
        ({"FAILED": 6}, "fail"),
        ({"COMPLETED": 99}, None),
        ({"COMPLETED": 90, "FAILED": 5, "RUNNING": 5}, None),
        ({}, None),
    ],
)
def test_a_batch_ends_when_all_tasks_have_ended_or_too_many_have_failed(
    known: dict[str, int], transition: str | None
):
    end = verdict(ITEM, counts(**known))
    assert (end and end[0]) == transition


def test_too_many_failures_say_how_many_they_are():
    end = verdict(ITEM, counts(FAILED=6))
    message = "6 of 100 tasks FAILED; 5 % are tolerated."
    assert end == ("fail", {"error": "TooManyFailures", "message": message})


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        ("lines", "There are no items in the manifest."),
        ("objects", "There are no items under the prefix."),
    ],
)
def test_an_empty_batch_fails(reader: str, message: str):
    end = verdict(ITEM | {"total": 0, "manifest": {"reader": reader}}, counts())
    assert end == ("fail", {"error": "EmptyBatch", "message": message})


@pytest.mark.parametrize(
    ("outcome", "error", "message"),
    [
        (Outcome("ABORTED", cause="By hand."), "ExecutionAborted", "By hand."),
        (Outcome("ABORTED"), "ExecutionAborted", "The execution was stopped."),
        (
            Outcome("SUCCEEDED"),
            "ExecutionLost",
            "The execution ended without a result. Retry the batch.",
        ),
        (
            Outcome("FAILED", "States.DataLimitExceeded", "Too large."),
            "States.DataLimitExceeded",
            "Too large.",
        ),
        (
            Outcome("FAILED"),
            "States.Runtime",
            "The batch ended with the error States.Runtime, which has no message.",
        ),
        (
            Outcome("TIMED_OUT", cause=""),
            "States.Timeout",
            "The batch did not end within its time limit.",
        ),
        (
            Outcome("FAILED", "States.Timeout", ""),
            "States.Timeout",
            "The batch did not end within its time limit.",
        ),
        (Outcome("FAILED", "X", '{"errorMessage": "It broke."}'), "X", "It broke."),
        (Outcome("ABORTED", cause="{}"), "ExecutionAborted", "The execution was stopped."),
    ],
)
def test_an_execution_that_ended_says_why_its_batch_failed(
    outcome: Outcome, error: str, message: str
):
    assert failure_of(outcome) == {"error": error, "message": message}
