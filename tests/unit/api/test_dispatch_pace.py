import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from darkroom.tasks.dispatcher import SECONDS_TO_CLAIM, SECONDS_TO_START
from tests.support.fakes.dispatch import ORDER, Dispatch, other


def bodies(count: int, first: int = 1) -> list[str]:
    return [json.dumps(other(n)) for n in range(first, first + count)]


def test_a_throttled_start_is_tried_again_later_in_the_same_invocation(dispatch: Dispatch) -> None:
    dispatch.refuses("ThrottlingException")
    dispatch.refuses("ThrottlingException")  # the SDK's own retry
    dispatch.starts()
    began = dispatch.clock()

    assert dispatch(json.dumps(ORDER)) == []
    assert dispatch.clock() > began
    dispatch.done()


def test_throttled_messages_are_delivered_again_and_use_up_no_time_limit(
    dispatch: Dispatch,
) -> None:
    for _ in range(100):
        dispatch.refuses("ThrottlingException")
    began = dispatch.clock()

    assert dispatch(*bodies(10)) == [f"m{n}" for n in range(10)]
    assert dispatch.clock() - began == pytest.approx(SECONDS_TO_START)


def test_a_message_of_a_quiet_caller_is_started_before_those_of_a_noisy_one(
    dispatch: Dispatch,
) -> None:
    for n in (3, 1, 2, 4):
        dispatch.starts(other(n))
    groups = ["noisy", "noisy", "quiet", "noisy"]

    assert dispatch(*bodies(4), groups=groups) == []
    dispatch.done()


def test_executions_that_wait_for_lambda_slow_the_starts_down_until_they_continue(
    dispatch: Dispatch,
) -> None:
    task = {"taskId": ORDER["taskId"], "status": "PENDING"}

    def seconds_for_ten(first: int) -> float:
        """Dispatch ten messages after the ones of the previous call were checked; return the
        seconds."""
        dispatch.clock.sleep(SECONDS_TO_CLAIM)
        for n in range(first, first + 10):
            dispatch.starts(other(n))
        began = dispatch.clock()
        assert dispatch(*bodies(10, first)) == []
        return dispatch.clock() - began

    usual = seconds_for_ten(1)
    dispatch.items = [{**task, "attempt": n} for n in range(1, 11)]
    seconds_for_ten(11)
    still_pending = seconds_for_ten(21)
    dispatch.items = [{**task, "status": "RUNNING", "attempt": 30, "claimRetries": 3}]
    seconds_for_ten(31)
    retried = seconds_for_ten(41)
    dispatch.items = [{**task, "status": "RUNNING", "attempt": n} for n in range(41, 51)]
    for round_ in range(20):
        dispatch.clock.sleep(100)
        dispatch.items = [{**task, "status": "RUNNING", "attempt": n} for n in range(1, 400)]
        last = seconds_for_ten(51 + 10 * round_)

    assert usual < still_pending < retried
    assert last < retried


def test_a_table_that_does_not_answer_stops_no_start(dispatch: Dispatch) -> None:
    dispatch.starts(other(1))
    dispatch.starts(other(2))
    dispatch(*bodies(1))
    dispatch.clock.sleep(SECONDS_TO_CLAIM)

    def refuse(_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "BatchGetItem")

    dispatch.get_many = refuse  # type: ignore[method-assign]

    assert dispatch(*bodies(1, first=2)) == []
    dispatch.done()
