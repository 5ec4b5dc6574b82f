"""The report of a batch: a CSV file with a row for each item."""

import csv
from collections.abc import Sequence
from pathlib import Path

from darkroom.cli.batch.items import Item
from darkroom.cli.files import printable

REPORT = "report.csv"
FORMULA_STARTS = frozenset("=+-@＝＋－＠")  # noqa: RUF001 - fullwidth forms of input methods


def write_report(items: Sequence[Item], out: Path) -> Path:
    """Write `report.csv` to the folder of results; return its path."""
    path = out / REPORT
    if path.is_dir():  # the results of a source folder with this name
        path = out / f"{REPORT}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, quoting=csv.QUOTE_ALL)
        rows.writerow(["source", "status", "error", "message", "file", "taskId"])
        for item in items:
            task_id = item.task["taskId"] if item.task else ""
            row = [item.source.label, item.status, item.error, item.message, item.file, task_id]
            rows.writerow(map(cell, row))
    return path


def cell(text: str) -> str:
    """Return a text in a form that a spreadsheet never evaluates as a formula.

    A text that starts like a formula, or with a `'`, gets a `'` in front. To restore the text,
    remove one `'` from the start.
    https://owasp.org/www-community/attacks/CSV_Injection
    """
    shown = printable(text)
    formula = shown.startswith(("'", "\t", "\r", "\n")) or shown.lstrip()[:1] in FORMULA_STARTS
    return f"'{shown}" if shown and formula else shown
