"""The fault suite reports each violation of a task's invariants, so that zero violations are a
result."""

from typing import Any

import pytest

from tests.chaos.recorder import Change
from tests.chaos.task_invariants import AuditReport, Promise, Stored, audit

ARN = "arn:aws:states:us-east-1:0:execution:m:t-1"
PROMISE = Promise("t", "/colour.jpg", frozenset({"COMPLETED"}))
PENDING = {"taskId": "t", "attempt": 1, "status": "PENDING", "active": "3"}
RUNNING = {**PENDING, "status": "RUNNING", "execution": ARN}
RESULT = {"key": "results/t", "bytes": 3, "sha256": "abc"}
COMPLETED = {
    "taskId": "t",
    "attempt": 1,
    "status": "COMPLETED",
    "execution": ARN,
    "completedAt": "now",
    "result": RESULT,
}
FAILURE = {"step": "Download", "error": "SourceNotFound", "message": "404"}
FAILED = {k: v for k, v in COMPLETED.items() if k != "result"} | {
    "status": "FAILED",
    "failure": FAILURE,
}
AGAIN = {**PENDING, "attempt": 2}


def audited(
    *story: dict[str, Any], promises: list[Promise] | None = None, **given: Any
) -> AuditReport:
    """Check one task with these writes; values that are not given are correct."""
    olds = [None, *story[:-1]]
    changes = [Change(new, old) for new, old in zip(story, olds, strict=True)]
    how = {"status": "SUCCEEDED" if story[-1]["status"] == "COMPLETED" else "FAILED"}
    return audit(
        [PROMISE] if promises is None else promises,
        given.get("items", [story[-1]]),
        given.get("changes", changes),
        given.get("executions", {ARN: {**how, "error": "SourceNotFound"}}),
        given.get("objects", {"results/t": Stored(3, "abc")}),
    )


def test_a_task_that_ended_as_promised_passes():
    report = audited(PENDING, RUNNING, COMPLETED)

    assert report.passed, report
    assert (report.tasks, report.ended) == (1, 1)


def test_a_task_that_failed_as_its_source_promised_passes():
    promise = Promise("t", "/status/404", frozenset({"SourceNotFound"}))

    assert audited(PENDING, RUNNING, FAILED, promises=[promise]).passed


WANTED = {"callbackUrl": "https://receiver.example/"}
TOLD = {**COMPLETED, **WANTED, "delivery": {"delivered": True, "tries": 2}}


def test_the_outcome_of_a_webhook_is_not_a_second_completion():
    story = [PENDING | WANTED, RUNNING | WANTED, COMPLETED | WANTED]
    first = TOLD | {"delivery": {"delivered": False, "tries": 1}}

    assert audited(*story, first, TOLD).passed


@pytest.mark.parametrize(
    "changed",
    [
        TOLD | {"completedAt": "later"},
        {name: value for name, value in TOLD.items() if name != "callbackUrl"},
    ],
)
def test_any_other_change_with_the_outcome_of_a_webhook_is_a_second_end(changed: dict[str, Any]):
    assert audited(PENDING | WANTED, RUNNING | WANTED, COMPLETED | WANTED, changed).doubled


EXPRESS = "arn:aws:states:us-east-1:0:express:m:t-1:1"
LOST = FAILED | {"execution": EXPRESS, "failure": FAILURE | {"error": "ExecutionLost"}}
BROKEN = {"status": "FAILED", "error": "Runtime.ExitError"}
ANY = Promise("t", "/colour.jpg", frozenset({"COMPLETED", "CANCELLED"}))
MAY_DIE = Promise("t", "/colour.jpg", frozenset({"COMPLETED", "ExecutionLost", BROKEN["error"]}))


def test_an_express_execution_that_could_not_write_its_end_passes():
    claimed = RUNNING | {"execution": EXPRESS}
    another = {ARN: {"status": "SUCCEEDED"}, EXPRESS: BROKEN}

    assert audited(PENDING, claimed, LOST, promises=[MAY_DIE], executions={EXPRESS: BROKEN}).passed
    assert audited(PENDING, RUNNING, COMPLETED, promises=[MAY_DIE], executions=another).passed


