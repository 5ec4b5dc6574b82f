"""Low-cost polling: with ETags, with one list for many tasks, at the pace that the API asks for."""

import itertools
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from darkroom.client.transport import Api, pages
from darkroom.client.views import Task
from darkroom.tasks.model import OPEN, Status

PAGE = 100
"""Maximum number of tasks in one page."""
FIRST_PAUSE, LONGEST_PAUSE, SLOWER = 0.1, 2.0, 1.25
"""Seconds between the first two polls, the maximum, and the factor by which the pause grows.

A longer `Retry-After` has precedence, if it is more than a second.
"""
SOON = 1.0
"""The shortest `Retry-After`, which has no fractions. Most tasks end within a second, so the first
polls come sooner."""
# A response that arrives late must not move a task back to an earlier status.
RANK = {Status.PENDING: 0, Status.RUNNING: 1}


def ended(task: Mapping[str, Any]) -> bool:
    """Whether a task has ended, with success or not."""
    return task["status"] not in OPEN


class Poll:
    """Repeats GET requests: receives only what has changed, at the pace that the API asks for."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[tuple[str, ...], tuple[str, Any]] = {}
        self._retry_after: list[float] = []
        self._pause = FIRST_PAUSE

    def get(self, *path: str, **query: Any) -> Any:
        """Return a body: the same object as before if it has not changed."""
        place = (*path, query.get("cursor", ""))
        version, known = self._known.get(place, ("", None))
        body, headers = self._api.get_if_changed(*path, query=query, version=version)
        if (pause := headers.get("Retry-After", "")).isdecimal():
            self._retry_after.append(float(pause))
        if body is None:
            return known
        if version := headers.get("ETag", ""):
            self._known[place] = (version, body)
        return body

    def rest(self, most: float) -> None:
        """Wait before the next poll: longer each time, or for `Retry-After`; at most `most`."""
        wanted = min(self._retry_after, default=SOON)
        self._api.sleep(min(self._pause if wanted <= SOON else max(self._pause, wanted), most))
        self._pause = min(self._pause * SLOWER, LONGEST_PAUSE)
        self._retry_after = []


def until_ended(
    api: Api,
    task_ids: Collection[str],
    seconds: float,
    on_change: Callable[[Task], None] | None,
) -> dict[str, Task]:
    """Poll until all tasks have ended, or until the timeout: see `Darkroom.wait`."""
    poll = Poll(api)
    deadline = time.monotonic() + seconds
    seen: dict[str, Task] = {}
    left = dict.fromkeys(task_ids)
    while left:
        for task in _read(poll, left):
            before = seen.get(task["taskId"])
            if before is None or _rank(task) > _rank(before):
                seen[task["taskId"]] = task
                if on_change:
                    on_change(task)
            if ended(task):
                del left[task["taskId"]]
        rest = deadline - time.monotonic()
        if not left or rest <= 0:
            break
        poll.rest(rest)
    return seen


def _read(poll: Poll, task_ids: Collection[str]) -> Iterator[Task]:
    """Read tasks with as few requests as possible."""
    missing = set(task_ids)
    if len(missing) > 1:
        # The newest tasks come first. Others may have been submitted in the meantime, but to read
        # many pages of them would cost more requests than it saves.
        reach = len(missing) // PAGE + 1
        read = pages(lambda query: poll.get("tasks", **query), {"limit": PAGE})
        for page in itertools.islice(read, reach):
            for task in page["tasks"]:
                if task["taskId"] in missing:
                    missing.remove(task["taskId"])
                    yield task
            if not missing:
                return
    for task_id in missing:
        yield poll.get("tasks", task_id)


def _rank(task: Mapping[str, Any]) -> int:
    return RANK.get(task["status"], len(RANK))
