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

from darkroom.objects import LINK_SECONDS
from darkroom.tasks import OPEN

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
    version = _version(items, body.get("cursor"))
    told: dict[str, str | list[str]] = {"ETag": version, "Cache-Control": "private, no-cache"}
    pauses = [_pause(item) for item in items if item["status"] in OPEN]
    if pauses:
        told["Retry-After"] = str(min(pauses))
    if _has(version, headers.get("if-none-match", "")):
        return Response("", headers=told, status_code=304)
    return Response(body, headers=told)


def _version(items: list[Mapping[str, Any]], cursor: str | None) -> str:
    """Return a weak ETag: two answers of one version differ in the signatures of links at most."""
    # The half of a link's life is in it, so that no client is told that a dead link is current.
    parts = [str(cursor), str(int(time.time() / (LINK_SECONDS / 2)))]
    parts += [
        f"{item['taskId']} {item['attempt']} {item['updatedAt']} {item.get('delivery')}"
        for item in items
    ]
    return f'W/"{hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]}"'


def _has(version: str, if_none_match: str) -> bool:
    """Whether the client named this version, by the weak comparison of RFC 9110, 8.8.3.2."""
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in known or version.removeprefix("W/") in known


def _pause(item: Mapping[str, Any]) -> int:
    moved = datetime.datetime.fromisoformat(item["updatedAt"])
    age = (datetime.datetime.now(datetime.UTC) - moved).total_seconds()
    return max(0, min(int(age / PATIENCE), LONGEST_PAUSE))
