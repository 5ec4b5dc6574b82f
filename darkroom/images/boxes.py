"""The boxes of a file of the ISO base media family: AVIF, HEIC, JPEG 2000. Headers only.

https://www.iso.org/standard/83102.html (ISO/IEC 14496-12) and ISO/IEC 23008-12 for the items of a
picture.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST = 10_000
"""Boxes that are read in one place; files have a few, and tens of them for a large grid."""
SAMPLE_ENTRY = 78
"""Bytes of a visual sample entry before its boxes (ISO/IEC 14496-12, 12.1.3)."""
OF_ANOTHER = {b"thmb", b"auxl"}
"""References from a thumbnail, or from an alpha plane, a depth map or a gain map, to its picture
(ISO/IEC 23008-12, 6.4.4 and 6.4.5)."""


@dataclass(frozen=True)
class Box:
    """A box: its kind, and where its contents begin and end."""

    kind: bytes
    start: int
    end: int


def boxes(data: Any, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes in a range of a file; stop at one that does not fit into it."""
    end = len(data) if end is None else end
    for _ in range(MOST):
        if start + 8 > end:
            return
        length, kind = struct.unpack(">I4s", data[start : start + 8])
        head = 8
        if length == 1:  # 64 bits follow
            length, head = int.from_bytes(data[start + 8 : start + 16]), 16
        elif length == 0:  # up to the end
            length = end - start
        if length < head or start + length > end:
            return
        yield Box(kind, start + head, start + length)
        start += length


def find(data: Any, *path: bytes) -> Box | None:
    """Return the first box at a path of kinds, such as `meta`, `iprp`, `ipco`."""
    start, end = 0, len(data)
    found = None
    for kind in path:
        found = next((box for box in boxes(data, start, end) if box.kind == kind), None)
        if not found:
            return None
        # The box `meta` has a version and flags in front of its boxes.
        start, end = found.start + 4 * (kind == b"meta"), found.end
    return found


def primary_properties(data: Any) -> Iterator[tuple[bytes, bytes]]:
    """Yield the properties of the primary picture of an AVIF or a HEIC: their kinds and contents.

    They are found through `pitm` and `ipma` (ISO/IEC 14496-12, 8.11.4; ISO/IEC 23008-12, 9.3).
    """
    item, container = find(data, b"meta", b"pitm"), find(data, b"meta", b"iprp", b"ipco")
    parent = find(data, b"meta", b"iprp")
    if not item or not container or not parent:
        return
    start, end = _number(data, item)
    primary = int.from_bytes(data[start:end])
    all_of_them = list(boxes(data, container.start, container.end))
    for box in boxes(data, parent.start, parent.end):
        if box.kind == b"ipma":
            for number in _associated(bytes(data[box.start : box.end]), primary):
                if 0 < number <= len(all_of_them):
                    one = all_of_them[number - 1]
                    yield one.kind, bytes(data[one.start : one.end])


def with_own_picture(data: Any) -> Any:
    """Return an AVIF or a HEIC whose primary item is a picture of its own.

    If a file names a thumbnail, an alpha plane or a map, this is a copy that names the picture that
    it belongs to.
    """
    item = find(data, b"meta", b"pitm")
    owners = dict(_owners(data)) if item else {}
    if not item or not owners:
        return data
    start, end = _number(data, item)
    named = primary = int.from_bytes(data[start:end])
    for _ in owners:  # the thumbnail of an alpha plane belongs to the picture of both
        primary = owners.get(primary, primary)
    if primary == named:
        return data
    return bytes(data[:start]) + primary.to_bytes(end - start) + bytes(data[end:])


def _number(data: Any, item: Box) -> tuple[int, int]:
    """Return where the number of the primary item is (ISO/IEC 14496-12, 8.11.4)."""
    return item.start + 4, item.start + (8 if data[item.start] > 0 else 6)


def _owners(data: Any) -> Iterator[tuple[int, int]]:
    """Yield the items that belong to another one, with that one (ISO/IEC 14496-12, 8.11.12)."""
    if not (references := find(data, b"meta", b"iref")):
        return
    length = 4 if data[references.start] > 0 else 2
    for box in boxes(data, references.start + 4, references.end):
        if box.kind in OF_ANOTHER:
            first = box.start + length + 2  # behind the item, and the number of those it refers to
            owner = int.from_bytes(data[first : first + length])
            yield int.from_bytes(data[box.start : box.start + length]), owner


def track_properties(data: Any) -> Iterator[tuple[bytes, bytes]]:
    """Yield the boxes of the first track of a sequence about its pictures: kinds and contents.

    They are in the first entry of `stsd` (ISO/IEC 14496-12, 8.5.2 and 12.1.3).
    """
    table = find(data, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    # Version, flags and the number of entries are in front of the entries.
    entry = next(boxes(data, table.start + 8, table.end), None) if table else None
    if entry:
        for box in boxes(data, entry.start + SAMPLE_ENTRY, entry.end):
            yield box.kind, bytes(data[box.start : box.end])


def _associated(ipma: bytes, item: int) -> Iterator[int]:
    """Yield the numbers of an item's properties, counted from 1."""
    version, flags = ipma[0], int.from_bytes(ipma[1:4])
    at = 8
    for _ in range(min(int.from_bytes(ipma[4:8]), MOST)):
        length = 4 if version else 2
        identifier, count = int.from_bytes(ipma[at : at + length]), ipma[at + length]
        at += length + 1
        for _ in range(count):
            if flags & 1:
                number = int.from_bytes(ipma[at : at + 2]) & 0x7FFF
                at += 2
            else:
                number = ipma[at] & 0x7F
                at += 1
            if identifier == item:
                yield number
