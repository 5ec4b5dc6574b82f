"""How keys, usage plans and records change, in an order that can be interrupted."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from darkroom.cli.callers import listing
from darkroom.cli.callers.api_keys import ApiKeys, Limits
from darkroom.cli.callers.changes import Callers
from darkroom.cli.callers.listing import Key, KeyState, Listed
from darkroom.cli.callers.records import CallerError
from darkroom.cli.stack import NoStack, Stack
from darkroom.tasks import callers as rules
from tests.support.fakes.aws import FakeAws

SHARED, SMALL = Limits(100.0, 200, 1_000_000), Limits(0.5, 2, 1_000_000_000)
PAST, FUTURE = "2020-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"


def listed(callers: Callers, name: str) -> Listed:
    (found,) = (c for c in listing.read(callers).callers if c.caller.name == name)
    return found


def states(callers: Callers, name: str) -> list[KeyState]:
    return [key.state for key in listed(callers, name).keys]


def owner_of(aws: FakeAws, key_id: str) -> str | None:
    """The owner of a request with this key, for a function."""
    return rules.KeyOwners(aws.store._table).owner_of(key_id)


def test_a_new_caller_has_a_key_that_works_and_the_limits_of_the_stack(
    aws: FakeAws, callers: Callers
) -> None:
    caller, key = callers.add("Acme", None)

    found = listed(callers, "Acme")
    assert states(callers, "Acme") == [KeyState.WORKS]
    assert (found.limits, found.caller.owner) == (SHARED, "caller-acme")
    assert owner_of(aws, key.key_id) == caller.owner


def test_a_key_is_recorded_before_api_gateway_accepts_it(
    aws: FakeAws, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the first requests with it would have the wrong owner."""
    owners: list[str | None] = []
    monkeypatch.setattr(
        ApiKeys, "admit", lambda _self, key_id, _plan: owners.append(owner_of(aws, key_id))
    )

    callers.add("acme", None)

    assert owners == ["caller-acme"]


