import datetime
import json
from typing import Any

import pytest
from botocore.stub import Stubber

from darkroom.cli.operator import history
from darkroom.cli.operator.history import NoHistory, Visit, from_history, from_log, visits
from darkroom.cli.stack import Stack

START = datetime.datetime(2026, 11, 25, 1, 2, 3, tzinfo=datetime.UTC)
ARN = "arn:aws:states:us-east-1:000000000000:express:tasks:t1-1:6b1f"
RAISED = json.dumps({"errorType": "SourceNotFound", "errorMessage": "https://x answered 404"})


def recorded(*events: tuple[float, str] | tuple[float, str, dict[str, Any]]) -> list[Visit]:
    """Read events as GetExecutionHistory gives them: seconds after the start, type, details."""
    given = []
    for second, kind, *details in events:
        event: dict[str, Any] = {
            "type": kind,
            "timestamp": START + datetime.timedelta(seconds=second),
        }
        if details:
            event[kind[0].lower() + kind[1:] + "EventDetails"] = details[0]
        given.append(from_history(event))
    return visits(given)


# As the emulator tells it: no TaskStarted, no previousEventId.
FAILED_DOWNLOAD = (
    (0.0, "ExecutionStarted"),
    (0.0, "TaskStateEntered", {"name": "MarkRunning"}),
    (0.0, "TaskScheduled"),
    (0.2, "TaskSucceeded"),
    (0.2, "TaskStateExited", {"name": "MarkRunning"}),
    (0.2, "TaskStateEntered", {"name": "Download"}),
    (0.2, "TaskScheduled"),
    (0.5, "TaskFailed", {"error": "SourceNotFound", "cause": RAISED}),
    (0.5, "TaskStateExited", {"name": "Download"}),
    (0.5, "TaskStateEntered", {"name": "MarkFailed"}),
    (0.5, "TaskScheduled"),
    (0.6, "TaskSucceeded"),
    (0.6, "TaskStateExited", {"name": "MarkFailed"}),
    (0.6, "FailStateEntered", {"name": "TaskFailed"}),
    (0.6, "ExecutionFailed", {"error": "SourceNotFound", "cause": "https://x answered 404"}),
)


def test_a_failed_execution_shows_the_state_and_the_reason() -> None:
    found = recorded(*FAILED_DOWNLOAD)

    assert [visit.state for visit in found] == [
        "MarkRunning",
        "Download",
        "MarkFailed",
        "TaskFailed",
    ]
    assert [visit.error for visit in found] == [None, "SourceNotFound", None, "SourceNotFound"]
    assert found[1].message == "https://x answered 404"
    assert found[1].seconds == pytest.approx(0.3)
    assert found[3].left is not None


def test_retries_are_counted_and_an_error_that_was_overcome_is_none() -> None:
    (download,) = recorded(
        (0, "TaskStateEntered", {"name": "Download"}),
        (0, "TaskScheduled"),
        (0, "TaskStarted"),
        (1, "TaskFailed", {"error": "SourceUnavailable", "cause": "503"}),
        (3, "TaskScheduled"),
        (9, "TaskTimedOut", {"resource": "invoke"}),
        (12, "TaskScheduled"),
        (13, "TaskSucceeded"),
        (13, "TaskStateExited", {"name": "Download"}),
    )

    assert download.retries == 2
    assert download.failures == ["SourceUnavailable", "States.Timeout"]
    assert download.error is None
    assert download.seconds == 13


def test_the_older_lambda_events_are_understood() -> None:
    (download,) = recorded(
        (0, "TaskStateEntered", {"name": "Download"}),
        (0, "LambdaFunctionScheduled"),
        (1, "LambdaFunctionFailed", {"error": "SourceNotFound", "cause": RAISED}),
        (2, "LambdaFunctionScheduled"),
        (3, "LambdaFunctionTimedOut"),
    )

    assert (download.retries, download.error) == (1, "States.Timeout")
    assert download.seconds is None


@pytest.mark.parametrize(
    ("kind", "error"), [("ExecutionTimedOut", "States.Timeout"), ("ExecutionAborted", "Aborted")]
)
def test_an_execution_that_was_ended_shows_in_which_state(kind: str, error: str) -> None:
    (gray,) = recorded((0, "TaskStateEntered", {"name": "Grayscale"}), (5, kind))

    assert (gray.state, gray.seconds, gray.error) == ("Grayscale", 5, error)


# Types, order and details of the next four as AWS has recorded them: LocalStack's snapshot tests,
# stepfunctions/v2, on the dates in docs/aws-differences.md.
EVALUATION = "The JSONata expression '$states.input.x' specified for the field 'Output' …"


