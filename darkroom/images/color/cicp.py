"""Read how a file says that its values are encoded: the code points of ITU-T H.273 (CICP).

PNG has them in the chunk `cICP` (PNG, third edition, 11.3.2.6); AVIF and HEIC have them in the box
`colr` of type `nclx` (ISO/IEC 14496-12, 12.1.5). A file that is broken has none.
"""

import contextlib
import struct
import zlib
from typing import NamedTuple

from darkroom.images import boxes
from darkroom.images.parts import PNG, Data

LINEAR, PQ, HLG = 8, 16, 18
"""Transfer characteristics (ITU-T H.273, table 3)."""
UNKNOWN = {0, 2, 3}
"""Transfer characteristics that are reserved, or mean that there is nothing known."""


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
            return _of_boxes(data)
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


def _of_boxes(data: Data) -> Encoding:
    is_picture = boxes.find(data, b"meta") is not None
    for kind, content in (boxes.primary_properties if is_picture else boxes.track_properties)(data):
        if kind == b"colr" and content[:4] == b"nclx":
            return Encoding(int.from_bytes(content[6:8]))
    return Encoding()
