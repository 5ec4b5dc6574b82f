"""Image files: check what is submitted, and choose the file names of results."""

import itertools
import os
import re
import stat
import unicodedata
import urllib.parse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from darkroom.cli.errors import UsageError
from darkroom.tasks.file_names import RESERVED

SYNONYMS = {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "tiff": "tif"}
"""Extensions of the same type as the one that results are written with."""
LONGEST_NAME = 255
"""Maximum length in bytes of a file name on most file systems."""
MAX_NAME = 200
"""Maximum length in characters of a task name in the API."""
ROOM = LONGEST_NAME - len(".avif")
"""Maximum length in bytes of a file name without the extension of the result."""


class UnusableFile(UsageError):
    """A file cannot be submitted. The message names it and says what to do."""


def is_url(source: str) -> bool:
    """Whether an argument is a URL, as opposed to a file name."""
    return source.lower().startswith(("http://", "https://", "data:"))


def check(source: str) -> None:
    """Check that an argument can be submitted, without reading the file.

    Raises:
        UnusableFile: it is neither a URL nor a regular file with content.
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
            raise UnusableFile(f"{source} is empty. Give a file with an image.")
        what = "is a folder" if stat.S_ISDIR(found.st_mode) else "is not a regular file"
    raise UnusableFile(f"{source} {what}. Give files, or URLs that start with https://.")


def task_name(source: str) -> str | None:
    """Return the name of the task of an argument: that of a file; None for a URL, which names it.

    A name that is too long loses its beginning, because the extension is more useful.
    """
    return None if is_url(source) else printable(Path(source).name)[-MAX_NAME:]


def make_folder(path: Path) -> Path:
    """Create a folder for results and return it, before something is done for nothing.

    Raises:
        UsageError: it cannot be created, or nothing can be written into it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        exists = isinstance(error, FileExistsError | NotADirectoryError)
        what = "is not a folder" if exists else f"cannot be created ({reason(error)})"
    else:
        if os.access(path, os.W_OK | os.X_OK):
            return path
        what = "is not writable"
    raise UnusableFile(f"{path} {what}. Name another folder with --out.")


def check_target(path: Path) -> Path:
    """Return the path of a file that a command will write, before something is done for nothing.

    Raises:
        UnusableFile: it is a folder, or it is in a folder that does not exist.
    """
    if path.is_dir():
        raise UnusableFile(f"{path} is a folder. Give --out the name of a file to write.")
    if not path.parent.is_dir():
        raise UnusableFile(f"The folder {path.parent} does not exist. Create it, or change --out.")
    return path


def reason(error: OSError | ValueError) -> str:
    """Return why the system cannot use a file."""
    return getattr(error, "strerror", None) or str(error)


def label(source: str) -> str:
    """Return an argument for display: a `data:` URL without its bytes."""
    return source.partition(",")[0] + ",…" if source.lower().startswith("data:") else source


@dataclass(frozen=True)
class OutputName:
    """The name of a result, relative to the folder of results, with `/` between its parts."""

    own: str
    """The name of the source: used if its extension matches the type of the result."""
    base: str
    """The name without extension: used with a new extension if that of the source is wrong."""

    def of_type(self, content_type: str) -> str:
        """Return the name of a result of a media type: `a.JPG` of a JPEG, `a.png` of `a.bmp`."""
        has, needs = PurePosixPath(self.own).suffix[1:].lower(), content_type.rpartition("/")[2]
        has, needs = SYNONYMS.get(has, has), SYNONYMS.get(needs, needs)
        return self.own if has == needs else f"{self.base}.{needs}"


def distinct(wanted: Sequence[str]) -> list[OutputName]:
    """Return a name for each preferred name, so that no two results can have the same one.

    The second `a.jpg` becomes `a-2.jpg`. If the extension has to change, `a.bmp` becomes `a.png`,
    or `a.bmp.png` if there is also an `a.jpg` or a folder `a.png`. Names are compared as the least
    strict file system does. A name that is too long is truncated, and one that Windows reserves for
    a device gets a `_` in front.
    """
    wanted = [_unreserved(name) for name in wanted]
    folders = {
        str(folder) for name in wanted for folder in PurePosixPath(name).parents if folder.name
    }
    used = {collision_key(folder) for folder in folders}
    paths = map(PurePosixPath, wanted)
    own = [unused(path.parent, path.stem, path.suffix, used) for path in paths]
    # A result with a new extension may collide with a folder of that name.
    named_like_files = [folder for folder in folders if PurePosixPath(folder).suffix]
    counts = Counter(collision_key(_without_suffix(name)) for name in (*own, *named_like_files))
    bases = set(counts)

    def base(name: str) -> str:
        stem, path = PurePosixPath(_without_suffix(name)), PurePosixPath(name)
        if counts[collision_key(str(stem))] == 1 and fit(stem.name, "", ROOM) == stem.name:
            return str(stem)
        return unused(path.parent, path.name, "", bases, ROOM)

    return [OutputName(name, base(name)) for name in own]


def _unreserved(path: str) -> str:
    """Return a path in which no part is the name of a device: `con/nul.png` is `_con/_nul.png`."""
    return "/".join(f"_{part}" if RESERVED.fullmatch(part) else part for part in path.split("/"))


def _without_suffix(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def result_stems(sources: Sequence[str]) -> list[str]:
    """Return a distinct file name without extension for the result of each source.

    `cat.jpg` and `https://example.com/cat.png` become `cat-gray` and `cat-gray-2`.
    """
    used: set[str] = set()
    here = PurePosixPath()
    grays = [fit(stem(source), "-gray", ROOM) for source in sources]
    return [unused(here, gray, "", used, ROOM) for gray in grays]


def unused(
    folder: PurePosixPath, stem: str, tail: str, used: set[str], longest: int = LONGEST_NAME
) -> str:
    """Return a path that is distinct from all used paths, and add it to them.

    Its name is `stem` + `tail`, or `stem-2` + `tail`, and so on.
    """
    for number in itertools.count(1):
        name = fit(stem, (f"-{number}" if number > 1 else "") + tail, longest)
        path = str(folder / name)
        if collision_key(path) not in used:
            break
    used.add(collision_key(path))
    return path


def fit(stem: str, tail: str, longest: int = LONGEST_NAME) -> str:
    """Return a file name, with its stem truncated if the name would be too long."""
    while len(os.fsencode(stem + tail)) > longest and stem:
        stem = stem[:-1]
    return stem + tail


def collision_key(name: str) -> str:
    """Return a key that is equal for two paths that are the same file on some file system.

    Windows and macOS ignore case. macOS ignores the Unicode normal form (`é` may be one character
    or two). Windows ignores dots and spaces at the end of a name.
    """
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
    return "/".join(part.rstrip(". ") for part in folded.split("/"))


def printable(name: str) -> str:
    """Return a file name as valid Unicode: bytes that are not UTF-8 become escapes."""
    return name.encode("utf-8", "backslashreplace").decode()


def stem(source: str) -> str:
    """Return the name of a source without extension, made safe to be a file name."""
    if not is_url(source):
        return Path(source).stem
    if source.lower().startswith("data:"):
        return "image"
    path = urllib.parse.unquote(url_path(source))
    # A path on a server may have characters that are not safe in a file name.
    safe = re.sub(r"[^\w.() -]+", "_", PurePosixPath(path).stem).strip(". ")[:100].rstrip(". ")
    return f"_{safe}" if RESERVED.fullmatch(safe) else safe or "image"


def url_path(url: str) -> str:
    """Return the path of a URL; "" if the URL is not valid."""
    try:
        return urllib.parse.urlsplit(url).path
    except ValueError:
        return ""
