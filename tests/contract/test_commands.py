"""Commands that the documentation shows exist, with the options that they are given."""

import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typer.main
from botocore import xform_name

from darkroom.cli.main import app
from tests.support.project import PROJECT

PAGES = sorted(
    {*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")} - {PROJECT / "CHANGELOG.md"}
)
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
SUBSTITUTION = re.compile(r"\$\([^()]*\)")
OF_DARKROOM = re.compile(r"^(?:\$ )?(?:\w+=\S* )*(?:\.venv/bin/)?darkroom (?=[a-z-])(.*)")
OF_AWS = re.compile(r"(?:^|[\s;(])aws (?=[a-z])(.*)", re.DOTALL)
OF_THE_CLI = {"--output", "--query", "--region"}
"""Options of every command of the AWS CLI."""
WRITTEN_BY_HAND = {"s3": {"rb", "sync"}, "cloudformation": {"deploy"}}
"""Commands of the AWS CLI that are no operations of a service."""


def snippets(page: Path) -> Iterator[str]:
    """The code of a page: each line of a block with its continuations, and what is in backquotes.

    A command in `$(…)` comes before the one that uses its output.
    """
    text = page.read_text().replace("\\|", "|")
    for block in FENCED.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            yield from parts(line)
    for code in INLINE.findall(FENCED.sub("", text)):
        yield from parts(code)


def parts(line: str) -> Iterator[str]:
    """The commands of a line, without comments and without what is behind a pipe."""
    while found := SUBSTITUTION.search(line):
        yield found[0][2:-1]
        line = line.replace(found[0], "OUTPUT")
    yield from (part.strip("() ") for part in re.split(r" #| \| |; | && | > ", line))


def words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # an argument continues on the next line
        return command.split()


def options(given: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in given if re.match("--?[a-z]", word)}


def shown(page: Path, pattern: re.Pattern[str]) -> Iterator[list[str]]:
    """The arguments of each call of a program that a page shows."""
    for snippet in snippets(page):
        if (found := pattern.search(snippet)) and "…" not in found[1]:
            yield words(found[1])


def unknown(given: list[str]) -> str | None:
    """The arguments that `darkroom` does not know; None if it knows all."""
    known, command = set(), typer.main.get_command(app)
    left = [*given]
    while left and isinstance(commands := getattr(command, "commands", None), dict):
        known |= declared(command)
        word = left.pop(0)
        if word in {"--stack", "--region"} and left:
            left.pop(0)
        elif not word.startswith("-") and word != "COMMAND":
            if word not in commands:
                return f"no command {word}"
            command = commands[word]
    wrong = options(given) - known - declared(command) - {"--help"}
    return f"no option {', '.join(sorted(wrong))}" if wrong else None


def declared(command: Any) -> set[str]:
    return {name for one in command.params for name in (*one.opts, *one.secondary_opts)}


@functools.cache
def operations(service: str) -> dict[str, set[str]]:
    """The parameters of each operation of a service of AWS, as its command line spells them."""
    model = botocore.session.get_session().get_service_model(service)
    spelled: dict[str, set[str]] = {}
    for name in model.operation_names:
        members = getattr(model.operation_model(name).input_shape, "members", {})
        spelled[xform_name(name, "-")] = {f"--{xform_name(member, '-')}" for member in members}
    return spelled


def wrong(given: list[str]) -> str | None:
    """The arguments that the AWS CLI does not know; None if it knows all."""
    service, operation, *rest = given
    if operation in WRITTEN_BY_HAND.get(service, set()) or operation == "wait":
        return None
    known = operations(service).get(operation)
    if known is None:
        return f"{service} has no {operation}"
    extra = options(rest) - known - OF_THE_CLI
    extra -= {option for option in extra if option.replace("--no-", "--") in known}
    return f"{service} {operation} has no {', '.join(sorted(extra))}" if extra else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_darkroom_exists(page: Path):
    assert [(found, given) for given in shown(page, OF_DARKROOM) if (found := unknown(given))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_aws_exists(page: Path):
    assert [found for given in shown(page, OF_AWS) if (found := wrong(given))] == []
