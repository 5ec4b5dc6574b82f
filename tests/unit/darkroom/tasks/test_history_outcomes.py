"""Outcomes, tries and events, read from the events of an execution."""

import pytest

from darkroom.tasks.history import History, from_history, from_log, logged, read, visits
from tests.support.execution_events import EVALUATION, FAILED_DOWNLOAD, START, history, recorded
from tests.support.recorded.executions import EXPRESS
from tests.support.recorded.histories import HISTORIES, LOGGED, log_lines


def outcomes(found: History) -> list[tuple[str, str]]:
    return [(visit.state, visit.outcome.value) for visit in found.visits]


def test_a_caught_error_is_distinguished_from_the_failure_that_follows() -> None:
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


def test_a_failure_within_a_map_is_distinguished_from_states_that_were_aborted() -> None:
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
