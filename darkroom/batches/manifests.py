"""Uploaded manifests: each line of the file becomes one entry of valid JSON, whatever it contains.

The readers of Step Functions accept or reject a file as a whole: one line that is not valid JSON
fails the Map Run (`States.ItemReaderFailed`), and in CSV one unclosed quotation mark absorbs the
rows after it. So the Map Run reads a file that this module writes. Its entries contain the lines as
text, and each batch item is validated on its own.
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

MAX_LINE_BYTES = 32 * 1024
"""A line of this size fits the input of a child execution, however its characters are escaped."""
MAX_COLUMN_NAME = 100
"""Characters in the name of a column, which each row repeats."""
MAX_ITEMS = 2_000_000
"""Each child execution of the Map Run returns a count for 50 items. All counts must fit 256 KiB."""
MAX_BYTES = 500_000_000
"""Size of all entries together, which must fit the function's `/tmp`."""
MAX_KEPT_TEXT = 500
"""Characters that are kept of a line that is not a valid source."""

BOM = b"\xef\xbb\xbf"
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

LINE_SEPARATORS = str.maketrans({"\x85": r"\u0085", "\u2028": r"\u2028", "\u2029": r"\u2029"})
"""Characters that JSON allows in a string, and at which some readers of lines divide it."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class ManifestTooLarge(Exception):
    """The manifest has more items, or more text, than a batch may have."""


def write(chunks: Iterable[bytes], form: str, into: IO[bytes]) -> None:
    """Write the entries of a manifest, one per line.

    Raises:
        ManifestTooLarge: there are more than `MAX_ITEMS` entries or `MAX_BYTES` bytes.
    """
    left = MAX_BYTES
    for count, entry in enumerate(entries(chunks, form), 1):
        line = encode(entry)
        left -= len(line)
        if count > MAX_ITEMS or left < 0:
            raise ManifestTooLarge(
                f"A manifest may have {MAX_ITEMS} items and, as JSON, {MAX_BYTES} bytes."
            )
        into.write(line)


def encode(entry: Entry) -> bytes:
    """Return an entry as a line of the file that the Map Run reads: one line for every reader."""
    line = _encode(entry)
    if not line.isascii():
        line = line.translate(LINE_SEPARATORS)
    return line.encode() + b"\n"


def entries(chunks: Iterable[bytes], form: str) -> Iterator[Entry]:
    """Yield an entry for each line that is not empty: its number, counted from 1, and its text.

    A row of CSV becomes the JSON object of the same item in JSON Lines. The entry of an unreadable
    line has the beginning of the line and a `problem`, which continues a sentence after "Line 17 ".

    Args:
        chunks: the file, in chunks of any size. One chunk at a time is kept in memory.
        form: `jsonl`; or `csv`, where the first line names the columns and each other is a row.
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
            yield {"line": number, "text": text[:MAX_KEPT_TEXT], "problem": problem}
        elif form != "csv" or not first:
            yield {"line": number, "text": text}
        first = False


def read(line: bytes) -> tuple[str, str]:
    """Return the text of a line and its problem, "" if none; it continues after "Line 17 "."""
    if len(line) > MAX_LINE_BYTES:
        beginning = line[: 4 * MAX_KEPT_TEXT].decode(errors="replace")
        return beginning, f"is longer than {MAX_LINE_BYTES} bytes"
    try:
        text = line.decode().removesuffix("\r")
    except UnicodeDecodeError as error:
        return line.decode(errors="replace"), f"is not UTF-8, from byte {error.start + 1} on"
    return text, "has control characters in it" if CONTROL.search(text) else ""


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file. Only the beginning of a line that is too long is kept."""
    rest = b""
    for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        yield from complete
        rest = rest[: MAX_LINE_BYTES + len(BOM) + 1]
    yield rest


def _row(text: str) -> list[str]:
    """Return the values of a row. A row is one line, even if it has an unclosed quotation mark."""
    # Without quotation marks `csv` gives the same result, but takes four times as long.
    return next(csv.reader([text], strict=True)) if '"' in text else text.split(",")


def _checked(columns: list[str]) -> list[str]:
    if any(len(name) > MAX_COLUMN_NAME for name in columns):
        raise ValueError(f"the name of a column has more than {MAX_COLUMN_NAME} characters")
    return columns


def _by_column(columns: list[str] | None, row: list[str]) -> dict[str, str]:
    """Return the values of a row by column, without the empty ones."""
    if columns is None:
        raise ValueError("the first line does not name the columns")
    if any(row[len(columns) :]):
        raise ValueError(f"it has {len(row)} values, but there are {len(columns)} columns")
    return {name: value for name, value in zip(columns, row, strict=False) if value}
