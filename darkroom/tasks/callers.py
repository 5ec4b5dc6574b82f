"""Callers and their API keys: which owner a request acts for.

A caller owns tasks, batches, uploads, a webhook secret, message groups and idempotency keys. All of
them name the caller's `ownerId`. API keys are added and removed, and each names its caller.

The records are items of the table of tasks. So the release before this one, which a rollback brings
back, keeps them, and a restore of the table restores callers and tasks of the same moment.

    {"taskId": "caller#acme", "owner": "#callers", "name": "acme", "ownerId": "caller-acme",
     "keys": ["a1b2c3d4e5"], "createdAt": "…", "updatedAt": "…"}
    {"taskId": "key#a1b2c3d4e5", "caller": "acme", "ownerId": "caller-acme", "createdAt": "…"}

`owner` puts a caller into the index of owners, where `darkroom callers list` finds it. A caller
with its own limits also has `limits` and `usagePlanId`. The record of a key has `endsAt` if the key
was revoked or replaced. It is never deleted, and its `ownerId` never changes.

Only `darkroom callers` writes these records. A key without one was made by hand, or by a release
before there were callers: its own id is its owner.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from darkroom.runtime.clock import timestamp

if TYPE_CHECKING:
    from darkroom.aws.dynamodb import Table

ALL = "#callers"
"""The value of `owner` of all callers. No task has it, because no `ownerId` begins with `#`."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
NAME_RULE = "1 to 63 letters, digits, `-`, `_` or `.`, the first one a letter or a digit"
MAX_AGE = 60
"""Seconds for which an instance of a function uses what it has read about a key."""

Record = Mapping[str, Any]


def is_name(text: str) -> bool:
    """Whether a text can be the name of a caller: see `NAME_RULE`."""
    return NAME.fullmatch(text) is not None


def caller_item(name: str) -> dict[str, str]:
    """Return the key of a caller's record. Names that differ only in case are the same caller."""
    return {"taskId": f"caller#{name.lower()}"}


def key_item(key_id: str) -> dict[str, str]:
    """Return the key of the record of an API key, given the key's id in API Gateway."""
    return {"taskId": f"key#{key_id}"}


def owner_id(name: str) -> str:
    """Return the `ownerId` of a new caller. It is never a key's id, which has no hyphen."""
    return f"caller-{name.lower()}"


def has_ended(record: Record, now: str) -> bool:
    """Whether a key has ended at a time, as `timestamp` writes it."""
    ends: str | None = record.get("endsAt")
    return ends is not None and ends <= now


class KeyOwners:
    """The owners of API keys, as the API reads them."""

    def __init__(self, table: "Table", clock: Callable[[], float] = time.time) -> None:
        """Take the table of tasks, and what returns the seconds since 1970."""
        self._table, self._clock = table, clock
        self._known: dict[str, tuple[float, Record]] = {}  # an account has 10,000 keys at most

    def owner_of(self, key_id: str) -> str | None:
        """Return the owner that a request with this key acts for; None if the key has ended.

        The key's record is read once in `MAX_AGE` seconds. So a key that was revoked is refused
        after that time at the latest. The owner cannot be outdated, because it never changes.

        Args:
            key_id: the id of the API key that API Gateway has checked.
        """
        now = self._clock()
        read, record = self._known.get(key_id, (0.0, {}))
        if not 0 <= now - read < MAX_AGE:  # also after the clock was set back
            record = self._table.get(key_item(key_id)) or {}
            self._known[key_id] = now, record
        if has_ended(record, timestamp()):
            return None
        owner: str = record.get("ownerId", key_id)
        return owner
