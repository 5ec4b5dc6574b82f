"""The visits of states, read from the events of an execution."""

import pytest

from tests.support.execution_events import EVALUATION, FAILED_DOWNLOAD, RAISED, recorded


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


def test_retries_are_counted_and_an_error_before_a_success_is_not_a_failure() -> None:
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


# Types, order and details of the next four are recorded from AWS: LocalStack's snapshot tests,
# stepfunctions/v2, on the dates in docs/aws-differences.md.


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


def test_a_map_ends_with_its_own_event_and_not_with_that_of_a_state_within() -> None:
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
