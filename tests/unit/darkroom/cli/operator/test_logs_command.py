"""`darkroom logs`, with a local server in place of the API and AWS."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from darkroom.cli import stack
from darkroom.cli.stack import Stack
from tests.support.fakes.api import Api, darkroom

STANDARD = "arn:aws:states:us-east-1:000000000000:execution:tasks:t1-1"
EXPRESS = "arn:aws:states:us-east-1:000000000000:express:tasks:t1-1:6b1f"
STARTED = 1_795_568_523


@pytest.fixture
def aws_answers(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Any]], None]:
    """Set the events with which AWS answers every request."""

    def answer(events: list[Any]) -> None:
        api.server.expect_request("/aws", method="POST").respond_with_json({"events": events})
        cloud = Stack(
            api.server.url_for("/dev"),
            "k",
            endpoint_url=api.server.url_for("/aws"),
            outputs={"StateMachineLogGroup": "group"},
        )
        monkeypatch.setattr(stack, "find", lambda *_: cloud)

    return answer


def test_logs_of_a_task_that_nobody_claimed_say_so(api: Api) -> None:
    api.add("t1", status="PENDING")

    assert darkroom("logs", "t1").stderr == "The task is PENDING: no execution has claimed it.\n"


def test_logs_show_the_states_with_their_errors(
    api: Api, aws_answers: Callable[[list[Any]], None]
) -> None:
    api.add("t1", execution={"arn": STANDARD, "consoleUrl": "http://127.0.0.1/x"})
    events = [
        {"id": 1, "type": "TaskStateEntered", "stateEnteredEventDetails": {"name": "Download"}},
        {"id": 2, "type": "TaskFailed", "taskFailedEventDetails": {"error": "SourceBlocked"}},
    ]
    aws_answers([event | {"timestamp": STARTED + event["id"]} for event in events])

    done = darkroom("logs", "t1")

    assert done.exit_code == 0
    assert done.stdout.splitlines()[1].split()[0] == "Download"
    assert "SourceBlocked" in done.stdout


def test_logs_of_an_express_execution_that_are_not_complete_say_so(
    api: Api, aws_answers: Callable[[list[Any]], None]
) -> None:
    api.add("t1", execution={"arn": EXPRESS, "consoleUrl": "http://127.0.0.1/x"})
    event = {
        "id": "2",
        "type": "TaskStateEntered",
        "details": {"name": "Download"},
        "event_timestamp": f"{STARTED}000",
        "execution_arn": EXPRESS,
    }
    aws_answers([{"message": json.dumps(event)}])

    done = darkroom("logs", "t1")

    assert done.stdout.splitlines()[1].split()[0] == "Download"
    assert "does not have the end of this execution yet" in done.stderr


def test_logs_of_an_express_execution_that_have_not_arrived_say_so(
    api: Api, aws_answers: Callable[[list[Any]], None]
) -> None:
    api.add("t1", execution={"arn": EXPRESS, "consoleUrl": "http://127.0.0.1/x"})
    aws_answers([])

    done = darkroom("logs", "t1")

    assert done.exit_code == 1
    assert "try again in a minute" in done.stderr


def test_logs_as_json_are_states_and_log_lines_in_utc(
    api: Api, aws_answers: Callable[[list[Any]], None]
) -> None:
    api.add("t1", execution={"arn": STANDARD, "consoleUrl": "http://127.0.0.1/x"})
    events = [
        {"id": 1, "type": "TaskStateEntered", "stateEnteredEventDetails": {"name": "Download"}},
        {"id": 2, "type": "TaskFailed", "taskFailedEventDetails": {"error": "SourceBlocked"}},
    ]
    aws_answers([event | {"timestamp": STARTED + event["id"]} for event in events])

    (state,) = [json.loads(line) for line in darkroom("logs", "t1", "--json").stdout.splitlines()]

    assert (state["kind"], state["state"], state["error"]) == ("state", "Download", "SourceBlocked")
    assert state["enteredAt"] == "2026-11-25T01:02:04.000Z"
