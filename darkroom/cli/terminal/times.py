"""Times for people. They are in UTC everywhere, like those of the API, of AWS and of the logs.

So two people in different places see the same time, and a time can be searched for in a log.
"""

import datetime

ZONE = "UTC"
UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def now() -> datetime.datetime:
    """Return the current time in UTC."""
    return datetime.datetime.now(datetime.UTC)


def moment(timestamp: str) -> datetime.datetime:
    """Return an API timestamp (ISO 8601, UTC) as a datetime."""
    return datetime.datetime.fromisoformat(timestamp)


def iso(time: datetime.datetime | None) -> str | None:
    """Return a time as the API writes it: `2026-11-25T01:02:03.456Z`; None for None."""
    if time is None:
        return None
    return time.astimezone(datetime.UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def full(time: datetime.datetime) -> str:
    """Return a time with its date and zone: `2026-11-25 01:02:03 UTC`."""
    return f"{time.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S} {ZONE}"


def short(time: datetime.datetime) -> str:
    """Return a time for a column whose header names `ZONE`: `11-25 01:02:03`."""
    return f"{time.astimezone(datetime.UTC):%m-%d %H:%M:%S}"


def clock(time: datetime.datetime) -> str:
    """Return a time of day for a column whose header names `ZONE`: `01:02:03.456`."""
    return f"{time.astimezone(datetime.UTC):%H:%M:%S.%f}"[:-3]


def age(time: datetime.datetime, at: datetime.datetime | None = None) -> str:
    """Return how long ago a time was, in its largest unit: `5 s`, `12 m`, `3 h`, `2 d`."""
    seconds = max(int(((at or now()) - time).total_seconds()), 0)
    size, unit = next((entry for entry in UNITS if seconds >= entry[0]), UNITS[-1])
    return f"{seconds // size} {unit}"
