"""Which message groups of a queue are noisy, by the rules that AWS documents."""

import time

import pytest

from tools.localcloud.emulator.fair_queue import Groups

NOW = 1000.0


@pytest.fixture
def groups() -> Groups:
    return Groups()


def noisy(groups: Groups, group: str, now: float = NOW) -> bool:
    return groups.rank(group, now)[0]


@pytest.mark.parametrize(
    ("mine", "others", "expected"),
    [(29, 0, False), (30, 0, True), (30, 269, True), (30, 270, False), (100, 900, False)],
    ids=["fewer than 30", "30", "over 10 %", "10 %", "many, but 10 %"],
)
def test_a_group_with_many_messages_in_flight_is_noisy(
    groups: Groups, mine: int, others: int, expected: bool
) -> None:
    groups.received("a", NOW, mine)
    for number in range(others):
        groups.received(f"other {number}", NOW)

    assert noisy(groups, "a") is expected
    assert not noisy(groups, "new")


def test_a_group_is_quiet_once_its_messages_are_finished(groups: Groups) -> None:
    groups.received("a", NOW, 30)

    groups.finished("a", NOW, 0.0)

    assert not noisy(groups, "a")


@pytest.mark.parametrize(("seconds", "expected"), [(10.0, False), (10.1, True)])
def test_a_group_with_few_but_slow_messages_is_noisy(
    groups: Groups, seconds: float, expected: bool
) -> None:
    for number in range(90):
        groups.received(f"other {number}", NOW)
        groups.finished(f"other {number}", NOW, 1.0)
    groups.received("slow", NOW)
    groups.finished("slow", NOW, seconds)

    assert noisy(groups, "slow") is expected


def test_processing_time_counts_for_a_minute(groups: Groups) -> None:
    groups.received("slow", NOW, 2)
    groups.finished("slow", NOW, 9.0)

    assert noisy(groups, "slow", NOW + 60)
    assert not noisy(groups, "slow", NOW + 61)


def test_a_group_of_which_nothing_waits_is_quiet_again(groups: Groups) -> None:
    groups.received("a", NOW, 2)
    groups.finished("a", NOW, 9.0)
    groups.received("b", NOW)
    groups.finished("b", NOW, 1.0)

    groups.drained("a")

    assert not noisy(groups, "a")
    assert not noisy(groups, "b")  # its share is still a tenth
    groups.finished("a", NOW, 2.0)
    assert noisy(groups, "a")
    assert not noisy(groups, "a", NOW + 61)


def test_quiet_groups_come_first_and_of_the_noisy_ones_the_one_with_the_fewest(
    groups: Groups,
) -> None:
    for group, count in (("most", 50), ("fewest", 30), ("middle", 40), ("quiet", 3)):
        groups.received(group, NOW, count)

    order = sorted(["most", "fewest", "middle", "quiet"], key=lambda g: groups.rank(g, NOW))

    assert order == ["quiet", "fewest", "middle", "most"]
    assert groups.rank("quiet", NOW) == groups.rank("new", NOW)


def test_nothing_is_kept_of_groups_that_are_gone(groups: Groups) -> None:
    for number in range(1000):
        groups.received(str(number), NOW)
        groups.finished(str(number), NOW, 0.1)

    groups.rank("new", NOW + 61)

    assert not any(vars(groups).values())


def test_a_hundred_thousand_messages_take_little_time(groups: Groups) -> None:
    started = time.process_time()
    for number in range(100_000):
        now = NOW + number / 1000
        group = f"caller {number % 97}"
        groups.rank(group, now)
        groups.received(group, now)
        groups.finished(group, now, 0.5)
    seconds = time.process_time() - started

    assert seconds < 5  # 0.3 s on a laptop
