"""Poll tasks until they have ended, for little: versions, a list for many, the API's own pace."""

import itertools
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from darkroom.client.transport import path_of
from darkroom.client.views import Task
from darkroom.tasks.model import OPEN, Status

Ask = Callable[[str, Mapping[str, Any], Mapping[str, str]], tuple[Any, Mapping[str, str]]]
"""Sends a GET, path, query and headers; gives the body, None for a 304, and the headers."""

PAGE = 100
"""Tasks that one answer lists at most."""
FIRST_PAUSE, LONGEST_PAUSE, SLOWER = 0.1, 2.0, 1.25
"""Seconds between the first two polls, between the last ones, and how one grows to the other; a
`Retry-After` that is longer counts."""
# A status that comes late never shows a task going backwards.
RANK = {Status.PENDING: 0, Status.RUNNING: 1}


def ended(task: Mapping[str, Any]) -> bool:
    """Whether a task has ended, well or badly."""
    return task["status"] not in OPEN


class Poll:
    """Asks the API the same questions again: for what is new since, at the pace that it tells."""

    def __init__(self, ask: Ask, sleep: Callable[[float], None]) -> None:
        """Take what sends a GET, and what waits some seconds."""
        self._ask, self._sleep = ask, sleep
        self._known: dict[str, tuple[str, Any]] = {}
        self._told: list[float] = []
        self._pause = FIRST_PAUSE

    def get(self, path: str, query: Mapping[str, Any]) -> Any:
        """Return a body: the very one that was returned before, if it is still true."""
        place = f"{path}?{query.get('cursor', '')}"
        version, known = self._known.get(place, ("", None))
        body, headers = self._ask(path, query, {"If-None-Match": version} if version else {})
        if (pause := headers.get("Retry-After", "")).isdecimal():
            self._told.append(float(pause))
        if body is None:
            return known
        if version := headers.get("ETag", ""):
            self._known[place] = (version, body)
        return body

    def rest(self, most: float) -> None:
        """Wait before the next round, `most` seconds at most: longer each time, or as was told."""
        self._sleep(min(max(self._pause, min(self._told, default=0.0)), most))
        self._pause = min(self._pause * SLOWER, LONGEST_PAUSE)
        self._told = []


class Watch:
    """Watches tasks through the API."""

    def __init__(self, poll: Poll) -> None:
        """Take what asks the API."""
        self._poll = poll

    def until_ended(
        self,
        task_ids: Collection[str],
        seconds: float,
        on_change: Callable[[Task], None] | None,
    ) -> dict[str, Task]:
        """Poll until all tasks have ended, or the seconds have passed: see `Darkroom.wait`."""
        deadline = time.monotonic() + seconds
        seen: dict[str, Task] = {}
        left = dict.fromkeys(task_ids)
        while left:
            for task in self._look(left):
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
            self._poll.rest(rest)
        return seen

    def _look(self, task_ids: Collection[str]) -> Iterator[Task]:
        """Ask for tasks in as few requests as may be."""
        missing = set(task_ids)
        if len(missing) > 1:
            # What was submitted last stands first. Others may have submitted meanwhile, but to
            # read through all their tasks would be no saving any more.
            reach = PAGE * (len(missing) // PAGE + 1)
            for task in itertools.islice(self._list(), reach):
                if task["taskId"] in missing:
                    missing.remove(task["taskId"])
                    yield task
                    if not missing:
                        return
        for task_id in missing:
            yield self._poll.get(path_of("tasks", task_id), {})

    def _list(self) -> Iterator[Task]:
        query: dict[str, Any] = {"limit": PAGE}
        while True:
            page = self._poll.get("/tasks", query)
            yield from page["tasks"]
            if not page.get("cursor"):
                return
            query = {"limit": PAGE, "cursor": page["cursor"]}


def _rank(task: Mapping[str, Any]) -> int:
    return RANK.get(task["status"], len(RANK))
