"""What every command needs: its stack, its way to ask and to complain, and how it ends."""

import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from darkroom.cli import render
from darkroom.cli.files import UnusableFile
from darkroom.cli.operator import history
from darkroom.cli.operator.redrive import QueueTrouble
from darkroom.cli.stack import NoStack, Stack, find
from darkroom.client import ApiError, BrokenDownload, Unreachable

ERROR, WRONG_USE = 1, 2
"""Exit codes. Typer adds 130 for Ctrl-C."""

TaskId = Annotated[str, typer.Argument(metavar="TASK", help="The id that `submit` printed.")]
BatchId = Annotated[
    str | None, typer.Option("--batch", metavar="BATCH", help="All of a batch, by its id.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Format(StrEnum):
    """What a result can be; `auto` is what the source is, where that can be written."""

    AUTO = "auto"
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"


OutputFormat = Annotated[Format | None, typer.Option("--format", help="Of the results.")]
Quality = Annotated[int | None, typer.Option(min=1, max=100, help="Of JPEG and WebP.")]


class Refused(Exception):
    """What was asked for cannot be done; the message says why."""


class WrongUse(Refused):
    """A command was given what does not go together; the message says what does."""


# Everything that may go wrong and is no mistake in this program.
KNOWN = (
    ApiError,
    BrokenDownload,
    Unreachable,
    NoStack,
    UnusableFile,
    QueueTrouble,
    history.NoHistory,
    Refused,
)


class Commands(TyperGroup):
    """The commands, with every error told as one red line on stderr."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command and exit: 0, or a code that says what went wrong."""
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except KNOWN as error:
            complain(str(error))
            code = WRONG_USE if isinstance(error, UnusableFile | WrongUse) else ERROR
        except OSError as error:
            complain(f"{error.filename or 'The system'}: {error.strerror or error}")
            code = ERROR
        except Exception as error:
            # Typer's own complaints about arguments. Their class is not exported.
            told = getattr(error, "format_message", None)
            if told is None:
                raise
            complain(told())
            code = WRONG_USE
        sys.exit(code if isinstance(code, int) else 0)


def stack_of(context: typer.Context) -> Stack:
    """Find the stack that the options before the command name.

    A local cloud that cannot save what it does has nobody else to say so.
    """
    stack = find(*context.obj)
    if problem := stack.unsaved():
        complain(problem)
    return stack


def output_of(form: Format | None, quality: int | None) -> dict[str, Any]:
    """Return the `output` of a task or a batch: only what was given, the rest is the API's."""
    wanted = {"format": form and form.value, "quality": quality}
    return {key: value for key, value in wanted.items() if value is not None}


def confirm(question: str, *, yes: bool) -> None:
    """Ask whether to go on, unless that was said already.

    Raises:
        Refused: no; or nobody is there to answer.
    """
    if yes:
        return
    # On stderr: stdout may be somebody's file.
    typer.echo(f"{question} [y/N] ", nl=False, err=True)
    answer = sys.stdin.readline()
    if not answer:
        typer.echo(err=True)
        raise Refused("Nothing was done. Where nobody can answer, give --yes.")
    if answer.strip().lower() not in {"y", "yes"}:
        raise Refused("Nothing was done.")


def say(message: str) -> None:
    """Print one line on stdout."""
    render.screen().print(render.clean(message), soft_wrap=True)


def complain(message: str) -> None:
    """Print one red line on stderr."""
    render.screen(stderr=True).print(render.clean(message), style="red", soft_wrap=True)


def print_json(value: Any) -> None:
    """Print JSON as it is, whatever stdout is."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
