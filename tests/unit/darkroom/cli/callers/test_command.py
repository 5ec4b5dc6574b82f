"""What `darkroom callers` prints, and where: stdout gets only a new key, and only once."""

import json
from typing import Any

import pytest

from darkroom.cli.callers.changes import Callers
from darkroom.cli.callers.check import callers as check
from darkroom.cli.callers.records import CallerError
from darkroom.cli.operator.deployment import Deployment
from darkroom.cli.stack import Stack
from darkroom.runtime.clock import timestamp
from darkroom.tasks.callers import has_ended
from tests.support.fakes.api import darkroom

PAST = "2020-01-01T00:00:00.000Z"


def value(gateway: Any, key_id: str) -> str:
    return str(gateway.get_api_key(apiKey=key_id, includeValue=True)["value"])


def test_stdout_has_only_the_new_key_which_appears_nowhere_else(
    callers: Callers, gateway: Any
) -> None:
    for command in ("add", "rotate"):
        done = darkroom("callers", command, "acme")

        key_id = callers.find("acme").key_ids[-1]
        key = value(gateway, key_id)
        assert (done.exit_code, done.stdout) == (0, f"{key}\n")
        assert key_id in done.stderr
        assert "not shown again" in done.stderr
        assert key not in done.stderr


def test_no_other_command_shows_a_key(callers: Callers, gateway: Any) -> None:
    darkroom("callers", "add", "acme", "--rate", "5")
    (key_id,) = callers.find("acme").key_ids
    key = value(gateway, key_id)

    commands = [["list"], ["list", "--json"], ["limit", "acme", "--quota", "9"]]
    commands += [["revoke", "acme", "--yes"]]
    for command in commands:
        done = darkroom("callers", *command)
        assert done.exit_code == 0, done.stderr
        assert key not in done.output


def test_a_rotation_says_how_the_older_keys_end(callers: Callers) -> None:
    darkroom("callers", "add", "acme")
    (old,) = callers.find("acme").key_ids

    done = darkroom("callers", "rotate", "acme")

    assert f"{old}, keep working" in done.stderr
    assert f"darkroom callers revoke acme --key {old}\n" in done.stderr


def test_a_grace_is_shown_as_a_time_and_in_json(callers: Callers) -> None:
    darkroom("callers", "add", "acme")

    done = darkroom("callers", "rotate", "acme", "--grace", "24h", "--json")

    shown = json.loads(done.stdout)
    old, new = callers.find("acme").key_ids
    assert (shown["keyId"], shown["oldKeys"], shown["owner"]) == (new, [old], "caller-acme")
    assert f"{old}, are refused from {shown['oldKeysEndAt']} on" in done.stderr


