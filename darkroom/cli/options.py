"""Arguments and options that several commands share."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from darkroom.cli.stack import Stack, Target

TaskId = Annotated[str, typer.Argument(metavar="TASK", help="A task id, as `submit` prints it.")]
TaskIds = Annotated[
    list[str] | None, typer.Argument(metavar="TASK", help="Task ids, as `submit` prints them.")
]
BatchId = Annotated[str | None, typer.Option("--batch", metavar="BATCH", help="The id of a batch.")]
BatchStatus = Literal["RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would be done; change nothing.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


Format = Literal["auto", "jpeg", "png", "webp"]
"""The format of a result. `auto` keeps the format of the source, if it can be written."""
OutputFormat = Annotated[
    Format | None, typer.Option("--format", help="Format of the results. Default: auto.")
]
Quality = Annotated[
    int | None,
    typer.Option(min=1, max=100, metavar="N", help="Quality of JPEG and WebP. Default: 90."),
]


def output_options(output_format: Format | None, quality: int | None) -> dict[str, Any]:
    """Return the `output` of a task or a batch. What is left out is the API's default."""
    options = {"format": output_format, "quality": quality}
    return {key: value for key, value in options.items() if value is not None}


def stack_of(context: typer.Context) -> "Stack":
    """Return the stack that a command is for. Raises as `Target.find`."""
    target: Target = context.obj
    return target.find()