def test_an_expression_that_failed_shows_its_state_and_why() -> None:
    (state,) = recorded(
        (0, "ExecutionStarted"),
        (0, "TaskStateEntered", {"name": "Download"}),
        (0, "TaskScheduled"),
        (0, "TaskStarted"),
        (1, "TaskSucceeded"),
        (
            1,
            "EvaluationFailed",
            {
                "error": "States.QueryEvaluationError",
                "cause": EVALUATION,
                "location": "Output",
                "state": "Download",
            },
        ),
        (1, "ExecutionFailed", {"error": "States.QueryEvaluationError", "cause": EVALUATION}),
    )

    assert (state.error, state.message) == ("States.QueryEvaluationError", EVALUATION)
    assert (state.retries, state.seconds) == (0, 1)


@pytest.mark.parametrize("caught", [True, False])
def test_a_map_run_that_failed_shows_its_error_and_not_that_of_the_state_around_it(
    caught: bool,
) -> None:
    error = {"error": "States.ItemReaderFailed", "cause": "no list"}
    end = ("MapStateExited", {"name": "Read"}) if caught else ("ExecutionFailed", error)

    (read,) = recorded(
        (0, "MapStateEntered", {"name": "Read"}),
        (0, "MapStateStarted", {"length": 0}),
        (0, "MapRunStarted", {"mapRunArn": "arn"}),
        (4, "MapRunFailed", error),
        (4, "MapStateFailed"),
        (4, *end),
    )

    assert (read.error, read.message) == ("States.ItemReaderFailed", "no list")
    assert (read.retries, read.seconds) == (0, 4)


def test_states_within_a_map_end_with_it_and_the_map_with_its_own_events() -> None:
    around, first, second, last = recorded(
        (0, "MapStateEntered", {"name": "Each"}),
        (0, "MapStateStarted", {"length": 2}),
        (0, "MapIterationStarted", {"index": 0, "name": "Each"}),
        (0, "MapIterationStarted", {"index": 1, "name": "Each"}),
        (0, "TaskStateEntered", {"name": "Do"}),
        (0, "TaskScheduled"),
        (0, "TaskStateEntered", {"name": "Do"}),
        (0, "TaskScheduled"),
        (5, "TaskTimedOut", {"error": "States.Timeout"}),
        (5, "MapIterationFailed", {"index": 0, "name": "Each"}),
        (5, "TaskStateAborted"),
        (5, "MapIterationAborted", {"index": 1, "name": "Each"}),
        (5, "MapStateFailed"),
        (6, "MapStateExited", {"name": "Each"}),
        (6, "PassStateEntered", {"name": "Caught"}),
        (6, "PassStateExited", {"name": "Caught"}),
        (7, "ExecutionSucceeded"),
    )

    assert [visit.seconds for visit in (around, first, second, last)] == [6, 6, 6, 0]
    assert [visit.failures for visit in (around, last)] == [[], []]
    assert second.error == "States.Timeout"


def test_a_map_that_went_well_is_left_when_it_is_left_and_not_when_a_state_within_is() -> None:
    around, within = recorded(
        (0, "MapStateEntered", {"name": "Each"}),
        (0, "MapIterationStarted", {"index": 0, "name": "Each"}),
        (0, "PassStateEntered", {"name": "Do"}),
        (1, "PassStateExited", {"name": "Do"}),
        (1, "MapIterationSucceeded", {"index": 0, "name": "Each"}),
        (2, "MapStateSucceeded"),
        (2, "MapStateExited", {"name": "Each"}),
    )

    assert (around.seconds, within.seconds) == (2, 1)


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
        # What AWS itself writes into a group that it is given, and what is no event at all.
        "Permissions are set correctly to allow AWS CloudWatch Logs to write into your logs.",
        json.dumps([ARN]),
    ]
    stub.add_response("filter_log_events", {"events": [{"message": line} for line in lines]})

    with stub:
        found = history.read(stack, ARN, START)

    assert [visit.state for visit in found] == ["Download", "Grayscale"]


def test_a_search_goes_on_to_its_last_page_around_the_life_of_the_task_only() -> None:
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
    """The words that are searched for may stand in a line about something else."""
    stack, stub = a_stack("logs", StateMachineLogGroup="group")
    own = logged(2, "TaskStateEntered", {"name": "Download"})
    other = own.replace(ARN, f"{ARN}2").replace("Download", "Other")
    stub.add_response("filter_log_events", {"events": [{"message": own}, {"message": other}]})

    with stub:
        found = history.read(stack, ARN, START)

    assert [visit.state for visit in found] == ["Download"]


def test_an_express_history_that_has_not_arrived_is_told_with_its_log_group() -> None:
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


def test_a_log_group_that_is_not_known_is_told() -> None:
    stack, _ = a_stack("logs")

    with pytest.raises(NoHistory, match="Use --stack to name the stack"):
        history.read(stack, ARN, START)


def test_a_history_that_is_gone_is_told() -> None:
    stack, stub = a_stack("stepfunctions")
    stub.add_client_error("get_execution_history", "ExecutionDoesNotExist", "Execution is gone")

    with stub, pytest.raises(NoHistory, match="Execution is gone"):
        history.read(stack, ARN.replace("express", "execution"), START)