def test_a_key_is_recorded_as_ended_before_it_is_deleted(
    aws: FakeAws, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, key = callers.add("acme", None)
    owners: list[str | None] = []
    monkeypatch.setattr(ApiKeys, "delete", lambda _self, i: owners.append(owner_of(aws, i)))

    callers.delete_ended(callers.end(caller, [key.key_id], PAST))

    assert owners == [None]
    assert owner_of(aws, key.key_id) is None


@pytest.mark.parametrize("name", ["acme", "ACME", "first"])
def test_a_name_can_be_used_once(callers: Callers, gateway: Any, name: str) -> None:
    callers.add("acme", None)
    before = len(gateway.get_api_keys()["items"])

    with pytest.raises(CallerError, match="There is a caller"):
        callers.add(name, None)

    assert len(gateway.get_api_keys()["items"]) == before


@pytest.mark.parametrize("name", ["", "a b", "-x", "a/b", "x" * 64])
def test_a_name_that_is_not_valid_is_refused_with_the_rule(callers: Callers, name: str) -> None:
    with pytest.raises(CallerError, match="1 to 63 letters"):
        callers.add(name, None)


def test_a_rotation_keeps_the_older_key(aws: FakeAws, callers: Callers) -> None:
    caller, old = callers.add("acme", None)
    _, new = callers.new_key(caller)

    assert states(callers, "acme") == [KeyState.WORKS, KeyState.WORKS]
    assert owner_of(aws, old.key_id) == owner_of(aws, new.key_id) == "caller-acme"


def test_a_grace_is_never_made_longer(callers: Callers) -> None:
    caller, key = callers.add("acme", None)
    callers.end(caller, [key.key_id], "2998-01-01T00:00:00.000Z")
    callers.end(caller, [key.key_id], FUTURE)

    assert [key.ends_at for key in listed(callers, "acme").keys] == ["2998-01-01T00:00:00.000Z"]


def test_only_keys_that_have_ended_are_deleted(callers: Callers, gateway: Any) -> None:
    caller, old = callers.add("acme", None)
    caller, new = callers.new_key(caller)
    callers.end(caller, [old.key_id], PAST)
    callers.end(caller, [new.key_id], FUTURE)

    caller, deleted = callers.delete_ended(caller)

    assert (deleted, caller.key_ids) == ([old.key_id], (new.key_id,))
    assert caller.revoked_at is None
    left = {key["id"] for key in gateway.get_api_keys()["items"]}
    assert new.key_id in left
    assert old.key_id not in left


def test_a_key_that_was_deleted_by_hand_can_be_revoked(callers: Callers, gateway: Any) -> None:
    caller, key = callers.add("acme", None)
    gateway.delete_api_key(apiKey=key.key_id)
    assert states(callers, "acme") == [KeyState.DELETED]

    caller, _ = callers.delete_ended(callers.end(caller, caller.key_ids, PAST))

    assert (caller.key_ids, caller.revoked_at is None) == ((), False)


def test_the_states_of_keys_that_somebody_changed_by_hand(callers: Callers, gateway: Any) -> None:
    caller, disabled = callers.add("acme", None)
    _, alone = callers.new_key(caller)
    operation = {"op": "replace", "path": "/enabled", "value": "false"}
    gateway.update_api_key(apiKey=disabled.key_id, patchOperations=[operation])
    shared = callers.api_keys.shared
    gateway.delete_usage_plan_key(usagePlanId=shared, keyId=alone.key_id)

    assert states(callers, "acme") == [KeyState.DISABLED, KeyState.NO_PLAN]


def test_the_limits_of_a_caller_apply_to_all_its_present_and_later_keys(
    callers: Callers, gateway: Any
) -> None:
    caller, _ = callers.add("acme", SMALL)
    caller, _ = callers.new_key(caller)

    assert listed(callers, "acme").limits == SMALL
    plan = gateway.get_usage_plan(usagePlanId=caller.plan_id)
    assert (plan["throttle"], plan["quota"]["limit"]) == (
        {"rateLimit": 0.5, "burstLimit": 2},
        1_000_000_000,
    )
    assert callers.api_keys.plans()[caller.plan_id or ""].keys == set(caller.key_ids)


def test_other_limits_move_the_keys_and_the_default_moves_them_back(callers: Callers) -> None:
    caller, key = callers.add("acme", None)
    caller = callers.limit(caller, SMALL)
    assert [p.limits for p in callers.api_keys.plans().values() if key.key_id in p.keys] == [SMALL]

    caller = callers.limit(caller, Limits(7.0, 8, 9))
    assert listed(callers, "acme").limits == Limits(7.0, 8, 9)
    assert len(callers.api_keys.plans()) == 2

    callers.unlimit(caller)
    assert listed(callers, "acme").limits == SHARED
    assert len(callers.api_keys.plans()) == 1
    assert states(callers, "acme") == [KeyState.WORKS]


def test_a_move_that_was_interrupted_is_completed_by_the_same_command(
    callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, _ = callers.add("acme", None)
    limits = Limits(7.0, 8, 9)

    def broken(*_: object) -> None:
        raise ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "no"}}, "x")

    with monkeypatch.context() as patch:
        patch.setattr(ApiKeys, "admit", broken)
        with pytest.raises(CallerError, match="were not changed: no"):
            callers.limit(caller, limits)
    assert states(callers, "acme") == [KeyState.NO_PLAN]

    callers.limit(callers.find("acme"), limits)

    assert (states(callers, "acme"), listed(callers, "acme").limits) == ([KeyState.WORKS], limits)


def test_a_revoked_caller_costs_no_usage_plan_and_gets_its_limits_again(callers: Callers) -> None:
    caller, key = callers.add("acme", SMALL)
    caller, _ = callers.delete_ended(callers.end(caller, [key.key_id], PAST))
    assert len(callers.api_keys.plans()) == 1

    caller, _ = callers.new_key(caller)

    assert (listed(callers, "acme").limits, caller.revoked_at) == (SMALL, None)


