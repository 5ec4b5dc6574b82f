"""`GET /tasks/{taskId}/history` of an EXPRESS execution: from its log."""

import datetime
from collections.abc import Iterator
from typing import Any
from unittest.mock import ANY

import pytest
from botocore.stub import Stubber

from darkroom.aws.stepfunctions import StateMachine
from tests.support.api_caller import Api
from tests.support.api_histories import ask, running
from tests.support.fakes.aws import STARTED
from tests.support.recorded.executions import EXPRESS
from tests.support.recorded.histories import LOGGED, log_lines


@pytest.fixture
def express(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """The API of an EXPRESS stack, and what CloudWatch Logs answers."""
    from chalicelib.history.service import HistoryService  # noqa: PLC0415

    machine = StateMachine("arn:aws:states:eu-west-1:1:stateMachine:tasks", "EXPRESS")
    service = HistoryService(machine, "/aws/vendedlogs/states/darkroom")
    monkeypatch.setattr(api.module, "histories", lambda: service)
    with Stubber(service.log._client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def page(lines: list[str]) -> dict[str, Any]:
    return {"events": [{"message": line} for line in lines]}


def test_the_history_of_an_express_execution_is_read_from_its_log(
    api: Api, express: Stubber
) -> None:
    task_id = running(api, EXPRESS)
    failure = {"step": "Download", "error": "X", "message": "m"}
    api.aws.store.fail(task_id, 1, EXPRESS, failure)
    since = datetime.datetime.fromisoformat(STARTED) - datetime.timedelta(minutes=1)
    asked = {
        "logGroupName": "/aws/vendedlogs/states/darkroom",
        "startTime": int(since.timestamp() * 1000),
        "filterPattern": f'"{EXPRESS}"',
        "endTime": ANY,
    }
    express.add_response("filter_log_events", page(log_lines(LOGGED.answer)), asked)

    reported = ask(api, task_id)

    assert (reported["status"], reported["startedAt"]) == ("FAILED", "2026-11-25T01:02:03.001Z")
    assert [state["name"] for state in reported["states"]] == ["Work"]
    assert (reported["input"], reported["states"][0]["input"]) == (None, None)
    assert reported["missing"] is None


def test_a_log_that_has_not_arrived_is_reported(api: Api, express: Stubber) -> None:
    task_id = running(api, EXPRESS)
    express.add_response("filter_log_events", page([]))

    assert ask(api, task_id)["missing"]["code"] == "NotLogged"


def test_a_log_of_a_busy_stack_is_not_read_to_its_end(
    api: Api, express: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = running(api, EXPRESS)
    monkeypatch.setattr("chalicelib.history.service.SEARCH_SECONDS", -1.0)
    lines = log_lines(LOGGED.answer)
    express.add_response("filter_log_events", page(lines) | {"nextToken": "more"})

    reported = ask(api, task_id)

    assert (reported["complete"], len(reported["events"])) == (False, 3)


def test_only_the_last_execution_of_an_express_task_is_known(api: Api, express: Stubber) -> None:  # noqa: ARG001
    task_id = running(api, EXPRESS)
    api.aws.store.fail(task_id, 1, EXPRESS, {"step": "D", "error": "X", "message": "m"})
    api.post(f"/tasks/{task_id}/retry")

    assert ask(api, task_id)["missing"]["code"] == "NotStarted"
    assert ask(api, task_id, attempt="1")["missing"]["code"] == "NotKept"
