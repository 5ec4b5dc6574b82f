"""Names of results: those of their sources. No result of a batch overwrites another."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from local.files import extension

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
    beside an `a.jpg` it is `a.bmp.png`. Names that differ in case only are alike: on some file
    systems they are.
    """
    own: list[str] = []
    used: set[str] = set()
    for name in wanted:
        path, unused, number = PurePosixPath(name), name, 1
        while unused.casefold() in used:
            number += 1
            unused = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
        used.add(unused.casefold())
        own.append(unused)
    taken = Counter(_stem(name).casefold() for name in own)
    names = []
    for name in own:
        base = _stem(name)
        if taken[base.casefold()] > 1:
            base = name
            while base.casefold() in taken:
                base += "-2"
            taken[base.casefold()] += 1
        names.append(Name(name, base))
    return names


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))
