"""Tables that fit the terminal: in columns where there is room, one cell a line where there is not.

Nothing is cut silently: a text that is too long for its column ends with an ellipsis, and a word, a
number or an id is never cut.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

# Columns of tables: a word that is never broken, a number, text on several lines, text that is cut.
Options = Mapping[str, Any]
WORD: Options = {"no_wrap": True}
NUMBER: Options = {"no_wrap": True, "justify": "right"}
LINES: Options = {"overflow": "fold"}
CUT: Options = {"no_wrap": True, "overflow": "ellipsis"}

GAP = 2
"""Columns of the terminal between two columns of a table."""
LEAST = 12
"""Columns of the terminal that a text which can be cut needs to be readable."""


class Sheet:
    """Rows with named columns. On a terminal without room for them each cell has its own line."""

    def __init__(
        self,
        columns: Mapping[str, Options],
        rows: Iterable[Sequence[str | Text]],
        notes: Sequence[Text | None] = (),
    ) -> None:
        """Store the cells.

        Args:
            columns: the name and the options of each column.
            rows: their cells, cleaned.
            notes: for each row a text to show below it over the whole width, or None. A sheet with
                notes can only have columns that are never on several lines.
        """
        self._columns = columns
        self._rows = [[_text(cell) for cell in row] for row in rows]
        self._notes = list(notes) or [None] * len(self._rows)

    def fits(self, width: int) -> bool:
        """Whether all cells can be shown side by side without cutting any."""
        return GAP * (len(self._columns) - 1) + sum(self._widths()) <= width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it for the width of the terminal."""
        shrunk = [
            min(width, max(LEAST, len(name))) if "overflow" in column else width
            for (name, column), width in zip(self._columns.items(), self._widths(), strict=True)
        ]
        if GAP * (len(self._columns) - 1) + sum(shrunk) > options.max_width:
            yield from self._below()
        elif any(self._notes):
            header, *lines = console.render_lines(self._beside(), options, pad=False)
            yield from [*header, Segment.line()]
            for line, note in zip(lines, self._notes, strict=True):
                yield from [*line, Segment.line()]
                if note:
                    yield Padding(note, (0, 0, 0, GAP))
        else:
            yield self._beside()

    def _widths(self) -> list[int]:
        return [
            max([len(name), *(row[index].cell_len for row in self._rows)])
            for index, name in enumerate(self._columns)
        ]

    def _beside(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
        for (name, options), width in zip(self._columns.items(), self._widths(), strict=True):
            # Without a minimum, rich would shorten ids as well as texts.
            table.add_column(name, min_width=None if "overflow" in options else width, **options)
        for row in self._rows:
            table.add_row(*row)
        return table

    def _below(self) -> Iterable[Text]:
        for number, (row, note) in enumerate(zip(self._rows, self._notes, strict=True)):
            if number:
                yield Text("")
            for name, cell in zip(self._columns, row, strict=True):
                if cell.plain:
                    yield Text.assemble((f"{name} ", "dim"), cell, overflow="fold")
            if note:
                yield note


class Fitted:
    """The first of several sheets that fits the terminal; the last one if none does."""

    def __init__(self, *sheets: Sheet) -> None:
        self._sheets = sheets

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the sheet that fits."""
        fitting = (sheet for sheet in self._sheets if sheet.fits(options.max_width))
        yield next(fitting, self._sheets[-1])


def _text(cell: str | Text) -> Text:
    return cell if isinstance(cell, Text) else Text(cell)
