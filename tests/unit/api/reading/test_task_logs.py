"""`GET /tasks/{taskId}/logs`: what the functions logged, for one person who looks at one task."""

import datetime
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from darkroom.runtime.clock import timestamp
from tests.support.api_caller import Api
from tests.support.api_histories import arn, running
from tests.support.fakes.aws import STARTED

GROUP = "/aws/lambda/darkroom"
HOOK = "https://hooks.example/services/T0/secret?key=abc"
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def logs(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """What CloudWatch Logs answers."""
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", GROUP)
    with Stubber(api.module.function_log()._client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def line(task_id: str, message: str, second: int = 4, **more: Any) -> dict[str, str]:
    fields = {
        "level": "INFO",
        "location": "step:64",
        "message": message,
        "timestamp": f"2026-11-25T01:02:{second:02}.612Z",
        "service": "darkroom",
        "function": "download",
        "correlation_id": task_id,
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    }
    return {"message": json.dumps(fields | more)}


def answers(stub: Stubber, *events: dict[str, str], **more: Any) -> None:
    stub.add_response("filter_log_events", {"events": list(events), **more})


def ask(api: Api, task_id: str) -> Any:
    answer = api.get(f"/tasks/{task_id}/logs")
    assert answer.status == 200, answer.body
    return answer.body


def test_the_lines_of_the_last_attempt_come_in_order_with_what_helps(
    api: Api, logs: Stubber
) -> None:
    task_id = running(api)
    api.aws.store.fail(task_id, 1, arn(task_id), {"step": "D", "error": "X", "message": "m"})
    api.post(f"/tasks/{task_id}/retry")
    answers(
        logs,
        line(task_id, "failed", 9, level="WARNING", attempt=2, error="X", reason="m", seconds=0.5),
        line(task_id, "accepted", 8, attempt=2, status="PENDING", function="app", route="/tasks"),
        line(task_id, "failed", 5, attempt=1),
        line("another task, which names it", "started", 9, attempt=2),
    )

    reported = ask(api, task_id)

    assert (reported["taskId"], reported["attempt"], reported["complete"]) == (task_id, 2, True)
    assert reported["lines"] == [
        {
            "at": "2026-11-25T01:02:08.612Z",
            "level": "INFO",
            "function": "app",
            "message": "accepted",
            "details": {"status": "PENDING"},
        },
        {
            "at": "2026-11-25T01:02:09.612Z",
            "level": "WARNING",
            "function": "download",
            "message": "failed",
            "details": {"seconds": 0.5, "error": "X", "reason": "m"},
        },
    ]


def test_no_line_shows_a_secret_an_event_or_an_unknown_field(api: Api, logs: Stubber) -> None:
    task_id = running(api)
    failure = {"step": "Download", "error": "ExecutionLost", "message": f"See {HOOK}."}
    answers(
        logs,
        line(task_id, f"sent to {HOOK}", callbackUrl=HOOK, event={"source": HOOK}),
        line(task_id, "not delivered", reason=f"POST {HOOK} failed", tries=2, status=None),
        line(task_id, "ended", failure=failure, sessionToken="abc", status={"secret": HOOK}),
    )

    reported = ask(api, task_id)["lines"]

    assert "secret" not in str(reported)
    assert "abc" not in str(reported)
    assert [each["details"] for each in reported] == [
        {},
        {"tries": 2, "reason": "POST https://hooks.example/… failed"},
        {"step": "Download", "error": "ExecutionLost", "reason": "See https://hooks.example/…."},
    ]


def test_the_log_is_searched_around_the_last_attempt_only(api: Api, logs: Stubber) -> None:
    task_id = running(api)
    api.aws.store.fail(task_id, 1, arn(task_id), {"step": "D", "error": "X", "message": "m"})
    day = datetime.timedelta(days=1)
    began = datetime.datetime.fromisoformat(STARTED)
    created = began - 3 * HOUR
    item = api.aws.store.get(task_id)
    assert item is not None
    dates = {"createdAt": timestamp(created), "completedAt": timestamp(began + HOUR)}
    api.aws.table.put_item(Item=item | dates)
    asked = {
        "logGroupName": GROUP,
        "startTime": int((began - HOUR).timestamp() * 1000) - 60_000,
        "endTime": int((began + HOUR + day).timestamp() * 1000),
        "filterPattern": f'"{task_id}"',
    }
    logs.add_response("filter_log_events", {"events": []}, asked)

    assert ask(api, task_id)["lines"] == []


def test_a_log_that_is_too_long_is_not_read_to_its_end(
    api: Api, logs: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = running(api)
    answers(logs, *[line(task_id, f"line {number}") for number in range(1002)])
    reported = ask(api, task_id)
    assert (len(reported["lines"]), reported["complete"]) == (1000, False)
    assert [each["message"] for each in reported["lines"][499:501]] == ["line 499", "line 502"]

    monkeypatch.setattr("chalicelib.history.logs.SEARCH_SECONDS", -1.0)
    answers(logs, line(task_id, "accepted"), nextToken="more")

    reported = ask(api, task_id)

    assert (len(reported["lines"]), reported["complete"]) == (1, False)


def test_another_callers_log_is_not_searched(api: Api, logs: Stubber) -> None:  # noqa: ARG001
    task_id = running(api)

    assert api.get(f"/tasks/{task_id}/logs", caller="them").error["code"] == "TaskNotFound"


def test_a_throttled_search_says_when_to_try_again(api: Api, logs: Stubber) -> None:
    task_id = running(api)
    asked = {"logGroupName": GROUP, "startTime": ANY, "endTime": ANY, "filterPattern": ANY}
    logs.add_client_error("filter_log_events", "ThrottlingException", expected_params=asked)

    answer = api.get(f"/tasks/{task_id}/logs")

    assert (answer.status, answer.error["code"]) == (503, "ServiceUnavailable")
    assert answer.headers["Retry-After"]
