"""Which versions of a caller's webhook secret sign, and how a rotation changes that.

Each rotation makes the next version the current one. The earlier one signs as well for a day, so
that a receiver can change its configuration at any time of that day: a webhook then has a signature
of each, as Standard Webhooks specifies for rotations
(https://www.standardwebhooks.com, "Signature scheme").

Only the numbers are stored. KMS derives the secrets from them (`darkroom.aws.kms`):

    {"taskId": "webhook secret {owner}", "version": 2,
     "previous": [{"version": 1, "until": "2026-11-27T09:12:07.254Z"}]}

A caller without this item has version 1.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.aws.dynamodb import ConditionFailed, Table
from darkroom.runtime.clock import timestamp

GRACE = datetime.timedelta(days=1)
"""How long an earlier version signs after the rotation that replaced it."""
MAX_PREVIOUS = 4
"""The most earlier versions that sign at the same time. Each adds a signature to every webhook."""


class TooManyRotations(Exception):
    """The secret was rotated so often that one more version would not fit a webhook's header."""


@dataclass(frozen=True)
class Versions:
    """The versions of a secret at some time."""

    current: int = 1
    previous: tuple[tuple[int, str], ...] = ()
    """The earlier ones that sign as well, the oldest first, each with the time of its end."""

    @property
    def signing(self) -> list[int]:
        """The versions that sign a webhook, the current one first."""
        return [self.current, *(version for version, _ in reversed(self.previous))]

    @property
    def previous_until(self) -> str | None:
        """When the last of the earlier versions ends; None: only the current one signs."""
        return max((until for _, until in self.previous), default=None)

    def rotated(self, now: datetime.datetime) -> "Versions":
        """Return the versions after a rotation at this time.

        Raises:
            TooManyRotations: `MAX_PREVIOUS` earlier versions sign already.
        """
        if len(self.previous) >= MAX_PREVIOUS:
            raise TooManyRotations(self.previous[0][1])
        ending = (self.current, timestamp(now + GRACE))
        return Versions(self.current + 1, (*self.previous, ending))


def versions_at(record: Mapping[str, Any] | None, now: datetime.datetime) -> Versions:
    """Return the versions that a stored item describes, without those that have ended."""
    if not record:
        return Versions()
    previous = [
        (entry["version"], entry["until"])
        for entry in record["previous"]
        if entry["until"] > timestamp(now)
    ]
    return Versions(record["version"], tuple(previous))


class SecretVersions:
    """The versions of all callers, in the table of tasks."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, owner: str, now: datetime.datetime) -> Versions:
        """Return the versions of a caller's secret at this time."""
        return versions_at(self._table.get(_key(owner)), now)

    def rotate(self, owner: str, now: datetime.datetime) -> Versions:
        """Begin the next version of a caller's secret, and return its versions.

        If two rotations happen at the same time, one has an effect, and both return its secret.

        Raises:
            TooManyRotations: see there.
        """
        before = self.of(owner, now)
        after = before.rotated(now)
        previous = [{"version": version, "until": until} for version, until in after.previous]
        changes = {"version": after.current, "previous": previous}
        unchanged = "attribute_not_exists(#version) OR #version = :before"
        try:
            self._table.change(_key(owner), changes, unchanged, {":before": before.current})
        except ConditionFailed as refusal:
            return versions_at(refusal.item, now)
        return after


def _key(owner: str) -> dict[str, str]:
    return {"taskId": f"webhook secret {owner}"}
