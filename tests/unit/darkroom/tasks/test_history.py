"""The states of an execution, read from the events of its history."""

import datetime
import json
from typing import Any

import pytest

from darkroom.tasks.history import History, Visit, from_history, from_log, logged, read, visits
from tests.support.recorded.executions import EXPRESS
from tests.support.recorded.histories import HISTORIES, LOGGED, log_lines

START = datetime.datetime(2026, 11, 25, 1, 2, 3, tzinfo=datetime.UTC)
RAISED = json.dumps({"errorType": "SourceNotFound", "errorMessage": "https://x answered 404"})


def recorded(*events: tuple[float, str] | tuple[float, str, dict[str, Any]]) -> list[Visit]:
    """The visits in events as GetExecutionHistory gives them: see `history`."""
    return history(*events).visits


def history(*events: tuple[float, str] | tuple[float, str, dict[str, Any]]) -> History:
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
    return read(given)


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


def outcomes(found: History) -> list[tuple[str, str]]:
    return [(visit.state, visit.outcome.value) for visit in found.visits]


def test_a_caught_error_is_told_from_the_failure_that_follows() -> None:
    found = history(*FAILED_DOWNLOAD)

    assert outcomes(found) == [
        ("MarkRunning", "SUCCEEDED"),
        ("Download", "CAUGHT_ERROR"),
        ("MarkFailed", "SUCCEEDED"),
        ("TaskFailed", "FAILED"),
    ]
    assert (found.status, found.error) == ("FAILED", "SourceNotFound")
    assert found.message == "https://x answered 404"
    assert [visit.kind for visit in found.visits] == ["Task", "Task", "Task", "Fail"]


def test_each_try_has_its_time_and_its_error() -> None:
    (download,) = recorded(
        (0, "TaskStateEntered", {"name": "Download"}),
        (0, "TaskScheduled"),
        (1, "TaskFailed", {"error": "SourceUnavailable", "cause": "answered 503"}),
        (3, "TaskScheduled"),
        (9, "TaskTimedOut"),
        (12, "TaskScheduled"),
        (13, "TaskSucceeded"),
        (13, "TaskStateExited", {"name": "Download"}),
    )

    assert [
        ((each.started - START).seconds, each.ended and (each.ended - START).seconds, each.error)
        for each in download.tries
    ] == [(0, 1, "SourceUnavailable"), (3, 9, "States.Timeout"), (12, 13, None)]
    assert download.outcome == "SUCCEEDED"
    assert [each.message for each in download.tries] == [
        "answered 503",
        "The step Download did not end within its time limit.",
        "",
    ]


def test_a_state_that_waits_for_its_retry_is_running() -> None:
    found = history(
        (0, "ExecutionStarted"),
        (0, "TaskStateEntered", {"name": "Download"}),
        (0, "TaskScheduled"),
        (1, "TaskFailed", {"error": "SourceUnavailable", "cause": "503"}),
    )

    assert (found.status, found.ended) == ("RUNNING", None)
    assert outcomes(found) == [("Download", "RUNNING")]
    assert len(found.visits[0].tries) == 1


@pytest.mark.parametrize(
    ("kind", "status", "outcome", "error"),
    [
        ("ExecutionTimedOut", "TIMED_OUT", "FAILED", "States.Timeout"),
        ("ExecutionAborted", "ABORTED", "ABORTED", "Aborted"),
        ("ExecutionFailed", "FAILED", "FAILED", "Error"),
    ],
)
def test_the_end_of_an_execution_ends_the_state_and_the_try_that_were_running(
    kind: str, status: str, outcome: str, error: str
) -> None:
    found = history(
        (0, "ExecutionStarted"),
        (0, "TaskStateEntered", {"name": "Grayscale"}),
        (0, "TaskScheduled"),
        (5, kind),
    )

    assert (found.status, found.error) == (status, error)
    assert outcomes(found) == [("Grayscale", outcome)]
    (last,) = found.visits[0].tries
    assert last.ended == found.ended
    assert last.error == error


def test_a_redriven_execution_is_running_again_and_is_counted() -> None:
    before = (
        (0, "ExecutionStarted", {"input": "{}"}),
        (0, "TaskStateEntered", {"name": "Grayscale"}),
        (5, "ExecutionAborted"),
        (9, "ExecutionRedriven", {"redriveCount": 1}),
    )
    running = history(*before)
    ended = history(
        *before,
        (9, "TaskStateEntered", {"name": "Grayscale"}),
        (10, "TaskStateExited", {"name": "Grayscale"}),
        (10, "ExecutionSucceeded"),
    )

    assert (running.status, running.redrives, running.error) == ("RUNNING", 1, None)
    assert outcomes(running) == [("Grayscale", "RUNNING")]
    assert (ended.status, ended.redrives) == ("SUCCEEDED", 1)
    assert outcomes(ended) == [("Grayscale", "FAILED"), ("Grayscale", "SUCCEEDED")]


def test_what_failed_within_a_map_is_told_from_what_was_aborted_with_it() -> None:
    found = history(
        (0, "MapStateEntered", {"name": "Each"}),
        (0, "TaskStateEntered", {"name": "Aborted"}),
        (0, "TaskScheduled"),
        (0, "TaskStateEntered", {"name": "Broken"}),
        (0, "TaskScheduled"),
        (5, "TaskTimedOut", {"error": "States.Timeout"}),
        (5, "MapStateFailed"),
        (6, "MapStateExited", {"name": "Each"}),
        (6, "ExecutionSucceeded"),
    )

    assert outcomes(found) == [
        ("Each", "CAUGHT_ERROR"),
        ("Aborted", "ABORTED"),
        ("Broken", "FAILED"),
    ]


def test_an_expression_that_failed_after_the_work_leaves_the_try_a_success() -> None:
    (state,) = recorded(
        (0, "TaskStateEntered", {"name": "Download"}),
        (0, "TaskScheduled"),
        (1, "TaskSucceeded"),
        (1, "EvaluationFailed", {"error": "States.QueryEvaluationError", "cause": EVALUATION}),
        (1, "TaskStateExited", {"name": "Download"}),
    )

    assert [each.error for each in state.tries] == [None]
    assert (state.outcome, state.error) == ("CAUGHT_ERROR", "States.QueryEvaluationError")


def test_events_name_the_state_that_they_belong_to() -> None:
    states = [state for _, state in history(*FAILED_DOWNLOAD).events]

    assert states[:6] == [None, *["MarkRunning"] * 4, "Download"]
    assert states[-2:] == ["TaskFailed", None]


@pytest.mark.parametrize("name", HISTORIES)
def test_a_recorded_history_has_an_end_and_no_state_that_runs(name: str) -> None:
    found = read(map(from_history, HISTORIES[name].answer))

    assert found.status in {"SUCCEEDED", "FAILED", "ABORTED"}
    assert "RUNNING" not in {visit.outcome for visit in found.visits}
    assert (found.error is None) == (found.status == "SUCCEEDED")
    assert [event.number for event, _ in found.events] == list(range(1, len(found.events) + 1))


def test_a_log_gives_the_events_of_one_execution_in_their_order() -> None:
    lines = log_lines(LOGGED.answer)
    others = [*log_lines(LOGGED.answer, EXPRESS + "2"), "no JSON", "[]", "{}"]

    events = logged([*reversed(lines), *others], EXPRESS)

    assert events == [from_log(line) for line in lines]
    assert read(events).status == "FAILED"


def test_without_events_there_is_no_status() -> None:
    assert history() == History()
    assert visits([]) == []
