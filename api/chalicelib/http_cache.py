"""What may be cached, and low-cost polling: `ETag`, 304 and `Retry-After`.

A client that polls sends the `ETag` of the last response in `If-None-Match`. It gets 304 without a
body while nothing has changed (RFC 9110, 8.8.3 and 13.1.2). `Retry-After` says when to poll again:
after a second for a new task, and later the older the task is. It is never 0, which would make a
client that obeys it ask without a pause.
No request is held open to wait: it would occupy one of the account's concurrent executions.

No cache may store a response without a version, such as a secret, a history or an error: a cache
may keep a 404 although nothing says so (RFC 9110, 15.1), and would return it when a task exists.
"""

import datetime
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chalice.app import Response

from darkroom.aws.s3 import LINK_SECONDS
from darkroom.batches.model import BatchStatus, is_deleting
from darkroom.tasks.model import OPEN

AGE_PER_WAIT = 4
"""The wait is the task's age divided by this: a client learns of its end at most 25 % too late."""
MIN_RETRY_AFTER, MAX_RETRY_AFTER = 1, 30
"""Seconds."""


def forbid_storing(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Respond to a request, with `no-store` unless the route decides. A Chalice middleware."""
    response = get_response(event)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def tasks_response(
    body: dict[str, Any], items: Iterable[Mapping[str, Any]], headers: Mapping[str, str]
) -> Response:
    """Return the response to a GET of tasks: the body, or 304 if the client has this version.

    Args:
        body: of the response.
        items: the tasks in it.
        headers: of the request.
    """
    items = list(items)
    # The version changes after half of a link's lifetime: a 304 never confirms an expired link.
    parts = [body.get("cursor"), int(time.time() / (LINK_SECONDS / 2))]
    parts += [
        f"{item['taskId']} {item['attempt']} {item['updatedAt']} {item.get('delivery')}"
        for item in items
    ]
    open_since = [item["updatedAt"] for item in items if item["status"] in OPEN]
    return _versioned(body, parts, open_since, headers)


def batches_response(
    batches: list[dict[str, Any]],
    cursor: str | None,
    items: list[dict[str, Any]],
    headers: Mapping[str, str],
) -> Response:
    """Return the response to a GET of batches: a page of them, or 304, as `tasks_response`.

    Args:
        batches: their views, made from the items.
        cursor: of the next page.
        items: the batches.
        headers: of the request.
    """
    version = [cursor, *(f"{item['batchId']} {item['updatedAt']}" for item in items)]
    open_since = [item["startedAt"] for item in items if item["status"] == BatchStatus.RUNNING]
    return _versioned({"batches": batches, "cursor": cursor}, version, open_since, headers)


def batch_response(
    batch: dict[str, Any], item: Mapping[str, Any], headers: Mapping[str, str]
) -> Response:
    """Return the response to a GET of a batch: its view, or 304 if the client has this version.

    Args:
        batch: the view, made from the item.
        item: the batch.
        headers: of the request.
    """
    counts = batch["counts"]
    # The open tasks of a batch that has ended will be cancelled soon.
    unfinished = (
        item["status"] == BatchStatus.RUNNING
        or is_deleting(item)
        or any(counts[status] for status in OPEN)
    )
    open_since = [item.get("deletionRequestedAt") or item["startedAt"]] if unfinished else []
    shown = [batch[name] for name in ("total", "deleted", "deletionRequestedAt")]
    version = [item["batchId"], item["run"], item["status"], *shown, *counts.values()]
    return _versioned(batch, version, open_since, headers)


def _versioned(
    body: dict[str, Any],
    parts: Iterable[Any],
    open_since: Iterable[str],
    headers: Mapping[str, str],
) -> Response:
    """Return the response to a GET: the body, or 304 if the client has this version.

    Args:
        body: of the response.
        parts: the values that its version is made of.
        open_since: for each task or batch that has not ended, when it last changed.
        headers: of the request.
    """
    etag = _etag(parts)
    response: dict[str, str | list[str]] = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Encoding",  # API Gateway compresses responses
    }
    waits = [_wait(since) for since in open_since]
    if waits:
        response["Retry-After"] = str(min(waits))
    if _matches(etag, headers.get("if-none-match", "")):
        return Response("", headers=response, status_code=304)
    return Response(body, headers=response)


def _etag(parts: Iterable[Any]) -> str:
    """Return a weak ETag: responses of one version may differ in the signatures of their links."""
    return f'W/"{hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]}"'


def _matches(etag: str, if_none_match: str) -> bool:
    """Whether the client has this version, by the weak comparison of RFC 9110, 8.8.3.2."""
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in known or etag.removeprefix("W/") in known


def _wait(since: str) -> int:
    """Return the seconds that a client should wait before it polls again."""
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(since)
    wait = int(age.total_seconds() / AGE_PER_WAIT)
    return max(MIN_RETRY_AFTER, min(wait, MAX_RETRY_AFTER))
