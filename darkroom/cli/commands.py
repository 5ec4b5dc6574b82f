"""The commands `batches`, `delete`, `send-webhook`, `webhook-secret`. See `darkroom.cli.main`."""

import sys
from typing import Annotated, get_args

import typer

from darkroom.cli.errors import UsageError
from darkroom.cli.options import (
    AsJson,
    BatchId,
    BatchStatus,
    TaskIds,
    Yes,
    between,
    stack_of,
)


def list_batches(
    context: typer.Context,
    *,
    status: Annotated[
        BatchStatus | None,
        typer.Option(
            metavar="STATUS",
            case_sensitive=False,
            help=f"Only batches with this status: {', '.join(get_args(BatchStatus))}.",
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(metavar="N", callback=between(1), help="The maximum number of batches."),
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """List your batches, newest first.

    `darkroom status --batch BATCH` counts the tasks of one of them.
    """
    from itertools import islice

    from darkroom.cli import render
    from darkroom.client import PAGE

    with stack_of(context).darkroom() as client:
        found = client.batches.all(status, min(limit, PAGE))
        batches = list(islice(found, min(limit, sys.maxsize)))
    if as_json:
        for batch in batches:
            render.print_json(batch)
    elif batches:
        render.show(render.batch_table(batches))
    else:
        typer.echo("No batch matches.", err=True)


def delete(
    context: typer.Context,
    task_ids: TaskIds = None,
    *,
    batch_id: BatchId = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete tasks, or a batch, with their results.

    Only what has ended can be deleted. This cannot be undone. A batch is deleted in the background.
    """
    if bool(task_ids) == bool(batch_id):
        raise UsageError("Give either tasks or --batch.")
    from darkroom.cli import deletions

    stack = stack_of(context)
    with stack.darkroom() as client:
        if batch_id:
            deletions.delete_batch(stack, client, batch_id, yes=yes, as_json=as_json)
        else:
            deletions.delete_tasks(stack, client, task_ids or [], yes=yes, as_json=as_json)


def send_webhook(
    context: typer.Context, task_ids: TaskIds = None, *, as_json: AsJson = False
) -> None:
    """Send the webhooks of tasks again.

    Each has the same id as before, so that the receiver can recognize a duplicate.
    """
    if not task_ids:
        raise UsageError("Give the tasks.")
    from darkroom.cli import retries

    stack = stack_of(context)
    with stack.darkroom() as client:
        retries.act_on(stack, client, task_ids, client.send_callback, as_json=as_json)


def webhook_secret(
    context: typer.Context,
    *,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Change it. For a day the earlier one signs as well.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Print the secret that signs your webhooks."""
    from darkroom.cli import render

    with stack_of(context).darkroom() as client:
        if rotate:
            render.confirm("Change the secret that signs your webhooks?", yes=yes)
        secret = client.rotate_callback_secret() if rotate else client.callback_secret()
    if as_json:
        render.print_json(secret)
        return
    typer.echo(secret["secret"])
    if until := secret["previousExpiresAt"]:
        typer.echo(f"The earlier secret signs as well until {until}.", err=True)
