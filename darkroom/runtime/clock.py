"""How a moment is written, everywhere."""

import datetime


def timestamp(moment: datetime.datetime | None = None) -> str:
    """Return a moment, now by default, as ISO 8601 in UTC with milliseconds: sortable as text."""
    moment = moment or datetime.datetime.now(datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
