"""The books of the fault suite find what is wrong: else its zeros would mean nothing."""

from typing import Any

import pytest

from tests.chaos.books import Account, Promise, Stored, audit
from tests.chaos.recorder import Change

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


def books(*story: dict[str, Any], promises: list[Promise] | None = None, **given: Any) -> Account:
    """Audit one task with this story; all else is as it should be, but for what is given."""
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


def test_a_task_that_went_its_way_balances():
    account = books(PENDING, RUNNING, COMPLETED)

    assert account.balanced, account
    assert (account.tasks, account.ended) == (1, 1)


def test_a_failure_that_its_source_stands_for_balances():
    promise = Promise("t", "/status/404", frozenset({"SourceNotFound"}))

    assert books(PENDING, RUNNING, FAILED, promises=[promise]).balanced


EXPRESS = "arn:aws:states:us-east-1:0:express:m:t-1:1"
LOST = FAILED | {"execution": EXPRESS, "failure": FAILURE | {"error": "ExecutionLost"}}
BROKEN = {"status": "FAILED", "error": "Runtime.ExitError"}
ANY = Promise("t", "/colour.jpg", frozenset({"COMPLETED", "CANCELLED"}))
MAY_DIE = Promise("t", "/colour.jpg", frozenset({"COMPLETED", "ExecutionLost", BROKEN["error"]}))


def test_an_express_execution_that_could_not_write_its_end_balances():
    claimed = RUNNING | {"execution": EXPRESS}
    another = {ARN: {"status": "SUCCEEDED"}, EXPRESS: BROKEN}

    assert books(PENDING, claimed, LOST, promises=[MAY_DIE], executions={EXPRESS: BROKEN}).balanced
    assert books(PENDING, RUNNING, COMPLETED, promises=[MAY_DIE], executions=another).balanced


def test_a_restart_begins_the_story_anew():
    found = Change(RUNNING, found=True)
    lost = Change(COMPLETED, RUNNING)
    changes = [Change(PENDING), Change(RUNNING, PENDING), lost, found, lost]

    assert books(COMPLETED, changes=changes).balanced


def test_a_task_whose_creation_a_restart_has_lost_may_be_created_again():
    changes = [Change(PENDING), Change(PENDING, lost=True), Change(PENDING)]
    rest = [Change(RUNNING, PENDING), Change(COMPLETED, RUNNING)]

    assert books(COMPLETED, changes=changes + rest).balanced


@pytest.mark.parametrize(
    ("kind", "account"),
    [
        ("lost", books(PENDING, RUNNING)),
        ("lost", books(PENDING, RUNNING, COMPLETED, items=[])),
        ("doubled", books(PENDING, RUNNING, COMPLETED, COMPLETED)),
        ("doubled", books(PENDING, RUNNING, FAILED, COMPLETED)),
        ("doubled", books(PENDING, RUNNING, {**RUNNING, "execution": "another"}, COMPLETED)),
        ("doubled", books(PENDING, RUNNING, COMPLETED, promises=[])),
        ("doubled", books(COMPLETED, changes=[Change(PENDING), Change(COMPLETED)])),
        ("wrong", books(PENDING, RUNNING, PENDING, RUNNING, COMPLETED)),
        ("wrong", books(PENDING, RUNNING, AGAIN, {**COMPLETED, "attempt": 2})),
        ("wrong", books(PENDING, RUNNING, FAILED)),
        ("wrong", books(PENDING, RUNNING, COMPLETED, objects={})),
        ("wrong", books(PENDING, RUNNING, COMPLETED, objects={"results/t": Stored(3, "xyz")})),
        ("wrong", books(PENDING, RUNNING, COMPLETED, objects={"results/t": Stored(4, "abc")})),
        ("wrong", books(PENDING, RUNNING, {**COMPLETED, "active": "3"})),
        ("wrong", books(PENDING, RUNNING, {**COMPLETED, "failure": FAILURE})),
        ("wrong", books(COMPLETED, changes=[Change(PENDING), Change(RUNNING, PENDING)])),
        ("wrong", books(PENDING, RUNNING, COMPLETED, items=[{**COMPLETED, "more": 1}])),
        ("wrong", books(PENDING, AGAIN, {**COMPLETED, "attempt": 2})),
        (
            "wrong",
            books(PENDING, FAILED, {**AGAIN, "attempt": 3}, {**COMPLETED, "attempt": 3}),
        ),
        ("wrong", books(PENDING, RUNNING, {**COMPLETED, "status": "CANCELLED"}, promises=[ANY])),
        ("wrong", books(PENDING, RUNNING, COMPLETED, executions={})),
        # It claimed the task, and did not end as the task did.
        (
            "wrong",
            books(
                PENDING,
                RUNNING | {"execution": EXPRESS},
                COMPLETED | {"execution": EXPRESS},
                promises=[MAY_DIE],
                executions={EXPRESS: BROKEN},
            ),
        ),
        # No fault of the kind that was tried.
        (
            "wrong",
            books(
                PENDING,
                RUNNING,
                COMPLETED,
                executions={ARN: {"status": "SUCCEEDED"}, EXPRESS: BROKEN},
            ),
        ),
        # A Standard execution is heard of by its event.
        (
            "wrong",
            books(
                PENDING,
                RUNNING,
                LOST | {"execution": ARN},
                promises=[MAY_DIE],
                executions={ARN: BROKEN},
            ),
        ),
        (
            "wrong",
            books(PENDING, RUNNING, COMPLETED, executions={ARN: {"status": "FAILED"}}),
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_should_not_be_is_found(kind: str, account: Account):
    assert getattr(account, kind), account
    assert not account.balanced
