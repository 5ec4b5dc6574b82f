"""The ids that a user gives: check their form, and explain why nothing has a given id."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from darkroom.cli.stack import Stack
    from darkroom.client import Darkroom, Task

FORM = re.compile(r"[A-Za-z0-9_-]{1,128}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
EXAMPLE = "00ebb763-6783-4f6d-ad5a-ac1fcc3b8807"


def check(value: str | list[str] | None) -> str | list[str] | None:
    """Return ids unchanged: the callback of an argument or an option.

    Raises:
        BadParameter: one cannot be an id. The message says what was probably meant.
    """
    for one in [value] if isinstance(value, str) else value or []:
        if not FORM.fullmatch(one):
            from darkroom.cli.terminal.output import clean

            meant = UUID.search(one)
            advice = f"Give only {meant[0]}" if meant else f"It looks like {EXAMPLE}"
            raise typer.BadParameter(f"{clean(one)!r} is not an id. {advice}.")
    return value


@contextmanager
def explained(stack: "Stack", client: "Darkroom", given: str, *, batch: bool) -> Iterator[None]:
    """Explain the error of a request if nothing has the id of a task, or of a `batch`.

    Raises:
        ApiError: the error, with another message: it is the id of the other kind, or unknown.
    """
    from darkroom.client import ApiError

    try:
        yield
    except ApiError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        other = shlex.join(["status", given] if batch else ["status", "--batch", given])
        try:
            client.task(given) if batch else client.batches.get(given)
        except ApiError:
            advice = f"See your tasks with `{stack.command('list')}`."
            message = error.message if batch else f"{error.message} {advice}"
        else:
            kind = "a task, not of a batch" if batch else "a batch, not of a task"
            message = f"This is the id of {kind}. See it with `{stack.command(other)}`."
        raise ApiError(error.status, error.code, message, error.field) from error


def task(stack: "Stack", client: "Darkroom", task_id: str) -> "Task":
    """Return one task. Raises as `Darkroom.task`, with the message of `explained`."""
    with explained(stack, client, task_id, batch=False):
        return client.task(task_id)
