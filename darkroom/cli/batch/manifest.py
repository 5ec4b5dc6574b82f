"""What a batch is made of: the pictures of a folder, or the lines of a manifest."""

import contextlib
import json
import mimetypes
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from darkroom.batches import manifests
from darkroom.cli import files
from darkroom.cli.files import UnusableFile
from darkroom.client.media import UNKNOWN, head, media_type, open_file

CHUNK_BYTES = 64 * 1024
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

    problem: tuple[str, str] | None = None
    """Why it cannot be submitted: the name of an error, and a sentence."""

    def version(self) -> list[Any]:
        """Return what changes when the source does, as JSON."""
        stamp: list[int] | None = None
        if self.file:
            with contextlib.suppress(OSError):  # it has gone, or is not ours to see
                found = self.file.stat()
                stamp = [found.st_size, found.st_mtime_ns, found.st_ctime_ns]
        return [self.label, dict(self.item), stamp, self.problem]


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
    left out. What is hidden, and the folder of results, is not looked at; links to folders are not
    followed, since they may lead in a circle.

    Raises:
        OSError: the folder itself cannot be read. One below it is a source that says so.
    """
    sources, left_out = [], 0
    unreadable: list[OSError] = []
    for top, folders, names in os.walk(place, onerror=unreadable.append):
        folders[:] = sorted(name for name in folders if _seen(name) and not _same(top, name, out))
        for name in sorted(filter(_seen, names)):
            path = Path(top, name)
            if not is_picture(path):
                left_out += 1
                continue
            label = path.relative_to(place).as_posix()
            item = {"name": files.printable(label)[-MAX_NAME:]}
            sources.append(Source(label, item, label, path))
    for error in unreadable:
        path = Path(error.filename)
        if path == place:
            raise error
        label = path.relative_to(place).as_posix()
        problem = "UnreadableFile", f"The folder {label} cannot be read: {files.reason(error)}."
        sources.append(Source(label, {}, label, problem=problem))
    return sources, left_out


def is_picture(path: Path) -> bool:
    """Whether a file is one of the formats that there are, or says so by its name."""
    kind, _ = mimetypes.guess_type(path.name, strict=False)
    if kind and kind.startswith("image/"):
        return True
    try:
        with open_file(path) as file:
            return media_type(head(file)) != UNKNOWN
    except OSError:
        return False


def lines(manifest: Path) -> Iterator[Source]:
    """Give the sources of a manifest; names of files in it are relative to its folder.

    A line of JSON Lines is what the API takes. A CSV file has the columns `imageUrl` and, if
    wanted, `name`. A text file has a URL or a file on each line. A line that is none of that is a
    source with a problem.

    Raises:
        UnusableFile: it is no such file.
        OSError: it cannot be read.
    """
    kind = manifest.suffix.lower().removeprefix(".")
    if kind not in {"jsonl", "csv", "txt"} or not manifest.is_file():
        raise UnusableFile(f"{manifest} is no folder, and no .jsonl, .csv or .txt file.")
    with open_file(manifest) as file:
        chunks = iter(lambda: file.read(CHUNK_BYTES), b"")
        for entry in manifests.entries(chunks, "csv" if kind == "csv" else "jsonl"):
            try:
                yield _source(_item(entry, kind), manifest)
            except _NoSourceError as error:
                where = f"line {entry['line']}"
                label = f"{where}: {entry['text'][:MAX_NAME]}"
                problem = "NoSource", f"{manifest}, {where} {error}."
                yield Source(label, {}, where, problem=problem)


class _NoSourceError(Exception):
    """A line is no source; the message goes on from "line 17 "."""


def _item(entry: manifests.Entry, kind: str) -> Mapping[str, Any]:
    """Return what the API is to be told of a line, as far as it is that."""
    if "problem" in entry:
        raise _NoSourceError(entry["problem"])
    text = entry["text"].strip()
    if kind == "txt":
        return {"imageUrl": text}
    try:
        item = json.loads(text)
        # What has halves of characters or infinite numbers in it can be read, but not sent.
        json.dumps(item, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise _NoSourceError("is nested too deep") from None
    except ValueError as error:
        raise _NoSourceError(f"is not JSON: {getattr(error, 'msg', error)}") from error
    if not isinstance(item, dict):
        raise _NoSourceError("is no JSON object")
    return (
        {key: item[key] for key in ("imageUrl", "name") if key in item} if kind == "csv" else item
    )


def _source(item: Mapping[str, Any], manifest: Path) -> Source:
    given = item.get("imageUrl") or item.get("uploadId")
    if not given or not isinstance(given, str):
        raise _NoSourceError("has no imageUrl")
    if given.lower().startswith("data:"):
        raise _NoSourceError("has a data: URL. Give a file")
    if "imageUrl" not in item:
        return Source(given, item, files.stem(f"https://upload/{given}"))
    if files.is_url(given):
        return Source(given, item, _url_name(given))
    path = Path(given)
    if "\0" in given or path.name in {"", ".."}:
        raise _NoSourceError("does not name a file")
    rest = {key: value for key, value in item.items() if key != "imageUrl"}
    below = not path.is_absolute() and ".." not in path.parts
    wanted = path.as_posix() if below else path.name
    return Source(given, {"name": given[-MAX_NAME:]} | rest, wanted, manifest.parent / given)


def _url_name(url: str) -> str:
    suffix = PurePosixPath(files.url_path(url)).suffix
    return files.stem(url) + (suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,5}", suffix) else "")


def _seen(name: str) -> bool:
    return not name.startswith(".")


def _same(top: str, name: str, out: Path) -> bool:
    return os.path.realpath(Path(top, name)) == os.path.realpath(out)


def _within(path: Path, out: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(out))
