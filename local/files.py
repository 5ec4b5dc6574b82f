"""Pictures on their way: an argument becomes what the API takes, a result becomes a file."""

import re
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

EXTENSIONS = {"image/jpeg": "jpg", "image/tiff": "tif"}


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
    path = Path(source)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UnusableFile(f"{source} {what}. Give files, or URLs that begin with https://.")
    if path.stat().st_size == 0:
        raise UnusableFile(f"{source} is empty.")


def label(source: str) -> str:
    """Return an argument as it is shown: a `data:` URL without its bytes."""
    return source.partition(",")[0] + ",…" if source.lower().startswith("data:") else source


def result_stems(sources: Sequence[str]) -> list[str]:
    """Return a file name without extension for the result of each source, no two alike.

    `cat.jpg` and `https://example.com/cat.png` become `cat-gray` and `cat-gray-2`. Names that
    differ in case only are alike: on some file systems they are.
    """
    counts: dict[str, int] = {}
    stems = []
    for source in sources:
        gray = f"{stem(source)}-gray"
        count = counts[gray.casefold()] = counts.get(gray.casefold(), 0) + 1
        stems.append(gray if count == 1 else f"{gray}-{count}")
    return stems


def extension(content_type: str) -> str:
    """Return the extension, without a dot, of files of an image's media type."""
    return EXTENSIONS.get(content_type, content_type.rpartition("/")[2])


def stem(source: str) -> str:
    """Return what a source is called, without extension; of a URL what is safe in a file's name."""
    if not is_url(source):
        return Path(source).stem
    if source.lower().startswith("data:"):
        return "image"
    path = urllib.parse.unquote(urllib.parse.urlsplit(source).path)
    # What a server's path may hold and a file's name had better not.
    safe = re.sub(r"[^\w.() -]+", "_", Path(path).stem).strip(". ")
    return safe[:100] or "image"
