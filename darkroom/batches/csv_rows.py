"""The rows of a CSV manifest, as spreadsheets write them.

The first line names the columns, in any case and order. Its text also decides the delimiter,
because a spreadsheet writes the one of its language: comma, semicolon or tab. A first line `sep=;`
is a hint for Excel. Other columns than `COLUMNS` are the author's own and are ignored.

A quoted value may have line breaks (RFC 4180, section 2), so a row may have several lines.
"""

import csv
import re

COLUMNS = {name.lower(): name for name in ("imageUrl", "uploadId", "name", "callbackUrl")}
"""The columns that are read, as the fields of an item are spelled, by their name in lower case."""
SOURCES = {"imageUrl", "uploadId"}
DELIMITERS = ",;\t|"
EMPTY = DELIMITERS + '" '
"""What a row of empty cells has."""
INVISIBLE = "\u200b\u200e\u200f\u2060\ufeff"
"""What copying from a web page leaves at the ends of a value."""
HINT = re.compile(r"\"?sep=([,;\t|])\"?[,;\t|]*", re.IGNORECASE)


class RowError(ValueError):
    """A line is not a row of this table. The message continues a sentence after "Line 17 "."""


class Rows:
    """Reads the lines of one table in their order."""

    def __init__(self) -> None:
        self._first = True
        self._delimiter: str | None = None
        self._columns: list[str | None] | None = None

    def skip(self) -> None:
        """Leave out a line that cannot be read. If it is the first one, there are no columns."""
        self._first = False

    def continues(self, line: str) -> bool:
        """Whether a line ends within a quoted value, so that the next line may belong to it."""
        return line.count('"') % 2 == 1 and self._columns is not None

    def is_row(self, lines: str) -> bool:
        """Whether lines are together one row of this table.

        One quotation mark too many must not absorb the rows after it: then its end is in the
        middle of a value, or there are more values than columns.
        """
        try:
            return len(_cells(lines, self._delimiter or ",")) <= len(self._columns or ())
        except RowError:
            return False

    def read(self, line: str) -> dict[str, str] | None:
        """Return the values of a row, of one line or several, by column, without the empty ones.

        Return None for a line that is not a row: the header, the hint, or a row of empty cells.

        Raises:
            RowError: it is not a row of this table.
        """
        if self._first:
            hint = HINT.fullmatch(line)
            if hint and self._delimiter is None:
                self._delimiter = hint[1]
            elif line.strip(EMPTY):
                self._first = False
                self._read_header(line)
                if not any(self._columns or ()) and "://" in line:
                    raise RowError(
                        "is not a header: the first line has to name the columns, as in imageUrl"
                    )
            return None
        if self._columns is None:
            raise RowError("is not a row of this table: the first line does not name the columns")
        columns = self._columns
        row = _cells(line, self._delimiter or ",")
        if not any(row):
            return None
        if not SOURCES & set(columns):
            raise RowError("has no imageUrl: the first line does not name this column")
        if any(row[len(columns) :]):
            raise RowError(
                f"is not a row of this table: it has {len(row)} values, but there are "
                f"{len(columns)} columns"
            )
        found: dict[str, str] = {}
        for name, value in zip(columns, row, strict=False):
            if name and value and found.setdefault(name, value) != value:
                raise RowError(f"has two values of {name}: the first line names this column twice")
        return found

    def _read_header(self, line: str) -> None:
        if self._delimiter is None:
            # The one that divides the line into the most names that are known, then into the most.
            # `max` returns the first of equals: the comma.
            self._delimiter = max(
                DELIMITERS, key=lambda one: (_known_columns(line, one), line.count(one))
            )
        self._columns = _columns(line, self._delimiter)


def _columns(line: str, delimiter: str) -> list[str | None]:
    """Return the columns that a header names; None for each that is not read."""
    return [COLUMNS.get(name.lower()) for name in _cells(line, delimiter)]


def _known_columns(line: str, delimiter: str) -> int:
    try:
        return sum(name is not None for name in _columns(line, delimiter))
    except RowError:  # the quotation marks match with another delimiter only
        return 0


def _cells(line: str, delimiter: str) -> list[str]:
    """Return the values of a row, with a space for each line break.

    Raises:
        RowError: the quotation marks do not match.
    """
    # Without quotation marks `csv` gives the same result, but takes four times as long.
    if '"' not in line:
        return [cell.strip().strip(INVISIBLE) for cell in line.split(delimiter)]
    reader = csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        return [" ".join(cell.split("\n")).strip().strip(INVISIBLE) for cell in next(reader)]
    except csv.Error as error:
        raise RowError(f"is not a row of this table: {error}") from error
