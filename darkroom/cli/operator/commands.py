"""The commands `logs`, `console`, `doctor` and `redrive-dlq`."""

import webbrowser

import typer

from darkroom.cli import render
from darkroom.cli.errors import CommandError
from darkroom.cli.operator import history, tables, task_logs
from darkroom.cli.operator.deployment import FAIL, Deployment
from darkroom.cli.operator.doctor import examine
from darkroom.cli.operator.redrive import DeadLetters
from darkroom.cli.target import Target
from darkroom.cli.terminal import complain, confirm, count, say

SHOWN = 10
"""Messages that a dry run of `redrive-dlq` shows."""


def logs(target: Target, task_id: str) -> None:
    """Show the states of a task's execution, and what the functions logged about the task."""
    stack = target.find()
    with stack.darkroom() as client:
        task = client.task(task_id)
    created = render.moment(task["createdAt"])
    ended = render.moment(task["completedAt"]) if task["completedAt"] else None
    entries = task_logs.read(stack, task_id, created, ended)
    execution = task["execution"]
    if execution:
        try:
            visits = history.read(stack, execution["arn"], created, ended)
            render.put(render.screen(), tables.visit_table(visits))
            if ended and history.is_cut_short(execution["arn"], visits):
                complain(
                    "The log does not have the end of this execution yet. Logs arrive some "
                    "seconds late: try again in a minute. If it stays so, the execution was lost."
                )
        except history.NoHistory as error:
            if not entries:
                raise
            complain(str(error))
    elif not entries:
        raise CommandError(f"The task is {task['status']}: no execution has claimed it.")
    if entries:
        say("")
        render.put(render.screen(), tables.log_table(entries))


def console(target: Target, *, browser: bool) -> None:
    """Print the address of the Step Functions console, and open it."""
    stack = target.find()
    if stack.is_local:
        raise CommandError(
            "The local cloud has no console. `darkroom logs TASK` shows the states of an execution."
        )
    if not stack.console_url:
        raise CommandError("The address of the console is not known. Name the stack with --stack.")
    typer.echo(stack.console_url)
    if browser:
        webbrowser.open(stack.console_url)


def doctor(target: Target) -> None:
    """Check a deployment and show each finding; exit 1 if a check fails."""
    findings = []
    for finding in examine(Deployment(target.find())):
        findings.append(finding)
        render.screen().print(tables.finding_lines(finding), soft_wrap=True)
    if any(finding.level == FAIL for finding in findings):
        raise typer.Exit(1)


def redrive_dlq(target: Target, *, dry_run: bool, yes: bool) -> None:
    """Move messages from the dead-letter queue back to the task queue, or only show them."""
    letters = DeadLetters(target.find())
    total = letters.count()
    say(f"{count(total, 'message')} in the dead-letter queue.")
    if dry_run and total:
        _show_letters(letters, total)
    if dry_run or not total:
        return
    confirm(f"Move {count(total, 'message')} back to the task queue?", yes=yes)
    outcome = letters.redrive(total)
    say(f"{outcome.moved} moved.")
    if outcome.kept:
        say(f"{outcome.kept} kept: not a task, so dispatch would refuse it again. See --dry-run.")
    if hidden := total - outcome.moved - outcome.kept:
        say(f"{hidden} not received: `reconcile` has ended it, or is processing it right now.")


def _show_letters(letters: DeadLetters, total: int) -> None:
    shown = letters.peek(SHOWN)
    for letter in shown:
        order = letter.order
        content = f"{order['taskId']}  attempt {order['attempt']}" if order else "not a task"
        parts = ["move" if order else "keep", content, letter.reason]
        say("  ".join(filter(None, parts)))
    if len(shown) < min(total, SHOWN):
        say("The others are hidden for the moment: `reconcile` receives them every minute.")
