"""The messages about a wrong use of the command line: what is wrong, and what is right."""

from typing import Any

from darkroom.cli.terminal import program

PYDANTIC = (
    ("Value error, ", ""),
    (
        "Input should be a valid integer, unable to parse string as an integer",
        "it must be a whole number",
    ),
)
"""Words of the library that checks values for Typer, and what to say instead."""


def explain(error: Any) -> str:
    """Return a message for a usage error of Typer: one line, which ends with the help to read.

    Args:
        error: has `format_message()` and the context `ctx` of the command, or None.
    """
    context = error.ctx
    message = " ".join(error.format_message().split())
    for words, shown in PYDANTIC:
        message = message.replace(words, shown)
    if option := getattr(error, "option_name", None):
        message = _about_option(error, option) or message
    elif message.startswith("No such command 'help'"):
        message = "No such command 'help'. Add --help to a command to read about it."
    if not message.endswith((".", "?")):
        message += "."
    return f"{message} See `{_path(context)} --help`." if context else message


def _about_option(error: Any, option: str) -> str | None:
    """Return what to do about an option; None if Typer's message says it."""
    possibilities = getattr(error, "possibilities", None)
    if possibilities is None:
        return None  # a known option in a wrong form
    context = error.ctx
    root = context.find_root()
    name = option.partition("=")[0]
    if context is not root:
        if found := _declared(root.command, name):
            value = f" {found.metavar}" if found.metavar else ""
            right = program.command(context.info_name, [f"{name}{value}"]).replace("'", "")
            return f"Give {name} before the command: `{right}`."
    elif owner := next((c for c in root.command.commands.values() if _declared(c, name)), None):
        return f"Give {name} after the command, for example `{program.command(owner.name)} {name}`."
    if possibilities:
        return f"No such option: {option}. Did you mean {' or '.join(sorted(possibilities))}?"
    return None


def _declared(command: Any, option: str) -> Any:
    """Return the parameter of a command with this option, or None."""
    return next((p for p in command.params if option in (*p.opts, *p.secondary_opts)), None)


def _path(context: Any) -> str:
    """Return the command of a context as the user can type it."""
    names: list[str] = []
    while context.parent:
        names.insert(0, context.info_name)
        context = context.parent
    return " ".join([program.name(), *names])
