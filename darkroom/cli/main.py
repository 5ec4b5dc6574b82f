"""The command `darkroom`: its commands, their options and their help.

What takes time to import, boto3, httpx and rich, is imported when a command runs. So the help and
shell completion, which need none of it, are fast.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from darkroom.cli import ids
from darkroom.cli.callers import command as callers
from darkroom.cli.commands import delete, list_batches, send_webhook, webhook_secret
from darkroom.cli.errors import CommandError, Commands, UsageError
from darkroom.cli.operator import commands
from darkroom.cli.options import (
    AsJson,
    BatchId,
    DryRun,
    ErrorName,
    Limit,
    NewName,
    OutputFormat,
    Quality,
    Region,
    Since,
    StackName,
    TaskId,
    TaskIds,
    TaskStatus,
    Yes,
    check_name,
    check_sources,
    output_options,
    path_of,
    stack_of,
    status_option,
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
    stack: StackName = None,
    region: Region = None,
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
    if region and not stack and not os.environ.get("DARKROOM_API_URL"):
        source = context.get_parameter_source("region")
        if source and source.name == "COMMANDLINE":
            raise UsageError("--region needs --stack, which names a stack in that region.")
        region = None  # the variable is for the stacks that are named
    from darkroom.cli.stack import Target

    context.obj = Target(stack, region)


@app.command()
def submit(
    context: typer.Context,
    sources: Annotated[
        list[str], typer.Argument(metavar="URL|FILE", help="The images.", callback=check_sources)
    ],
    *,
    name: NewName = None,
    output: OutputFormat = None,
    quality: Quality = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all tasks have ended.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(parser=path_of, metavar="DIR", help="Save the results here. Implies --wait."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Submit images and print a task for each.

    Exits 1 if an image was refused or, with --wait or --out, if a task did not end COMPLETED.
    """
    from darkroom.cli import files, submissions

    jobs = submissions.jobs(sources)
    if out:
        files.make_folder(out)
    options = output_options(output, quality)
    wait = wait or out is not None
    submissions.run(stack_of(context), jobs, name, options, wait=wait, out=out, as_json=as_json)


@app.command()
def batch(
    context: typer.Context,
    images: Annotated[
        Path,
        typer.Argument(
            parser=path_of,
            metavar="DIR|MANIFEST",
            help="A folder of images, or a .jsonl, .csv, .tsv or .txt file with a source on each "
            "line.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(parser=path_of, metavar="DIR", help="Save the results and a report here."),
    ],
    *,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", callback=check_name, help="A name for the batch."),
    ] = None,
    output: OutputFormat = None,
    quality: Quality = None,
    as_json: AsJson = False,
) -> None:
    """Convert a folder or a list of images.

    Each result has the name of its source. report.csv in the same folder has the outcome of each.
    Running the same command again resumes the same batch, unless a source or an option has changed.
    Exits 1 if a result was not saved.
    """
    from darkroom.cli.batch import command

    options = {"name": name, "output": output_options(output, quality)}
    command.run(context.obj, images, out, options, as_json=as_json)


@app.command()
def status(
    context: typer.Context,
    task_id: Annotated[
        str | None, typer.Argument(metavar="TASK", help="A task id.", callback=ids.check)
    ] = None,
    *,
    batch_id: BatchId = None,
    as_json: AsJson = False,
) -> None:
    """Show a task or a batch."""
    if bool(task_id) == bool(batch_id):
        raise UsageError("Give either a task or --batch.")
    from darkroom.cli import render

    stack = stack_of(context)
    found: Any
    with stack.darkroom() as client:
        if batch_id:
            with ids.explained(stack, client, batch_id, batch=True):
                found = client.batches.get(batch_id)
        else:
            found = ids.task(stack, client, task_id or "")
    if as_json:
        render.print_json(found)
    else:
        render.show(render.batch_line(found) if batch_id else render.task_details(found))


@app.command("list")
def list_tasks(
    context: typer.Context,
    *,
    status: TaskStatus = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", callback=check_name, help="Only tasks with this name."),
    ] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List your tasks, newest first."""
    from itertools import islice

    from darkroom.cli import render
    from darkroom.client import PAGE

    with stack_of(context).darkroom() as client:
        found = client.all_tasks(status, name, min(limit, PAGE))
        tasks = list(islice(found, min(limit, sys.maxsize)))
    if as_json:
        for task in tasks:
            render.print_json(task)
    elif tasks:
        render.show(render.task_table(tasks))
    else:
        render.note("No task matches.")


@app.command()
def result(
    context: typer.Context,
    task_id: TaskId,
    out: Annotated[Path, typer.Option(parser=path_of, metavar="FILE", help="The file to write.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Save the result of a task."""
    from darkroom.cli import files, render

    files.check_target(out)
    stack = stack_of(context)
    with stack.darkroom() as client:
        task = ids.task(stack, client, task_id)
        if task["status"] != Status.COMPLETED:
            reason = render.clean(render.failure(task))
            raise CommandError(f"The task is {task['status']}, it has no result. {reason}".strip())
        try:
            client.download(task, out)
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {files.reason(error)}.") from error
    if as_json:
        render.print_json({**task, "saved": str(out)})
    else:
        render.show(render.line(task["status"], str(out), render.result(task)))


@app.command()
def retry(
    context: typer.Context,
    task_ids: TaskIds = None,
    *,
    batch_id: BatchId = None,
    status: Annotated[
        Status | None,
        status_option("All tasks with this status: FAILED or CANCELLED."),
    ] = None,
    error: ErrorName = None,
    since: Since = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Retry FAILED or CANCELLED tasks.

    Select them by id, by status, or by batch.
    """
    if sum(map(bool, (task_ids, status, batch_id))) != 1:
        raise UsageError("Give either tasks, or --status FAILED or --status CANCELLED, or --batch.")
    if status is None and (error or since or dry_run):
        raise UsageError("--error, --since and --dry-run need --status.")
    from darkroom.cli import retries

    if status:
        selection = retries.Selection.of(status, error, since)
        stack = stack_of(context)
        retries.retry_all(stack, selection, yes=yes, dry_run=dry_run, as_json=as_json)
    else:
        retries.act(stack_of(context), "retry", task_ids or [], batch_id, as_json=as_json)


@app.command()
def cancel(
    context: typer.Context,
    task_ids: TaskIds = None,
    *,
    batch_id: BatchId = None,
    as_json: AsJson = False,
) -> None:
    """Cancel PENDING or RUNNING tasks.

    Select them by id or by batch.
    """
    if bool(task_ids) == bool(batch_id):
        raise UsageError("Give either tasks or --batch.")
    from darkroom.cli import retries

    retries.act(stack_of(context), "cancel", task_ids or [], batch_id, as_json=as_json)


for command in (
    delete, send_webhook, webhook_secret,
    commands.logs, commands.console, commands.doctor, commands.redrive_dlq, commands.restore,
    commands.cost,
):  # fmt: skip
    app.command()(command)
app.command("batches")(list_batches)
app.add_typer(callers.app, name="callers")
