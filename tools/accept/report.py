"""The outcome of an acceptance test: one line for each promise."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.table import Table
from rich.text import Text

from darkroom.client import ApiError

OK, FAILED, NOT_CHECKED = "ok", "FAILED", "not checked"
STYLES = {OK: "green", FAILED: "bold red", NOT_CHECKED: "yellow"}


class Broken(Exception):
    """A failed check: what was expected, and what was found."""

    def __init__(self, expected: str, seen: object) -> None:
        super().__init__(f"expected {expected}; seen: {seen}")


class NotChecked(Exception):
    """A promise that cannot be checked on this stack. The message is the reason."""


def _described(error: Exception) -> str:
    if isinstance(error, ApiError):
        return f"{error.status} {error.code}: {error}"
    return f"{type(error).__name__}: {error}"


@dataclass(frozen=True)
class Line:
    """One promise: its name, its outcome, and what was seen or why it was not checked."""

    promise: str
    outcome: str
    detail: str
    seconds: float


@dataclass
class Report:
    """The lines of a test, in the order of the checks."""

    on_line: Callable[[Line], None] = lambda _: None
    """Called with each line when it is known."""
    lines: list[Line] = field(default_factory=list)

    @property
    def failed(self) -> list[Line]:
        """The promises that the stack does not keep."""
        return [line for line in self.lines if line.outcome == FAILED]

    def check(self, promise: str, check: Callable[[], str]) -> None:
        """Check one promise and add its line. A check returns what it has seen, or raises."""
        began = time.monotonic()
        try:
            outcome, detail = OK, check()
        except NotChecked as reason:
            outcome, detail = NOT_CHECKED, str(reason)
        except Broken as difference:
            outcome, detail = FAILED, str(difference)
        except Exception as error:  # noqa: BLE001 - a stack may break in any way; others are checked
            outcome, detail = FAILED, str(Broken("no error", _described(error)))
        line = Line(promise, outcome, detail, time.monotonic() - began)
        self.lines.append(line)
        self.on_line(line)

    def table(self) -> Table:
        """Return the report as a table for a terminal."""
        table = Table(box=None, pad_edge=False)
        for name in ("promise", "outcome", "detail"):
            table.add_column(name, overflow="fold", no_wrap=name == "outcome")
        for line in self.lines:
            # Texts, because a message of a stack may contain what Rich reads as markup.
            outcome = Text(line.outcome, STYLES[line.outcome])
            table.add_row(Text(line.promise), outcome, Text(line.detail))
        return table
