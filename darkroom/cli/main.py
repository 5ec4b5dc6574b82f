"""The command `darkroom`: its commands, their options and their help.

What a command does is in a module of its own, which is imported when the command runs. So the help
and shell completion need neither boto3 nor httpx nor rich, which take most of a second to import.
"""

from pathlib import Path
from typing import Annotated

import typer

from darkroom.cli.errors import UsageError
from darkroom.cli.group import Commands
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
    from darkroom.cli.target import Target

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
    from darkroom.cli import tasks

    tasks.submit(
        context.obj, sources, name=name, output=output_options(output, quality), wait=wait, out=out
    )


@app.command()
def batch(
    context: typer.Context,
    images: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|MANIFEST",
            help="A folder of images, or a .jsonl, .csv or .txt file with a source on each line.",
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
    from darkroom.cli import tasks

    tasks.show_status(context.obj, task_id=task_id, batch_id=batch_id, as_json=as_json)


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
    from darkroom.cli import tasks

    tasks.show_list(context.obj, status, name, limit, as_json=as_json)


@app.command()
def result(
    context: typer.Context,
    task_id: TaskId,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.")],
) -> None:
    """Save the result of a task."""
    from darkroom.cli import tasks

    tasks.save_result(context.obj, task_id, out)


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
    from darkroom.cli import retries

    if status is None:
        retries.retry(context.obj, task_ids, batch_id)
    else:
        retries.retry_all(context.obj, status, error, since, yes=yes, dry_run=dry_run)


@app.command()
def cancel(context: typer.Context, task_ids: TaskIds = None, *, batch_id: BatchId = None) -> None:
    """Cancel PENDING or RUNNING tasks.

    Select them by id or by batch.
    """
    if bool(task_ids) == bool(batch_id):
        raise UsageError("Give either tasks or --batch.")
    from darkroom.cli import retries

    retries.cancel(context.obj, task_ids, batch_id)


@app.command()
def logs(context: typer.Context, task_id: TaskId) -> None:
    """Show the execution and the logs of a task.

    The first table has the states of the execution with retries and errors, the second what the
    functions logged about the task.
    """
    from darkroom.cli.operator import commands

    commands.logs(context.obj, task_id)


@app.command()
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
    from darkroom.cli.operator import commands

    commands.console(context.obj, browser=browser)


@app.command()
def doctor(context: typer.Context) -> None:
    """Check whether a deployment is healthy.

    Each finding says what to do about it. Exits 1 if a check fails.
    """
    from darkroom.cli.operator import commands

    commands.doctor(context.obj)


@app.command()
def redrive_dlq(context: typer.Context, *, dry_run: DryRun = False, yes: Yes = False) -> None:
    """Move dead letters back to the task queue.

    This is rarely needed. Every minute the function `reconcile` reads the dead-letter queue, ends
    the tasks of its messages as FAILED with the error DeadLettered, and deletes the messages. Use
    this command within that minute, or while `reconcile` does not work. Retry tasks that it has
    ended with: darkroom retry --status FAILED --error DeadLettered
    """
    from darkroom.cli.operator import commands

    commands.redrive_dlq(context.obj, dry_run=dry_run, yes=yes)


@app.command()
def cost(
    tasks: Annotated[
        int, typer.Option(min=1, metavar="N", help="Tasks a month, for the comparison.")
    ] = 1_000_000,
) -> None:
    """Show what tasks cost in AWS.

    The costs are counted calls multiplied by dated list prices, by component.
    """
    from darkroom.cli.cost import show

    show(tasks)
