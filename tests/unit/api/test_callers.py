"""A caller owns what it submits. Its keys are added and removed."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from darkroom.tasks.callers import ALL, KeyOwners, caller_item, key_item
from tests.support.api_caller import Api

BODY = {"imageUrl": "https://example.com/a.jpg"}
PAST = "2020-01-01T00:00:00.000Z"


@pytest.fixture(autouse=True)
def _known(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two keys of acme, one of them ended, and an empty cache."""
    monkeypatch.setattr(api.module, "key_owners", KeyOwners(api.module.index.table))
    for key_id, more in {"old": {}, "new": {}, "ended": {"endsAt": PAST}}.items():
        record = {"caller": "acme", "ownerId": "caller-acme", "createdAt": PAST, **more}
        api.aws.table.put_item(Item={**key_item(key_id), **record})
    listed = {"owner": ALL, "ownerId": "caller-acme", "name": "acme", "createdAt": PAST}
    api.aws.table.put_item(Item={**caller_item("acme"), **listed, "keys": ["old", "new"]})


@pytest.fixture
def reads(api: Api) -> Iterator[list[str]]:
    """The ids of the items that are read."""
    found: list[str] = []
    real = api.module.index.table.get

    def get(key: dict[str, str]) -> Any:
        found.append(key["taskId"])
        return real(key)

    with mock.patch.object(api.module.index.table, "get", get):
        yield found


def submitted(api: Api, caller: str, **headers: str) -> str:
    answer = api.post("/tasks", BODY, caller=caller, headers=headers or None)
    assert answer.status == 202
    task_id: str = answer.body["taskId"]
    return task_id


def test_a_task_is_found_with_each_key_of_its_caller(api: Api) -> None:
    task_id = submitted(api, "old")

    assert api.get(f"/tasks/{task_id}", caller="new").status == 200
    assert [task["taskId"] for task in api.get("/tasks", caller="new").body["tasks"]] == [task_id]
    assert api.post(f"/tasks/{task_id}/cancel", caller="new").status == 202


@pytest.mark.parametrize("another", ["a1b2c3d4e5", "acme", "me"])
def test_another_caller_finds_nothing(api: Api, another: str) -> None:
    """Also if the id of its key were the name of the first caller."""
    task_id = submitted(api, "old")

    assert api.get(f"/tasks/{task_id}", caller=another).status == 404
    assert api.get("/tasks", caller=another).body["tasks"] == []


def test_a_batch_and_an_upload_belong_to_the_caller(api: Api, started: list[Any]) -> None:
    batch = api.post("/batches", {"sources": [BODY]}, caller="old").body
    form = api.post("/uploads", {"contentType": "image/png"}, caller="old").body

    assert started
    assert api.get(f"/batches/{batch['batchId']}", caller="new").status == 200
    assert api.get(f"/batches/{batch['batchId']}", caller="other").status == 404
    assert form["fields"]["key"] == f"uploads/caller-acme/{form['uploadId']}"


def test_an_idempotency_key_is_the_callers_also_with_its_next_key(api: Api) -> None:
    first = submitted(api, "old", **{"Idempotency-Key": "k"})

    assert submitted(api, "new", **{"Idempotency-Key": "k"}) == first
    assert submitted(api, "other", **{"Idempotency-Key": "k"}) != first


def test_messages_of_both_keys_are_in_one_group(api: Api) -> None:
    submitted(api, "old")
    submitted(api, "new")

    assert api.groups == ["caller-acme"] * 2


def test_a_key_that_has_ended_is_refused_as_api_gateway_refuses_it(api: Api) -> None:
    for answer in (api.get("/tasks", caller="ended"), api.post("/tasks", BODY, caller="ended")):
        assert (answer.status, answer.error["code"]) == (403, "Forbidden")
    assert api.queued == []


def test_an_instance_looks_a_key_up_once(api: Api, reads: list[str]) -> None:
    for _ in range(3):
        task_id = submitted(api, "old")
        api.get(f"/tasks/{task_id}", caller="old")
        api.get("/tasks", caller="old")
    submitted(api, "new")

    assert [read for read in reads if read.startswith("key#")] == ["key#old", "key#new"]


def test_records_of_callers_and_keys_are_not_tasks(api: Api) -> None:
    for key_id in ("key#old", "caller#acme"):
        assert api.get(f"/tasks/{key_id}", caller="old").status == 404
    assert api.get("/tasks", caller="old").body["tasks"] == []
