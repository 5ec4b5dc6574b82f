"""Pictures on their way: an argument becomes what the API takes, a result becomes a file."""

import itertools
import os
import re
import stat
import unicodedata
import urllib.parse
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

EXTENSIONS = {"image/jpeg": "jpg", "image/tiff": "tif"}
LONGEST_NAME = 255
"""Bytes that the name of a file may have, on most file systems."""
ROOM = LONGEST_NAME - len(".avif")
"""Bytes that it may have before the extension of a result."""
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""Names that are devices on Windows, with any extension."""


class UnusableFile(Exception):
    """A file cannot be submitted; the message names it and says what to do."""


def is_url(source: str) -> bool:
    """Whether an argument is a URL and not the name of a file."""
    return source.lower().startswith(("http://", "https://", "data:"))


def check(source: str) -> None:
    """See that an argument can be submitted, without reading it.

    Raises:
        UnusableFile: it is no URL, and no file or one without a byte in it.
    """
    if is_url(source):
        return
    try:
        found = Path(source).stat()
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        what = "does not exist" if missing else f"cannot be read ({reason(error)})"
    else:
        if stat.S_ISREG(found.st_mode) and found.st_size:
            return
        if stat.S_ISREG(found.st_mode):
            raise UnusableFile(f"{source} is empty.")
        what = "is a folder" if stat.S_ISDIR(found.st_mode) else "is no regular file"
    raise UnusableFile(f"{source} {what}. Give files, or URLs that begin with https://.")


def reason(error: OSError | ValueError) -> str:
    """Return why a file cannot be used."""
    return getattr(error, "strerror", None) or str(error)


def label(source: str) -> str:
    """Return an argument as it is shown: a `data:` URL without its bytes."""
    return source.partition(",")[0] + ",…" if source.lower().startswith("data:") else source


def result_stems(sources: Sequence[str]) -> list[str]:
    """Return a file name without extension for the result of each source, no two alike.

    `cat.jpg` and `https://example.com/cat.png` become `cat-gray` and `cat-gray-2`.
    """
    used: set[str] = set()
    here = PurePosixPath()
    grays = [fit(stem(source), "-gray", ROOM) for source in sources]
    return [unused(here, gray, "", used, ROOM) for gray in grays]


def unused(
    folder: PurePosixPath, stem: str, tail: str, used: set[str], longest: int = LONGEST_NAME
) -> str:
    """Return the path of a file that none of the used ones is alike, and add it to them.

    It is called `stem` and `tail`; or `stem-2` and `tail`, and so on.
    """
    for number in itertools.count(1):
        name = fit(stem, (f"-{number}" if number > 1 else "") + tail, longest)
        path = str(folder / name)
        if alike(path) not in used:
            break
    used.add(alike(path))
    return path


def fit(stem: str, tail: str, longest: int = LONGEST_NAME) -> str:
    """Return the name of a file, with its stem cut where the name would be too long."""
    while len(os.fsencode(stem + tail)) > longest and stem:
        stem = stem[:-1]
    return stem + tail


def alike(name: str) -> str:
    """Return what is the same of two paths that some file system takes for one.

    Windows and macOS do not tell case apart, macOS not the forms of Unicode (`é` may be one
    character or two), and Windows leaves dots and spaces at the end of a name away.
    """
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
    return "/".join(part.rstrip(". ") for part in folded.split("/"))


def printable(name: str) -> str:
    """Return the name of a file as text that can be sent and written, whatever bytes it has."""
    return name.encode("utf-8", "backslashreplace").decode()


def extension(content_type: str) -> str:
    """Return the extension, without a dot, of files of an image's media type."""
    return EXTENSIONS.get(content_type, content_type.rpartition("/")[2])


def stem(source: str) -> str:
    """Return what a source is called, without extension; of a URL what is safe in a file's name."""
    if not is_url(source):
        return Path(source).stem
    if source.lower().startswith("data:"):
        return "image"
    path = urllib.parse.unquote(url_path(source))
    # What a server's path may hold and a file's name had better not.
    safe = re.sub(r"[^\w.() -]+", "_", PurePosixPath(path).stem).strip(". ")[:100].rstrip(". ")
    return f"_{safe}" if RESERVED.fullmatch(safe) else safe or "image"


def url_path(url: str) -> str:
    """Return the path of a URL; "" if it is none."""
    try:
        return urllib.parse.urlsplit(url).path
    except ValueError:
        return ""
