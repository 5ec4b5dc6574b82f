"""The content of events and webhooks, which report that a task has ended.

`docs/events.md` and its JSON schema describe both. A test checks that they agree with this module.
"""

import base64
import datetime
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.tasks.model import Status

SOURCE = "darkroom.task"
ENDS = [status for status in Status if status.terminal]
DETAIL_TYPES = {status: f"Task{status.capitalize()}" for status in ENDS}
"""By status: `TaskCompleted`, `TaskFailed`, `TaskCancelled`."""
WEBHOOK_TYPES = {status: f"task.{status.lower()}" for status in ENDS}
"""By status: `task.completed`, `task.failed`, `task.cancelled`."""
TASK_FIELDS = ("taskId", "status", "attempt", "createdAt", "completedAt")
"""The attributes of every task that every event contains as they are."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret

REQUIRED: dict[str, type] = {
    "taskId": str,
    "owner": str,
    "attempt": int,
    "createdAt": str,
    "completedAt": str,
}
REQUIRED_IN_RESULT: dict[str, type] = {"bytes": int}
REQUIRED_IN_FAILURE: dict[str, type] = {"error": str, "message": str}
"""Attributes that an item must have to be published, with their types."""

Item = Mapping[str, Any]


class UnpublishableItem(ValueError):
    """The item is not a task that has ended, or no event can contain its values."""


def check(item: Item) -> None:
    """Check that an item can be published.

    Only Darkroom should write to its table. But an invalid item that somebody else writes would be
    read from the stream again and again for a day, and block everything behind it.

    Raises:
        UnpublishableItem: the item is not a task that has ended, or has invalid values.
    """
    parts: list[tuple[str, Any, dict[str, type]]] = [("the task", item, REQUIRED)]
    if item.get("status") == Status.COMPLETED:
        parts.append(("the result", item.get("result"), REQUIRED_IN_RESULT))
    if item.get("status") == Status.FAILED:
        parts.append(("the failure", item.get("failure"), REQUIRED_IN_FAILURE))
    for what, part, fields in parts:
        for field, kind in fields.items():
            # Not isinstance: in Python, True is an int.
            if not isinstance(part, Mapping) or type(part.get(field)) is not kind:
                raise UnpublishableItem(
                    f"The field {field} of {what} is missing or has the wrong type."
                )
    try:
        begun, ended = map(
            datetime.datetime.fromisoformat, (item["createdAt"], item["completedAt"])
        )
        _ = ended - begun, DETAIL_TYPES[Status(item["status"])], json.dumps(detail(item))
    except (KeyError, TypeError, ValueError) as error:
        raise UnpublishableItem("The task has a value that an event cannot contain.") from error


def detail(item: Item) -> dict[str, Any]:
    """Return the content of the event of a task that has ended.

    It omits the source, whose URL may be secret. `callback` says whether the task has a
    `callbackUrl`.
    """
    result = item.get("result")
    return {
        **{name: item[name] for name in TASK_FIELDS},
        "name": item.get("name"),
        "batchId": item.get("batchId"),
        "result": {k: v for k, v in result.items() if k != "key"} if result else None,
        "failure": item.get("failure"),
        "callback": "callbackUrl" in item,
    }


def entry(item: Item, stack: str) -> dict[str, str]:
    """Return the event of a task that has ended, as an entry of EventBridge's PutEvents.

    It names the stack, because all stacks of an account share one event bus.
    """
    return {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPES[Status(item["status"])],
        "Detail": json.dumps({"stack": stack, **detail(item)}, ensure_ascii=False),
    }


def webhook_order(item: Item) -> dict[str, Any]:
    """Return the message that orders a webhook: `{"detail": {"taskId": …, "attempt": …}}`.

    This is the envelope of an event of EventBridge: a rule wrote the messages of earlier releases.
    """
    return {"detail": {name: item[name] for name in ("taskId", "attempt")}}


def webhook(item: Item) -> tuple[str, bytes]:
    """Return the id and the body of the webhook of a task that has ended: the same at each try.

    The body has the fields that Standard Webhooks recommends: `type`, `timestamp`, `data`
    (https://www.standardwebhooks.com, "Payload structure").
    """
    data = detail(item)
    del data["callback"]
    payload = {
        "type": WEBHOOK_TYPES[Status(item["status"])],
        "timestamp": item["completedAt"],
        "data": data,
    }
    body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    return f"{item['taskId']}-{item['attempt']}", body


def signed(message_id: str, body: bytes, secrets: Sequence[bytes], sent_at: int) -> dict[str, str]:
    """Return the headers of a webhook: its id, when it was sent, its signatures.

    A signature is an HMAC with SHA-256 of `id.timestamp.body`. There is one for each secret, in one
    header, separated by spaces. The receiver accepts the webhook if one of them is valid
    (https://www.standardwebhooks.com, "Signature scheme").

    Args:
        message_id: the same at each try, so that the receiver can recognize a duplicate.
        body: the body of the request.
        secrets: the keys, of which the receiver has one. After a rotation the earlier one is among
            them for a day.
        sent_at: the present time, in seconds since 1970.
    """
    content = f"{message_id}.{sent_at}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": " ".join(_signature(secret, content) for secret in secrets),
        "Content-Type": "application/json",
    }


def _signature(secret: bytes, content: bytes) -> str:
    digest = hmac.digest(secret, content, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def secret_text(secret: bytes) -> str:
    """Return a secret in the form that Standard Webhooks libraries accept."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()
