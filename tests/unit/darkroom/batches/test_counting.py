"""The tasks of a large batch are counted in bounded parts, and the result is exact."""

from collections.abc import Callable
from typing import Any

import pytest

from darkroom.batches import runs
from darkroom.batches.counting import COUNTED_BY_REQUESTS, Pass, counts_to_show
from darkroom.batches.manifests import MAX_ITEMS
from darkroom.batches.model import PAGE_SECONDS
from darkroom.batches.runs import BatchRunner
from tests.support.fakes.large_batches import BATCH, PAGE_ENTRIES, TASKS, LargeIndex, counts
from tests.support.measure.work import most_bytes, processor_seconds

RunnerOf = Callable[[LargeIndex], BatchRunner]

MOST_BYTES = 100_000_000
"""Of the 1,769 MB of the function."""
QUERIES = -(-TASKS // PAGE_ENTRIES)


def tenth_failed(number: int) -> str:
    return "COMPLETED" if number % 10 else "FAILED"


def slow(large: LargeIndex, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let only queries take time: this number of seconds each."""
    monkeypatch.setattr(runs, "monotonic", lambda: large.queries * seconds)


def watch(runner: BatchRunner) -> list[dict[str, Any]]:
    """The results of all calls of one count."""
    answers = [runner.watch(BATCH, 1, TASKS, "")]
    while answers[-1]["next"] == "count":
        answers.append(runner.watch(BATCH, 1, TASKS, answers[-1]["cursor"]))
    return answers


def test_a_pass_survives_its_conversion_to_text():
    begun = Pass.read("")
    continued = begun.plus({"PENDING": 2}, "eyJ").plus({"PENDING": 1, "FAILED": 4}, "fyK")
    assert begun == Pass(None, {})
    assert continued == Pass("fyK", {"PENDING": 3, "FAILED": 4})
    assert Pass.read(continued.text()) == continued


def test_a_count_that_takes_too_long_for_one_call_is_continued(
    aws: Any, runner_of: RunnerOf, monkeypatch: pytest.MonkeyPatch
):
    large = LargeIndex(TASKS, tenth_failed)
    slow(large, monkeypatch, PAGE_SECONDS / 3)

    answers = watch(runner_of(large))

    assert [answer["next"] for answer in answers] == ["count", "count", "done"]
    assert large.queries == QUERIES
    ended = aws.batches.get(BATCH)
    failed = TASKS // 10
    assert ended["status"] == "COMPLETED"
    assert ended["counted"] == {"COMPLETED": TASKS - failed, "FAILED": failed}


@pytest.mark.parametrize(
    ("failures", "outcome"), [(TASKS // 5, "done"), (TASKS // 5 + 1, "failed")]
)
def test_one_failure_is_decisive_however_many_calls_a_count_needs(
    runner_of: RunnerOf, monkeypatch: pytest.MonkeyPatch, failures: int, outcome: str
):
    """A fifth of the tasks may fail. These failures are the last tasks."""
    large = LargeIndex(TASKS, lambda n: "COMPLETED" if n < TASKS - failures else "FAILED")
    slow(large, monkeypatch, PAGE_SECONDS)
    answers = watch(runner_of(large))
    assert len(answers) == QUERIES
    assert answers[-1]["next"] == outcome


@pytest.mark.parametrize("place", [0, TASKS - 1])
def test_one_open_task_keeps_a_batch_running(
    aws: Any, runner_of: RunnerOf, monkeypatch: pytest.MonkeyPatch, place: int
):
    large = LargeIndex(TASKS, lambda number: "RUNNING" if number == place else "COMPLETED")
    slow(large, monkeypatch, PAGE_SECONDS / 3)
    assert watch(runner_of(large))[-1] == {"next": "wait"}
    assert aws.batches.get(BATCH)["status"] == "RUNNING"


def test_the_tasks_of_the_largest_batch_are_counted_in_one_call(runner_of: RunnerOf):
    """Extrapolated from 100,000. A query also takes about 0.1 s of network and reading."""
    large = LargeIndex(100_000, lambda _: "PENDING")
    runner = runner_of(large)
    seconds = processor_seconds(lambda: watch(runner)) + large.queries * 0.1
    assert seconds * MAX_ITEMS / large.tasks < PAGE_SECONDS


def test_a_count_needs_the_memory_of_one_query_however_many_tasks_there_are(runner_of: RunnerOf):
    few, many = (LargeIndex(n * PAGE_ENTRIES, lambda _: "PENDING") for n in (2, 6))
    runner_of(few).watch(BATCH, 1, TASKS, "")  # the first call loads modules
    least, most = (
        most_bytes(lambda large=large: runner_of(large).watch(BATCH, 1, TASKS, ""))
        for large in (few, many)
    )
    assert most < MOST_BYTES
    assert most < least * 1.2


# ── What a request shows ─────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("tasks", [1, PAGE_ENTRIES, PAGE_ENTRIES + 1, COUNTED_BY_REQUESTS])
def test_a_request_counts_a_batch_that_is_not_large(large_batch: dict[str, Any], tasks: int):
    large = LargeIndex(tasks, tenth_failed)
    shown = counts_to_show(large_batch | {"total": tasks}, large.index)
    failed = -(-tasks // 10)
    assert shown == counts(FAILED=failed, COMPLETED=tasks - failed)


def test_a_request_shows_the_last_count_of_a_large_batch_and_reads_nothing(
    aws: Any, runner_of: RunnerOf
):
    large = LargeIndex(TASKS, lambda number: "RUNNING" if number < 5 else "PENDING")
    assert watch(runner_of(large)) == [{"next": "wait"}]
    large.queries = 0
    shown = counts_to_show(aws.batches.get(BATCH), large.index)
    assert (shown, large.queries) == (counts(RUNNING=5, PENDING=TASKS - 5), 0)


@pytest.mark.parametrize("status", ["RUNNING", "CANCELLED"])
def test_before_the_first_count_a_request_reads_a_part_and_the_rest_is_pending(
    large_batch: dict[str, Any], status: str
):
    tasks = 2 * TASKS
    large = LargeIndex(tasks, lambda _: "COMPLETED")
    shown = counts_to_show(large_batch | {"status": status, "total": tasks}, large.index)
    read = large.queries * PAGE_ENTRIES
    assert COUNTED_BY_REQUESTS < read < COUNTED_BY_REQUESTS + PAGE_ENTRIES
    assert shown == counts(COMPLETED=read, PENDING=tasks - read)


def test_while_items_are_ingested_a_request_shows_the_first_tasks(large_batch: dict[str, Any]):
    large = LargeIndex(2 * TASKS, lambda _: "PENDING")
    del large_batch["total"]
    shown = counts_to_show(large_batch, large.index)
    assert shown == counts(PENDING=large.queries * PAGE_ENTRIES)


@pytest.mark.parametrize("stored", [{}, {"counted": {"PENDING": TASKS}}])
def test_a_settled_batch_without_a_finished_pass_is_counted_completely(
    large_batch: dict[str, Any], stored: dict[str, Any]
):
    large = LargeIndex(TASKS, tenth_failed)
    del large_batch["active"]
    shown = counts_to_show(large_batch | {"status": "CANCELLED"} | stored, large.index)
    assert shown == counts(FAILED=TASKS // 10, COMPLETED=TASKS * 9 // 10)


def test_the_count_of_a_small_batch_is_not_stored(aws: Any, runner_of: RunnerOf):
    large = LargeIndex(COUNTED_BY_REQUESTS, lambda _: "PENDING")
    watch(runner_of(large))
    assert "counted" not in aws.batches.get(BATCH)
