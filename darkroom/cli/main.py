"""`darkroom`, the command line: for the local cloud and for a stack in AWS alike."""

import itertools
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from darkroom.cli import batch_commands as cli_batch
from darkroom.cli import cost_command as cli_cost
from darkroom.cli import render, submissions
from darkroom.cli import repair_commands as cli_repair
from darkroom.cli.common import (
    AsJson,
    BatchId,
    Commands,
    OutputFormat,
    Quality,
    Refused,
    TaskId,
    WrongUse,
    complain,
    output_of,
    print_json,
    say,
    stack_of,
)
from darkroom.cli.files import label
from darkroom.cli.operator import history
from darkroom.cli.operator import task_logs as lines
from darkroom.cli.operator.doctor import examine
from darkroom.cli.operator.findings import FAIL, Patient
from darkroom.client import PAGE, Darkroom
from darkroom.tasks.model import Status

app = typer.Typer(
    cls=Commands,
    no_args_is_help=False,
    invoke_without_command=True,
    add_completion=False,
    help="Develop pictures in the background: submit them, follow them, fetch them in gray.",
)


@app.callback()
def choose(
    context: typer.Context,
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", help="A stack in AWS. Without: the local cloud.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="Where that stack is.")] = None,
) -> None:
    """Note which stack is meant; it is looked for when a command needs it."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
    context.obj = (stack, region)


@app.command()
def submit(
    context: typer.Context,
    sources: Annotated[list[str], typer.Argument(metavar="URL|FILE", help="The pictures.")],
    *,
    name: Annotated[str | None, typer.Option(help="Your own name for them, to list by.")] = None,
    output: OutputFormat = None,
    quality: Quality = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until all have ended.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Save the results there; waits for them.")
    ] = None,
) -> None:
    """Submit pictures. Prints a task each; exits 1 if one was refused or did not end COMPLETED."""
    pictures = submissions.jobs(sources)
    if out:
        out.mkdir(parents=True, exist_ok=True)
    with stack_of(context).darkroom() as client:
        submissions.submit(client, pictures, name, output_of(output, quality))
        if wait or out:
            follow(client, pictures, out)
    for picture in pictures:
        if not (wait or out):
            show(picture)
        if picture.problem:
            complain(f"{label(picture.source)}: {picture.problem}")
    if any(p.problem or (p.status != Status.COMPLETED and (wait or out)) for p in pictures):
        raise typer.Exit(1)


@app.command()
def status(
    context: typer.Context,
    task_id: Annotated[str | None, typer.Argument(metavar="TASK", help="Of `submit`.")] = None,
    *,
    batch_id: BatchId = None,
    as_json: AsJson = False,
) -> None:
    """Show a task, or a batch."""
    if bool(task_id) == bool(batch_id):
        raise WrongUse("Give either a task or --batch.")
    with stack_of(context).darkroom() as client:
        if batch_id:
            found: Mapping[str, Any] = client.batches.get(batch_id)
        else:
            found = client.task(task_id or "")
    if as_json:
        print_json(found)
    elif batch_id:
        cli_batch.show(found)
    else:
        render.put(render.screen(), render.task_sheet(found))


@app.command("list")
def list_tasks(
    context: typer.Context,
    *,
    status: Annotated[Status | None, typer.Option(help="Only these.")] = None,
    name: Annotated[str | None, typer.Option(help="Only those of this name.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List your tasks, newest first."""
    with stack_of(context).darkroom() as client:
        found = client.all_tasks(status, name, min(limit, PAGE))
        tasks = list(itertools.islice(found, limit))
    if as_json:
        print_json(tasks)
    elif tasks:
        render.put(render.screen(), render.task_table(tasks))
    else:
        render.screen(stderr=True).print("There are no such tasks.")


@app.command()
def result(
    context: typer.Context,
    task_id: TaskId,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to save it.")],
) -> None:
    """Save the result of a task."""
    with stack_of(context).darkroom() as client:
        task = client.task(task_id)
        if task["status"] != Status.COMPLETED:
            why = render.clean(render.failure(task))
            raise Refused(f"The task is {task['status']}, it has no result. {why}".strip())
        client.download(task, out)
    render.screen().print(render.line(task["status"], str(out), render.result(task)))


@app.command()
def logs(context: typer.Context, task_id: TaskId) -> None:
    """Show what happened to a task: the states of its execution, and what the functions logged."""
    stack = stack_of(context)
    with stack.darkroom() as client:
        task = client.task(task_id)
    posted = render.moment(task["createdAt"])
    ended = render.moment(task["completedAt"]) if task["completedAt"] else None
    logged = lines.read(stack, task_id, posted, ended)
    execution = task["execution"]
    if execution:
        try:
            visits = history.read(stack, execution["arn"], posted, ended)
            render.put(render.screen(), render.visit_table(visits))
            if ended and history.is_cut_short(execution["arn"], visits):
                complain(
                    "The log does not show the end of this execution. Logs arrive some seconds "
                    "late: ask again in a minute. If it stays so, the execution was lost."
                )
        except history.NoHistory as error:
            if not logged:
                raise
            complain(str(error))
    elif not logged:
        raise Refused(f"The task is {task['status']}: no execution has claimed it.")
    if logged:
        say("")
        render.put(render.screen(), render.line_table(logged))


@app.command()
def console(
    context: typer.Context,
    *,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it, not only print its address.")
    ] = True,
) -> None:
    """Open the Step Functions console at this stack's executions."""
    stack = stack_of(context)
    if stack.endpoint_url:
        raise Refused(
            "The local cloud has no console: `darkroom logs TASK` shows the states of an execution."
        )
    url = stack.console_url
    if not url:
        raise Refused("Where the console is, is not known here: name the stack with --stack.")
    typer.echo(url)
    if browser:
        webbrowser.open(url)


@app.command()
def doctor(context: typer.Context) -> None:
    """Look whether a deployment is well, and say what to do. Exits 1 if something is wrong."""
    patient = Patient(stack_of(context))
    found = []
    for finding in examine(patient):
        found.append(finding)
        render.screen().print(render.finding(finding), soft_wrap=True)
    if any(finding.level == FAIL for finding in found):
        raise typer.Exit(1)


app.command()(cli_batch.batch)
app.command()(cli_cost.cost)
app.command()(cli_repair.retry)
app.command()(cli_repair.cancel)
app.command()(cli_repair.redrive_dlq)


def follow(client: Darkroom, pictures: Sequence[submissions.Job], out: Path | None) -> None:
    """Follow tasks to their end; show a bar meanwhile, and how each of them ended."""
    screen = render.screen()
    taken = [picture for picture in pictures if picture.task]
    try:
        with render.waiting(screen) as bar:
            row = bar.add_task(submissions.summary(taken), total=len(taken))

            def changed(_: submissions.Job) -> None:
                done = sum(job.status not in {Status.PENDING, Status.RUNNING} for job in taken)
                bar.update(row, description=submissions.summary(taken), completed=done)

            submissions.follow(client, taken, changed, out)
    finally:
        # Also when the waiting was broken off: the ids lead to the tasks later.
        for picture in taken:
            show(picture)


def show(picture: submissions.Job) -> None:
    """Print one line, if a picture was taken: how its task is, and what came of it."""
    task = picture.task
    if not task:
        return
    what = str(picture.saved or "") or render.failure(task) or render.result(task)
    parts = [task["taskId"], label(picture.source), what and f"→ {what}"]
    render.screen().print(render.line(task["status"], *parts), soft_wrap=True)
