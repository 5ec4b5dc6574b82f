"""The commands that set things right: `retry`, `cancel`, `redrive-dlq`."""

import datetime
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from darkroom.cli import batch_commands as cli_batch
from darkroom.cli import bulk, render
from darkroom.cli.common import BatchId, DryRun, WrongUse, Yes, complain, confirm, say, stack_of
from darkroom.cli.operator.redrive import DeadLetters
from darkroom.client import Darkroom, Task
from darkroom.tasks.model import Status, allowed

SHOWN = 10
"""Tasks or messages that are shown of many."""

TaskIds = Annotated[
    list[str] | None, typer.Argument(metavar="TASK", help="The ids that `submit` printed.")
]


def retry(
    context: typer.Context,
    task_ids: TaskIds = None,
    *,
    batch_id: BatchId = None,
    status: Annotated[Status | None, typer.Option(help="All of these: FAILED, CANCELLED.")] = None,
    error: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only with it, SourceUnavailable say.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only if ended in the last 30s, 15m, 1h, 2d.")
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Try tasks again that FAILED or were CANCELLED: those named, of a status, or of a batch."""
    if sum(map(bool, (task_ids, status, batch_id))) != 1:
        raise WrongUse("Give either tasks, or --status FAILED or --status CANCELLED, or --batch.")
    if status is None:
        if error or since or dry_run:
            raise WrongUse("--error, --since and --dry-run go with --status.")
        with stack_of(context).darkroom() as client:
            if batch_id:
                cli_batch.show(client.batches.retry(batch_id))
            else:
                each(task_ids or [], client.retry)
        return
    if not allowed("retry", status):
        raise WrongUse(f"A {status} task cannot be tried again.")
    age = duration(since) if since is not None else None
    with stack_of(context).darkroom() as client:
        tasks = found(client, status, error, age)
        preview(tasks)
        if not tasks or dry_run:
            return
        confirm(f"Try {count(tasks, 'task')} again?", yes=yes)
        by_id = {task["taskId"]: task for task in tasks}
        outcome = bulk.each(list(by_id), lambda task_id: bulk.retry(client, by_id[task_id]))
    report(outcome)


def cancel(
    context: typer.Context,
    task_ids: TaskIds = None,
    *,
    batch_id: BatchId = None,
) -> None:
    """Cancel tasks that are PENDING or RUNNING: those named, or all of a batch."""
    if bool(task_ids) == bool(batch_id):
        raise WrongUse("Give either tasks or --batch.")
    with stack_of(context).darkroom() as client:
        if batch_id:
            cli_batch.show(client.batches.cancel(batch_id))
        else:
            each(task_ids or [], client.cancel)


def redrive_dlq(context: typer.Context, *, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Move dead letters back to the queue of tasks. You will rarely need it.

    The function `reconcile` looks at dead letters every minute, ends their tasks FAILED with the
    error DeadLettered and deletes them. So this is for the minute before that, and for when
    `reconcile` is broken. After it: darkroom retry --status FAILED --error DeadLettered
    """
    letters = DeadLetters(stack_of(context))
    there = letters.count()
    say(f"{count(there, 'dead letter')}.")
    if dry_run and there:
        shown = letters.peek(SHOWN)
        for letter in shown:
            order = letter.order
            what = f"{order['taskId']}  attempt {order['attempt']}" if order else "no task"
            say("  ".join(filter(None, ["moves" if order else "stays", what, letter.reason])))
        if len(shown) < min(there, SHOWN):
            say("Others are in other hands at the moment: `reconcile` reads them every minute.")
    if dry_run or not there:
        return
    confirm(f"Send {count(there, 'message')} to the queue of tasks again?", yes=yes)
    outcome = letters.redrive(there)
    say(f"{outcome.moved} moved.")
    if outcome.kept:
        say(f"{outcome.kept} stayed: no task, so it would come straight back. See --dry-run.")
    if gone := there - outcome.moved - outcome.kept:
        say(f"{gone} not seen: ended by `reconcile` meanwhile, or in its hands for half a minute.")


def duration(text: str) -> datetime.timedelta:
    """Return the value of --since as a duration."""
    try:
        return bulk.duration(text)
    except ValueError as error:
        raise WrongUse(f"--since: {error}") from error


def found(
    client: Darkroom, status: str, error: str | None, age: datetime.timedelta | None
) -> list[Task]:
    """Return the tasks that the options choose, newest first."""
    since = datetime.datetime.now(datetime.UTC) - age if age is not None else None
    with render.screen(stderr=True).status("Looking through your tasks"):
        return bulk.select(client.all_tasks(status), error, since)


def preview(tasks: Sequence[Task]) -> None:
    """Show how many tasks there are of which error, and the newest of them."""
    if not tasks:
        say("There are no such tasks.")
        return
    render.put(render.screen(), render.reason_table(tasks, bulk.reason))
    say("")
    render.put(render.screen(), render.task_table(tasks[:SHOWN]))
    if len(tasks) > SHOWN:
        say(f"… and {len(tasks) - SHOWN} more")


def report(outcome: bulk.Outcome) -> None:
    """Say what came of a bulk retry; exit 1 if the API did not do all that it could.

    A task that somebody else has tried again meanwhile is as it should be.
    """
    say(f"{count(len(outcome.done), 'task')} tried again.")
    if outcome.refused:
        say(f"{len(outcome.refused)} refused: somebody else was first.")
    for why in dict.fromkeys(outcome.failed.values()):
        failed = sum(told == why for told in outcome.failed.values())
        complain(f"{failed} not tried again: {why}")
    if outcome.left:
        complain(f"{len(outcome.left)} left as they are. Run it again later.")
    if outcome.failed or outcome.left:
        raise typer.Exit(1)


def each(task_ids: Sequence[str], act: Callable[[str], Task]) -> None:
    """Do something with each of the tasks that were named; exit 1 if one was refused."""
    tasks: dict[str, Task] = {}

    def one(task_id: str) -> None:
        tasks[task_id] = act(task_id)

    outcome = bulk.each(list(dict.fromkeys(task_ids)), one)
    for task_id in dict.fromkeys(task_ids):
        if task_id in tasks:
            task = tasks[task_id]
            line = render.line(task["status"], task_id, f"attempt {task['attempt']}")
            render.screen().print(line, soft_wrap=True)
    problems = outcome.refused | outcome.failed
    problems |= dict.fromkeys(outcome.left, "Not asked for: the API had stopped answering.")
    for task_id, why in problems.items():
        complain(f"{task_id}: {why}")
    if problems:
        raise typer.Exit(1)


def count(things: int | Sequence[Any], name: str) -> str:
    """Return a number of things with their name: `1 task`, `2 tasks`."""
    number = things if isinstance(things, int) else len(things)
    return f"{number} {name}" + ("" if number == 1 else "s")
