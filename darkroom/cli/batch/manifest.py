"""The sources of a batch: the images of a folder, or the lines of a manifest."""

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
from darkroom.cli.batch.ignored import Ignored, summary
from darkroom.cli.files import MAX_NAME, UnusableFile
from darkroom.client.uploads import UNKNOWN, head, media_type, open_file

CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class Source:
    """One image of a batch."""

    label: str
    """Its name in the report: the path in the folder, or the text in the manifest."""
    item: Mapping[str, Any]
    """The item as the API takes it, without the id of a file's upload."""
    wanted: str
    """The preferred name of the result, relative to the folder of results."""
    file: Path | None = None
    """The file to upload; None for a URL."""

    problem: tuple[str, str] | None = None
    """Why it cannot be submitted: the name of an error, and a message."""

    def version(self) -> list[Any]:
        """Return values, serializable as JSON, that change when the source changes."""
        stamp: list[int] | None = None
        if self.file:
            with contextlib.suppress(OSError):  # it was removed, or access is denied
                found = self.file.stat()
                stamp = [found.st_size, found.st_mtime_ns, found.st_ctime_ns]
        return [self.label, dict(self.item), stamp, self.problem]


def read(place: Path, out: Path) -> tuple[list[Source], list[Ignored]]:
    """Return the sources of a folder or a manifest, and the files that were ignored.

    Raises:
        UnusableFile: it is neither, it has no image, or `out` would mix results with sources.
        OSError: it cannot be read.
    """
    sources, ignored = folder(place, out) if place.is_dir() else (list(lines(place)), [])
    if any(_within(source.file, out) for source in sources if source.file):
        raise UnusableFile(f"{out} contains sources. Use another folder for the results.")
    if not sources:
        found = "\n".join(summary(ignored))
        raise UnusableFile(
            f"{place} has no images. Give a folder or a list that has some.\n{found}".rstrip()
        )
    return sources, ignored


def folder(place: Path, out: Path) -> tuple[list[Source], list[Ignored]]:
    """Return the images of a folder and its subfolders, by name, and the other files.

    A file is an image by its extension or its first bytes: a broken image is reported as a failure,
    not ignored. Hidden files and the folder of results are skipped. Links to folders are not
    followed, because they may form a cycle.

    Raises:
        OSError: the folder cannot be read. An unreadable subfolder is a source with a problem.
    """
    sources, ignored = [], []
    unreadable: list[OSError] = []
    for top, folders, names in os.walk(place, onerror=unreadable.append):
        folders[:] = sorted(
            name
            for name in filter(_visible, folders)
            if os.path.realpath(Path(top, name)) != os.path.realpath(out)
        )
        for name in sorted(filter(_visible, names)):
            path = Path(top, name)
            label = path.relative_to(place).as_posix()
            if not is_image(path):
                ignored.append(Ignored(label))
                continue
            item = {"name": files.printable(label)[-MAX_NAME:]}
            sources.append(Source(label, item, label, path))
    for error in unreadable:
        path = Path(error.filename)
        if path == place:
            raise error
        label = path.relative_to(place).as_posix()
        problem = "UnreadableFile", f"The folder {label} cannot be read: {files.reason(error)}."
        sources.append(Source(label, {}, label, problem=problem))
    return sources, ignored


def is_image(path: Path) -> bool:
    """Whether a file is an image by its extension or its first bytes."""
    kind, _ = mimetypes.guess_type(path.name, strict=False)
    if kind and kind.startswith("image/"):
        return True
    try:
        with open_file(path) as file:
            return media_type(head(file)) != UNKNOWN
    except OSError:
        return False


def lines(manifest: Path) -> Iterator[Source]:
    """Yield the sources of a manifest; file names in it are relative to its folder.

    A line of JSON Lines is an item as the API takes it. A CSV file has a column `imageUrl` and
    optionally `name`, with any delimiter that spreadsheets write. A text file has a URL or a file
    name on each line. An invalid line is a source with a problem.

    Raises:
        UnusableFile: it is not one of these files.
        OSError: it cannot be read.
    """
    kind = manifest.suffix.lower().removeprefix(".")
    kind = "csv" if kind == "tsv" else kind
    if not manifest.exists():
        raise UnusableFile(f"{manifest} does not exist. Give a folder or a list of images.")
    if kind not in {"jsonl", "csv", "txt"} or not manifest.is_file():
        raise UnusableFile(
            f"{manifest} is neither a folder nor a .jsonl, .csv, .tsv or .txt file. "
            "Give one of these."
        )
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
    """A line is not a valid source. The message continues "line 17 …"."""


def _item(entry: manifests.Entry, kind: str) -> Mapping[str, Any]:
    """Return the item on a line."""
    if "problem" in entry:
        raise _NoSourceError(entry["problem"])
    text = entry["text"].strip()
    if kind == "txt":
        return {"imageUrl": text}
    try:
        item = json.loads(text)
        # JSON with lone surrogates or infinite numbers can be read, but not sent.
        json.dumps(item, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise _NoSourceError("is nested too deeply") from None
    except ValueError as error:
        raise _NoSourceError(f"is not JSON: {getattr(error, 'msg', error)}") from error
    if not isinstance(item, dict):
        raise _NoSourceError("is not a JSON object")
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


def _visible(name: str) -> bool:
    return not name.startswith(".")


def _within(path: Path, out: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(out))
