"""The records of callers and their API keys: `darkroom.tasks.callers` describes their form."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.aws.dynamodb import ConditionFailed, Table, aliases
from darkroom.cli.callers.api_keys import Limits, number
from darkroom.cli.errors import CommandError
from darkroom.runtime.clock import timestamp
from darkroom.tasks import callers as rules
from darkroom.tasks.queries import OWNER_INDEX

FIRST = "first"
"""The name of the caller of the template's key, until an operator gives it another one."""
READ_AT_ONCE = 100
"""Items of one BatchGetItem, a limit of DynamoDB."""


class CallerError(CommandError):
    """The callers cannot be changed like this, or AWS refused a call."""


@dataclass(frozen=True)
class Caller:
    """A caller as its record describes it."""

    name: str
    owner: str
    """The `owner` of its tasks and batches, and its folder below `imports/`."""
    created_at: str | None = None
    """None: it is older than its record."""
    key_ids: tuple[str, ...] = ()
    """Its keys that exist in API Gateway, the oldest first."""
    limits: Limits | None = None
    """None: those of the stack."""
    plan_id: str | None = None
    """The usage plan that has its limits."""
    revoked_at: str | None = None
    """When its last key ended; None while it has one."""
    updated_at: str | None = None
    """None: it is not recorded yet."""


class Records:
    """The records of one stack. Methods raise botocore's errors."""

    def __init__(self, table: Table, first_key: str, command: Callable[[str], str]) -> None:
        """Take the table of tasks, the id of the template's key, and `Stack.command`."""
        self._table, self._first_key, self._command = table, first_key, command

    def get(self, name: str) -> Caller | None:
        """Return a caller; None if there is none of this name."""
        if item := self._table.get(rules.caller_item(name)):
            return _caller(item)
        return self._unrecorded() if name.lower() == FIRST else None

    def all(self) -> list[Caller]:
        """Return all callers in the order of their names.

        It reads an index, so a caller that was added in the last second may be missing.
        """
        found: list[Caller] = []
        start: dict[str, Any] = {}
        while True:
            page = self._table.query(
                IndexName=OWNER_INDEX,
                KeyConditionExpression="#owner = :all",
                ExpressionAttributeNames=aliases("owner"),
                ExpressionAttributeValues={":all": rules.ALL},
                **start,
            )
            found += [_caller(item) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        first = self._unrecorded()
        if first and all(caller.owner != first.owner for caller in found):
            found.append(first)
        return sorted(found, key=lambda caller: caller.name.lower())

    def create(self, name: str, owner: str, key_ids: Iterable[str] = ()) -> Caller:
        """Record a caller. `record_key` records its keys.

        Raises:
            CallerError: there is a caller of this name.
        """
        now = timestamp()
        item = {
            **rules.caller_item(name),
            "owner": rules.ALL,
            "name": name,
            "ownerId": owner,
            "keys": list(key_ids),
            "createdAt": now,
            "updatedAt": now,
        }
        unrecorded = self._unrecorded() if name.lower() == FIRST else None
        taken = unrecorded is not None and unrecorded.owner != owner
        if taken or self._table.create(item, "taskId"):
            rotate = self._command(f"callers rotate {name}")
            raise CallerError(f"There is a caller {name} already. `{rotate}` gives it another key.")
        return _caller(item)

    def recorded(self, caller: Caller) -> Caller:
        """Return a caller as it is recorded. The first one is recorded when it is changed."""
        if caller.updated_at:
            return caller
        recorded = self.create(caller.name, caller.owner, caller.key_ids)
        for key_id in caller.key_ids:
            self.record_key(key_id, recorded)
        return recorded

    def change(
        self, caller: Caller, changes: Mapping[str, Any], remove: tuple[str, ...] = ()
    ) -> Caller:
        """Set and remove attributes of a caller, and return the caller after that.

        Raises:
            CallerError: another command has changed it since it was read.
        """
        try:
            item = self._table.change(
                rules.caller_item(caller.name),
                {**changes, "updatedAt": timestamp()},
                "#updatedAt = :read",
                {":read": caller.updated_at},
                remove,
            )
        except ConditionFailed as error:
            raise CallerError(
                f"Another command has changed {caller.name} in the meantime. Run this one again."
            ) from error
        return _caller(item)

    def record_key(self, key_id: str, caller: Caller) -> None:
        """Record that a key is for a caller. The key of another caller stays so."""
        record = {"caller": caller.name, "ownerId": caller.owner, "createdAt": timestamp()}
        self._table.create({**rules.key_item(key_id), **record}, "taskId")

    def end_key(self, key_id: str, moment: str) -> None:
        """Let a key end at a time, as `timestamp` writes it, unless it ends before."""
        item = rules.key_item(key_id)
        if not rules.has_ended(self._table.get(item) or {}, moment):
            self._table.store(item, "endsAt", moment)

    def keys(self, key_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the records of keys by their ids, without those that have none."""
        items = {rules.key_item(key_id)["taskId"]: key_id for key_id in key_ids}
        wanted = [{"taskId": item} for item in items]
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(wanted), READ_AT_ONCE):
            for record in self._table.get_many(wanted[start : start + READ_AT_ONCE]):
                found[items[record["taskId"]]] = record
        return found

    def _unrecorded(self) -> Caller | None:
        """Return the caller of the template's key, if this key is not recorded yet."""
        if self._table.get(rules.key_item(self._first_key)):
            return None
        return Caller(FIRST, self._first_key, key_ids=(self._first_key,))


def limits_record(limits: Limits) -> dict[str, Any]:
    """Return limits as they are stored. The rate is text, because it may have a fraction."""
    return {"rate": number(limits.rate), "burst": limits.burst, "quota": limits.quota}


def _caller(item: Mapping[str, Any]) -> Caller:
    limits = item.get("limits")
    return Caller(
        name=item["name"],
        owner=item["ownerId"],
        created_at=item["createdAt"],
        key_ids=tuple(item["keys"]),
        limits=Limits(float(limits["rate"]), limits["burst"], limits["quota"]) if limits else None,
        plan_id=item.get("usagePlanId"),
        revoked_at=item.get("revokedAt"),
        updated_at=item["updatedAt"],
    )
