"""How a command ends: its exit code, and its error as one line on stderr."""

import sys
from typing import Any

from typer.core import TyperGroup


class CommandError(Exception):
    """A command cannot do what it was asked to. The message says why and what to do."""

    exit_code = 1


class UsageError(CommandError):
    """The arguments of a command are wrong. The message says which ones are accepted."""

    exit_code = 2


class Commands(TyperGroup):
    """The commands. An expected error is one red line on stderr, never a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command and exit with its code: 0, 1 (it failed), 2 (wrong usage), 130 (Ctrl-C)."""
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except Exception as error:
            message, code = _report(error)
            if message is None:
                raise
            from darkroom.cli.render import complain

            complain(message)
        sys.exit(code if isinstance(code, int) else 0)


def _report(error: Exception) -> tuple[str | None, int]:
    """Return the message and the exit code of an error; no message for a bug in this program."""
    if isinstance(error, CommandError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        return f"{error.filename or 'The system'}: {error.strerror or error}", 1
    # Typer does not export the class of its usage errors.
    if format_message := getattr(error, "format_message", None):
        return format_message(), UsageError.exit_code
    from darkroom.client import DarkroomError

    return (str(error), 1) if isinstance(error, DarkroomError) else (None, 1)
