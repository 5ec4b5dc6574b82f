"""The commands for those who operate a stack. See `darkroom.cli.main`."""

import webbrowser
from typing import Annotated

import typer

from darkroom.cli.errors import CommandError
from darkroom.cli.options import DryRun, TaskId, Yes, stack_of

SHOWN = 10
"""Messages that a dry run of `redrive-dlq` shows."""


def logs(context: typer.Context, task_id: TaskId) -> None:
    """Show the execution and the logs of a task.

    The first table has the states of the execution with retries and errors, the second what the
    functions logged about the task.
    """
    from darkroom.cli import render
    from darkroom.cli.operator import history, task_logs

    stack = stack_of(context)
    with stack.darkroom() as client:
        task = client.task(task_id)
    created = render.moment(task["createdAt"])
    ended = render.moment(task["completedAt"]) if task["completedAt"] else None
    entries = task_logs.read(stack, task_id, created, ended)
    if execution := task["execution"]:
        try:
            visits = history.read(stack, execution["arn"], created, ended)
            render.show(history.visit_table(visits))
            if ended and history.is_cut_short(execution["arn"], visits):
                render.complain(
                    "The log does not have the end of this execution yet. Logs arrive some "
                    "seconds late: try again in a minute. If it stays so, the execution was lost."
                )
        except history.NoHistory as error:
            if not entries:
                raise
            render.complain(str(error))
    elif not entries:
        raise CommandError(f"The task is {task['status']}: no execution has claimed it.")
    if entries:
        render.say("")
        render.show(task_logs.log_table(entries))


def console(
    context: typer.Context,
    *,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the address, or only print it.")
    ] = True,
) -> None:
    """Open the console of Step Functions.

    It shows the executions of the stack.
    """
    stack = stack_of(context)
    if stack.is_local:
        raise CommandError(
            "The local cloud has no console. `darkroom logs TASK` shows the states of an execution."
        )
    if not stack.console_url:
        raise CommandError("The address of the console is not known. Name the stack with --stack.")
    typer.echo(stack.console_url)
    if browser:
        webbrowser.open(stack.console_url)


def doctor(context: typer.Context) -> None:
    """Check whether a deployment is healthy.

    Each finding says what to do about it. Exits 1 if a check fails.
    """
    from darkroom.cli import render
    from darkroom.cli.operator.deployment import FAIL, Deployment
    from darkroom.cli.operator.doctor import examine

    failed = False
    for finding in examine(Deployment(stack_of(context))):
        render.show(finding.shown())
        failed = failed or finding.level == FAIL
    if failed:
        raise typer.Exit(1)


def redrive_dlq(context: typer.Context, *, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Move dead letters back to the task queue.

    This is rarely needed. Every minute the function `reconcile` reads the dead-letter queue, ends
    the tasks of its messages as FAILED with the error DeadLettered, and deletes the messages. Use
    this command within that minute, or while `reconcile` does not work. Retry tasks that it has
    ended with: darkroom retry --status FAILED --error DeadLettered
    """
    from darkroom.cli.operator.redrive import DeadLetters
    from darkroom.cli.render import confirm, count, say

    letters = DeadLetters(stack_of(context))
    total = letters.count()
    say(f"{count(total, 'message')} in the dead-letter queue.")
    if not total:
        return
    if dry_run:
        shown = letters.peek(SHOWN)
        for letter in shown:
            say(str(letter))
        if len(shown) < min(total, SHOWN):
            say("The others are hidden for the moment: `reconcile` receives them every minute.")
        return
    confirm(f"Move {count(total, 'message')} back to the task queue?", yes=yes)
    outcome = letters.redrive(total)
    say(f"{outcome.moved} moved.")
    if outcome.kept:
        say(f"{outcome.kept} kept: not a task, so dispatch would refuse it again. See --dry-run.")
    if hidden := total - outcome.moved - outcome.kept:
        say(f"{hidden} not received: `reconcile` has ended it, or is processing it right now.")


def restore(
    context: typer.Context,
    copy: Annotated[
        str, typer.Argument(metavar="TABLE", help="A restored copy of the tasks or the batches.")
    ],
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Copy lost tasks or batches back from a restored table.

    Restore the table to a point in time first, which creates a new table. This command copies what
    the stack's own table no longer has; it changes and removes nothing. What callers have deleted
    stays away: see docs/maintain.md.
    """
    from darkroom.cli.operator.restore import Restore
    from darkroom.cli.render import by_status, confirm, count, say

    restored = Restore(stack_of(context), copy)
    missing = restored.count()
    items = count(missing.total(), "item")
    say(f"{items} of {copy} missing in {restored.table}. {by_status(missing)}".strip())
    if missing and not dry_run:
        confirm(f"Copy {items} to {restored.table}?", yes=yes)
        say(f"{restored.copy()} copied.")


def cost(
    tasks: Annotated[
        int, typer.Option(min=1, metavar="N", help="Tasks a month, for the comparison.")
    ] = 1_000_000,
) -> None:
    """Show what tasks cost in AWS.

    The costs are counted calls multiplied by dated list prices, by component.
    """
    from darkroom.cli.render import show
    from darkroom.cost import tables
    from darkroom.cost.counts import load_counts
    from darkroom.cost.model import load_prices
    from darkroom.cost.report import shown

    counts, prices = load_counts(), load_prices()
    for table in (
        tables.by_component(counts, prices),
        tables.of_batches(counts, prices),
        tables.by_month(counts, prices),
        tables.any_design(counts, prices),
        tables.beside_workers(counts, prices, (tasks,)),
        tables.break_even(counts, prices),
    ):
        show(shown(table))
    typer.echo(f"Counted on {counts.date}. docs/cost.md describes the method and the prices.")
