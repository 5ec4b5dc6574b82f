"""A cancel or a retry of a large batch takes few pages, and misses no task."""

from collections.abc import Callable
from threading import Barrier
from typing import Any

import pytest

from darkroom.batches import runs
from darkroom.batches.counting import counts_to_show
from darkroom.batches.groups import AT_ONCE
from darkroom.batches.model import PAGE_SECONDS
from darkroom.batches.runs import BatchRunner
from darkroom.batches.task_index import ENTRIES_PER_PAGE
from tests.support.fakes.large_batches import (
    BATCH,
    PAGE_ENTRIES,
    TASKS,
    LargeIndex,
    Machine,
    Queue,
    Tasks,
    counts,
    task_id,
)
from tests.support.measure.work import most_bytes, processor_seconds

RunnerOf = Callable[[LargeIndex], BatchRunner]

MOST_BYTES = 100_000_000
"""Of the 1,769 MB of the function."""
PAGES = -(-TASKS // ENTRIES_PER_PAGE)


@pytest.fixture
def cancelled(aws: Any, large_batch: dict[str, Any]) -> None:
    aws.batches.end("cancel", large_batch)


@pytest.fixture
def retried(aws: Any, large_batch: dict[str, Any]) -> None:
    aws.batches.retry(aws.batches.end("complete", large_batch), 0)


def through(page: Callable[[str], dict[str, Any]]) -> list[dict[str, Any]]:
    """The results of all pages."""
    answers = [page("")]
    while answers[-1]["cursor"]:
        answers.append(page(answers[-1]["cursor"]))
    return answers


def test_a_page_is_one_query():
    assert ENTRIES_PER_PAGE <= PAGE_ENTRIES


@pytest.mark.usefixtures("cancelled")
def test_a_cancel_changes_each_open_task_once_and_counts_all(
    aws: Any, runner_of: RunnerOf, tasks: Tasks
):
    large = LargeIndex(TASKS, lambda number: "PENDING" if number % 20 == 3 else "COMPLETED")
    runner = runner_of(large)

    answers = through(lambda cursor: runner.cancel(BATCH, 1, cursor))

    assert len(answers) == PAGES
    assert sum(answer["open"] for answer in answers) == TASKS // 20
    assert sorted(tasks.changed) == [task_id(number) for number in range(3, TASKS, 20)]
    shown = counts_to_show(aws.batches.get(BATCH), large.index)
    assert shown == counts(CANCELLED=TASKS // 20, COMPLETED=TASKS * 19 // 20)


@pytest.mark.usefixtures("cancelled")
def test_a_task_that_has_changed_since_it_was_read_is_counted_as_it_was_read(
    aws: Any, runner_of: RunnerOf, tasks: Tasks
):
    large = LargeIndex(TASKS, lambda number: "RUNNING" if number == 17 else "COMPLETED")
    tasks.ended.add(task_id(17))
    runner = runner_of(large)

    answers = through(lambda cursor: runner.cancel(BATCH, 1, cursor))

    assert sum(answer["open"] for answer in answers) == 1
    shown = counts_to_show(aws.batches.get(BATCH), large.index)
    assert shown == counts(RUNNING=1, COMPLETED=TASKS - 1)


@pytest.mark.usefixtures("cancelled")
@pytest.mark.parametrize("seconds", [4.0, 40.0])
def test_a_slow_page_ends_in_time_and_the_next_one_continues_without_a_gap(
    runner_of: RunnerOf, tasks: Tasks, monkeypatch: pytest.MonkeyPatch, seconds: float
):
    """Each group takes this number of seconds."""
    runner = runner_of(LargeIndex(1000, lambda n: "PENDING" if n % 2 else "COMPLETED"))
    monkeypatch.setattr(runs, "monotonic", lambda: len(tasks.changed) // AT_ONCE * seconds)

    answers = through(lambda cursor: runner.cancel(BATCH, 1, cursor))

    assert sorted(tasks.changed) == [task_id(number) for number in range(1, 1000, 2)]
    groups = [answer["open"] / AT_ONCE for answer in answers]
    assert max(groups) <= PAGE_SECONDS / seconds + 1
    assert len(groups) == -(-500 // (AT_ONCE * max(groups)))


@pytest.mark.usefixtures("retried")
def test_a_retry_queues_each_task_that_it_has_retried_and_counts_it_as_pending(
    aws: Any, runner_of: RunnerOf, tasks: Tasks, queue: Queue
):
    large = LargeIndex(TASKS, lambda number: "COMPLETED" if number % 10 else "FAILED")
    runner = runner_of(large)

    answers = through(lambda cursor: runner.retry(BATCH, 2, cursor))

    assert len(answers) == PAGES
    assert queue.sent == [task_id(number) for number in range(0, TASKS, 10)]
    assert sorted(queue.sent) == sorted(tasks.changed)
    shown = counts_to_show(aws.batches.get(BATCH), large.index)
    assert shown == counts(PENDING=TASKS // 10, COMPLETED=TASKS * 9 // 10)


@pytest.mark.usefixtures("retried")
def test_a_retry_that_meets_an_error_has_queued_what_it_had_retried(
    runner_of: RunnerOf, queue: Queue, monkeypatch: pytest.MonkeyPatch
):
    retry = Tasks.retry

    def refuse_one(tasks: Tasks, task: str, *rest: int) -> dict[str, Any]:
        if task == task_id(3):
            raise OSError("The table is busy.")
        return retry(tasks, task, *rest)

    monkeypatch.setattr(Tasks, "retry", refuse_one)
    with pytest.raises(OSError, match="busy"):
        runner_of(LargeIndex(AT_ONCE, lambda _: "FAILED")).retry(BATCH, 2, "")
    assert queue.sent == [task_id(number) for number in range(AT_ONCE) if number != 3]


@pytest.mark.usefixtures("cancelled")
def test_the_tasks_of_a_group_are_changed_at_the_same_time(
    runner_of: RunnerOf, monkeypatch: pytest.MonkeyPatch
):
    together = Barrier(AT_ONCE)
    monkeypatch.setattr(Machine, "stop", lambda *_: together.wait(timeout=10))
    answer = runner_of(LargeIndex(3 * AT_ONCE, lambda _: "PENDING")).cancel(BATCH, 1, "")
    assert answer == {"cursor": "", "open": 3 * AT_ONCE}


@pytest.mark.usefixtures("cancelled")
def test_a_page_adds_little_memory_and_time(runner_of: RunnerOf):
    """This excludes the calls that change a task. docs/scale.md adds their time."""
    runner = runner_of(LargeIndex(TASKS, lambda _: "PENDING"))
    assert processor_seconds(lambda: runner.cancel(BATCH, 1, "")) < 10
    assert most_bytes(lambda: runner.cancel(BATCH, 1, "")) < MOST_BYTES
