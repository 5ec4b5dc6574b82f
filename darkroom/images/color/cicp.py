"""Read how a file says that its values are encoded: the code points of ITU-T H.273 (CICP).

PNG has them in the chunk `cICP` (PNG, third edition, 11.3.2.6); AVIF and HEIC have them in the box
`colr` of type `nclx` (ISO/IEC 14496-12, 12.1.5). A file that is broken has none.
"""

import contextlib
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from darkroom.images.parts import PNG, Data

LINEAR, PQ, HLG = 8, 16, 18
"""Transfer characteristics (ITU-T H.273, table 3)."""
UNKNOWN = {0, 2, 3}
"""Transfer characteristics that are reserved, or mean that there is nothing known."""
MOST_BOXES = 10_000
"""Boxes that are read in one container; files have a few, and tens of them for a large grid."""
BOX, LARGE = 8, 16
"""Bytes of the head of a box: its size and type, and with a size of 64 bits."""
SAMPLE_ENTRY = 86
"""Bytes of the head of a visual sample entry, before its boxes (ISO/IEC 14496-12, 12.1.3)."""
TO_SAMPLE_ENTRY = (b"trak", b"mdia", b"minf", b"stbl", b"stsd")

Box = tuple[bytes, memoryview]


class Encoding(NamedTuple):
    """What a file says about its values."""

    transfer: int | None = None
    """The transfer characteristics of ITU-T H.273, table 3; None: it names none."""
    full_range: bool = True
    """Whether black is 0 and white the largest value. Decoders of AVIF and HEIC see to it."""


def encoding(data: Data) -> Encoding:
    """Return what a PNG, an AVIF or a HEIC says about its values; nothing for any other file."""
    with contextlib.suppress(LookupError, struct.error, ValueError):  # it is broken
        if data[:8] == PNG:
            return _of_png(memoryview(data))
        if data[4:8] == b"ftyp":
            return _of_boxes(memoryview(data))
    return Encoding()


def _of_png(data: memoryview) -> Encoding:
    at = len(PNG)
    while (kind := bytes(data[at + 4 : at + 8])) not in {b"", b"IDAT"}:
        end = at + 12 + int.from_bytes(data[at : at + 4])
        if kind == b"cICP" and end == at + 16:
            if zlib.crc32(data[at + 4 : at + 12]) != int.from_bytes(data[at + 12 : end]):
                break
            transfer = data[at + 9] if data[at + 9] not in UNKNOWN else None
            return Encoding(transfer, full_range=data[at + 11] != 0)
        at = end
    return Encoding()


def _of_boxes(data: memoryview) -> Encoding:
    for kind, content in _properties(data):
        if kind == b"colr" and bytes(content[:4]) == b"nclx":
            return Encoding(int.from_bytes(content[6:8]))
    return Encoding()


def _properties(data: memoryview) -> list[Box]:
    """Return the boxes that describe the primary picture, or the first track of a sequence."""
    files = dict(_boxes(data))
    if b"meta" in files:
        meta = dict(_boxes(files[b"meta"][4:]))
        properties = dict(_boxes(meta[b"iprp"]))
        return _associated(
            _number(meta[b"pitm"]), list(_boxes(properties[b"ipco"])), properties[b"ipma"]
        )
    found = files.get(b"moov", data[:0])
    for name in TO_SAMPLE_ENTRY:
        found = dict(_boxes(found)).get(name, data[:0])
    entry = next(iter(_boxes(found[8:])), (b"", data[:0]))[1]
    return list(_boxes(entry[SAMPLE_ENTRY - BOX :]))


def _number(pitm: memoryview) -> int:
    """Return the number of the primary item (ISO/IEC 14496-12, 8.11.4)."""
    return int.from_bytes(pitm[4 : 8 if pitm[0] else 6])


def _associated(item: int, properties: list[Box], ipma: memoryview) -> list[Box]:
    """Return the properties of an item (ISO/IEC 23008-12, 9.3.1)."""
    version, wide = ipma[0], ipma[3] & 1
    number_size, index_size = (4 if version else 2), (2 if wide else 1)
    at = 8
    for _ in range(min(int.from_bytes(ipma[4:8]), MOST_BOXES)):
        number = int.from_bytes(ipma[at : at + number_size])
        at += number_size
        count, at = ipma[at], at + 1
        end = at + count * index_size
        if number == item:
            # The first bit says whether a reader must know the property.
            mask = 0x7FFF if wide else 0x7F
            starts = range(at, end, index_size)
            indices = (int.from_bytes(ipma[i : i + index_size]) & mask for i in starts)
            return [properties[index - 1] for index in indices if 0 < index <= len(properties)]
        at = end
    return []


def _boxes(data: memoryview) -> Iterator[Box]:
    """Yield the type and the content of each box (ISO/IEC 14496-12, 4.2)."""
    at = 0
    for _ in range(MOST_BOXES):
        if at + BOX > len(data):
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        head = BOX
        if size == 1:
            size, head = int.from_bytes(data[at + BOX : at + LARGE]), LARGE
        end = at + size if size else len(data)
        if end < at + head:
            return
        yield kind, data[at + head : end]
        at = end
