"""Arguments and options that several commands share."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from darkroom.cli import ids
from darkroom.cli.files import MAX_NAME
from darkroom.tasks.model import Status

if TYPE_CHECKING:
    from darkroom.cli.stack import Stack, Target


def between(least: int, most: int | None = None) -> Callable[[int | None], int | None]:
    """Return the callback of an option that takes whole numbers from `least` to `most`."""
    accepted = f"{least} or more" if most is None else f"from {least} to {most}"

    def check(number: int | None) -> int | None:
        if number is not None and (number < least or (most is not None and number > most)):
            raise typer.BadParameter(f"{number} is not {accepted}.")
        return number

    return check


EMPTY = "it is empty. Is a variable of the shell not set?"


def path_of(text: str) -> Path:
    """Return the path that a text names: the parser of arguments and options.

    Raises:
        BadParameter: the text is empty. For `Path` that would be the current folder, of which all
            images would be converted.
    """
    if not text:
        raise typer.BadParameter(EMPTY)
    return Path(text)


def accepting(fits: Callable[[str], object], rule: str) -> Callable[[str | None], str | None]:
    """Return the callback of an argument or an option that is a name: it returns the name.

    Without it the command would look for something that cannot exist, and fail with another error.

    Args:
        fits: whether a text has the form of such a name.
        rule: what the form is, for people.
    """

    def check(text: str | None) -> str | None:
        if text is not None and not fits(text):
            raise typer.BadParameter(f"{rule}." if text else EMPTY)
        return text

    return check


def check_sources(sources: list[str]) -> list[str]:
    """Return the names of images unchanged: the callback of an argument.

    Raises:
        BadParameter: one is empty.
    """
    if "" in sources:
        raise typer.BadParameter(EMPTY)
    return sources


def check_name(name: str | None) -> str | None:
    """Return a name unchanged: the callback of an option.

    Raises:
        BadParameter: the API would refuse it.
    """
    if name is not None and not 1 <= len(name) <= MAX_NAME:
        raise typer.BadParameter(f"a name has 1 to {MAX_NAME} characters.")
    return name


StackName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        envvar="DARKROOM_STACK",
        show_envvar=True,
        callback=accepting(str.strip, "it is blank. Give the name of a stack"),
        help="A CloudFormation stack in AWS. Default: the stack of DARKROOM_API_URL and "
        "DARKROOM_API_KEY, or else the local cloud.",
    ),
]
Region = Annotated[
    str | None,
    typer.Option(
        metavar="REGION",
        envvar="DARKROOM_REGION",
        show_envvar=True,
        callback=accepting(re.compile(r"[a-z0-9-]+").fullmatch, "a region looks like eu-central-1"),
        help="The AWS region of the stack. Default: that of your AWS profile.",
    ),
]
Limit = Annotated[
    int,
    typer.Option(metavar="N", callback=between(1), help="The maximum number of tasks, from 1 on."),
]
TaskId = Annotated[
    str,
    typer.Argument(metavar="TASK", help="A task id, as `submit` prints it.", callback=ids.check),
]
TaskIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="TASK", help="Task ids, as `submit` prints them.", callback=ids.check),
]
BatchId = Annotated[
    str | None,
    typer.Option("--batch", metavar="BATCH", help="The id of a batch.", callback=ids.check),
]


def status_of(text: str) -> Status:
    """Return the status that a text names, in any case."""
    try:
        return Status(text.upper())
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(Status)}.") from None


def complete_status(incomplete: str) -> list[str]:
    """Return the statuses that begin like a text, in its case."""
    found = [status for status in Status if status.startswith(incomplete.upper())]
    return [status.lower() if incomplete.islower() else status for status in found]


def status_option(text: str) -> Any:
    """Return an option for a status, with its help."""
    return typer.Option(
        metavar="STATUS", parser=status_of, autocompletion=complete_status, help=text
    )


TaskStatus = Annotated[
    Status | None, status_option(f"Only tasks with this status: {', '.join(Status)}.")
]
NewName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        callback=check_name,
        help="A name for the tasks, to list them by. Default: that of the file; a URL has none.",
    ),
]
ErrorName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        callback=accepting(
            re.compile(r"[A-Za-z_][A-Za-z0-9_.]*").fullmatch,
            "the name of an error looks like SourceUnavailable, and docs/errors.md lists all",
        ),
        help="With --status: only this error, for example SourceUnavailable.",
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", help="With --status: only tasks that ended in the last 30s, 15m, 1h, 2d."
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON for scripts: an object on each line.")
]
BatchStatus = Literal["RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would be done; change nothing.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


Format = Literal["auto", "jpeg", "png", "webp", "avif"]
"""The format of a result. `auto` keeps the format of the source, if it can be written."""
OutputFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        case_sensitive=False,
        help=f"Format of the results: {', '.join(get_args(Format))}. Default: auto.",
    ),
]
Quality = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        callback=between(1, 100),
        help="Quality of JPEG, WebP and AVIF, from 1 to 100. Default: 90.",
    ),
]


def output_options(output_format: Format | None, quality: int | None) -> dict[str, Any]:
    """Return the `output` of a task or a batch. What is left out is the API's default."""
    options = {"format": output_format, "quality": quality}
    return {key: value for key, value in options.items() if value is not None}


def stack_of(context: typer.Context) -> "Stack":
    """Return the stack that a command is for. Raises as `Target.find`."""
    target: Target = context.obj
    return target.find()
