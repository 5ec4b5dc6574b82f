"""Tables of measurements, for the terminal and for the pages under docs/."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table as Shown


@dataclass(frozen=True)
class Table:
    """One measurement."""

    title: str
    about: str  # sentences for the reader: what was compared, on which machine, how often
    columns: tuple[str, ...]  # names with units
    rows: list[tuple[str, ...]]  # the formatted cells
    bars: dict[str, float] = field(default_factory=dict)
    """For the plot: time or memory of each contender relative to the baseline (1.0) among them."""


def shown(table: Table) -> Shown:
    """Return a table for the terminal, with figures aligned to the right."""
    columns = Shown(title=table.title, title_justify="left")
    columns.add_column(table.columns[0])
    for column in table.columns[1:]:
        columns.add_column(column, justify="right")
    for row in table.rows:
        columns.add_row(*row)
    return columns


def markdown(table: Table) -> str:
    """Return a table as Markdown, with its title and its text."""
    rule = ["---", *("---:" for _ in table.columns[1:])]
    rows = ["| " + " | ".join(cells) + " |" for cells in (table.columns, rule, *table.rows)]
    return "\n".join([f"### {table.title}", "", table.about, "", *rows])


def write_between(page: Path, maker: str, parts: Iterable[str]) -> None:
    """Write paragraphs into the section of a page that a command generates.

    Args:
        page: a Markdown file with the lines `<!-- measured by MAKER -->` and `<!-- end -->`.
        maker: the command.
        parts: the paragraphs.

    Raises:
        ValueError: the page does not have exactly one such section.
    """
    section = re.compile(
        rf"(<!-- measured by {re.escape(maker)} -->\n).*?(<!-- end -->)", re.DOTALL
    )
    text, found = section.subn(
        lambda match: match[1] + "\n\n".join(parts) + "\n" + match[2], page.read_text()
    )
    if found != 1:
        raise ValueError(f"{page} must have exactly one section `measured by {maker}`.")
    page.write_text(text)
