"""A burst on its way: no task is lost, and small cases take what can be worked out by hand."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.cost.counts import load_counts
from tools.bench.scale import __main__ as command
from tools.bench.scale.flow import (
    BATCH,
    HIDDEN,
    RETRIES,
    SDK_PAUSE,
    Burst,
    Flow,
    Outcome,
    Quotas,
    Times,
)

AMPLE = Quotas(1_000_000, 1_000_000, 1_000_000)
TIMES = Times(api=0.02, start=0.05, steps=(0.1, 0.4, 0.2), between=0.02)
EXECUTION = sum(TIMES.steps) + TIMES.between * len(TIMES.steps)


def burst(quotas: Quotas, tasks: int, rate: float = 1e9, pollers: int = 5) -> Outcome:
    return Flow(quotas, TIMES, Burst(tasks, rate), pollers).run()


def test_one_batch_takes_its_dispatch_and_its_steps():
    outcome = burst(AMPLE, BATCH)

    assert outcome.ended == pytest.approx(BATCH * TIMES.start + EXECUTION)
    assert outcome.latencies == [(pytest.approx(outcome.ended), BATCH)]


def test_the_pollers_start_as_many_as_they_can_when_nothing_else_is_scarce():
    outcome = burst(AMPLE, 2_000, pollers=4)

    assert outcome.ended == pytest.approx(2_000 / 4 * TIMES.start + EXECUTION)


def test_with_a_rate_below_the_pollers_nothing_waits():
    """A queue whose server is faster than its arrivals, both without chance: D/D/1."""
    outcome = burst(AMPLE, 1_000, rate=10, pollers=1)

    assert outcome.percentile(1) == pytest.approx(BATCH * TIMES.start + EXECUTION)


def test_half_the_tasks_of_a_burst_wait_half_as_long_as_the_last():
    outcome = burst(AMPLE, 10_000, pollers=5)

    dispatched = outcome.ended - EXECUTION
    assert outcome.percentile(0.5) - EXECUTION == pytest.approx(dispatched / 2, rel=0.01)


def test_starts_come_at_the_rate_of_the_bucket_when_pollers_are_many():
    quotas = replace(AMPLE, start_size=100, start_rate=50)

    outcome = burst(quotas, 2_000, pollers=20)

    assert outcome.start_throttles > 0
    assert outcome.ended >= (2_000 - 100) / 50
    assert outcome.completed + outcome.dead == 2_000


def test_a_message_that_is_never_started_is_a_dead_letter_after_five_receives():
    quotas = replace(AMPLE, start_size=0, start_rate=1e-9)

    outcome = burst(quotas, BATCH)

    assert (outcome.dead, outcome.completed) == (BATCH, 0)
    assert outcome.ended == pytest.approx(5 * (BATCH * TIMES.start + SDK_PAUSE) + 4 * HIDDEN)


def test_transitions_that_are_used_up_make_executions_slow_and_fail_none():
    quotas = replace(AMPLE, transition_size=30, transition_rate=30)

    outcome = burst(quotas, 100)

    assert outcome.completed == 100
    assert outcome.ended >= (100 * len(TIMES.steps) - 30) / 30


def test_a_step_that_is_throttled_ten_times_fails():
    endless = replace(TIMES, steps=(1_000.0,))

    # All are submitted, a batch in 0.2 s, before the first execution begins.
    outcome = Flow(replace(AMPLE, concurrency=13), endless, Burst(30, 50), pollers=5).run()

    assert (outcome.completed, outcome.failed) == (13, 17)
    assert outcome.step_throttles >= 17 * (RETRIES + 1)


def test_who_is_refused_submits_again():
    outcome = burst(replace(AMPLE, concurrency=5), BATCH)

    assert outcome.refused > 0
    assert outcome.completed == BATCH


@settings(max_examples=30)
@given(
    tasks=st.integers(1, 300),
    rate=st.integers(5, 500),
    pollers=st.integers(1, 30),
    concurrency=st.integers(3, 100),
    starts=st.integers(5, 100),
)
def test_every_task_ends_once(tasks: int, rate: int, pollers: int, concurrency: int, starts: int):
    quotas = Quotas(concurrency, starts, starts, 100, 100)

    outcome = burst(quotas, tasks, rate, pollers)

    assert outcome.completed + outcome.failed + outcome.dead == tasks
    assert outcome.backlog[-1] == 0
    assert all(0 <= waiting <= tasks for waiting in outcome.backlog)
    assert all(latency > EXECUTION - 1e-6 for latency, _ in outcome.latencies)


def test_the_same_seed_gives_the_same_burst():
    quotas = Quotas(20, 50, 50, 100, 100)

    assert burst(quotas, 500, rate=100) == burst(quotas, 500, rate=100)


def test_the_simulation_takes_its_times_from_what_was_counted():
    run = load_counts().run("STANDARD", "12 megapixels")

    times = command.times_of(run)

    assert len(times.steps) == run.transitions / run.tasks - 1
    assert 0.5 < sum(times.steps) < 5
