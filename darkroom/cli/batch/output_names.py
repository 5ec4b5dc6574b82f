"""Names of results: those of their sources. No result of a batch overwrites another."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from darkroom.cli.files import ROOM, alike, extension, fit, unused

ALIKE = {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "tiff": "tif"}
"""Extensions that mean the same as the one that we write."""


@dataclass(frozen=True)
class Name:
    """The name of a result, relative to the folder of results, with `/` between its parts."""

    own: str
    """The source's, which the result gets if its type is what the extension says."""
    base: str
    """What an extension is appended to that had to change."""

    def of_type(self, content_type: str) -> str:
        """Return the name of a result of a media type: `a.JPG` of a JPEG, `a.png` of `a.bmp`."""
        has = PurePosixPath(self.own).suffix[1:].lower()
        needs = extension(content_type)
        return self.own if ALIKE.get(has, has) == needs else f"{self.base}.{needs}"


def distinct(wanted: Sequence[str]) -> list[Name]:
    """Return a name for each wanted one, so that no two results can ever get the same one.

    `a.jpg` a second time is `a-2.jpg`. Where the extension has to change, `a.bmp` is `a.png`, but
    beside an `a.jpg`, or a folder `a.png`, it is `a.bmp.png`. Names are the same that some file
    system takes for the same. One that is too long is cut.
    """
    folders = {
        str(folder) for name in wanted for folder in PurePosixPath(name).parents if folder.name
    }
    used = {alike(folder) for folder in folders}
    paths = map(PurePosixPath, wanted)
    own = [unused(path.parent, path.stem, path.suffix, used) for path in paths]
    # What a result may be called with another extension: a folder can have that name, too.
    named_like_files = [folder for folder in folders if PurePosixPath(folder).suffix]
    counts = Counter(alike(_stem(name)) for name in (*own, *named_like_files))
    bases = set(counts)

    def base(name: str) -> str:
        stem, path = PurePosixPath(_stem(name)), PurePosixPath(name)
        if counts[alike(str(stem))] == 1 and fit(stem.name, "", ROOM) == stem.name:
            return str(stem)
        return unused(path.parent, path.name, "", bases, ROOM)

    return [Name(name, base(name)) for name in own]


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))
