"""Messages and questions of the command line."""

import json
import sys
from typing import Any

import typer

from darkroom.cli import render
from darkroom.cli.errors import CommandError


def say(message: str) -> None:
    """Print one line on stdout."""
    render.screen().print(render.clean(message), soft_wrap=True)


def complain(message: str) -> None:
    """Print one red line on stderr."""
    render.screen(stderr=True).print(render.clean(message), style="red", soft_wrap=True)


def print_json(value: Any) -> None:
    """Print JSON without colours and without wrapping, so that a program can read it."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def confirm(question: str, *, yes: bool) -> None:
    """Ask a yes-or-no question, unless `yes` has answered it already.

    Raises:
        CommandError: the answer is no, or stdin is closed.
    """
    if yes:
        return
    # On stderr, because stdout may be redirected to a file.
    typer.echo(f"{question} [y/N] ", nl=False, err=True)
    answer = sys.stdin.readline()
    if not answer:
        typer.echo(err=True)
        raise CommandError("Nothing was done. Use --yes to run without confirmation.")
    if answer.strip().lower() not in {"y", "yes"}:
        raise CommandError("Nothing was done.")


def count(number: int, name: str) -> str:
    """Return a number with its noun: `1 task`, `2 tasks`."""
    return f"{number} {name}" + ("" if number == 1 else "s")
