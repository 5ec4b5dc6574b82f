"""Folders of pictures and of results for tests of `darkroom batch`, in the current folder."""

import csv
import random
from pathlib import Path

from darkroom.cli.batch import checkpoint
from tests.support.fakes.api import PNG


def folder(*names: str) -> Path:
    """A folder of different pictures; those with `broken` in their names cannot be decoded."""
    place = Path("photos")
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        head = b"no picture" if "broken" in name else b"" if "empty" in name else PNG
        (place / name).write_bytes(head and head + random.Random(name).randbytes(20))
    return place


def report() -> dict[str, dict[str, str]]:
    with Path("gray", "report.csv").open(newline="") as file:
        return {row["source"]: row for row in csv.DictReader(file)}


def saved() -> set[str]:
    """The pictures in the folder of results."""
    files = (path.relative_to("gray") for path in Path("gray").rglob("*.*") if path.is_file())
    return {path.as_posix() for path in files} - {"report.csv", checkpoint.FILE}
