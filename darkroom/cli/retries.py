"""Retry or cancel several tasks: by id, or all failed tasks with some error and time."""

import datetime
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

import typer

from darkroom.cli import ids, render
from darkroom.cli.errors import Interrupted, UsageError
from darkroom.cli.render import complain, confirm, count, note, say
from darkroom.cli.stack import Stack
from darkroom.cli.submissions import AT_ONCE, concerns_all
from darkroom.cli.terminal import times
from darkroom.cli.workers import Workers
from darkroom.client import ApiError, Darkroom, DarkroomError, Task, Unreachable
from darkroom.client.errors import NO_ANSWER
from darkroom.tasks.model import Status, allowed

SHOWN = 10
"""Tasks that are listed before a bulk retry; the rest is counted."""
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


Result = Task | DarkroomError | None
"""The outcome of a request: the task, why the request failed, or None if it was not sent."""


@dataclass(frozen=True)
class Selection:
    """Which tasks a bulk retry is for."""

    status: Status
    error: str | None = None
    """Only tasks that failed with this error."""
    ended_since: datetime.datetime | None = None

    @classmethod
    def of(cls, status: Status, error: str | None, since: str | None) -> "Selection":
        """Return the selection of the options of `darkroom retry`.

        Raises:
            UsageError: tasks with this status cannot be retried, or `since` is not a duration.
        """
        if not allowed("retry", status):
            raise UsageError(f"A {status} task cannot be retried. Use FAILED or CANCELLED.")
        try:
            ended_since = None if since is None else times.now() - duration(since)
        except ValueError as problem:
            raise UsageError(f"--since: {problem}") from problem
        return cls(status, error, ended_since)

    def has(self, task: Task) -> bool:
        """Whether a task with this status is selected."""
        return (self.error is None or _reason(task)[0] == self.error) and (
            self.ended_since is None or _ended(task) >= self.ended_since
        )


def act(
    stack: Stack,
    action: Literal["retry", "cancel"],
    task_ids: Sequence[str],
    batch_id: str | None,
    *,
    as_json: bool,
) -> None:
    """Retry or cancel a batch, or else tasks. Raises as `act_on`."""
    with stack.darkroom() as client:
        if not batch_id:
            act_on(stack, client, task_ids, getattr(client, action), as_json=as_json)
            return
        with ids.explained(stack, client, batch_id, batch=True):
            batch = getattr(client.batches, action)(batch_id)
    if as_json:
        render.print_json(batch)
    else:
        render.show(render.batch_line(batch))


def act_on(
    stack: Stack,
    client: Darkroom,
    task_ids: Sequence[str],
    action: Callable[[str], Task],
    *,
    as_json: bool,
    done: str | None = None,
) -> None:
    """Act on each of the tasks, show them, and exit 1 if a request failed.

    Args:
        stack: whose tasks they are.
        client: of the stack.
        task_ids: of the tasks.
        action: a request for one task. It returns the task.
        as_json: show the tasks as JSON.
        done: shown of each task instead of its status and attempt, if it has none afterwards.

    Raises:
        Interrupted: Ctrl-C. What was done is shown before that.
    """

    def one(task_id: str) -> Task:
        with ids.explained(stack, client, task_id, batch=False):
            return action(task_id)

    results: dict[str, Result] = {}
    wanted = list(dict.fromkeys(task_ids))
    try:
        with _reported_if_interrupted(results, len(wanted), stack):
            act_on_each(wanted, one, results)
    finally:
        for task_id, result in results.items():
            if not isinstance(result, dict):
                problem = result or "Skipped, because the API had stopped answering."
                complain(f"{task_id}: {problem}")
            elif as_json:
                render.print_json({"taskId": task_id, "status": done} if done else result)
            else:
                attempt = "" if done else f"attempt {result['attempt']}"
                render.show(render.line(done or result["status"], task_id, attempt))
    if not all(isinstance(result, dict) for result in results.values()):
        raise typer.Exit(1)


