"""How long files of an ended task may still appear, and what is recorded about them."""

import datetime
import uuid
from typing import Any

import pytest

from darkroom.tasks.erasure_rules import mark_of, writes_until

ENDED = datetime.datetime(2026, 11, 26, 9, 0, tzinfo=datetime.UTC)
TASK: dict[str, Any] = {"attempt": 1, "completedAt": "2026-11-26T09:00:00.000Z"}
CLAIMED = TASK | {"startedAt": "2026-11-26T08:59:50.000Z"}


@pytest.mark.parametrize(
    ("task", "express", "seconds"),
    [
        (CLAIMED | {"status": "COMPLETED"}, False, None),
        (CLAIMED | {"status": "COMPLETED"}, True, None),
        (TASK | {"status": "CANCELLED"}, False, None),
        (CLAIMED | {"status": "CANCELLED"}, False, 70),
        (CLAIMED | {"status": "CANCELLED"}, True, 370),
        (CLAIMED | {"status": "FAILED", "failure": {"error": "SourceNotFound"}}, False, None),
        (CLAIMED | {"status": "FAILED", "failure": {"error": "ExecutionAborted"}}, False, 70),
        (CLAIMED | {"status": "FAILED", "failure": {"error": "ExecutionLost"}}, True, 370),
        # The execution of the first attempt may have been cancelled a moment before.
        (CLAIMED | {"status": "COMPLETED", "attempt": 2}, False, 70),
        (TASK | {"status": "CANCELLED", "attempt": 2}, True, 370),
    ],
)
def test_an_execution_that_was_not_waited_for_may_write_for_a_while(
    task: dict[str, Any], express: bool, seconds: int | None
) -> None:
    until = writes_until(task, ENDED, express=express)

    assert until == (None if seconds is None else ENDED + datetime.timedelta(seconds=seconds))
    if until:
        assert writes_until(task, until, express=express) is None


def test_a_mark_does_not_contain_the_id_and_differs_for_each() -> None:
    one, other = str(uuid.uuid4()), str(uuid.uuid4())
    assert one not in mark_of(one)
    assert mark_of(one) == mark_of(one) != mark_of(other)
