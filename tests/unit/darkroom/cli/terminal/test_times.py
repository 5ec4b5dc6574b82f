import datetime

import pytest

from darkroom.cli.terminal import times

PARIS = datetime.timezone(datetime.timedelta(hours=1))
MOMENT = datetime.datetime(2026, 11, 25, 1, 30, 3, 456789, PARIS)


def test_a_time_of_any_zone_is_shown_in_utc() -> None:
    assert times.full(MOMENT) == "2026-11-25 00:30:03 UTC"
    assert times.short(MOMENT) == "11-25 00:30:03"
    assert times.clock(MOMENT) == "00:30:03.456"
    assert times.iso(MOMENT) == "2026-11-25T00:30:03.456Z"
    assert times.iso(None) is None


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0 s"),  # the clocks of two machines differ
        (0.9, "0 s"),
        (59, "59 s"),
        (60, "1 m"),
        (3599, "59 m"),
        (3600, "1 h"),
        (86_400 * 400, "400 d"),
    ],
)
def test_an_age_has_its_largest_unit(seconds: float, shown: str) -> None:
    assert times.age(MOMENT, MOMENT + datetime.timedelta(seconds=seconds)) == shown
