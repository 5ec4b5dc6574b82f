"""Act on many tasks at once, and select failed tasks by error and time."""

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
from darkroom.client.errors import NOT_TAKEN

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass
class Outcome:
    """The outcome of several requests, each about one task. The ids are in no order."""

    done: list[str] = field(default_factory=list)
    conflicts: dict[str, str] = field(default_factory=dict)
    """Tasks whose status changed in the meantime, with the API's message."""
    failed: dict[str, str] = field(default_factory=dict)
    """Tasks whose request failed, with the reason."""
    skipped: list[str] = field(default_factory=list)
    """Tasks for which no request was sent, because the API had stopped answering."""


def duration(text: str) -> datetime.timedelta:
    """Return `30s`, `15m`, `1h` or `2d` as a duration.

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(r"([0-9]{1,5})([smhd])", text)
    if not found:
        raise ValueError(f"{text!r} is no duration. Use a form like 30s, 15m, 1h or 2d.")
    return datetime.timedelta(**{UNITS[found[2]]: int(found[1])})


def select(tasks: Iterable[Task], error: str | None, since: datetime.datetime | None) -> list[Task]:
    """Return the tasks with this error that have ended since this time; None means any.

    All tasks are read: they are ordered by creation, and an old task may have ended recently.
    """
    return [
        task
        for task in tasks
        if (error is None or reason(task) == error)
        and (since is None or moment(task["completedAt"] or task["createdAt"]) >= since)
    ]


def reason(task: Mapping[str, object]) -> str:
    """Return the name of the error that a task failed with; its status if it did not fail."""
    failure = task.get("failure")
    return str(failure["error"] if isinstance(failure, Mapping) else task["status"])


def retry(client: Darkroom, task: Task) -> None:
    """Retry a task. If the response is lost, send the request again only if it had no effect.

    Raises:
        ApiError, Unreachable: as `Darkroom.retry`.
    """
    task_id = task["taskId"]
    try:
        client.retry(task_id, task["attempt"])
    except (ApiError, Unreachable) as error:
        if isinstance(error, ApiError) and not error.outcome_unknown:
            raise
        if client.task(task_id)["attempt"] == task["attempt"]:
            client.retry(task_id, task["attempt"])


def act_on_each(task_ids: Sequence[str], act: Callable[[str], object]) -> Outcome:
    """Call `act` with each task id, several at a time, and return the outcome.

    `act` raises as `Darkroom.retry` does. The rest is skipped once the API throttles, refuses the
    key or does not answer even after retries: each further request would only wait as long.
    """
    outcome, stop = Outcome(), threading.Event()

    def one(task_id: str) -> None:
        if stop.is_set():
            outcome.skipped.append(task_id)
            return
        try:
            act(task_id)
        except ApiError as error:
            if error.status == HTTPStatus.CONFLICT:
                outcome.conflicts[task_id] = str(error)
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
