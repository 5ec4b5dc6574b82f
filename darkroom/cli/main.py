"""The command `darkroom`: its commands, their options and their help.

What takes time to import, boto3, httpx and rich, is imported when a command runs. So the help and
shell completion, which need none of it, are fast.
"""

from pathlib import Path
from typing import Annotated

import typer

from darkroom.cli.commands import delete, send_webhook, webhook_secret
from darkroom.cli.errors import CommandError, Commands, UsageError
from darkroom.cli.operator import commands
from darkroom.cli.options import (
    AsJson,
    BatchId,
    DryRun,
    OutputFormat,
    Quality,
    TaskId,
    TaskIds,
    Yes,
    output_options,
    stack_of,
)
from darkroom.tasks.model import Status

app = typer.Typer(
    cls=Commands,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Convert images to grayscale in the background, on a Darkroom stack or the local cloud.",
)


@app.callback()
def select_stack(
    context: typer.Context,
    *,
    stack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A CloudFormation stack in AWS. Default: the stack of DARKROOM_API_URL and "
            "DARKROOM_API_KEY, or else the local cloud.",
        ),
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="REGION", help="The AWS region of the stack.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Store which stack the command is for."""
    if version:
        import importlib.metadata

        typer.echo(f"darkroom {importlib.metadata.version('darkroom')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        return
    from darkroom.cli.stack import Target

    context.obj = Target(stack, region)


@app.command()
def submit(
    context: typer.Context,
    sources: Annotated[list[str], typer.Argument(metavar="URL|FILE", help="The images.")],
    *,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="A name for the tasks, to list them by.")
    ] = None,
    output: OutputFormat = None,
    quality: Quality = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all tasks have ended.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Save the results here. Implies --wait.")
    ] = None,
) -> None:
    """Submit images and print a task for each.

    Exits 1 if an image was refused or, with --wait or --out, if a task did not end COMPLETED.
    """
    from darkroom.cli import files, render, submissions

    jobs = submissions.jobs(sources)
    wait = wait or out is not None
    if out:
        out.mkdir(parents=True, exist_ok=True)
    with stack_of(context).darkroom() as client:
        submissions.submit(client, jobs, name, output_options(output, quality))
        if wait:
            submissions.follow_with_bar(client, jobs, out)
    for job in jobs:
        if not wait:
            submissions.show(job)
        if job.problem:
            render.complain(f"{files.label(job.source)}: {job.problem}")
    if any(job.problem or (wait and job.status != Status.COMPLETED) for job in jobs):
        raise typer.Exit(1)


@app.command()
def batch(
    context: typer.Context,
    images: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|MANIFEST",
            help="A folder of images, or a .jsonl, .csv, .tsv or .txt file with a source on each "
            "line.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Save the results and a report here.")],
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="A name for the batch.")] = None,
    output: OutputFormat = None,
    quality: Quality = None,
) -> None:
    """Convert a folder or a list of images.

    Each result has the name of its source. report.csv in the same folder has the outcome of each.
    Running the same command again resumes the same batch, unless a source or an option has changed.
    Exits 1 if a result was not saved.
    """
    from darkroom.cli.batch import command

    command.run(context.obj, images, out, {"name": name, "output": output_options(output, quality)})


@app.command()
def status(
    context: typer.Context,
    task_id: Annotated[str | None, typer.Argument(metavar="TASK", help="A task id.")] = None,
    *,
    batch_id: BatchId = None,
    as_json: AsJson = False,
) -> None:
    """Show a task or a batch."""
    if bool(task_id) == bool(batch_id):
        raise UsageError("Give either a task or --batch.")
    from darkroom.cli import render

    with stack_of(context).darkroom() as client:
        found = client.batches.get(batch_id) if batch_id else client.task(task_id or "")
    if as_json:
        render.print_json(found)
    else:
        render.show(render.batch_line(found) if batch_id else render.task_details(found))


@app.command("list")
def list_tasks(
    context: typer.Context,
    *,
    status: Annotated[Status | None, typer.Option(help="Only tasks with this status.")] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only tasks with this name.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", help="The maximum number of tasks.")
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """List your tasks, newest first."""
    from itertools import islice

    from darkroom.cli import render
    from darkroom.client import PAGE

    with stack_of(context).darkroom() as client:
        tasks = list(islice(client.all_tasks(status, name, min(limit, PAGE)), limit))
    if as_json:
        render.print_json(tasks)
    elif tasks:
        render.show(render.task_table(tasks))
    else:
        typer.echo("No task matches.", err=True)


@app.command()
def result(
    context: typer.Context,
    task_id: TaskId,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.")],
) -> None:
    """Save the result of a task."""
    from darkroom.cli import render

    with stack_of(context).darkroom() as client:
        task = client.task(task_id)
        if task["status"] != Status.COMPLETED:
            reason = render.clean(render.failure(task))
            raise CommandError(f"The task is {task['status']}, it has no result. {reason}".strip())
        client.download(task, out)
    render.show(render.line(task["status"], str(out), render.result(task)))


@app.command()
def retry(
    context: typer.Context,
    task_ids: TaskIds = None,
    *,
    batch_id: BatchId = None,
    status: Annotated[
        Status | None, typer.Option(help="All tasks with this status: FAILED or CANCELLED.")
    ] = None,
    error: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="With --status: only this error, for example SourceUnavailable."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="With --status: only tasks that ended in the last 30s, 15m, 1h, 2d.",
        ),
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Retry FAILED or CANCELLED tasks.

    Select them by id, by status, or by batch.
    """
    if sum(map(bool, (task_ids, status, batch_id))) != 1:
        raise UsageError("Give either tasks, or --status FAILED or --status CANCELLED, or --batch.")
    if status is None and (error or since or dry_run):
        raise UsageError("--error, --since and --dry-run need --status.")
    from darkroom.cli import render, retries

    with stack_of(context).darkroom() as client:
        if status:
            retries.retry_all(client, status, error, since, yes=yes, dry_run=dry_run)
        elif batch_id:
            render.show(render.batch_line(client.batches.retry(batch_id)))
        else:
            retries.act_on(task_ids or [], client.retry)


@app.command()
def cancel(context: typer.Context, task_ids: TaskIds = None, *, batch_id: BatchId = None) -> None:
    """Cancel PENDING or RUNNING tasks.

    Select them by id or by batch.
    """
    if bool(task_ids) == bool(batch_id):
        raise UsageError("Give either tasks or --batch.")
    from darkroom.cli import render, retries

    with stack_of(context).darkroom() as client:
        if batch_id:
            render.show(render.batch_line(client.batches.cancel(batch_id)))
        else:
            retries.act_on(task_ids or [], client.cancel)


for command in (
    delete, send_webhook, webhook_secret,
    commands.logs, commands.console, commands.doctor, commands.redrive_dlq, commands.restore,
    commands.cost,
):  # fmt: skip
    app.command()(command)