def test_a_new_key_is_printed_also_if_the_older_ones_could_not_be_changed(
    callers: Callers, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    darkroom("callers", "add", "acme")

    def broken(*_: object) -> None:
        raise CallerError("no")

    monkeypatch.setattr(Callers, "end", broken)
    done = darkroom("callers", "rotate", "acme", "--grace", "1h")

    assert (done.exit_code, done.stderr.splitlines()[-1]) == (1, "no")
    assert done.stdout == f"{value(gateway, callers.find('acme').key_ids[-1])}\n"


def test_without_a_grace_period_the_older_keys_end_at_once(callers: Callers) -> None:
    darkroom("callers", "add", "acme")
    (old,) = callers.find("acme").key_ids

    done = darkroom("callers", "rotate", "acme", "--grace", "0s")

    assert f"{old}, are refused from " in done.stderr
    assert has_ended(callers.records.keys([old])[old], timestamp())


def test_advice_names_the_stack_of_the_command(callers: Callers) -> None:
    darkroom("callers", "add", "acme")
    callers.command = callers.records._command = lambda line: f"darkroom --stack prod {line}"

    with pytest.raises(CallerError, match="`darkroom --stack prod callers rotate acme` gives"):
        callers.add("acme", None)
    with pytest.raises(CallerError, match="`darkroom --stack prod callers list` shows all"):
        callers.find("nobody")


def test_a_key_whose_grace_is_over_is_deleted_by_the_next_rotation(callers: Callers) -> None:
    caller, key = callers.add("acme", None)
    callers.end(caller, [key.key_id], PAST)

    done = darkroom("callers", "rotate", "acme")

    assert f"Deleted, because their time was over: {key.key_id}." in done.stderr
    assert key.key_id not in callers.find("acme").key_ids


def test_a_revocation_asks_first(callers: Callers) -> None:
    caller, _ = callers.add("acme", None)

    for answer in ("n\n", ""):
        done = darkroom("callers", "revoke", "acme", input=answer)
        assert (done.exit_code, "Revoke 1 key of acme?" in done.stderr) == (1, True)
    assert callers.find("acme").key_ids == caller.key_ids

    done = darkroom("callers", "revoke", "acme", input="y\n")
    assert "refused within 60 seconds" in done.stdout
    assert callers.find("acme").key_ids == ()


def test_one_key_is_revoked_and_the_others_are_named(callers: Callers) -> None:
    caller, old = callers.add("acme", None)
    _, new = callers.new_key(caller)

    done = darkroom("callers", "revoke", "acme", "--key", old.key_id, "--yes")

    assert f"Revoked: {old.key_id}." in done.stdout
    assert f"acme still has {new.key_id}." in done.stdout


def test_the_list_has_a_row_for_each_key_and_for_a_caller_without(callers: Callers) -> None:
    caller, old = callers.add("acme", None)
    callers.new_key(caller)
    callers.end(caller, [old.key_id], "2999-01-01T00:00:00.000Z")
    revoked, gone = callers.add("beta", None)
    callers.delete_ended(callers.end(revoked, [gone.key_id], PAST))

    rows = [line.split() for line in darkroom("callers", "list").stdout.splitlines()]

    assert [row[:3] for row in rows[1:3]] == [
        ["acme", "caller-acme", key_id] for key_id in callers.find("acme").key_ids
    ]
    assert rows[1][3:6] == ["works", "until", "2999-01-01T00:00:00.000Z"]
    assert rows[3][:5] == ["beta", "caller-beta", "-", "no", "key"]
    assert rows[4][0] == "first"


def test_a_key_that_was_made_by_hand_is_listed_and_gets_a_name(
    stack: Stack, callers: Callers, gateway: Any
) -> None:
    key_id = gateway.create_api_key(name="by hand", enabled=True)["id"]
    plan = stack.outputs["UsagePlanId"]
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=key_id, keyType="API_KEY")
    shown = darkroom("callers", "list")
    assert f"-       {key_id}" in shown.stdout
    assert "`darkroom callers add NAME --key ID`" in shown.stderr
    lines = darkroom("callers", "list", "--json").stdout.splitlines()
    (unnamed,) = (caller for caller in map(json.loads, lines) if not caller["caller"])
    assert unnamed["owner"] == key_id

    done = darkroom("callers", "add", "acme", "--key", key_id, "--rate", "5")

    assert done.stdout == f"acme has the key {key_id} and all that was submitted with it.\n"
    assert callers.find("acme").owner == key_id
    assert darkroom("callers", "list").stderr == ""


@pytest.mark.usefixtures("callers")
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["add", "a b"], 2, "a caller's name has"),
        (["add", ""], 2, "Is a variable of the shell not set?"),
        (["add", "acme", "--key", ""], 2, "Is a variable of the shell not set?"),
        (["rotate", "a b"], 2, "a caller's name has"),
        (["revoke", "a" * 64], 2, "a caller's name has"),
        (["revoke", "first", "--key", "a b"], 2, "the id of a key has letters and digits only"),
        (["limit", "é", "--default"], 2, "a caller's name has"),
        (["rotate", "nobody"], 1, "There is no caller nobody."),
        (["rotate", "first", "--grace", "soon"], 2, "--grace: 'soon' is not a duration."),
        (["revoke", "first", "--key", "x"], 2, "first has no key x."),
        (["limit", "first"], 2, "Give --rate, --burst or --quota, or else --default."),
        (["limit", "first", "--rate", "1", "--default"], 2, "Give --rate"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], code: int, message: str) -> None:
    done = darkroom("callers", *arguments)

    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def found(stack: Stack) -> dict[str, str]:
    return {finding.message: finding.level for finding in check(Deployment(stack))}


def test_doctor_counts_healthy_callers(stack: Stack, callers: Callers) -> None:
    callers.add("acme", None)

    assert found(stack) == {"2 callers with 2 keys": "ok"}


def test_doctor_names_keys_without_callers_and_callers_without_keys(
    stack: Stack, callers: Callers, gateway: Any
) -> None:
    unnamed = gateway.create_api_key(name="by hand", enabled=True)["id"]
    plan = stack.outputs["UsagePlanId"]
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=unnamed, keyType="API_KEY")
    _, deleted = callers.add("acme", None)
    gateway.delete_api_key(apiKey=deleted.key_id)
    revoked, key = callers.add("beta", None)
    callers.delete_ended(callers.end(revoked, [key.key_id], PAST))

    assert found(stack) == {
        f"the key {unnamed} has no caller": "warn",
        f"the key {deleted.key_id} of acme is deleted": "warn",
        "acme has no key that works": "warn",
    }


def test_doctor_says_what_it_could_not_check(callers: Callers) -> None:
    assert callers
    (finding,) = check(Deployment(Stack("https://a.example/v1", "k")))

    assert (finding.level, finding.message) == ("warn", "could not be checked")
