import pytest

from darkroom.cli import retries
from darkroom.client import transport
from tests.support.fakes.api import Api, darkroom

LONG_AGO, SOON = "2020-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"
CONFLICT = "1 not retried: the status had changed in the meantime.\n"
NOT_RETRYABLE = "Only a FAILED or CANCELLED task can be tried again; it is PENDING."


def failed(api: Api, task_id: str, error: str = "SourceUnavailable", ended: str = SOON) -> None:
    failure = {"step": "Download", "error": error, "message": "It answered 503."}
    api.add(task_id, "https://x/missing.png", failure=failure, completedAt=ended)


def test_retry_shows_the_new_attempt_of_each_task_in_their_order(api: Api) -> None:
    failed(api, "t1")
    failed(api, "t2")

    done = darkroom("retry", "t2", "t1")

    assert done.exit_code == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["PENDING", "t2", "attempt", "2"],
        ["PENDING", "t1", "attempt", "2"],
    ]


def test_a_task_that_is_named_twice_is_tried_again_once(api: Api) -> None:
    failed(api, "t1")

    darkroom("retry", "t1", "t1")

    assert api.repairs == ["retry t1"]


def test_cancel_shows_that_the_task_is_cancelled(api: Api) -> None:
    api.add("t1", status="RUNNING")

    done = darkroom("cancel", "t1")

    assert done.exit_code == 0
    assert done.stdout.split() == ["CANCELLED", "t1", "attempt", "1"]
    assert api.repairs == ["cancel t1"]


@pytest.mark.parametrize("command", ["retry", "cancel"])
def test_a_refusal_names_its_task_and_stops_no_other(api: Api, command: str) -> None:
    failed(api, "t1")
    failed(api, "t2")
    api.refusals["t1"] = (409, NOT_RETRYABLE)

    done = darkroom(command, "t1", "t2")

    assert done.exit_code == 1
    assert done.stderr == f"t1: {NOT_RETRYABLE}\n"
    assert done.stdout.split()[1] == "t2"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Give either tasks, or --status FAILED"),
        (["t1", "--status", "FAILED"], "Give either tasks, or --status FAILED"),
        (["t1", "--dry-run"], "--error, --since and --dry-run need --status."),
        (["--error", "SourceNotFound"], "Give either tasks"),
        (["--status", "COMPLETED"], "A COMPLETED task cannot be retried."),
        (["--status", "FAILED", "--since", "1 week"], "--since: '1 week' is not a duration."),
        (["--status", "FAILED", "--since", ""], "--since: '' is not a duration."),
    ],
)
def test_a_wrong_use_does_nothing_and_says_what_is_right(
    api: Api, arguments: list[str], complaint: str
) -> None:
    failed(api, "t1")

    done = darkroom("retry", *arguments)

    assert done.exit_code == 2
    assert done.stderr.startswith(complaint)
    assert api.repairs == []


def test_a_bulk_retry_retries_the_tasks_that_it_counted(api: Api) -> None:
    failed(api, "t1")
    failed(api, "t2", "SourceNotFound")
    api.add("t3", status="CANCELLED")

    done = darkroom("retry", "--status", "FAILED", "--yes")

    assert done.exit_code == 0
    assert sorted(api.repairs) == ["retry t1", "retry t2"]
    assert done.stdout.endswith("2 tasks retried.\n")


def test_a_task_that_somebody_else_has_retried_is_not_retried_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed(api, "t1")
    failed(api, "t2")
    monkeypatch.setattr(retries, "confirm", lambda *_, **__: api.tasks["t1"].update(attempt=2))

    done = darkroom("retry", "--status", "FAILED")

    assert done.exit_code == 0
    assert done.stdout.endswith(f"1 task retried.\n{CONFLICT}")


def test_the_count_of_each_error_comes_first_and_the_largest_first(api: Api) -> None:
    failed(api, "t1", "SourceNotFound")
    failed(api, "t2")
    failed(api, "t3")

    lines = darkroom("retry", "--status", "FAILED", "--dry-run").stdout.splitlines()

    assert lines[1].split()[:2] == ["2", "SourceUnavailable"]
    assert lines[2].split()[:2] == ["1", "SourceNotFound"]


def test_a_bulk_retry_can_be_narrowed_to_an_error_and_a_time(api: Api) -> None:
    failed(api, "t1")
    failed(api, "t2", ended=LONG_AGO)
    failed(api, "t3", "SourceNotFound")

    which = ["--status", "FAILED", "--error", "SourceUnavailable", "--since", "1h"]
    darkroom("retry", *which, "--yes")

    assert api.repairs == ["retry t1"]


