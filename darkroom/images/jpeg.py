"""JPEGs of which only the end marker is missing. Names are those of ITU-T T.81, annex B."""

import zlib
from collections.abc import Callable, Iterator
from typing import Any

from darkroom.images.memory import MARKER
from darkroom.images.parts import Data, Parts

FRAMES = {*range(0xC0, 0xD0)} - {0xC3, 0xC4, 0xC7, 0xC8, 0xCB, 0xCC, 0xCF}
"""The markers of frames that are not lossless."""
SCAN, END = 0xDA, 0xD9
ENDS = (b"\xff\xd9", b"\xaa" * 1024 + b"\xff\xd9", b"\x55" * 1024 + b"\xff\xd9")
"""What is tried behind the last scan. A decoder pads the first with bits of 0."""


def without_end(data: Data, load: Callable[[Any], Any]) -> Any:
    """Return the loaded image of a JPEG without an end marker, or None if pixels are missing.

    All coefficients must have been sent. Whether the last scan is complete shows by its pixels:
    they may not depend on what is behind the data.

    Args:
        data: the file.
        load: opens and loads an image.
    """
    if not _all_sent(bytes(data)):
        return None
    length = len(data) - (data[-1] == 0xFF)  # noqa: PLR2004 - half of the marker
    image, sums = None, set()
    for end in ENDS:
        image = load(Parts(data, [(0, length)], end))
        sums.add(zlib.crc32(image.tobytes()))
        if len(sums) > 1:
            return None
    return image


def _all_sent(data: bytes) -> bool:
    """Whether scans of all coefficients to the last bit have begun, and no end follows."""
    missing: dict[int, set[int]] = {}
    for code, at in _segments(data):
        if code in FRAMES:
            missing = {data[at + 8 + 3 * n]: set(range(64)) for n in range(data[at + 7])}
        elif code == SCAN:
            behind = at + 3 + 2 * data[at + 2]
            first, last, bits = data[behind : behind + 3]
            for component in data[at + 3 : behind : 2]:
                if not bits & 0xF:
                    missing.get(component, set()).difference_update(range(first, last + 1))
        elif code == END:
            return False
    return bool(missing) and not any(missing.values())


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the code of each marker, and the offset of the length behind it."""
    at = 2
    while marker := MARKER.search(data, at):
        yield marker[0][1], marker.end()
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])
