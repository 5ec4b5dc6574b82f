"""The stack that the options `--stack` and `--region` select."""

import shlex
from typing import NamedTuple

from darkroom.cli import stack
from darkroom.cli.terminal import complain


class Target(NamedTuple):
    """The values of `--stack` and `--region`."""

    stack_name: str | None = None
    region: str | None = None

    def find(self) -> stack.Stack:
        """Find the stack; print a warning if it is a local cloud that cannot save its state.

        Raises:
            NoStack: as `stack.find`.
        """
        found = stack.find(self.stack_name, self.region)
        if problem := found.unsaved():
            complain(problem)
        return found

    def command(self, arguments: str) -> str:
        """Return another command for the same stack, for the user to copy."""
        options = zip(("--stack", "--region"), self, strict=True)
        given = "".join(f"{option} {shlex.quote(value)} " for option, value in options if value)
        return f"darkroom {given}{arguments}"
