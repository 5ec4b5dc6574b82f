"""Many tasks at once that ended badly: find them, count them, try them again."""

import datetime
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus

from darkroom.cli.render import moment
from darkroom.cli.submissions import AT_ONCE
from darkroom.client import ApiError, Darkroom, Task, Unreachable
from darkroom.client.transport import NOT_TAKEN

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass
class Outcome:
    """What came of several requests, each about one task. The ids are in no order."""

    done: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Tasks that are in another status by now, with what the API said: somebody else was first."""
    failed: dict[str, str] = field(default_factory=dict)
    """Tasks that the API did not answer for as it should, with what went wrong."""
    left: list[str] = field(default_factory=list)
    """Tasks that were not asked for, since the API had stopped answering."""


def duration(text: str) -> datetime.timedelta:
    """Return `30s`, `15m`, `1h` or `2d` as a duration.

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"([0-9]{1,5})([smhd])", text)
    if not found:
        raise ValueError(f"{text!r} is no duration. Give 30s, 15m, 1h or 2d.")
    return datetime.timedelta(**{UNITS[found[2]]: int(found[1])})


def select(tasks: Iterable[Task], error: str | None, since: datetime.datetime | None) -> list[Task]:
    """Return those of the tasks that failed with an error, and ended since a moment.

    The tasks come by the time they were submitted, and the end of an old one may be new: all of
    them are looked at.
    """
    return [
        task
        for task in tasks
        if (error is None or reason(task) == error)
        and (since is None or moment(task["completedAt"] or task["createdAt"]) >= since)
    ]


def reason(task: Mapping[str, object]) -> str:
    """Return the name of the error that a task failed with; its status, if it did not fail."""
    failure = task.get("failure")
    return str(failure["error"] if isinstance(failure, Mapping) else task["status"])


def retry(client: Darkroom, task: Task) -> None:
    """Try a task again; if the answer is lost, see whether that was done before doing it again.

    Raises:
        ApiError, Unreachable: as `Darkroom.retry`.
    """
    task_id = task["taskId"]
    try:
        client.retry(task_id, task["attempt"])
    except (ApiError, Unreachable) as error:
        if isinstance(error, ApiError) and not error.lost:
            raise
        if client.task(task_id)["attempt"] == task["attempt"]:
            client.retry(task_id, task["attempt"])


def each(task_ids: Sequence[str], act: Callable[[str], object]) -> Outcome:
    """Do something with each task, some of them at a time, and return what came of it.

    `act` raises as `Darkroom.retry` does. An API that throttled, refused the key or was not there,
    in spite of all patience, ends it all: the rest would only wait as long, each of them.
    """
    outcome, stop = Outcome(), threading.Event()

    def one(task_id: str) -> None:
        if stop.is_set():
            outcome.left.append(task_id)
            return
        try:
            act(task_id)
        except ApiError as error:
            if error.status == HTTPStatus.CONFLICT:
                outcome.refused[task_id] = str(error)
                return
            outcome.failed[task_id] = str(error)
            if error.status in NOT_TAKEN | {HTTPStatus.FORBIDDEN}:
                stop.set()
        except Unreachable as error:
            outcome.failed[task_id] = str(error)
            stop.set()
        else:
            outcome.done.append(task_id)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, task_ids))
    return outcome
