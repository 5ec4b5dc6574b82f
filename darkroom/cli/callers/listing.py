"""The callers of a stack with their keys, and whether API Gateway accepts these."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from darkroom.cli.callers.api_keys import Limits
from darkroom.cli.callers.changes import Callers, errors_of
from darkroom.cli.callers.records import Caller
from darkroom.runtime.clock import timestamp
from darkroom.tasks import callers as rules


class KeyState(StrEnum):
    """Whether requests with a key are accepted."""

    WORKS = "works"
    ENDED = "ended"
    """It was revoked, or its grace is over."""
    DISABLED = "disabled"
    """Somebody has disabled it in API Gateway."""
    NO_PLAN = "in no usage plan"
    """API Gateway accepts only keys that are in a usage plan."""
    DELETED = "deleted"
    """Somebody has deleted it in API Gateway."""


@dataclass(frozen=True)
class Key:
    """An API key of a caller."""

    key_id: str
    state: KeyState
    created_at: str | None
    """None: it is older than its record."""
    ends_at: str | None

    @property
    def works(self) -> bool:
        """Whether requests with it are accepted."""
        return self.state == KeyState.WORKS


@dataclass(frozen=True)
class Listed:
    """A caller, its keys and the limits of each key."""

    caller: Caller
    keys: tuple[Key, ...]
    limits: Limits

    @property
    def works(self) -> bool:
        """Whether requests with one of its keys are accepted."""
        return any(key.works for key in self.keys)


@dataclass(frozen=True)
class Listing:
    """All callers of a stack, and the keys that belong to none of them."""

    callers: tuple[Listed, ...]
    unnamed: tuple[str, ...]
    """Ids of keys that are accepted although no caller has them. Each is its own owner."""


def read(callers: Callers) -> Listing:
    """Read all callers from their records and from API Gateway.

    Raises:
        CallerError: AWS refused a call.
    """
    with errors_of("The callers cannot be read"):
        plans, enabled = callers.api_keys.plans(), callers.api_keys.enabled()
        admitted = frozenset(key_id for plan in plans.values() for key_id in plan.keys)
        found = callers.records.all()
        key_ids = [key_id for caller in found for key_id in caller.key_ids]
        others = sorted(i for i in admitted.difference(key_ids) if enabled.get(i))
        records = callers.records.keys([*key_ids, *others])
    now = timestamp()
    shared = plans[callers.api_keys.shared].limits
    listed = tuple(
        Listed(
            caller,
            tuple(_key(i, records.get(i, {}), enabled, admitted, now) for i in caller.key_ids),
            plans[caller.plan_id].limits if caller.plan_id in plans else caller.limits or shared,
        )
        for caller in found
    )
    return Listing(listed, tuple(i for i in others if i not in records))


def _key(
    key_id: str,
    record: Mapping[str, Any],
    enabled: Mapping[str, bool],
    admitted: frozenset[str],
    now: str,
) -> Key:
    """Return a key, from its record and from what API Gateway says about all keys."""
    state = KeyState.WORKS
    if rules.has_ended(record, now):
        state = KeyState.ENDED
    elif key_id not in enabled:
        state = KeyState.DELETED
    elif not enabled[key_id]:
        state = KeyState.DISABLED
    elif key_id not in admitted:
        state = KeyState.NO_PLAN
    return Key(key_id, state, record.get("createdAt"), record.get("endsAt"))
