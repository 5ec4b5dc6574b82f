"""What a command prints and asks: with colours on a terminal, plain text elsewhere.

Results are on stdout; questions and complaints are on stderr, so that stdout can be redirected.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from darkroom.cli.errors import CommandError, Interrupted

UNLIMITED = 10_000
"""Columns when stdout is not a terminal: a script needs each task on one line."""


class _Screen(Console):
    """A console whose reader may leave: that is an error like any other, see `cli.errors`."""

    def on_broken_pipe(self) -> None:
        """Raise the error that rich would answer with its own exit code."""
        raise  # noqa: PLE0704 - rich calls this while it handles the BrokenPipeError


def screen(*, stderr: bool = False) -> Console:
    """Return a console as wide as the terminal; without a terminal its width has no limit."""
    console = _Screen(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = UNLIMITED
    return console


def show(what: RenderableType) -> None:
    """Print a table or a line on stdout; without a terminal also without trailing spaces."""
    console = screen()
    if isinstance(what, Text) or console.is_terminal:
        console.print(what, soft_wrap=isinstance(what, Text))
        return
    with console.capture() as captured:
        console.print(what)
    for row in captured.get().splitlines():
        console.print(row.rstrip(), soft_wrap=True)


def say(message: str) -> None:
    """Print one line on stdout."""
    show(Text(clean(message)))


def note(message: str) -> None:
    """Print one line on stderr, for people: with `--json`, stdout is for programs."""
    screen(stderr=True).print(clean(message), soft_wrap=True)


def complain(message: str) -> None:
    """Print one red line on stderr."""
    screen(stderr=True).print(clean(message), style="red", soft_wrap=True)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on one line (JSON Lines), so that a program can read each line."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # another encoding, or a text that is not valid Unicode
        text = json.dumps(value)
    typer.echo(text)


def confirm(question: str, *, yes: bool) -> None:
    """Ask a yes-or-no question, unless `yes` has answered it already.

    Raises:
        CommandError: the answer is no, or stdin is closed.
    """
    if yes:
        return
    # On stderr, because stdout may be redirected to a file.
    typer.echo(f"{question} [y/N] ", nl=False, err=True)
    try:
        answer = sys.stdin.readline() if sys.stdin else ""  # there is none if it was closed
    except (OSError, ValueError):
        answer = ""
    except KeyboardInterrupt:
        typer.echo(err=True)
        raise Interrupted("Nothing was done.") from None
    if not answer:
        typer.echo(err=True)
        raise CommandError("Nothing was done. Use --yes to run without confirmation.")
    if answer.strip().lower() not in {"y", "yes"}:
        raise CommandError("Nothing was done.")


def clean(text: object) -> str:
    """Return a text from outside with its control characters replaced."""
    return "".join(c if c.isprintable() else "\ufffd" if c != "\n" else " " for c in str(text))
