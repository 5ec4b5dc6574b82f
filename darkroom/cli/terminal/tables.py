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
NARROW = 60
"""A terminal with fewer columns has no room for a name beside an id."""


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
        widths = self._shrunk(options.max_width)
        if widths is None:
            yield from self._below()
        elif any(self._notes):
            header, *lines = console.render_lines(self._beside(widths), options, pad=False)
            yield from [*header, Segment.line()]
            for line, note in zip(lines, self._notes, strict=True):
                yield from [*line, Segment.line()]
                if note:
                    yield Padding(note, (0, 0, 0, GAP), expand=False)
        else:
            yield self._beside(widths)

    def _widths(self) -> list[int]:
        return [
            max([len(name), *(row[index].cell_len for row in self._rows)])
            for index, name in enumerate(self._columns)
        ]

    def _shrunk(self, room: int) -> list[int] | None:
        """Return the widths of the columns in a terminal; None if it has no room for them.

        Only texts get less than they need, the longest ones first. Rich would shorten ids too.
        """
        widths = self._widths()
        texts = [
            (index, min(widths[index], max(LEAST, len(name))))
            for index, (name, options) in enumerate(self._columns.items())
            if "overflow" in options
        ]
        excess = GAP * (len(widths) - 1) + sum(widths) - room
        while excess > 0:
            able = [index for index, least in texts if widths[index] > least]
            if not able:
                return None
            widths[max(able, key=widths.__getitem__)] -= 1
            excess -= 1
        return widths

    def _beside(self, widths: Iterable[int]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
        for (name, options), width in zip(self._columns.items(), widths, strict=True):
            table.add_column(name, width=width, **options)
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


class Details:
    """Named texts, one below the other. A narrow terminal shows each over its whole width."""

    def __init__(self, texts: Mapping[str, str | Text]) -> None:
        self._texts = {name: _text(text) for name, text in texts.items() if text}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it for the width of the terminal."""
        if options.max_width < NARROW:
            for name, text in self._texts.items():
                yield Text.assemble((f"{name} ", "dim"), text, overflow="fold")
            return
        grid = Table.grid(padding=(0, GAP))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, text in self._texts.items():
            grid.add_row(name, text)
        yield grid


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
