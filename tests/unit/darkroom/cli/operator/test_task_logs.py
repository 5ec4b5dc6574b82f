import datetime
import json
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from darkroom.cli import render
from darkroom.cli.operator import task_logs
from darkroom.cli.operator.history import NoHistory
from darkroom.cli.stack import Stack
from darkroom.runtime.log_lines import about

TASK = "00ebb763-6783-4f6d-ad5a-ac1fcc3b8807"
POSTED = datetime.datetime(2026, 11, 25, 4, 26, 32, tzinfo=datetime.UTC)


def logged(second: int, message: str, function: str = "dispatch", **more: Any) -> dict[str, str]:
    line = {
        "level": "INFO",
        "location": "dispatch:41",
        "message": message,
        "timestamp": f"2026-11-25T04:26:{second}.612+00:00",
        "service": "darkroom-dev",
        "function": function,
        "correlation_id": TASK,
    }
    return {"message": json.dumps(line | more)}


class OneClient(Stack):
    """A stack whose cloud is a stubbed client."""

    stub: Any

    def client(self, service: str) -> Any:
        assert service == "logs"
        return self.stub


@pytest.fixture
def stack() -> Any:
    real = Stack("http://127.0.0.1:1", "key", endpoint_url="http://127.0.0.1:1")
    found = OneClient("http://127.0.0.1:1", "key", outputs={"FunctionLogGroup": "group"})
    object.__setattr__(found, "stub", real.client("logs"))
    return found


def test_the_lines_of_a_task_come_in_the_order_of_time_without_those_of_others(stack) -> None:
    events = [
        logged(34, "event published", "publish_events", status="FAILED"),
        logged(32, "accepted", "app", attempt=1),
        logged(33, "started", correlation_id="another one, who names it"),
        {"message": f"START RequestId {TASK}"},
        {"message": json.dumps({"type": "platform.report", "record": TASK})},
        {"message": json.dumps([TASK])},
    ]
    asked = {"logGroupName": "group", "startTime": ANY, "filterPattern": f'"{TASK}"'}

    with Stubber(stack.stub) as stub:
        stub.add_response("filter_log_events", {"events": events}, asked)
        found = task_logs.read(stack, TASK, POSTED, None)

    assert [(line.function, line.message) for line in found] == [
        ("app", "accepted"),
        ("publish_events", "event published"),
    ]
    assert found[0].details == {"attempt": 1}
    assert found[0].time == POSTED + datetime.timedelta(milliseconds=612)


def test_logs_are_searched_around_the_life_of_the_task_only(stack) -> None:
    ended = POSTED + datetime.timedelta(seconds=2)
    start = int(POSTED.timestamp() * 1000)
    asked = {
        "logGroupName": "group",
        "startTime": start - 60_000,
        "endTime": start + 2000 + 24 * 3_600_000,
        "filterPattern": ANY,
    }

    with Stubber(stack.stub) as stub:
        stub.add_response("filter_log_events", {"events": []}, asked)
        assert task_logs.read(stack, TASK, POSTED, ended) == []


def test_where_the_log_group_is_not_known_there_are_no_lines() -> None:
    assert task_logs.read(Stack("http://127.0.0.1:1", "key"), TASK, POSTED, None) == []


def test_missing_permission_for_logs_is_reported_with_their_group(stack) -> None:
    with Stubber(stack.stub) as stub:
        stub.add_client_error("filter_log_events", "AccessDeniedException", "no")
        with pytest.raises(NoHistory, match="The log group group cannot be read"):
            task_logs.read(stack, TASK, POSTED, None)


def test_a_line_is_shown_without_control_characters_of_the_terminal(capsys) -> None:
    failure = {"step": "Download", "error": "ExecutionLost"}
    event = logged(32, "ended\x1b[2J", "reconcile", level="WARNING", failure=failure)

    render.show(task_logs.log_table(about(TASK, [event["message"]])))

    shown = capsys.readouterr().out
    assert "04:26:32.612  reconcile  ended" in shown
    assert "failure Download: ExecutionLost" in shown
    assert "\x1b" not in shown