def retry_all(
    stack: Stack, selection: Selection, *, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Retry all selected tasks, after showing them and asking.

    With `as_json` the selected tasks (dry run) or the retried ones are on stdout.

    Raises:
        ApiError, Unreachable: the tasks cannot be read.
        Interrupted: Ctrl-C. The message says how many were retried.
    """
    tell = note if as_json else say
    with stack.darkroom() as client:
        with render.screen(stderr=True).status("Reading your tasks"):
            # All are read: they are ordered by creation, and an old task may have ended recently.
            tasks = {
                task["taskId"]: task
                for task in client.all_tasks(selection.status)
                if selection.has(task)
            }
        if not tasks:
            tell("No task matches.")
            return
        if not as_json:
            _preview(tasks)
        elif dry_run:
            for task in tasks.values():
                render.print_json(task)
        if dry_run:
            return
        confirm(f"Retry {count(len(tasks), 'task')}?", yes=yes)
        results: dict[str, Result] = {}
        try:
            with _reported_if_interrupted(results, len(tasks), stack):
                act_on_each(list(tasks), lambda task_id: retry(client, tasks[task_id]), results)
        finally:
            for result in results.values():
                if as_json and isinstance(result, dict):
                    render.print_json(result)
    _report(results, tell)


def _preview(tasks: Mapping[str, Task]) -> None:
    render.show(render.reason_table(map(_reason, tasks.values())))
    say("")
    render.show(render.task_table([*tasks.values()][:SHOWN]))
    if len(tasks) > SHOWN:
        say(f"… and {len(tasks) - SHOWN} more")


@contextmanager
def _reported_if_interrupted(
    results: Mapping[str, Result], total: int, stack: Stack
) -> Iterator[None]:
    """Say how far it came if Ctrl-C interrupts a bulk action."""
    try:
        yield
    except KeyboardInterrupt:
        done = sum(isinstance(result, dict) for result in results.values())
        raise Interrupted(
            f"{done} of {count(total, 'task')} done. Some more may be: see "
            f"`{stack.command('list')}`. To do the rest, run the same command again."
        ) from None


def duration(text: str) -> datetime.timedelta:
    """Return `30s`, `15m`, `1h` or `2d` as a duration.

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(r"([0-9]{1,5})([smhd])", text)
    if not found:
        raise ValueError(f"{text!r} is not a duration. Use a form like 30s, 15m, 1h or 2d.")
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


def act_on_each(
    task_ids: Sequence[str], act: Callable[[str], Task], results: dict[str, Result]
) -> None:
    """Call `act` with each task id, several at a time, and store the results by task id.

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
            if concerns_all(error):
                stop.set()
            return error

    futures = {}
    try:
        with Workers(AT_ONCE) as pool:
            futures = {task_id: pool.submit(one, task_id) for task_id in task_ids}
            for future in futures.values():
                future.result()
    finally:  # also after Ctrl-C, when only some have a result
        for task_id, future in futures.items():
            if future.done() and not future.cancelled() and not future.exception():
                results[task_id] = future.result()


def _reason(task: Task) -> tuple[str, str]:
    """Return the error that a task failed with and its message; its status if it did not fail."""
    failure = task["failure"]
    return (failure["error"], failure["message"]) if failure else (task["status"], "")


def _ended(task: Task) -> datetime.datetime:
    return render.moment(task["completedAt"] or task["createdAt"])


def _report(results: Mapping[str, Result], say: Callable[[str], Any]) -> None:
    """Print the results of a bulk retry; exit 1 if a request failed or was not sent.

    A conflict is not a failure: somebody else has retried or cancelled that task.
    """
    errors = [result for result in results.values() if isinstance(result, DarkroomError)]
    conflicts = [e for e in errors if isinstance(e, ApiError) and e.status == HTTPStatus.CONFLICT]
    failed = [error for error in errors if error not in conflicts]
    skipped = sum(result is None for result in results.values())
    say(f"{count(len(results) - len(errors) - skipped, 'task')} retried.")
    if conflicts:
        say(f"{len(conflicts)} not retried: the status had changed in the meantime.")
    for reason, number in Counter(map(str, failed)).items():
        complain(f"{number} not retried: {reason}")
    if skipped:
        complain(f"{skipped} skipped. Run the command again later.")
    if failed or skipped:
        raise typer.Exit(1)
