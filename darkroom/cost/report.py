"""What a measurement gives: a table that the terminal and a page under docs/ both show."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table as Shown


@dataclass(frozen=True)
class Table:
    """One measurement.

    Attributes:
        title: of the table.
        about: sentences for the reader: what was compared, on what, how often.
        columns: names, with their units.
        rows: the cells, as they are to be shown.
        bars: for the plot: what is compared to the time or memory that it took, as a ratio to the
            baseline (1.0), which is among them.
    """

    title: str
    about: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    bars: dict[str, float] = field(default_factory=dict)


def shown(table: Table) -> Shown:
    """Return a table for the terminal: figures to the right."""
    columns = Shown(title=table.title, title_justify="left")
    columns.add_column(table.columns[0])
    for column in table.columns[1:]:
        columns.add_column(column, justify="right")
    for row in table.rows:
        columns.add_row(*row)
    return columns


def markdown(table: Table) -> str:
    """Return a table for a page, under its title."""
    rule = ["---", *("---:" for _ in table.columns[1:])]
    rows = ["| " + " | ".join(cells) + " |" for cells in (table.columns, rule, *table.rows)]
    return "\n".join([f"### {table.title}", "", table.about, "", *rows])


def write_between(page: Path, maker: str, parts: Iterable[str]) -> None:
    """Write paragraphs into the place of a page that a command fills.

    Args:
        page: a Markdown file with the lines `<!-- measured by MAKER -->` and `<!-- end -->`.
        maker: the command.
        parts: the paragraphs.

    Raises:
        ValueError: the page has no such place, or more than one.
    """
    place = re.compile(rf"(<!-- measured by {re.escape(maker)} -->\n).*?(<!-- end -->)", re.DOTALL)
    text, found = place.subn(
        lambda match: match[1] + "\n\n".join(parts) + "\n" + match[2], page.read_text()
    )
    if found != 1:
        raise ValueError(f"{page} has no one place for what {maker} measures.")
    page.write_text(text)
