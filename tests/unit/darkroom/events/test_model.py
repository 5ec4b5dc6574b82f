"""The event of a completion and its webhook, compared with their schema and Standard Webhooks."""

import json
import time
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from darkroom.events.model import DETAIL_TYPES, WEBHOOK_TYPES, detail, secret_text, signed, webhook
from darkroom.tasks.model import Status
from tests.support.project import PROJECT

DOCS = PROJECT / "docs"
SECRET = bytes(range(32))
TASK: dict[str, Any] = {
    "taskId": "00ebb763-6783-4f6d-ad5a-ac1fcc3b8807",
    "owner": "me",
    "status": "CANCELLED",
    "attempt": 2,
    "createdAt": "2026-11-25T04:26:32.612Z",
    "updatedAt": "2026-11-25T04:26:32.686Z",
    "completedAt": "2026-11-25T04:26:32.686Z",
    "source": {"imageUrl": "https://example.com/a.jpg?signature=secret"},
    "output": {"format": "auto", "quality": 90},
    "callbackUrl": "https://example.com/told?token=secret",
}
RESULT = {
    "key": "results/1.jpg", "contentType": "image/jpeg", "width": 4, "height": 3, "bytes": 9,
    "sha256": "9f" * 32,
}  # fmt: skip
FAILURE = {"step": "Download", "error": "SourceNotFound", "message": "It answered 404."}
ENDS = [
    TASK,
    TASK | {"status": "COMPLETED", "result": RESULT, "name": "ä"},
    {name: value for name, value in TASK.items() if name != "callbackUrl"}
    | {"status": "FAILED", "failure": FAILURE},
]


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    return Draft202012Validator(json.loads((DOCS / "event.schema.json").read_text()))


@pytest.mark.parametrize("task", ENDS)
def test_an_event_has_the_form_of_its_schema(schema: Draft202012Validator, task: Any) -> None:
    reported = {"stack": "darkroom", **detail(task)}
    schema.validate(reported)
    assert reported["callback"] == ("callbackUrl" in task)
    for name in reported:
        with pytest.raises(ValidationError):
            schema.validate({key: value for key, value in reported.items() if key != name})
    with pytest.raises(ValidationError):
        schema.validate(reported | {"result": FAILURE})


@pytest.mark.parametrize("task", ENDS)
def test_nothing_that_may_be_secret_is_shown(task: Any) -> None:
    _, body = webhook(task)
    for text in (json.dumps(detail(task)), body.decode()):
        assert "secret" not in text
        assert "results/" not in text
        assert '"me"' not in text


def test_every_end_has_a_name_of_each_kind() -> None:
    ends = {status for status in Status if status.terminal}
    assert set(DETAIL_TYPES) == set(WEBHOOK_TYPES) == ends
    documented = (DOCS / "events.md").read_text()
    for name in [*DETAIL_TYPES.values(), *WEBHOOK_TYPES.values()]:
        assert f"`{name}`" in documented


@pytest.mark.parametrize("task", ENDS)
def test_the_reference_library_verifies_a_webhook(task: Any) -> None:
    message_id, body = webhook(task)
    headers = signed(message_id, body, [SECRET], int(time.time()))

    reported = Webhook(secret_text(SECRET)).verify(body, headers)

    assert reported["type"] == WEBHOOK_TYPES[Status(task["status"])]
    assert reported["timestamp"] == task["completedAt"]
    assert reported["data"]["taskId"] == task["taskId"]
    assert headers["webhook-id"] == webhook(task)[0]


@pytest.mark.parametrize("change", ["body", "id", "time", "secret"])
def test_the_reference_library_refuses_what_was_changed(change: str) -> None:
    message_id, body = webhook(TASK)
    headers = signed(message_id, body, [SECRET], int(time.time()))
    secret = bytes(32) if change == "secret" else SECRET
    headers["webhook-id"] += "x" if change == "id" else ""
    if change == "time":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) - 1)

    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(secret)).verify(body + b" " * (change == "body"), headers)
