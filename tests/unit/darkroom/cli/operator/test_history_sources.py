"""Where a history comes from: an API call, or for EXPRESS the log group of the machine."""

import datetime
import json
from typing import Any

import pytest
from botocore.stub import Stubber

from darkroom.cli.operator import history
from darkroom.cli.operator.history import NoHistory
from darkroom.cli.stack import Stack
from darkroom.tasks.history import Visit, from_log

START = datetime.datetime(2026, 11, 25, 1, 2, 3, tzinfo=datetime.UTC)
ARN = "arn:aws:states:us-east-1:000000000000:express:tasks:t1-1:6b1f"


def logged(number: int, kind: str, details: dict[str, str]) -> str:
    return json.dumps(
        {
            "id": str(number),
            "type": kind,
            "details": details,
            "event_timestamp": str(int(START.timestamp() * 1000) + number),
            "execution_arn": ARN,
        }
    )


def test_an_event_of_a_log_group_reads_as_one_of_a_history() -> None:
    event = from_log(logged(2, "TaskStateEntered", {"name": "Download"}))

    assert (event.type, event.details["name"]) == ("TaskStateEntered", "Download")
    assert event.time == START + datetime.timedelta(milliseconds=2)


class OneClient(Stack):
    """A stack whose cloud is a stubbed client."""

    stub: Any

    def client(self, service: str) -> Any:  # noqa: ARG002
        return self.stub


def a_stack(service: str, **outputs: str) -> tuple[OneClient, Stubber]:
    real = Stack("http://127.0.0.1:1", "key", endpoint_url="http://127.0.0.1:1")
    stack = OneClient("http://127.0.0.1:1", "key", outputs=outputs)
    client = real.client(service)
    object.__setattr__(stack, "stub", client)
    return stack, Stubber(client)


def test_an_express_history_is_read_from_the_log_group_in_the_order_of_its_events() -> None:
    stack, stub = a_stack("logs", StateMachineLogGroup="group")
    lines = [
        logged(3, "TaskStateEntered", {"name": "Grayscale"}),
        logged(2, "TaskStateEntered", {"name": "Download"}),
        f"{ARN} but no event",
        # The test line that AWS writes into a new log group, and lines that are not events.
        "Permissions are set correctly to allow AWS CloudWatch Logs to write into your logs.",
        json.dumps([ARN]),
    ]
    stub.add_response("filter_log_events", {"events": [{"message": line} for line in lines]})

    with stub:
        found = history.read(stack, ARN, START)

    assert [visit.state for visit in found] == ["Download", "Grayscale"]


def test_a_search_reads_all_pages_but_only_around_the_time_of_the_task() -> None:
    """A page may be empty, and an execution may outlive its task by five minutes."""
    stack, stub = a_stack("logs", StateMachineLogGroup="group")
    ended = START + datetime.timedelta(seconds=2)
    asked = {
        "logGroupName": "group",
        "filterPattern": f'"{ARN}"',
        "startTime": int(START.timestamp() * 1000) - 60_000,
        "endTime": int(ended.timestamp() * 1000) + 360_000,
    }
    first, last = (logged(n, "TaskStateEntered", {"name": f"State{n}"}) for n in (2, 7))
    pages = [{"events": []}, {"events": [{"message": first}]}, {"events": [{"message": last}]}]
    for number, page in enumerate(pages):
        token = {"nextToken": f"t{number + 1}"} if number < len(pages) - 1 else {}
        sent = {"nextToken": f"t{number}"} if number else {}
        stub.add_response("filter_log_events", page | token, asked | sent)

    with stub:
        found = history.read(stack, ARN, START, ended)

    assert [visit.state for visit in found] == ["State2", "State7"]


def test_an_execution_of_the_same_name_is_another_one() -> None:
    """The words of the search may be in a line about something else."""
    stack, stub = a_stack("logs", StateMachineLogGroup="group")
    own = logged(2, "TaskStateEntered", {"name": "Download"})
    other = own.replace(ARN, f"{ARN}2").replace("Download", "Other")
    stub.add_response("filter_log_events", {"events": [{"message": own}, {"message": other}]})

    with stub:
        found = history.read(stack, ARN, START)

    assert [visit.state for visit in found] == ["Download"]


def test_an_express_history_that_has_not_arrived_is_reported_with_its_log_group() -> None:
    stack, stub = a_stack("logs", StateMachineLogGroup="group")
    stub.add_response("filter_log_events", {"events": []})

    with stub, pytest.raises(NoHistory, match=r"in the log group group.* again in a minute"):
        history.read(stack, ARN, START)


def test_a_log_that_shows_no_end_is_cut_short() -> None:
    open_, closed = Visit("Download", START), Visit("TaskFailed", START, left=START)

    assert history.is_cut_short(ARN, [closed, open_])
    assert history.is_cut_short(ARN, [])
    assert not history.is_cut_short(ARN, [open_, closed])
    assert not history.is_cut_short(ARN.replace(":express:", ":execution:"), [open_])


def test_an_unknown_log_group_is_reported() -> None:
    stack, _ = a_stack("logs")

    with pytest.raises(NoHistory, match="Use --stack to name the stack"):
        history.read(stack, ARN, START)


def test_a_deleted_history_is_reported() -> None:
    stack, stub = a_stack("stepfunctions")
    stub.add_client_error("get_execution_history", "ExecutionDoesNotExist", "Execution is gone")

    with stub, pytest.raises(NoHistory, match="Execution is gone"):
        history.read(stack, ARN.replace("express", "execution"), START)
