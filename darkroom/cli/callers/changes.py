"""What `darkroom callers` changes, in the records of callers and in API Gateway.

The order of the writes makes an interruption harmless, and the same command completes the work:

- A key is recorded before it is in a usage plan, so no request with it has a wrong owner.
- A key is recorded as ended before it is deleted, so no request with it gets through later.
- A caller's record changes only if it is as it was read: of two commands at once, one is refused.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from darkroom.aws.dynamodb import Table
from darkroom.cli import aws
from darkroom.cli.callers.api_keys import ApiKeys, Limits, NewKey
from darkroom.cli.callers.records import Caller, CallerError, Records, limits_record
from darkroom.cli.stack import NoStack, Stack
from darkroom.runtime.clock import timestamp
from darkroom.tasks import callers as rules

errors_of = partial(aws.explained, CallerError)
NEEDED = frozenset({"ApiKeyId", "TableName", "UsagePlanId"})
"""Outputs of template.yaml."""


class Callers:
    """The callers of one stack. Methods raise `CallerError` if AWS refuses a call."""

    def __init__(self, stack: Stack) -> None:
        """Take a stack.

        Raises:
            NoStack: its outputs are not known, or it is of a release without callers.
        """
        if not stack.outputs:
            raise NoStack("Only the API of this stack is known. Use --stack to name the stack.")
        if NEEDED - stack.outputs.keys():
            # Outputs change at the end of a deployment. Until then, and after a rollback, functions
            # of the earlier release take the id of a new key for its owner.
            raise NoStack(
                "The stack is of a release without callers, or its deployment is not complete. "
                "Deploy this release first."
            )
        self.api_keys = ApiKeys(stack)
        self.command = stack.command
        """Returns another command for the stack, for the user to copy."""
        table = Table(stack.outputs["TableName"], stack.client("dynamodb"))
        self.records = Records(table, self.api_keys.first, stack.command)

    def find(self, name: str) -> Caller:
        """Return a caller.

        Raises:
            CallerError: there is none of this name.
        """
        with errors_of("The callers cannot be read"):
            if caller := self.records.get(name):
                return caller
        raise CallerError(f"There is no caller {name}. `{self.command('callers list')}` shows all.")

    def add(self, name: str, limits: Limits | None) -> tuple[Caller, NewKey]:
        """Add a caller with a key.

        Raises:
            CallerError: the name is not valid, or taken.
        """
        _check(name)
        with errors_of(f"{name} was not added"):
            caller = self.records.create(name, rules.owner_id(name))
            if limits:
                caller = self.records.change(caller, {"limits": limits_record(limits)})
        return self.new_key(caller)

    def adopt(self, name: str, key_id: str) -> Caller:
        """Add a caller for a key that belongs to none: it owns what was submitted with the key.

        Raises:
            CallerError: the name is not valid or taken, or the key cannot be read.
        """
        _check(name)
        with errors_of(f"{name} was not added"):
            if not any(key_id in plan.keys for plan in self.api_keys.plans().values()):
                raise CallerError(f"No key of this stack has the id {key_id}.")
            if record := self.records.keys([key_id]).get(key_id):
                raise CallerError(f"The key {key_id} belongs to the caller {record['caller']}.")
            caller = self.records.create(name, key_id, [key_id])
            self.records.record_key(key_id, caller)
        return caller

    def new_key(self, caller: Caller) -> tuple[Caller, NewKey]:
        """Give a caller one more key, which has the caller's limits."""
        with errors_of(f"{caller.name} has no new key"):
            caller = self.records.recorded(caller)
            key = self.api_keys.create(caller.name)
            self.records.record_key(key.key_id, caller)
            key_ids = [*caller.key_ids, key.key_id]
            caller = self.records.change(caller, {"keys": key_ids}, remove=("revokedAt",))
            caller = self._with_plan(caller)
            self.api_keys.admit(key.key_id, caller.plan_id or self.api_keys.shared)
        return caller, key

    def end(self, caller: Caller, key_ids: Iterable[str], moment: str) -> Caller:
        """Let keys of a caller end at a time, as `timestamp` writes it, unless they end before."""
        with errors_of(f"The keys of {caller.name} were not changed"):
            caller = self.records.recorded(caller)
            for key_id in key_ids:
                self.records.end_key(key_id, moment)
        return caller

    def delete_ended(self, caller: Caller) -> tuple[Caller, list[str]]:
        """Delete the keys of a caller that have ended, and return their ids."""
        now = timestamp()
        with errors_of(f"The keys of {caller.name} that have ended were not deleted"):
            records = self.records.keys(caller.key_ids)
            ended = [key_id for key_id in records if rules.has_ended(records[key_id], now)]
            for key_id in ended:
                self.api_keys.delete(key_id)
            if ended:
                caller = self._without_keys(caller, ended, now)
        return caller, ended

    def limit(self, caller: Caller, limits: Limits) -> Caller:
        """Give each key of a caller other limits than the stack's."""
        with errors_of(f"The limits of {caller.name} were not changed"):
            caller = self.records.recorded(caller)
            caller = self.records.change(caller, {"limits": limits_record(limits)})
            if caller.plan_id:
                self.api_keys.change_plan(caller.plan_id, limits)
            elif caller.key_ids:
                caller = self._with_plan(caller)
            if caller.plan_id:
                self.api_keys.move(caller.key_ids, self.api_keys.shared, caller.plan_id)
        return caller

    def unlimit(self, caller: Caller) -> Caller:
        """Give the keys of a caller the limits of the stack again."""
        with errors_of(f"The limits of {caller.name} were not changed"):
            caller = self.records.recorded(caller)
            if caller.plan_id:
                self.api_keys.move(caller.key_ids, caller.plan_id, self.api_keys.shared)
                self.api_keys.delete_plan(caller.plan_id)
            return self.records.change(caller, {}, remove=("usagePlanId", "limits"))

    def limits_of(self, caller: Caller) -> Limits:
        """Return the limits of each key of a caller."""
        return caller.limits or self.shared_limits()

    def shared_limits(self) -> Limits:
        """Return the limits of callers without their own limits."""
        with errors_of("The limits cannot be read"):
            return self.api_keys.limits(self.api_keys.shared)

    def _with_plan(self, caller: Caller) -> Caller:
        """Create the usage plan of a caller with its own limits, unless it exists."""
        if caller.limits is None or caller.plan_id is not None:
            return caller
        plan_id = self.api_keys.create_plan(caller.name, caller.limits)
        return self.records.change(caller, {"usagePlanId": plan_id})

    def _without_keys(self, caller: Caller, ended: list[str], now: str) -> Caller:
        kept = [key_id for key_id in caller.key_ids if key_id not in ended]
        changes: dict[str, Any] = {"keys": kept}
        if kept:
            return self.records.change(caller, changes)
        if caller.plan_id:  # an account has 300; `limits` stay for a new key
            self.api_keys.delete_plan(caller.plan_id)
        return self.records.change(caller, {**changes, "revokedAt": now}, remove=("usagePlanId",))


def _check(name: str) -> None:
    if not rules.is_name(name):
        raise CallerError(f"A caller's name has {rules.NAME_RULE}.")
