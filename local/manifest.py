"""What a batch is made of: the pictures of a folder, or the lines of a manifest."""

import csv
import io
import json
import mimetypes
import os
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from darkroom.client.media import UNKNOWN, head, media_type
from local import files
from local.files import UnusableFile

MAX_NAME = 200
"""Characters that the API allows for the name of a task."""


@dataclass(frozen=True)
class Source:
    """A picture of a batch."""

    label: str
    """What the report calls it: its path in the folder, or what the manifest says."""
    item: Mapping[str, Any]
    """What the API is told of it. A file's upload is not in it yet."""
    wanted: str
    """What the result should be called, relative to the folder of results."""
    file: Path | None = None
    """What is to be uploaded; None for a URL."""

    def version(self) -> list[Any]:
        """Return what changes when the source does, as JSON."""
        stamp: list[int] | None = None
        if self.file and self.file.exists():
            stat = self.file.stat()
            stamp = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
        return [self.label, dict(self.item), stamp]


def read(place: Path, out: Path) -> tuple[list[Source], int]:
    """Return the sources of a folder or a manifest, and how many files were left out.

    Raises:
        UnusableFile: it is neither, holds no picture, or `out` would mix results with sources.
        OSError: it cannot be read.
    """
    if place.is_dir():
        if _within(place, out):
            raise UnusableFile(f"The results would lie among the pictures: {out}. Name another.")
        sources, left_out = folder(place, out)
    else:
        sources, left_out = list(lines(place)), 0
        if any(source.file and _within(source.file, out) for source in sources):
            raise UnusableFile(f"The results would lie among the pictures: {out}. Name another.")
    if not sources:
        raise UnusableFile(f"There is no picture in {place}.")
    return sources, left_out


def folder(place: Path, out: Path) -> tuple[list[Source], int]:
    """Return the pictures of a folder and those below it, by name, and the number of other files.

    A picture is what its name or its first bytes call one: a broken one is better told of than
    left out. What is hidden, and the folder of results, is not looked at.
    """
    sources, left_out = [], 0
    for top, folders, names in os.walk(place):
        folders[:] = sorted(name for name in folders if _seen(name) and not _same(top, name, out))
        for name in sorted(filter(_seen, names)):
            path = Path(top, name)
            if not is_picture(path):
                left_out += 1
                continue
            label = path.relative_to(place).as_posix()
            sources.append(Source(label, {"name": label[-MAX_NAME:]}, label, path))
    return sources, left_out


def is_picture(path: Path) -> bool:
    """Whether a file is one of the formats that there are, or says so by its name."""
    kind, _ = mimetypes.guess_type(path.name, strict=False)
    if kind and kind.startswith("image/"):
        return True
    try:
        with path.open("rb") as file:
            return media_type(head(file)) != UNKNOWN
    except OSError:
        return False


def lines(manifest: Path) -> Iterator[Source]:
    """Give the sources of a manifest; names of files in it are relative to its folder.

    A line of JSON Lines is what the API takes. A CSV file has the columns `imageUrl` and, if
    wanted, `name`. A text file has a URL or a file on each line.

    Raises:
        UnusableFile: it is no such file, or one line of it is wrong.
    """
    readers = {".jsonl": _json_lines, ".csv": _csv_lines, ".txt": _text_lines}
    if manifest.suffix.lower() not in readers or not manifest.is_file():
        raise UnusableFile(f"{manifest} is no folder, and no .jsonl, .csv or .txt file.")
    # Spreadsheets put a byte order mark at the beginning.
    try:
        text = manifest.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableFile(f"{manifest} is not UTF-8.") from error
    for number, item in readers[manifest.suffix.lower()](text, manifest):
        given = item.get("imageUrl") or item.get("uploadId")
        if not given or not isinstance(given, str):
            raise UnusableFile(f"{manifest}, line {number}: there is no imageUrl.")
        if given.lower().startswith("data:"):
            raise UnusableFile(f"{manifest}, line {number}: give a file, and no data: URL.")
        if "imageUrl" not in item:
            yield Source(given, item, given)
        elif files.is_url(given):
            yield Source(given, item, _url_name(given))
        else:
            rest = {key: value for key, value in item.items() if key != "imageUrl"}
            below = not Path(given).is_absolute() and ".." not in Path(given).parts
            wanted = PurePosixPath(Path(given).as_posix() if below else Path(given).name)
            name = {"name": given[-MAX_NAME:]}
            yield Source(given, name | rest, str(wanted), manifest.parent / given)


def _json_lines(text: str, manifest: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except ValueError:
            item = None
        if not isinstance(item, dict):
            raise UnusableFile(f"{manifest}, line {number}: this is no JSON object.")
        yield number, item


def _csv_lines(text: str, manifest: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    rows = csv.DictReader(io.StringIO(text))
    if "imageUrl" not in (rows.fieldnames or []):
        raise UnusableFile(f"{manifest} has no column imageUrl in its first line.")
    for row in rows:
        yield rows.line_num, {key: row[key] for key in ("imageUrl", "name") if row.get(key)}


def _text_lines(text: str, _: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, {"imageUrl": line.strip()}


def _url_name(url: str) -> str:
    suffix = PurePosixPath(urllib.parse.urlsplit(url).path).suffix
    return files.stem(url) + (suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,5}", suffix) else "")


def _seen(name: str) -> bool:
    return not name.startswith(".")


def _same(top: str, name: str, out: Path) -> bool:
    return Path(top, name).resolve() == out.resolve()


def _within(path: Path, out: Path) -> bool:
    return path.resolve().is_relative_to(out.resolve())
