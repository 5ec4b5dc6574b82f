"""Uploaded manifests: whatever a file holds, each of its lines becomes one entry of valid JSON.

Step Functions' own readers decide about a whole file: one line that is not valid JSON fails the Map
Run (`States.ItemReaderFailed`), and in CSV one quotation mark that is never closed swallows the
rows behind it. So the Map Run reads a file that is written here, where an entry holds a line as
text, and what the line says is judged item by item.
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
https://docs.aws.amazon.com/step-functions/latest/dg/example-csv-parse-dist-map.html

    {"line": 17, "text": "{…the item, as JSON…}"}
    {"line": 18, "text": "…PNG…", "problem": "is not UTF-8, from byte 1 on"}
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from typing import IO, Any

Entry = dict[str, Any]

LONGEST_LINE = 32 * 1024
"""Bytes. However its characters are escaped, a child of the Map Run takes a line of so many."""
LONGEST_COLUMN = 100
"""Characters of the name of a column, which each row repeats."""
MAX_ITEMS = 2_000_000
"""Each child of the Map Run answers a count for 25 items; all counts must fit 256 KiB."""
MAX_BYTES = 500_000_000
"""Of all entries: they must fit the function's `/tmp`."""
SHOWN = 500
"""Characters that are kept of a line that is no source."""

BOM = b"\xef\xbb\xbf"
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class ManifestTooLarge(Exception):
    """A batch's manifest has more items, or more text, than a batch may have."""


def write(chunks: Iterable[bytes], form: str, into: IO[bytes]) -> None:
    """Write the entries of a manifest, one a line.

    Raises:
        ManifestTooLarge: they are more than `MAX_ITEMS`, or than `MAX_BYTES`.
    """
    left = MAX_BYTES
    for count, entry in enumerate(entries(chunks, form), 1):
        line = encode(entry)
        left -= len(line)
        if count > MAX_ITEMS or left < 0:
            raise ManifestTooLarge(
                f"A manifest may have {MAX_ITEMS} items and {MAX_BYTES} bytes of text, as JSON."
            )
        into.write(line)


def encode(entry: Entry) -> bytes:
    """Return an entry as a line of the file that the Map Run reads."""
    return _encode(entry).encode() + b"\n"


def entries(chunks: Iterable[bytes], form: str) -> Iterator[Entry]:
    """Give an entry for each line that is not empty: its number, counted from 1, and its text.

    A row of CSV becomes the JSON object that the same item is in JSON Lines. A line that cannot be
    read is given as it begins, with a `problem` that goes on from "Line 17 ".

    Args:
        chunks: the file, in pieces of any size; one of them is kept in memory.
        form: `jsonl`; or `csv`: the first line names the columns, each other one is a row.
    """
    columns: list[str] | None = None
    first = True
    for number, line in enumerate(_lines(chunks), 1):
        raw = line.removeprefix(BOM) if number == 1 else line
        if not raw.strip():
            continue
        text, problem = read(raw)
        if form == "csv" and not problem:
            try:
                row = _row(text)
                if first:
                    columns = _checked([name.strip() for name in row])
                else:
                    text = _encode(_by_column(columns, row))
            except (csv.Error, ValueError) as error:
                problem = f"is not a row of this table: {error}"
        if problem:
            yield {"line": number, "text": text[:SHOWN], "problem": problem}
        elif form != "csv" or not first:
            yield {"line": number, "text": text}
        first = False


def read(line: bytes) -> tuple[str, str]:
    """Return the text of a line, and what is wrong with it or "": it goes on from "Line 17 "."""
    if len(line) > LONGEST_LINE:
        return line[: 4 * SHOWN].decode(errors="replace"), f"is longer than {LONGEST_LINE} bytes"
    try:
        text = line.decode().removesuffix("\r")
    except UnicodeDecodeError as error:
        return line.decode(errors="replace"), f"is not UTF-8, from byte {error.start + 1} on"
    return text, "has control characters in it" if CONTROL.search(text) else ""


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Give the lines of a file. Of one that is too long only the beginning is kept."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        rest = rest[: LONGEST_LINE + len(BOM) + 1]
    yield rest


def _row(text: str) -> list[str]:
    """Return the values of a row. It ends with its line, also where a quotation mark is open."""
    # `csv` makes the same of it in four times the time.
    return next(csv.reader([text], strict=True)) if '"' in text else text.split(",")


def _checked(columns: list[str]) -> list[str]:
    if any(len(name) > LONGEST_COLUMN for name in columns):
        raise ValueError(f"the name of a column has more than {LONGEST_COLUMN} characters")
    return columns


def _by_column(columns: list[str] | None, row: list[str]) -> dict[str, str]:
    """Return the values of a row by column; an empty one is one that is not given."""
    if columns is None:
        raise ValueError("the first line does not name the columns")
    if any(row[len(columns) :]):
        raise ValueError(f"it has {len(row)} values, and there are {len(columns)} columns")
    return {name: value for name, value in zip(columns, row, strict=False) if value}
