"""The commands `retry` and `cancel`."""

import datetime
from collections import Counter
from collections.abc import Callable, Sequence

import typer

from darkroom.cli import bulk, render
from darkroom.cli.errors import UsageError
from darkroom.cli.target import Target
from darkroom.cli.terminal import complain, confirm, count, say
from darkroom.client import Task
from darkroom.tasks.model import Status, allowed

SHOWN = 10
"""Tasks that are listed before a bulk retry; the rest is counted."""


def retry(target: Target, task_ids: Sequence[str] | None, batch_id: str | None) -> None:
    """Retry tasks by id, or what has not succeeded of a batch."""
    with target.find().darkroom() as client:
        if batch_id:
            render.screen().print(render.batch_line(client.batches.retry(batch_id)), soft_wrap=True)
        else:
            _act_on_each(task_ids or [], client.retry)


def cancel(target: Target, task_ids: Sequence[str] | None, batch_id: str | None) -> None:
    """Cancel tasks by id, or a batch."""
    with target.find().darkroom() as client:
        if batch_id:
            batch = client.batches.cancel(batch_id)
            render.screen().print(render.batch_line(batch), soft_wrap=True)
        else:
            _act_on_each(task_ids or [], client.cancel)


def retry_all(
    target: Target,
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
    ended_since = (
        datetime.datetime.now(datetime.UTC) - _duration(since) if since is not None else None
    )
    with target.find().darkroom() as client:
        with render.screen(stderr=True).status("Reading your tasks"):
            tasks = bulk.select(client.all_tasks(status), error, ended_since)
        _preview(tasks)
        if not tasks or dry_run:
            return
        confirm(f"Retry {count(len(tasks), 'task')}?", yes=yes)
        by_id = {task["taskId"]: task for task in tasks}
        outcome = bulk.act_on_each(list(by_id), lambda task_id: bulk.retry(client, by_id[task_id]))
    _report(outcome)


def _duration(text: str) -> datetime.timedelta:
    try:
        return bulk.duration(text)
    except ValueError as error:
        raise UsageError(f"--since: {error}") from error


def _preview(tasks: Sequence[Task]) -> None:
    """Show how many tasks have each error, and list the newest ones."""
    if not tasks:
        say("No task matches.")
        return
    render.put(render.screen(), render.reason_table(tasks, bulk.reason))
    say("")
    render.put(render.screen(), render.task_table(tasks[:SHOWN]))
    if len(tasks) > SHOWN:
        say(f"… and {len(tasks) - SHOWN} more")


def _report(outcome: bulk.Outcome) -> None:
    """Print the outcome of a bulk retry; exit 1 if a request failed or was not sent.

    A conflict is no failure: somebody else has retried or cancelled that task.
    """
    say(f"{count(len(outcome.done), 'task')} retried.")
    if outcome.conflicts:
        say(f"{len(outcome.conflicts)} not retried: the status had changed in the meantime.")
    for reason, number in Counter(outcome.failed.values()).items():
        complain(f"{number} not retried: {reason}")
    if outcome.skipped:
        complain(f"{len(outcome.skipped)} skipped. Run the command again later.")
    if outcome.failed or outcome.skipped:
        raise typer.Exit(1)


def _act_on_each(task_ids: Sequence[str], act: Callable[[str], Task]) -> None:
    """Act on each of the tasks, show them, and exit 1 if a request failed."""
    tasks: dict[str, Task] = {}

    def one(task_id: str) -> None:
        tasks[task_id] = act(task_id)

    outcome = bulk.act_on_each(list(dict.fromkeys(task_ids)), one)
    for task_id in dict.fromkeys(task_ids):
        if task_id in tasks:
            task = tasks[task_id]
            line = render.line(task["status"], task_id, f"attempt {task['attempt']}")
            render.screen().print(line, soft_wrap=True)
    problems = outcome.conflicts | outcome.failed
    problems |= dict.fromkeys(outcome.skipped, "Skipped, because the API had stopped answering.")
    for task_id, reason in problems.items():
        complain(f"{task_id}: {reason}")
    if problems:
        raise typer.Exit(1)
