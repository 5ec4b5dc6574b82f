"""Retry or cancel several tasks: by id, or all failed tasks with some error and time."""

import datetime
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import typer

from darkroom.cli import render
from darkroom.cli.errors import UsageError
from darkroom.cli.render import complain, confirm, count, say
from darkroom.cli.submissions import AT_ONCE
from darkroom.client import ApiError, Darkroom, DarkroomError, Task, Unreachable
from darkroom.client.errors import NO_ANSWER, NOT_TAKEN
from darkroom.tasks.model import Status, allowed

SHOWN = 10
"""Tasks that are listed before a bulk retry; the rest is counted."""
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


Result = Task | DarkroomError | None
"""The outcome of a request: the task, why the request failed, or None if it was not sent."""


def act_on(task_ids: Sequence[str], act: Callable[[str], Task]) -> None:
    """Act on each of the tasks, show them, and exit 1 if a request failed."""
    results = act_on_each(list(dict.fromkeys(task_ids)), act)
    for task_id, result in results.items():
        if isinstance(result, dict):
            render.show(render.line(result["status"], task_id, f"attempt {result['attempt']}"))
        else:
            complain(f"{task_id}: {result or 'Skipped, because the API had stopped answering.'}")
    if not all(isinstance(result, dict) for result in results.values()):
        raise typer.Exit(1)


def retry_all(
    client: Darkroom,
    status: Status,
    error: str | None,
    since: str | None,
    *,
    yes: bool,
    dry_run: bool,
) -> None:
    """Retry all tasks with a status, after showing them and asking.

    Raises:
        UsageError: tasks with this status cannot be retried, or `since` is no duration.
    """
    if not allowed("retry", status):
        raise UsageError(f"A {status} task cannot be retried.")
    try:
        now = datetime.datetime.now(datetime.UTC)
        ended_since = None if since is None else now - duration(since)
    except ValueError as problem:
        raise UsageError(f"--since: {problem}") from problem
    with render.screen(stderr=True).status("Reading your tasks"):
        # All are read: they are ordered by creation, and an old task may have ended recently.
        tasks = {
            task["taskId"]: task
            for task in client.all_tasks(status)
            if (error is None or _reason(task)[0] == error)
            and (ended_since is None or _ended(task) >= ended_since)
        }
    if not tasks:
        say("No task matches.")
        return
    render.show(render.reason_table(map(_reason, tasks.values())))
    say("")
    render.show(render.task_table([*tasks.values()][:SHOWN]))
    if len(tasks) > SHOWN:
        say(f"… and {len(tasks) - SHOWN} more")
    if not dry_run:
        confirm(f"Retry {count(len(tasks), 'task')}?", yes=yes)
        results = act_on_each(list(tasks), lambda task_id: retry(client, tasks[task_id]))
        _report(results.values())


def duration(text: str) -> datetime.timedelta:
    """Return `30s`, `15m`, `1h` or `2d` as a duration.

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(r"([0-9]{1,5})([smhd])", text)
    if not found:
        raise ValueError(f"{text!r} is no duration. Use a form like 30s, 15m, 1h or 2d.")
    return datetime.timedelta(**{UNITS[found[2]]: int(found[1])})


def retry(client: Darkroom, task: Task) -> Task:
    """Retry a task. If the response is lost, send the request again only if it had no effect.

    Raises:
        ApiError, Unreachable: as `Darkroom.retry`.
    """
    task_id = task["taskId"]
    try:
        return client.retry(task_id, task["attempt"])
    except (ApiError, Unreachable) as error:
        if isinstance(error, ApiError) and error.status not in NO_ANSWER:
            raise
        found = client.task(task_id)
        retried = found["attempt"] != task["attempt"]
        return found if retried else client.retry(task_id, task["attempt"])


def act_on_each(task_ids: Sequence[str], act: Callable[[str], Task]) -> dict[str, Result]:
    """Call `act` with each task id, several at a time, and return the results by task id.

    `act` raises as `Darkroom.retry` does. The rest is skipped once the API throttles, refuses the
    key or does not answer even after retries: each further request would only wait as long.
    """
    stop = threading.Event()

    def one(task_id: str) -> Result:
        if stop.is_set():
            return None
        try:
            return act(task_id)
        except (ApiError, Unreachable) as error:
            if isinstance(error, Unreachable) or error.status in NOT_TAKEN | {HTTPStatus.FORBIDDEN}:
                stop.set()
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(task_ids, pool.map(one, task_ids), strict=True))


def _reason(task: Task) -> tuple[str, str]:
    """Return the error that a task failed with and its message; its status if it did not fail."""
    failure = task["failure"]
    return (failure["error"], failure["message"]) if failure else (task["status"], "")


def _ended(task: Task) -> datetime.datetime:
    return render.moment(task["completedAt"] or task["createdAt"])


def _report(results: Collection[Result]) -> None:
    """Print the results of a bulk retry; exit 1 if a request failed or was not sent.

    A conflict is no failure: somebody else has retried or cancelled that task.
    """
    errors = [result for result in results if isinstance(result, DarkroomError)]
    conflicts = [e for e in errors if isinstance(e, ApiError) and e.status == HTTPStatus.CONFLICT]
    failed = [error for error in errors if error not in conflicts]
    skipped = sum(result is None for result in results)
    say(f"{count(len(results) - len(errors) - skipped, 'task')} retried.")
    if conflicts:
        say(f"{len(conflicts)} not retried: the status had changed in the meantime.")
    for reason, number in Counter(map(str, failed)).items():
        complain(f"{number} not retried: {reason}")
    if skipped:
        complain(f"{skipped} skipped. Run the command again later.")
    if failed or skipped:
        raise typer.Exit(1)
