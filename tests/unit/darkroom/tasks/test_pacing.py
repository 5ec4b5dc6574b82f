import random

import pytest

from darkroom.tasks.pacing import (
    FIRST_RATE,
    HIGHEST_RATE,
    LOWEST_RATE,
    SECONDS_BETWEEN_CUTS,
    Pace,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(clock)


def start(pace: Pace, clock: Clock, count: int) -> float:
    """Start executions one after the other; return how long that took."""
    began = clock.now
    for _ in range(count):
        pause = pace.reserve(1, 1e9)
        assert pause is not None
        clock.now += pause
    return clock.now - began


def test_the_first_starts_follow_each_other_at_once_and_the_next_ones_at_the_rate(
    pace: Pace, clock: Clock
) -> None:
    clock.now = 100

    assert start(pace, clock, round(FIRST_RATE)) == pytest.approx(0)
    assert start(pace, clock, 10) == pytest.approx(10 / FIRST_RATE)


def test_a_start_that_is_due_too_late_is_not_booked(pace: Pace, clock: Clock) -> None:
    start(pace, clock, 10)

    assert pace.reserve(1, 0.9 / FIRST_RATE) is None
    assert pace.reserve(1, 0.9 / FIRST_RATE) is None
    assert pace.reserve(1, 1.1 / FIRST_RATE) == pytest.approx(1 / FIRST_RATE)


def test_while_all_is_well_a_few_dozen_starts_reach_the_highest_rate(pace: Pace) -> None:
    for _ in range(5):
        pace.speed_up(10)

    assert pace.rate == HIGHEST_RATE


def test_throttles_of_the_same_second_cut_the_rate_once(pace: Pace, clock: Clock) -> None:
    for _ in range(20):
        pace.step_throttled()
    once = pace.rate
    clock.now += SECONDS_BETWEEN_CUTS
    pace.step_throttled()

    assert LOWEST_RATE < pace.rate < once < FIRST_RATE


def test_the_rate_stays_above_zero_and_recovers(pace: Pace, clock: Clock) -> None:
    for _ in range(100):
        clock.now += SECONDS_BETWEEN_CUTS
        pace.step_throttled()
    lowest = pace.rate
    for _ in range(600):
        clock.now += 1
        pace.speed_up(1)

    assert lowest == LOWEST_RATE
    assert pace.rate > FIRST_RATE


def test_throttled_starts_alone_do_not_make_an_environment_slower_than_a_new_one(
    pace: Pace, clock: Clock
) -> None:
    pace.speed_up(10)
    faster = pace.rate
    for _ in range(100):
        clock.now += SECONDS_BETWEEN_CUTS
        pace.start_throttled()

    assert faster > pace.rate == FIRST_RATE


def test_a_pause_does_not_count_as_growth(pace: Pace, clock: Clock) -> None:
    pace.step_throttled()
    before = pace.rate
    clock.now += 3600
    pace.speed_up(1)

    assert before < pace.rate < 1.1 * before


@pytest.mark.parametrize("capacity", [1, 8, 40])
def test_the_rate_settles_just_below_what_is_possible(
    pace: Pace, clock: Clock, capacity: int
) -> None:
    """The number of starts per second that are accepted. More of them are throttled."""
    chance = random.Random(7)
    rates = []
    for _ in range(3600):
        clock.now += 1
        if pace.rate > capacity * chance.uniform(0.8, 1.2):
            pace.step_throttled()
        else:
            pace.speed_up(1)
        rates.append(pace.rate)
    usual = sum(rates[600:]) / len(rates[600:])

    assert 0.6 * capacity < usual < capacity