def test_a_recent_end_counts_however_old_the_task_is(api: Api) -> None:
    failed(api, "t1")
    api.tasks["t1"]["createdAt"] = LONG_AGO

    darkroom("retry", "--status", "FAILED", "--since", "1h", "--yes")

    assert api.repairs == ["retry t1"]


def test_a_dry_run_shows_the_tasks_and_touches_none(api: Api) -> None:
    for number in range(12):
        failed(api, f"t{number}")

    done = darkroom("retry", "--status", "FAILED", "--dry-run")

    assert done.exit_code == 0
    assert done.stdout.splitlines()[4].split()[:2] == ["t11", "FAILED"]
    assert done.stdout.endswith("… and 2 more\n")
    assert api.repairs == []


def test_cancelled_tasks_can_be_tried_again_too(api: Api) -> None:
    api.add("t1", status="CANCELLED")

    done = darkroom("retry", "--status", "CANCELLED", "--yes")

    assert done.stdout.splitlines()[1].split() == ["1", "CANCELLED"]
    assert api.repairs == ["retry t1"]


def test_a_bulk_retry_asks_with_the_count_and_yes_continues(api: Api) -> None:
    failed(api, "t1")

    done = darkroom("retry", "--status", "FAILED", input="y\n")

    assert done.exit_code == 0
    assert "Retry 1 task? [y/N]" in done.stderr
    assert api.repairs == ["retry t1"]


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_without_a_yes_a_bulk_retry_does_nothing(api: Api, answer: str) -> None:
    failed(api, "t1")

    done = darkroom("retry", "--status", "FAILED", input=answer)

    assert done.exit_code == 1
    assert "Nothing was done." in done.stderr
    assert "[y/N]" not in done.stdout
    assert api.repairs == []


@pytest.mark.usefixtures("api")
def test_no_task_is_nothing_to_ask_about() -> None:
    done = darkroom("retry", "--status", "FAILED")

    assert done.exit_code == 0
    assert done.stdout == "No task matches.\n"


def test_a_task_that_somebody_else_tried_again_is_counted_and_no_error(api: Api) -> None:
    failed(api, "t1")
    failed(api, "t2")
    api.refusals["t1"] = (409, NOT_RETRYABLE)

    done = darkroom("retry", "--status", "FAILED", "--yes")

    assert done.exit_code == 0
    assert done.stdout.endswith(f"1 task retried.\n{CONFLICT}")


def test_a_task_that_expires_in_the_meantime_is_an_error_and_stops_no_other(api: Api) -> None:
    failed(api, "t1")
    failed(api, "t2")
    api.refusals["t1"] = (404, "You have no task of this id.")

    done = darkroom("retry", "--status", "FAILED", "--yes")

    assert done.exit_code == 1
    assert done.stderr == "1 not retried: You have no task of this id.\n"
    assert "1 task retried." in done.stdout


def test_an_api_that_is_always_busy_ends_a_bulk_retry(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "AT_ONCE", 1)
    monkeypatch.setattr(transport, "TRIES", 1)
    for number in range(4):
        failed(api, f"t{number}")
    api.refusals["t2"] = (429, "Too many requests. Wait.")

    done = darkroom("retry", "--status", "FAILED", "--yes")

    assert done.exit_code == 1
    assert api.repairs == ["retry t3", "retry t2"]
    assert "1 task retried." in done.stdout
    assert done.stderr == (
        "1 not retried: Too many requests. Wait.\n2 skipped. Run the command again later.\n"
    )


def test_one_lost_answer_does_not_end_a_bulk_retry_nor_try_twice(api: Api) -> None:
    failed(api, "t1")
    failed(api, "t2")
    api.lose_an_answer("t2", done=True)

    done = darkroom("retry", "--status", "FAILED", "--yes")

    assert done.exit_code == 0
    assert done.stdout.endswith("2 tasks retried.\n")
    assert sorted(api.repairs) == ["retry t1", "retry t2"]


def test_a_retry_that_was_lost_is_sent_again(api: Api) -> None:
    failed(api, "t1")
    api.lose_an_answer("t1", done=False)

    done = darkroom("retry", "--status", "FAILED", "--yes")

    assert done.stdout.endswith("1 task retried.\n")
    assert api.repairs == ["retry t1", "retry t1"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("1h", 3600), ("2d", 172_800)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert retries.duration(text).total_seconds() == seconds


@pytest.mark.parametrize(
    "text", ["", "h", "1", "1w", "-1h", "1.5h", "1h30m", " 1h", "1h\n", "\u0661h"]
)
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        retries.duration(text)
