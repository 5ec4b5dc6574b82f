"""How a command ends: its exit code, and its error as one line on stderr.

| exit code | meaning                                             |
|-----------|-----------------------------------------------------|
| 0         | done                                                |
| 1         | the command failed                                  |
| 2         | wrong use of the command line                       |
| 130       | interrupted with Ctrl-C                             |
| 141       | the reader of the output left, as with `| head -1` |

The last two are what a shell reports for a program that SIGINT (2) or SIGPIPE (13) has ended.
"""

import os
import shlex
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import typer
from typer.core import TyperGroup

from darkroom.cli.terminal import program

INTERRUPTED, READER_LEFT = 130, 141
DEBUG = "DARKROOM_DEBUG"
"""An environment variable: if it is set, an unexpected error also shows where it occurred."""


class CommandError(Exception):
    """A command cannot do what it was asked to. The message says why and what to do."""

    exit_code = 1


class UsageError(CommandError):
    """The arguments of a command are wrong. The message says which ones are accepted."""

    exit_code = 2


class Interrupted(CommandError):
    """The user has pressed Ctrl-C. The message says what was done and how to continue."""

    exit_code = INTERRUPTED


class Commands(TyperGroup):
    """The commands. An error is one red line on stderr, never a traceback."""

    def __init__(self, **settings: Any) -> None:
        """Store the commands; their help shows no Python types."""
        super().__init__(**settings)
        self._arguments: list[str] = []
        for command in _all(self.commands):
            for parameter in command.params:
                if parameter.param_type_name == "argument":
                    # Typer would add its type to its name: `URL|FILE <list[str]>`.
                    vars(parameter)["display_type_rich"] = lambda **_: None

    def main(self, args: Any = None, *more: Any, **kwargs: Any) -> Any:
        """Run a command and exit with its code: see the module."""
        kwargs["standalone_mode"] = False
        self._arguments = list(sys.argv[1:] if args is None else args)
        if "--install-completion" in self._arguments and program.name() != program.NAME:
            typer.echo(
                f"Completion needs `{program.NAME}` on the PATH, and it is not: add the folder of "
                f"{program.name()} to it.",
                err=True,
            )
        message: str | None = None
        try:
            code = super().main(args, *more, **kwargs)
            if code == INTERRUPTED:  # Typer's answer to Ctrl-C before it has called `invoke`
                message = "Interrupted. Nothing was done."
        except Exception as error:  # noqa: BLE001 - a bug is reported too, see `_report`
            message, code = _report(error)
        if message:
            from darkroom.cli.terminal.output import complain

            with suppress(OSError):  # nobody can read it
                complain(message)
        _discard_unwritable_output()
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; Ctrl-C in it is an error with a message.

        Raises:
            Interrupted: Ctrl-C, in a command without its own message about it.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            if ctx.parent:  # a group of commands within this one
                raise
            again = program.command(shlex.join(self._arguments))
            raise Interrupted(f"Interrupted. To run it again: {again}") from None
        except BrokenPipeError:
            raise typer.Exit(READER_LEFT) from None
        except Exception as error:
            if getattr(error, "code", None) != "Forbidden":
                raise
            from darkroom.cli.stack import key_advice

            raise CommandError(f"The API refused the key. {key_advice(ctx.obj)}") from error


def _all(commands: Mapping[str, Any]) -> Iterator[Any]:
    """Yield commands and the commands in those that are groups."""
    for command in commands.values():
        yield command
        yield from _all(getattr(command, "commands", {}))


def _report(error: Exception) -> tuple[str | None, int]:
    """Return the message and the exit code of an error."""
    if isinstance(error, CommandError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        return f"{error.filename or 'The output'}: {error.strerror or error}.", 1
    # Typer does not export the classes of its usage errors.
    if hasattr(error, "format_message"):
        from darkroom.cli.usage import explain

        return explain(error), UsageError.exit_code
    from darkroom.client import DarkroomError

    if isinstance(error, DarkroomError):
        return str(error), 1
    if "botocore" in sys.modules:
        from darkroom.cli import aws

        if isinstance(error, aws.AwsError):
            return f"The call to AWS failed: {aws.message(error)}", 1
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    reason = f"{type(error).__name__}: {error}".removesuffix(": ")
    message = (
        f"Unexpected error ({reason}). This is a bug in darkroom. Run the command again with "
        f"{DEBUG}=1 to see where it occurs, and report it."
    )
    return message, 1


def _discard_unwritable_output() -> None:
    """Write what is left of the output, or discard it: at its exit Python would complain again.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream:
                stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
