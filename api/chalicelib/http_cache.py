"""How a client waits for little money: versions of answers, and when to ask again.

A client that polls sends the `ETag` of the last answer in `If-None-Match` and gets 304 without a
body while nothing has changed (RFC 9110, 8.8.3 and 13.1.2). `Retry-After` says when to look again:
at once while a task is young, for most end in less than a second, and ever later as it grows old.
No request is held open to wait: each would take one of the account's concurrent functions.
"""

import datetime
import hashlib
import time
from collections.abc import Iterable, Mapping
from typing import Any

from chalice.app import Response

from darkroom.aws.s3 import LINK_SECONDS
from darkroom.tasks.model import OPEN

PATIENCE = 4
"""A client waits the age of a task by this: it learns of an end at most a quarter too late."""
LONGEST_PAUSE = 30
"""Seconds."""


def answer(
    body: dict[str, Any], items: Iterable[Mapping[str, Any]], headers: Mapping[str, str]
) -> Response:
    """Return the answer to a GET: the body, or 304 if the client has it.

    Args:
        body: the answer.
        items: the tasks that are in it.
        headers: of the request.
    """
    items = list(items)
    # The half of a link's life is in it, so that no client is told that a dead link is current.
    parts = [body.get("cursor"), int(time.time() / (LINK_SECONDS / 2))]
    parts += [
        f"{item['taskId']} {item['attempt']} {item['updatedAt']} {item.get('delivery')}"
        for item in items
    ]
    moved = [item["updatedAt"] for item in items if item["status"] in OPEN]
    return versioned(body, parts, moved, headers)


def versioned(
    body: dict[str, Any], parts: Iterable[Any], moved: Iterable[str], headers: Mapping[str, str]
) -> Response:
    """Return the answer to a GET: the body, or 304 if the client has it.

    Args:
        body: the answer.
        parts: what differs where two answers differ.
        moved: when what has not ended yet moved last.
        headers: of the request.
    """
    version = _version(parts)
    told: dict[str, str | list[str]] = {"ETag": version, "Cache-Control": "private, no-cache"}
    pauses = [_pause(moment) for moment in moved]
    if pauses:
        told["Retry-After"] = str(min(pauses))
    if _has(version, headers.get("if-none-match", "")):
        return Response("", headers=told, status_code=304)
    return Response(body, headers=told)


def _version(parts: Iterable[Any]) -> str:
    """Return a weak ETag: two answers of one version differ in the signatures of links at most."""
    return f'W/"{hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]}"'


def _has(version: str, if_none_match: str) -> bool:
    """Whether the client named this version, by the weak comparison of RFC 9110, 8.8.3.2."""
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in known or version.removeprefix("W/") in known


def _pause(moved: str) -> int:
    since = datetime.datetime.fromisoformat(moved)
    age = (datetime.datetime.now(datetime.UTC) - since).total_seconds()
    return max(0, min(int(age / PATIENCE), LONGEST_PAUSE))
