"""Errors that a command reports in one line on stderr."""


class CommandError(Exception):
    """A command cannot do what it was asked to. The message says why and what to do."""

    exit_code = 1


class UsageError(CommandError):
    """The arguments of a command are wrong. The message says which ones are accepted."""

    exit_code = 2
