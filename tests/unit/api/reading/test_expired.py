"""Expired items are gone for their caller, although DynamoDB deletes them days later."""

from typing import Any

import pytest

from tests.support.api_caller import Api

TASK = "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d"
BATCH = "6b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d"
OUTPUT = {"output": {"format": "auto", "quality": 90}}


@pytest.fixture
def expired(api: Api) -> Api:
    """A caller whose task FAILED, and whose batch was CANCELLED, long ago."""
    attributes: dict[str, Any] = {**OUTPUT, "expiresAt": 1}
    source = {"source": {"imageUrl": "https://example.com/a.jpg"}}
    api.aws.store.create(TASK, "me", {**attributes, **source})
    api.aws.store.fail(TASK, 1, "arn:e", {"step": "Download", "error": "X", "message": "m"})
    manifest = {"manifest": {"reader": "lines", "key": "k"}, "toleratedFailurePercentage": 100}
    batch, _ = api.aws.batches.create(BATCH, "me", {**attributes, **manifest})
    api.aws.batches.end("cancel", batch)
    return api


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/tasks/{TASK}"),
        ("POST", f"/tasks/{TASK}/retry"),
        ("POST", f"/tasks/{TASK}/cancel"),
        ("GET", f"/batches/{BATCH}"),
        ("GET", f"/batches/{BATCH}/tasks"),
        ("POST", f"/batches/{BATCH}/retry"),
        ("POST", f"/batches/{BATCH}/cancel"),
    ],
)
def test_no_route_finds_it(expired: Api, method: str, path: str) -> None:
    assert expired.call(method, path).status == 404
    assert expired.queued == []


def test_no_list_has_it(expired: Api) -> None:
    assert expired.get("/tasks").body == {"tasks": [], "cursor": None}
    assert expired.get("/tasks", status="FAILED").body["tasks"] == []


def test_its_idempotency_key_makes_a_new_task(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    body, headers = {"imageUrl": "https://example.com/a.jpg"}, {"Idempotency-Key": "k"}
    monkeypatch.setattr(api.module.store, "_retention", -60)
    old = api.post("/tasks", body, headers=headers).body
    monkeypatch.setattr(api.module.store, "_retention", 60)

    answer = api.post("/tasks", {**body, "name": "another request"}, headers=headers)

    assert answer.status == 202
    assert "Idempotent-Replayed" not in answer.headers
    assert answer.body["taskId"] == old["taskId"]
    assert api.get(f"/tasks/{old['taskId']}").body["name"] == "another request"
