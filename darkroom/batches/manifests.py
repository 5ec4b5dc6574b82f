"""Uploaded manifests: each line of the file becomes one entry of valid JSON, whatever it contains.

The readers of Step Functions accept or reject a file as a whole: one line that is not valid JSON
fails the Map Run (`States.ItemReaderFailed`), and in CSV one unclosed quotation mark absorbs the
rows after it. So the Map Run reads a file that this module writes. Its entries contain the lines as
text, and each batch item is validated on its own.
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
https://docs.aws.amazon.com/step-functions/latest/dg/example-csv-parse-dist-map.html

    {"line": 17, "text": "{…the item, as JSON…}"}
    {"line": 18, "text": "…PNG…", "problem": "is longer than 32768 bytes"}

The command line also reads its lists with `entries`. Spreadsheets write them with byte order marks,
in UTF-16, with any end of line and with other delimiters than a comma; `csv_rows` reads the rows.
"""

import codecs
import itertools
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import IO, Any

from darkroom.batches import csv_rows

Entry = dict[str, Any]

MAX_LINE_BYTES = 32 * 1024
"""A line of this size fits the input of a child execution, however its characters are escaped."""
MAX_ROW_LINES = 100
"""Lines of one row of CSV: more are a quotation mark that is not closed."""
MAX_ITEMS = 2_000_000
"""Each child execution of the Map Run returns a count for 50 items. All counts must fit 256 KiB."""
MAX_BYTES = 500_000_000
"""Size of all entries together, which must fit the function's `/tmp`."""
MAX_KEPT_TEXT = 500
"""Characters that are kept of a line that is not a valid source."""

ADVICE = "save the file as UTF-8 (in Excel: CSV UTF-8)"
UTF16_BOMS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
UTF16 = {0: "utf-16-be", 1: "utf-16-le"}
"""Without a byte order mark: where the null of a first character in ASCII is."""
WORKBOOKS = (b"PK\3\4", b"\xd0\xcf\x11\xe0")
"""What files of spreadsheets begin with: .xlsx and .ods, and .xls."""
APPENDED = b" \t\0\x1a"
"""What some programs append to a file: zeros, or Ctrl-Z."""
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
    """Return an entry as a line of the file that the Map Run reads, without other line breaks."""
    line = _encode(entry)
    if not line.isascii():
        line = line.translate(LINE_SEPARATORS)
    return line.encode() + b"\n"


def entries(chunks: Iterable[bytes], form: str) -> Iterator[Entry]:
    """Yield an entry for each line or row that is not empty: its number, from 1, and its text.

    A row of CSV becomes the JSON object of the same item in JSON Lines. The entry of an unreadable
    line has the beginning of the line and a `problem`, which continues a sentence after "Line 17 ".

    Args:
        chunks: the file, in chunks of any size. One chunk at a time is kept in memory.
        form: `jsonl`; or `csv`, where the first line names the columns and each other is a row.
    """
    rows = csv_rows.Rows() if form == "csv" else None
    lines = _Lines(chunks)
    for number, raw in lines:
        if not raw.strip() or (not raw.strip(APPENDED) and lines.peek(1) is None):
            continue
        if number == 1 and raw.startswith(WORKBOOKS):
            problem = f"is the start of a spreadsheet's own file, which is not a list: {ADVICE}"
            yield {"line": number, "text": "", "problem": problem}
            return
        text, problem = read(raw)
        if rows is None:
            item: str | None = text
        elif problem:
            item = text
            rows.skip()
        else:
            try:
                found = rows.read(_whole_row(rows, text, lines))
                item = None if found is None else _encode(found)
            except csv_rows.RowError as error:
                item, problem = text, str(error)
        if problem:
            yield {"line": number, "text": text[:MAX_KEPT_TEXT], "problem": problem}
        elif item is not None:
            yield {"line": number, "text": item}


def _whole_row(rows: csv_rows.Rows, line: str, lines: "_Lines") -> str:
    """Return a line with the lines after it that belong to the same row, which are consumed."""
    whole, size = line, len(line)
    for count in range(1, MAX_ROW_LINES):
        if not rows.continues(whole):
            break
        raw = lines.peek(count)
        if raw is None or (size := size + len(raw)) > MAX_LINE_BYTES:
            return line
        text, problem = read(raw)
        if problem:
            return line
        whole += "\n" + text
    if whole == line or not rows.is_row(whole):
        return line
    lines.skip(whole.count("\n"))
    return whole


def read(line: bytes) -> tuple[str, str]:
    """Return the text of a line and its problem, "" if none; it continues after "Line 17 "."""
    if len(line) > MAX_LINE_BYTES:
        beginning = line[: 4 * MAX_KEPT_TEXT].decode(errors="replace")
        return beginning, f"is longer than {MAX_LINE_BYTES} bytes"
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8, from byte {error.start + 1} on: {ADVICE}"
        return line.decode(errors="replace"), problem
    return text, "has control characters in it" if CONTROL.search(text) else ""


class _Lines:
    """The numbered lines of a file, of which the next ones can be read ahead."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._lines = _lines(chunks)
        self._ahead: deque[bytes] = deque()
        self._number = 0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        while (line := self.peek(1)) is not None:
            self.skip(1)
            yield self._number, line

    def peek(self, count: int) -> bytes | None:
        """Return the line that comes as number `count`, from 1; None behind the last line."""
        while len(self._ahead) < count:
            line = next(self._lines, None)
            if line is None:
                return None
            self._ahead.append(line)
        return self._ahead[count - 1]

    def skip(self, count: int) -> None:
        """Skip `count` lines that were read ahead."""
        for _ in range(count):
            self._ahead.popleft()
        self._number += count


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file in UTF-8. They end with LF, CRLF or CR.

    Only the beginning of a line that is too long is kept.
    """
    rest = b""
    after_cr = False
    for chunk in filter(None, _utf8(chunks)):
        # CR and LF may be in different chunks: the line has ended with the CR already.
        text = chunk[1:] if after_cr and chunk.startswith(b"\n") else chunk
        after_cr = chunk.endswith(b"\r")
        ended = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *complete, rest = (rest + ended).split(b"\n")
        yield from complete
        rest = rest[: MAX_LINE_BYTES + 1]
    yield rest


def _utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a file in UTF-8, without its byte order mark, which says if it is UTF-16.

    Without a mark, a null byte in the first character shows it, because lists begin with ASCII.
    What is not valid UTF-16 becomes invalid UTF-8, so that its line has a problem.
    """
    rest = (chunk for chunk in chunks if chunk)
    start = b""
    while len(start) < len(codecs.BOM_UTF8) and (chunk := next(rest, b"")):
        start += chunk
    encoding, mark = UTF16_BOMS.get(start[:2]), 2
    if not encoding and start[:2].count(0) == 1:
        encoding, mark = UTF16[start[:2].index(0)], 0
    if not encoding:
        yield start.removeprefix(codecs.BOM_UTF8)
        yield from rest
        return
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for chunk in itertools.chain([start[mark:]], rest):
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:  # half a character at the end
        yield b"\xff"
