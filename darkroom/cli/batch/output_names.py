"""Names of results: each has the name of its source, and no result overwrites another."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from darkroom.cli.files import ROOM, collision_key, extension, fit, unused

SYNONYMS = {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "tiff": "tif"}
"""Extensions of the same type as the one that results are written with."""


@dataclass(frozen=True)
class OutputName:
    """The name of a result, relative to the folder of results, with `/` between its parts."""

    own: str
    """The name of the source: used if its extension matches the type of the result."""
    base: str
    """The name without extension: used with a new extension if that of the source is wrong."""

    def of_type(self, content_type: str) -> str:
        """Return the name of a result of a media type: `a.JPG` of a JPEG, `a.png` of `a.bmp`."""
        has = PurePosixPath(self.own).suffix[1:].lower()
        needs = extension(content_type)
        return self.own if SYNONYMS.get(has, has) == needs else f"{self.base}.{needs}"


def distinct(wanted: Sequence[str]) -> list[OutputName]:
    """Return a name for each preferred name, so that no two results can have the same one.

    The second `a.jpg` becomes `a-2.jpg`. If the extension has to change, `a.bmp` becomes `a.png`,
    or `a.bmp.png` if there is also an `a.jpg` or a folder `a.png`. Names are compared as the least
    strict file system does. A name that is too long is truncated.
    """
    folders = {
        str(folder) for name in wanted for folder in PurePosixPath(name).parents if folder.name
    }
    used = {collision_key(folder) for folder in folders}
    paths = map(PurePosixPath, wanted)
    own = [unused(path.parent, path.stem, path.suffix, used) for path in paths]
    # A result with a new extension may collide with a folder of that name.
    named_like_files = [folder for folder in folders if PurePosixPath(folder).suffix]
    counts = Counter(collision_key(_stem(name)) for name in (*own, *named_like_files))
    bases = set(counts)

    def base(name: str) -> str:
        stem, path = PurePosixPath(_stem(name)), PurePosixPath(name)
        if counts[collision_key(str(stem))] == 1 and fit(stem.name, "", ROOM) == stem.name:
            return str(stem)
        return unused(path.parent, path.name, "", bases, ROOM)

    return [OutputName(name, base(name)) for name in own]


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))
