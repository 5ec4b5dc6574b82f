"""What the world is told when a task ends: an event for the account, a webhook for the caller.

`docs/events.md` and its JSON schema describe both; a test holds them to this module.
"""

import base64
import datetime
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from darkroom.tasks.model import Status

SOURCE = "darkroom.task"
DETAIL_TYPES = {
    Status.COMPLETED: "TaskCompleted",
    Status.FAILED: "TaskFailed",
    Status.CANCELLED: "TaskCancelled",
}
WEBHOOK_TYPES = {
    Status.COMPLETED: "task.completed",
    Status.FAILED: "task.failed",
    Status.CANCELLED: "task.cancelled",
}
ALWAYS = ("taskId", "status", "attempt", "createdAt", "completedAt")
SECRET_PREFIX = "whsec_"  # noqa: S105 - says what follows, and is none

REQUIRED: dict[str, type] = {"taskId": str, "attempt": int, "createdAt": str, "completedAt": str}
RESULT: dict[str, type] = {"bytes": int}
FAILURE: dict[str, type] = {"error": str, "message": str}
"""What an end must have to be told, and of which type."""

Item = Mapping[str, Any]


class NotEnded(ValueError):
    """An item of the table is not what Darkroom writes when a task ends."""


def check(item: Item) -> None:
    """Raise NotEnded if an item is not that of a task which has ended.

    Only Darkroom writes to its table; but what somebody else has written to it would come from the
    stream again and again, for a day, and keep all that is behind it waiting.
    """
    parts: list[tuple[str, Any, dict[str, type]]] = [("the task", item, REQUIRED)]
    if item.get("status") == Status.COMPLETED:
        parts.append(("its result", item.get("result"), RESULT))
    if item.get("status") == Status.FAILED:
        parts.append(("its failure", item.get("failure"), FAILURE))
    for what, part, fields in parts:
        for field, kind in fields.items():
            # The very type: to Python, true is an int.
            if not isinstance(part, Mapping) or type(part.get(field)) is not kind:
                raise NotEnded(f"There is no {field} of {what}, or it is of the wrong type.")
    try:
        begun, ended = map(_moment, (item["createdAt"], item["completedAt"]))
        _ = ended - begun, DETAIL_TYPES[Status(item["status"])], json.dumps(detail(item))
    except (KeyError, TypeError, ValueError) as error:
        raise NotEnded("It has a value that no event can hold.") from error


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def detail(item: Item) -> dict[str, Any]:
    """Return what the event of a task's end says. The source, a URL that may be secret, is not in.

    `callback` says whether the caller wants to be told as well.
    """
    result = item.get("result")
    return {
        **{name: item[name] for name in ALWAYS},
        "name": item.get("name"),
        "result": {k: v for k, v in result.items() if k != "key"} if result else None,
        "failure": item.get("failure"),
        "callback": "callbackUrl" in item,
    }


def entry(item: Item, stack: str) -> dict[str, str]:
    """Return the event of a task's end as EventBridge takes it.

    It names the stack, since all stacks of an account share one event bus.
    """
    said = {"stack": stack, **detail(item)}
    return {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPES[Status(item["status"])],
        "Detail": json.dumps(said, ensure_ascii=False),
    }


def webhook(item: Item) -> tuple[str, bytes]:
    """Return the id and the body of the webhook of a task's end: the same at each try.

    The body has the fields that Standard Webhooks recommends: `type`, `timestamp`, `data`
    (https://www.standardwebhooks.com, "Payload structure").
    """
    data = detail(item)
    del data["callback"]
    told = {
        "type": WEBHOOK_TYPES[Status(item["status"])],
        "timestamp": item["completedAt"],
        "data": data,
    }
    body = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    return f"{item['taskId']}-{item['attempt']}", body


def signed(message_id: str, body: bytes, secret: bytes, moment: int) -> dict[str, str]:
    """Return the headers of a webhook: its id, when it was sent, its signature.

    The signature is an HMAC with SHA-256 of `id.timestamp.body`
    (https://www.standardwebhooks.com, "Signature scheme").

    Args:
        message_id: the same at each try, so that a receiver knows what it has had.
        body: as it is sent.
        secret: the key that the receiver has as well.
        moment: seconds since 1970, now.
    """
    content = f"{message_id}.{moment}.".encode() + body
    signature = base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{signature}",
        "Content-Type": "application/json",
    }


def secret_text(secret: bytes) -> str:
    """Return a secret in the form that libraries of Standard Webhooks take."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()
