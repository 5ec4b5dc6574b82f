"""Callers who share a stack. Small cases take as long as a calculation by hand says."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.cost.counts import load_counts
from tools.bench.scale import __main__ as command
from tools.bench.scale.flow import BATCH, SDK_PAUSE, Flow
from tools.bench.scale.model import Account, Caller, Outcome, Policy, Times
from tools.bench.scale.scenarios import AFTER, BEFORE, QUIET, Scenario, fairness, overload

AMPLE = Account(1_000_000, 1_000_000, 1_000_000)
TIMES = Times(api=0.02, start=0.05, steps=(0.1, 0.4, 0.2), between=0.02)
EXECUTION = sum(TIMES.steps) + TIMES.between * len(TIMES.steps)


def run(account: Account, *callers: Caller, policy: Policy = BEFORE, seed: int = 0) -> Outcome:
    return Flow(Scenario("any", account, callers, policy, seed), TIMES).run()


def burst(account: Account, tasks: int, rate: float = 1e9, policy: Policy = BEFORE) -> Outcome:
    return run(account, Caller("me", tasks, rate), policy=policy)


def test_one_batch_takes_its_dispatch_and_its_steps():
    outcome = burst(AMPLE, BATCH)

    assert outcome.ended == pytest.approx(BATCH * TIMES.start + EXECUTION)
    assert outcome.latencies == {"me": [(pytest.approx(outcome.ended), BATCH)]}


def test_the_pollers_start_as_many_as_they_can_when_nothing_else_is_scarce():
    outcome = burst(replace(AMPLE, pollers=4), 2_000)

    assert outcome.ended == pytest.approx(2_000 / 4 * TIMES.start + EXECUTION)


def test_with_a_rate_below_the_pollers_nothing_waits():
    """A queue whose server is faster than its arrivals, both deterministic: D/D/1."""
    outcome = burst(replace(AMPLE, pollers=1), 1_000, rate=10)

    assert outcome.percentile(1) == pytest.approx(BATCH * TIMES.start + EXECUTION)


def test_half_the_tasks_of_a_burst_wait_half_as_long_as_the_last():
    outcome = burst(AMPLE, 10_000)

    dispatched = outcome.ended - EXECUTION
    assert outcome.percentile(0.5) - EXECUTION == pytest.approx(dispatched / 2, rel=0.01)


@pytest.mark.parametrize("policy", [BEFORE, AFTER], ids=["before", "after"])
def test_starts_come_at_the_rate_of_the_bucket_when_pollers_are_many(policy: Policy):
    account = replace(AMPLE, start_size=100, start_rate=50, pollers=20)

    outcome = burst(account, 2_000, policy=policy)

    assert outcome.start_throttles > 0
    assert outcome.ended >= (2_000 - 100) / 50
    assert outcome.completed() + outcome.dead == 2_000


def test_a_message_that_is_never_started_is_a_dead_letter_after_five_receives():
    outcome = burst(replace(AMPLE, start_size=0, start_rate=1e-9), BATCH)

    assert (outcome.dead, outcome.completed()) == (BATCH, 0)
    last = 5 * BEFORE.hidden
    assert outcome.ended == pytest.approx(last, abs=BATCH * TIMES.start + SDK_PAUSE)


def test_transitions_that_are_used_up_make_executions_slow_and_fail_none():
    outcome = burst(replace(AMPLE, transition_size=30, transition_rate=30), 100)

    assert outcome.completed() == 100
    assert outcome.ended >= (100 * len(TIMES.steps) - 30) / 30


def test_a_step_that_is_throttled_ten_times_fails():
    for_ever = Caller("me", 30, 50, steps=(1_000.0,), patient=False)

    # All are submitted, a batch in 0.2 s, before the first execution begins.
    outcome = run(replace(AMPLE, concurrency=13), for_ever)

    assert (outcome.completed(), outcome.failed) == (13, 17)
    assert outcome.step_throttles >= 17 * (BEFORE.retries + 1)


def test_an_express_execution_fails_when_its_time_is_over():
    for_ever = Caller("me", 30, 50, steps=(1_000.0,), patient=False)
    account = replace(AMPLE, concurrency=13, longest_execution=300)

    outcome = run(account, for_ever, policy=replace(BEFORE, retries=1_000))

    assert outcome.failed == 17
    assert outcome.ended == pytest.approx(1_000, abs=20)


def test_who_is_refused_submits_again():
    outcome = burst(replace(AMPLE, concurrency=5), BATCH)

    assert outcome.refused > 0
    assert outcome.completed() == BATCH


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    concurrency, starts = draw(st.integers(5, 100)), draw(st.integers(5, 100))
    pollers = draw(st.integers(1, min(30, concurrency - 2)))
    return Account(concurrency, starts, starts, 100, 100, pollers)


@settings(max_examples=30)
@given(
    account=accounts(),
    tasks=st.integers(1, 300),
    rate=st.integers(5, 500),
    policy=st.sampled_from([BEFORE, AFTER]),
)
def test_every_task_ends_once(account: Account, tasks: int, rate: int, policy: Policy):
    callers = Caller("many", tasks, rate), replace(QUIET, begins=0, rate=2)

    outcome = run(account, *callers, policy=policy)

    assert outcome.completed("many") + outcome.failed + outcome.dead >= tasks
    for latencies in outcome.latencies.values():
        assert all(latency > EXECUTION - 1e-6 for latency, _ in latencies)


def test_the_same_seed_gives_the_same_outcome():
    account = Account(20, 50, 50, 100, 100)

    assert burst(account, 500, rate=100) == burst(account, 500, rate=100)


def test_the_simulation_takes_its_times_from_what_was_counted():
    counted = load_counts().run("STANDARD", "12 megapixels")

    times = command.times_of(counted)

    assert len(times.steps) == counted.transitions / counted.tasks - 1
    assert 0.5 < sum(times.steps) < 5


# `make simulate` measures the third account too, which takes as long as all other tests here.
@pytest.mark.parametrize("account", ["STANDARD, 5", "STANDARD, 16"])
def test_a_quiet_caller_waits_ten_seconds_more_at_most(account: str):
    alone, before, *after = (
        Flow(scenario, TIMES).run().percentile(0.99, QUIET.name)
        for scenario in fairness(50_000)[account]
    )

    assert max(after) < alone + 10
    assert before > max(after)


@pytest.mark.parametrize("name", [scenario.name for scenario in overload(1, TIMES.steps)])
def test_no_account_loses_a_task_because_it_is_busy(name: str):
    [scenario] = [each for each in overload(50_000, TIMES.steps) if each.name == name]

    outcome = Flow(scenario, TIMES).run()

    assert (outcome.dead, outcome.failed) == (0, 0)
