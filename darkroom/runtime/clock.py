"""The format of every timestamp."""

import datetime


def timestamp(moment: datetime.datetime | None = None) -> str:
    """Return a time, by default now, in ISO 8601: UTC with milliseconds, sortable as text."""
    moment = moment or datetime.datetime.now(datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
