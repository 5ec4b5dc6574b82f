"""The commands for those who operate a stack. See `darkroom.cli.main`."""

import dataclasses
import re
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from darkroom.cli import ids
from darkroom.cli.errors import CommandError
from darkroom.cli.options import AsJson, DryRun, TaskId, Yes, accepting, between, stack_of

if TYPE_CHECKING:
    from darkroom.cli.stack import Target
    from darkroom.tasks.history import Visit

SHOWN = 10
"""Messages that a dry run of `redrive-dlq` shows."""


def logs(context: typer.Context, task_id: TaskId, *, as_json: AsJson = False) -> None:
    """Show the execution and the logs of a task.

    The first table has the states of the execution with retries and errors, the second what the
    functions logged about the task. Times are in UTC.
    """
    from darkroom.cli import render
    from darkroom.cli.operator import history, task_logs

    stack = stack_of(context)
    with stack.darkroom() as client:
        task = ids.task(stack, client, task_id)
    created = render.moment(task["createdAt"])
    ended = render.moment(task["completedAt"]) if task["completedAt"] else None
    entries = task_logs.read(stack, task_id, created, ended)
    visits: list[Visit] = []
    if execution := task["execution"]:
        try:
            visits = history.read(stack, execution["arn"], created, ended)
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
    if as_json:
        for visit in visits:
            render.print_json(history.described(visit))
        for entry in entries:
            render.print_json(task_logs.described(entry))
        return
    if visits:
        render.show(history.visit_table(visits))
    if entries:
        render.say("")
        render.show(task_logs.log_table(entries))


def console(
    context: typer.Context,
    task_id: Annotated[
        str | None,
        typer.Argument(metavar="[TASK]", help="Show its execution.", callback=ids.check),
    ] = None,
    *,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the address, or only print it.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Open the execution of a task, or all executions, in the console of Step Functions.

    The local cloud has no console: the page of the task shows its execution. It asks for the key.
    """
    stack = stack_of(context)
    if task_id is not None:
        with stack.darkroom() as client:
            task = ids.task(stack, client, task_id)
        # A task that no execution has claimed is only on our page.
        execution = task["execution"]
        url = (execution and execution["consoleUrl"]) or stack.page_url(task_id)
    elif stack.is_local:
        raise CommandError(
            f"The local cloud has no console. `{stack.command('console TASK')}` opens the page of "
            f"a task, and `{stack.command('logs TASK')}` shows the states of its execution."
        )
    elif stack.console_url:
        url = stack.console_url
    else:
        raise CommandError("The address of the console is not known. Name the stack with --stack.")
    if as_json:
        from darkroom.cli.render import print_json

        print_json({"url": url})
    else:
        typer.echo(url)
    if browser:
        webbrowser.open(url)


def doctor(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Check whether a deployment is healthy.

    Each finding says what to do about it. Exits 1 if a check fails.
    """
    from darkroom.cli import render
    from darkroom.cli.operator.deployment import FAIL, Deployment
    from darkroom.cli.operator.doctor import examine

    failed = False
    target: Target = context.obj
    for finding in examine(Deployment(target.find(must_run=False))):
        if as_json:
            render.print_json(dataclasses.asdict(finding))
        else:
            render.show(finding.shown())
        failed = failed or finding.level == FAIL
    if failed:
        raise typer.Exit(1)


def redrive_dlq(
    context: typer.Context, *, dry_run: DryRun = False, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Move dead letters back to the task queue.

    This is rarely needed. Every minute the function `reconcile` reads the dead-letter queue, ends
    the tasks of its messages as FAILED with the error DeadLettered, and deletes the messages. Use
    this command within that minute, or while `reconcile` does not work. Retry tasks that it has
    ended with: darkroom retry --status FAILED --error DeadLettered
    """
    from darkroom.cli.operator import redrive

    letters = redrive.DeadLetters(stack_of(context))
    if dry_run:
        redrive.preview(letters, SHOWN, as_json=as_json)
    else:
        redrive.run(letters, yes=yes, as_json=as_json)


def restore(
    context: typer.Context,
    copy: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html
            callback=accepting(
                re.compile(r"[A-Za-z0-9_.-]{3,255}|arn:\S+").fullmatch,
                "a table's name has 3 to 255 letters, digits, `-`, `_` or `.`",
            ),
            help="A restored copy of the tasks or the batches.",
        ),
    ],
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Copy lost tasks or batches back from a restored table.

    Restore the table to a point in time first, which creates a new table. This command copies what
    the stack's own table no longer has; it changes and removes nothing. What callers have deleted
    stays away: see docs/maintain.md.
    """
    from darkroom.cli.operator.restore import Restore
    from darkroom.cli.render import by_status, confirm, count, note, print_json, say

    restored = Restore(stack_of(context), copy)
    missing = restored.count()
    items = count(missing.total(), "item")
    tell = note if as_json else say
    tell(f"{items} of {copy} missing in {restored.table}. {by_status(missing)}".strip())
    copied = 0
    if missing and not dry_run:
        confirm(f"Copy {items} to {restored.table}?", yes=yes)
        copied = restored.copy()
        tell(f"{copied} copied.")
    if as_json:
        print_json({"missing": missing.total(), "copied": copied})


def cost(
    tasks: Annotated[
        int,
        typer.Option(
            metavar="N", callback=between(1), help="Tasks a month, for the comparison; 1 or more."
        ),
    ] = 1_000_000,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what tasks cost in AWS.

    The costs are counted calls multiplied by dated list prices, by component.
    """
    from darkroom.cli import render
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
        if as_json:
            for row in table.rows:
                cells = dict(zip(table.columns, row, strict=True))
                render.print_json({"table": table.title, **cells})
            continue
        render.show(shown(table))
    tell = render.note if as_json else render.say
    tell(f"Counted on {counts.date}. docs/cost.md describes the method and the prices.")
