"""The key that the operator's commands use."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from darkroom.cli.callers.changes import Callers
from darkroom.cli.callers.operators_key import operators_key
from darkroom.cli.stack import Stack

PAST = "2020-01-01T00:00:00.000Z"


def used(stack: Stack, gateway: Any) -> str:
    return operators_key(stack.outputs, gateway, boto3.client("dynamodb"))


def value(gateway: Any, key_id: str) -> str:
    return str(gateway.get_api_key(apiKey=key_id, includeValue=True)["value"])


def revoke(callers: Callers, name: str, key_id: str) -> None:
    callers.delete_ended(callers.end(callers.find(name), [key_id], PAST))


def test_it_is_the_templates_key_while_that_works(
    stack: Stack, callers: Callers, gateway: Any
) -> None:
    first = value(gateway, stack.outputs["ApiKeyId"])
    assert used(stack, gateway) == first

    callers.new_key(callers.find("first"))
    assert used(stack, gateway) == first


def test_it_is_the_newest_key_of_the_same_caller_after_that(
    stack: Stack, callers: Callers, gateway: Any
) -> None:
    callers.add("acme", None)
    caller, _ = callers.new_key(callers.find("first"))
    caller, newer = callers.new_key(caller)
    caller, newest = callers.new_key(caller)

    revoke(callers, "first", stack.outputs["ApiKeyId"])
    assert used(stack, gateway) == newest.value

    callers.end(callers.find("first"), [newest.key_id], PAST)
    assert used(stack, gateway) == newer.value


def test_it_is_the_templates_key_if_there_is_no_other(
    stack: Stack, callers: Callers, gateway: Any
) -> None:
    revoke(callers, "first", stack.outputs["ApiKeyId"])

    assert used(stack, gateway) == value(gateway, stack.outputs["ApiKeyId"])


def test_it_is_the_templates_key_for_who_may_not_read_the_table(
    stack: Stack, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetItem")

    monkeypatch.setattr("darkroom.aws.dynamodb.Table.get", refused)

    assert used(stack, gateway) == value(gateway, stack.outputs["ApiKeyId"])
