"""Which owner a request acts for, and how often that is looked up."""

from typing import Any

import pytest

from darkroom.tasks import callers
from darkroom.tasks.callers import MAX_AGE, KeyOwners
from darkroom.tasks.model import message_group

PAST, FUTURE = "2020-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"


class FakeTable:
    """Records of keys, and the keys that were read."""

    def __init__(self, **records: dict[str, Any]) -> None:
        self.records, self.reads = records, list[str]()

    def get(self, key: dict[str, str]) -> dict[str, Any] | None:
        key_id = key["taskId"].removeprefix("key#")
        self.reads.append(key_id)
        return self.records.get(key_id)


class Clock:
    """Seconds since 1970, as a test sets them."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def of(table: FakeTable, clock: Clock | None = None) -> KeyOwners:
    return KeyOwners(table, clock or Clock())  # type: ignore[arg-type]


def test_keys_of_one_caller_have_one_owner() -> None:
    acme = {"caller": "acme", "ownerId": "caller-acme"}
    known = of(FakeTable(old=acme, new=acme))

    assert known.owner_of("old") == known.owner_of("new") == "caller-acme"


def test_a_key_without_a_record_is_its_own_owner() -> None:
    """Keys of earlier releases, and keys that were made by hand."""
    assert of(FakeTable()).owner_of("a1b2c3d4e5") == "a1b2c3d4e5"


def test_a_key_works_until_its_end_and_not_after() -> None:
    ended = {"caller": "acme", "ownerId": "caller-acme", "endsAt": PAST}
    table = FakeTable(ended=ended, ending={**ended, "endsAt": FUTURE})

    assert of(table).owner_of("ended") is None
    assert of(table).owner_of("ending") == "caller-acme"


@pytest.mark.parametrize("record", [{}, {"known": {"ownerId": "caller-acme"}}])
def test_an_instance_reads_a_key_once_in_its_time(record: dict[str, Any]) -> None:
    table, clock = FakeTable(**record), Clock()
    known = of(table, clock)
    for second in range(0, MAX_AGE, 5):
        clock.now = Clock.now + second
        known.owner_of("known")

    assert table.reads == ["known"]
    clock.now = Clock.now + MAX_AGE
    known.owner_of("known")
    assert table.reads == ["known", "known"]


def test_a_key_that_is_revoked_is_refused_when_its_time_is_over() -> None:
    table, clock = FakeTable(key={"ownerId": "caller-acme"}), Clock()
    known = of(table, clock)
    known.owner_of("key")
    table.records["key"] = {"ownerId": "caller-acme", "endsAt": PAST}

    clock.now += MAX_AGE - 1
    assert known.owner_of("key") == "caller-acme"
    clock.now += 1
    assert known.owner_of("key") is None


def test_a_clock_that_was_set_back_does_not_keep_a_key_alive() -> None:
    table, clock = FakeTable(key={"ownerId": "caller-acme"}), Clock()
    known = of(table, clock)
    known.owner_of("key")
    table.records["key"] = {"ownerId": "caller-acme", "endsAt": PAST}

    clock.now -= 3600
    assert known.owner_of("key") is None


@pytest.mark.parametrize("name", ["a", "acme", "Acme-2.eu_west", "0", "x" * 63])
def test_a_name_has_letters_digits_and_three_signs(name: str) -> None:
    assert callers.is_name(name)
    assert message_group({"owner": callers.owner_id(name)}) == f"caller-{name.lower()}"


@pytest.mark.parametrize(
    "name", ["", "x" * 64, "-a", ".a", "_a", "a b", "a/b", "a#b", "acme\n", "Zoë", "٣", "a:b"]
)
def test_other_names_are_refused(name: str) -> None:
    assert not callers.is_name(name)


def test_names_that_differ_in_case_only_are_one_caller() -> None:
    assert callers.caller_item("Acme") == callers.caller_item("acme")
    assert callers.owner_id("Acme") == callers.owner_id("acme")


def test_no_owner_is_the_partition_of_all_callers_or_the_id_of_a_key() -> None:
    assert not callers.ALL.isalnum()
    assert not callers.owner_id("a1b2c3d4e5").isalnum()
    assert callers.ALL[0] not in callers.owner_id("a")