def test_a_restart_begins_a_new_list_of_changes():
    found = Change(RUNNING, found=True)
    lost = Change(COMPLETED, RUNNING)
    changes = [Change(PENDING), Change(RUNNING, PENDING), lost, found, lost]

    assert audited(COMPLETED, changes=changes).passed


def test_a_task_whose_creation_a_restart_has_lost_may_be_created_again():
    changes = [Change(PENDING), Change(PENDING, lost=True), Change(PENDING)]
    rest = [Change(RUNNING, PENDING), Change(COMPLETED, RUNNING)]

    assert audited(COMPLETED, changes=changes + rest).passed


@pytest.mark.parametrize(
    ("kind", "report"),
    [
        ("lost", audited(PENDING, RUNNING)),
        ("lost", audited(PENDING, RUNNING, COMPLETED, items=[])),
        ("doubled", audited(PENDING, RUNNING, COMPLETED, COMPLETED)),
        ("doubled", audited(PENDING, RUNNING, FAILED, COMPLETED)),
        ("doubled", audited(PENDING, RUNNING, {**RUNNING, "execution": "another"}, COMPLETED)),
        ("doubled", audited(PENDING, RUNNING, COMPLETED, promises=[])),
        ("doubled", audited(COMPLETED, changes=[Change(PENDING), Change(COMPLETED)])),
        ("wrong", audited(PENDING, RUNNING, PENDING, RUNNING, COMPLETED)),
        ("wrong", audited(PENDING, RUNNING, AGAIN, {**COMPLETED, "attempt": 2})),
        ("wrong", audited(PENDING, RUNNING, FAILED)),
        ("wrong", audited(PENDING, RUNNING, COMPLETED, objects={})),
        ("wrong", audited(PENDING, RUNNING, COMPLETED, objects={"results/t": Stored(3, "xyz")})),
        ("wrong", audited(PENDING, RUNNING, COMPLETED, objects={"results/t": Stored(4, "abc")})),
        ("wrong", audited(PENDING, RUNNING, {**COMPLETED, "active": "3"})),
        ("wrong", audited(PENDING, RUNNING, {**COMPLETED, "failure": FAILURE})),
        ("wrong", audited(COMPLETED, changes=[Change(PENDING), Change(RUNNING, PENDING)])),
        ("wrong", audited(PENDING, RUNNING, COMPLETED, items=[{**COMPLETED, "more": 1}])),
        ("wrong", audited(PENDING, AGAIN, {**COMPLETED, "attempt": 2})),
        (
            "wrong",
            audited(PENDING, FAILED, {**AGAIN, "attempt": 3}, {**COMPLETED, "attempt": 3}),
        ),
        ("wrong", audited(PENDING, RUNNING, {**COMPLETED, "status": "CANCELLED"}, promises=[ANY])),
        ("wrong", audited(PENDING, RUNNING, COMPLETED, executions={})),
        # It claimed the task, and did not end as the task did.
        (
            "wrong",
            audited(
                PENDING,
                RUNNING | {"execution": EXPRESS},
                COMPLETED | {"execution": EXPRESS},
                promises=[MAY_DIE],
                executions={EXPRESS: BROKEN},
            ),
        ),
        # No fault of the kind that was injected.
        (
            "wrong",
            audited(
                PENDING,
                RUNNING,
                COMPLETED,
                executions={ARN: {"status": "SUCCEEDED"}, EXPRESS: BROKEN},
            ),
        ),
        # The end of a Standard execution is reported by its event.
        (
            "wrong",
            audited(
                PENDING,
                RUNNING,
                LOST | {"execution": ARN},
                promises=[MAY_DIE],
                executions={ARN: BROKEN},
            ),
        ),
        (
            "wrong",
            audited(PENDING, RUNNING, COMPLETED, executions={ARN: {"status": "FAILED"}}),
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_violation_is_found(kind: str, report: AuditReport):
    assert getattr(report, kind), report
    assert not report.passed