def test_one_of_two_commands_at_the_same_time_is_refused(callers: Callers) -> None:
    caller, _ = callers.add("acme", None)
    callers.new_key(caller)

    with pytest.raises(CallerError, match="Another command has changed acme"):
        callers.new_key(caller)


def test_the_templates_key_is_the_first_caller_and_owns_what_it_owned(
    aws: FakeAws, callers: Callers
) -> None:
    first = callers.api_keys.first
    assert states(callers, "first") == [KeyState.WORKS]

    _, new = callers.new_key(callers.find("first"))

    assert owner_of(aws, first) == owner_of(aws, new.key_id) == first
    assert listed(callers, "first").caller.key_ids == (first, new.key_id)


def test_the_first_caller_is_one_also_if_its_recording_was_interrupted(
    callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers.records, "record_key", lambda *_: None)
    callers.records.recorded(callers.find("first"))
    monkeypatch.undo()

    assert states(callers, "first") == [KeyState.WORKS]
    caller = callers.find("first")
    callers.delete_ended(callers.end(caller, caller.key_ids, PAST))
    assert listed(callers, "first").caller.key_ids == ()


def test_the_templates_key_is_disabled_and_not_deleted(
    aws: FakeAws, callers: Callers, gateway: Any
) -> None:
    """CloudFormation would fail to update or delete it."""
    first = callers.api_keys.first
    caller = callers.end(callers.find("first"), [first], PAST)
    callers.delete_ended(caller)

    assert gateway.get_api_key(apiKey=first)["enabled"] is False
    assert owner_of(aws, first) is None
    assert listing.read(callers).unnamed == ()


def test_a_key_that_was_made_by_hand_gets_a_caller_that_owns_what_it_owned(
    aws: FakeAws, callers: Callers, gateway: Any
) -> None:
    key_id = gateway.create_api_key(name="by hand", enabled=True)["id"]
    gateway.create_usage_plan_key(
        usagePlanId=callers.api_keys.shared, keyId=key_id, keyType="API_KEY"
    )
    assert listing.read(callers).unnamed == (key_id,)

    caller = callers.adopt("acme", key_id)
    _, new = callers.new_key(caller)

    assert owner_of(aws, key_id) == owner_of(aws, new.key_id) == key_id
    assert listing.read(callers).unnamed == ()
    with pytest.raises(CallerError, match="belongs to the caller acme"):
        callers.adopt("another", key_id)


def test_the_first_caller_may_be_given_a_name(callers: Callers) -> None:
    callers.adopt("acme", callers.api_keys.first)

    assert [found.caller.name for found in listing.read(callers).callers] == ["acme"]
    with pytest.raises(CallerError, match="There is no caller first"):
        callers.find("first")


def test_the_key_of_another_stack_cannot_be_read(callers: Callers, gateway: Any) -> None:
    (other,) = (k for k in gateway.get_api_keys()["items"] if k["name"] == "theirs")

    with pytest.raises(CallerError, match="No key of this stack"):
        callers.adopt("acme", other["id"])


def test_a_stack_of_a_release_without_callers_is_reported(stack: Stack) -> None:
    """Its functions would use the id of a new key as the owner."""
    outputs = {name: value for name, value in stack.outputs.items() if name != "UsagePlanId"}

    with pytest.raises(NoStack, match="Deploy this release first"):
        Callers(Stack("https://a.example/v1", "k", stack_name="dev", outputs=outputs))
    with pytest.raises(NoStack, match="Use --stack"):
        Callers(Stack("https://a.example/v1", "k"))


def test_no_key_is_in_what_is_shown_of_an_object(callers: Callers) -> None:
    caller, key = callers.add("acme", None)

    assert key.value not in f"{key!r} {key} {caller!r} {listed(callers, 'acme')!r}"
    assert isinstance(listed(callers, "acme").keys[0], Key)
