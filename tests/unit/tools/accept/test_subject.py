"""The time that a test takes, and the stack on which no task ends."""

from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from darkroom.client import ApiError
from tools.accept import subject
from tools.accept.report import Broken, NotChecked


def task(number: int, status: str) -> dict[str, Any]:
    return {"taskId": str(number), "status": status, "execution": None}


def client(*tasks: dict[str, Any]) -> Any:
    return SimpleNamespace(wait=lambda *_: {one["taskId"]: one for one in tasks})


def test_tasks_that_have_ended_are_returned_in_the_order_of_submission(make_subject):
    first, second = task(1, "COMPLETED"), task(2, "FAILED")
    found = make_subject(client=client(second, first))
    assert found.ended([first, second]) == [first, second]


def test_if_no_task_ends_the_next_check_does_not_wait(make_subject):
    found = make_subject(client=client(task(1, "PENDING")))
    with pytest.raises(Broken, match="nothing has started its execution"):
        found.ended([task(1, "PENDING")])
    with pytest.raises(NotChecked, match="no task ends"):
        found.ended([task(1, "PENDING")])


def test_if_one_of_several_tasks_does_not_end_the_next_check_waits_for_its_own(make_subject):
    found = make_subject(client=client(task(1, "COMPLETED"), task(2, "RUNNING")))
    for _ in ("first", "again"):
        with pytest.raises(Broken, match="its execution does not end"):
            found.ended([task(1, "PENDING"), task(2, "PENDING")])


def test_after_its_time_the_test_waits_for_nothing_and_says_so(make_subject):
    late = make_subject(client=client(), ends=0.0)
    with pytest.raises(Broken, match="no time left"):
        late.ended([task(1, "PENDING")])
    with pytest.raises(Broken, match="no time left"):
        late.until("anything", 60, lambda: (None, "nothing"))


def test_a_missing_outcome_is_named_with_the_last_value(make_subject, monkeypatch):
    monkeypatch.setattr(subject, "PAUSE", 0.0)
    with pytest.raises(Broken, match="expected a webhook within 0 s; seen: no try"):
        make_subject().until("a webhook", 0.0, lambda: (None, "no try"))


def test_a_refused_request_has_the_status_and_the_code_of_the_response(make_subject, monkeypatch):
    monkeypatch.setattr(subject, "AGAIN_AFTER", (0.0, 0.0))
    busy = {"error": {"code": "TooManyRequests", "message": "Try again."}}
    answers = [httpx.Response(429, json=busy), httpx.Response(403, text="no JSON")]
    transport = httpx.MockTransport(lambda _: answers.pop(0))
    stack: Any = make_subject(http=httpx.Client(transport=transport))
    stack.stack.api_key = "key"
    with pytest.raises(ApiError) as raised:
        stack.request("GET", "/tasks")

    assert (raised.value.status, raised.value.code) == (403, "Forbidden")
    answers += [httpx.Response(429, json=busy)] * 3
    with pytest.raises(ApiError, match="Try again") as raised:
        stack.request("GET", "/tasks")
    assert (raised.value.status, raised.value.code) == (429, "TooManyRequests")
    assert answers == []


def test_the_test_takes_less_than_six_minutes():
    """The remaining time is for the clean-up: some calls for each task."""
    assert subject.SECONDS <= 330
