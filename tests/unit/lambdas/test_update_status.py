from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tests.support.fakes.aws import STARTED, FakeAws

ID = "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d"
CLAIM = {"transition": "start", "taskId": ID, "attempt": 1, "execution": "arn:e", "retries": 0}


@pytest.fixture
def update(aws: FakeAws, load: Callable[[str, str], ModuleType]) -> Callable[..., dict[str, Any]]:
    """The function, and a PENDING task."""
    aws.store.create(ID, "me", {"source": {}, "output": {}})
    handler = load("lambdas", "update_status").handler
    return lambda **event: handler({**CLAIM, **event}, None)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (STARTED, STARTED),
        ("2026-11-25T04:26:32Z", "2026-11-25T04:26:32.000Z"),
        ("2026-11-25T04:26:32.624789Z", STARTED),
    ],
)
def test_a_task_starts_when_its_execution_did(
    update: Callable[..., dict[str, Any]], aws: FakeAws, sent: str, stored: str
):
    assert update(started=sent) == {}

    task = aws.store.get(ID)
    assert task is not None
    assert (task["status"], task["startedAt"]) == ("RUNNING", stored)


def test_the_retries_of_a_claim_are_stored_if_there_were_any(
    update: Callable[..., dict[str, Any]], aws: FakeAws
):
    update(started=STARTED)
    unhindered = aws.store.get(ID)
    update(started=STARTED, retries=2)
    held_up = aws.store.get(ID)

    assert unhindered is not None
    assert "claimRetries" not in unhindered
    assert held_up is not None
    assert held_up["claimRetries"] == 2


def test_a_failure_is_recorded_as_text_and_returned(
    update: Callable[..., dict[str, Any]], aws: FakeAws
):
    cause = '{"errorMessage": "", "errorType": "MemoryError", "stackTrace": ["  File"]}'

    answer = update(
        transition="fail", step="Grayscale", caught={"Error": "MemoryError", "Cause": cause}
    )

    task = aws.store.get(ID)
    assert task is not None
    assert (
        task["failure"]
        == answer["failure"]
        == {
            "step": "Grayscale",
            "error": "MemoryError",
            "message": "The step Grayscale ended with the error MemoryError, which has no message.",
        }
    )
