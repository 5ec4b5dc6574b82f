"""Two releases are live at once, so each reads what the other writes: docs/deploy.md has the rule.

A field that a reader does not know is ignored, and one that came later than the first release may
be missing. What is checked here is written by a release before or after this one.
"""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from darkroom.events.model import detail, webhook
from darkroom.tasks.callers import KeyOwners, key_item
from darkroom.tasks.messages import read_order
from darkroom.tasks.model import order
from tests.support.api_caller import Api
from tests.support.fakes.aws import FakeAws

# As the first release stored a task. Do not add new fields here, because they may be missing.
FIRST: dict[str, Any] = {
    "taskId": "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d",
    "owner": "me",
    "status": "COMPLETED",
    "attempt": 1,
    "source": {"uploadId": "0f8fad5b-d9cb-469f-a165-70867728950e"},
    "output": {"format": "auto", "quality": 90},
    "createdAt": "2026-11-25T01:02:03.456Z",
    "updatedAt": "2026-11-25T01:02:04.456Z",
    "completedAt": "2026-11-25T01:02:04.456Z",
    "result": {"key": "results/1.jpg", "contentType": "image/jpeg", "bytes": 1},
}
LATER = {**FIRST, "mood": "calm", "output": {**FIRST["output"], "mood": "calm"}}


@pytest.mark.parametrize("item", [FIRST, LATER], ids=["of the first release", "of a later one"])
def test_a_task_of_another_release_is_shown_published_and_queued(api: Api, item: dict[str, Any]):
    api.aws.table.put_item(Item=item)

    shown = api.get(f"/tasks/{item['taskId']}")

    assert (shown.status, shown.body["status"]) == (200, "COMPLETED")
    assert "mood" not in shown.body
    assert shown.body["source"] == FIRST["source"]
    assert detail(item)["callback"] is False
    assert json.loads(webhook(item)[1])["data"]["taskId"] == item["taskId"]
    assert read_order(json.dumps(order(item))) == order(item)


def test_what_was_submitted_with_a_key_before_there_were_callers_stays_the_callers(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    """Its owner is the id of that key, also for keys that the caller gets later."""
    api.aws.table.put_item(Item=FIRST)
    monkeypatch.setattr(api.module, "key_owners", KeyOwners(api.module.index.table))
    assert api.get(f"/tasks/{FIRST['taskId']}", caller="me").status == 200

    for key_id in ("me", "the-next"):
        record = {"caller": "first", "ownerId": FIRST["owner"]}
        api.aws.table.put_item(Item={**key_item(key_id), **record})

    for key_id in ("me", "the-next"):
        assert api.get(f"/tasks/{FIRST['taskId']}", caller=key_id).status == 200


def test_an_upload_without_an_owner_in_its_key_is_still_found(
    aws: FakeAws, load: Callable[[str, str], ModuleType]
):
    aws.bucket.put(f"uploads/{FIRST['source']['uploadId']}", b"sent before", "image/png")

    answer = load("lambdas", "download").handler(order(FIRST), None)

    assert answer == {"sourceKey": f"uploads/{FIRST['source']['uploadId']}"}


def test_an_order_of_a_later_release_keeps_what_this_one_does_not_know():
    """The execution is of the machine's live version, which may be the later one."""
    later = {**order(FIRST), "mood": "calm"}
    assert read_order(json.dumps(later)) == later
