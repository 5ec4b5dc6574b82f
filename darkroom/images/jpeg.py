"""The markers of a JPEG: its frame, its scans, and whether only its end is missing.

Names are those of ITU-T T.81, annex B.
"""

import itertools
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from PIL import Image

from darkroom.images.parts import Data, Parts

FRAMES = {*range(0xC0, 0xD0)} - {0xC3, 0xC4, 0xC7, 0xC8, 0xCB, 0xCC, 0xCF}
"""The markers of frames that are not lossless."""
LOSSLESS = 0xC3
SCAN, END, APP1 = 0xDA, 0xD9, 0xE1
ENDS = (b"\xff\xd9", b"\xaa" * 1024 + b"\xff\xd9", b"\x55" * 1024 + b"\xff\xd9")
"""What is tried behind the last scan. A decoder pads the first with bits of 0."""
FIRST_RESTART, RESTARTS = 0xD0, 8
START_OF_SCAN = re.compile(rb"\xff\xda")
"""Inside a scan a byte 0xFF is always followed by 0 or by a restart marker. The regular expression
takes a third of the time of `bytes.count`, which was 5 % of the total."""
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
MOST_MARKERS = 20_000
"""Markers that are read to find the last scan. Encoders write some tens, and metadata."""
CHUNK = 2**16
START = b"\xff\xd8\xff"
VIDEO = re.compile(rb"\0\0\0.ftyp[ -~]{4}", re.DOTALL)
ZEROS = bytes(16)
"""What a disk or a download leaves behind a file that is not written to its end."""


class Frame(NamedTuple):
    """A JPEG's frame, and what is around it.

    `components` is the number of samples of a pixel, and `bits` that of each sample.
    `scans` is the number of scans, and `exif` the block of Exif data, if there is one.
    """

    width: int
    height: int
    bits: int
    components: int
    is_lossless: bool
    scans: int
    has_end: bool
    exif: bytes


def frame(data: bytes) -> Frame | None:
    """Return the first frame of a JPEG; None if there is none."""
    found, exif, scans, has_end = None, b"", 0, False
    for code, at in _segments(data):
        if code == END:
            has_end = True
            break
        if code == SCAN:
            scans += 1
        elif code == APP1 and data[at + 2 : at + 8] == b"Exif\0\0":
            exif = exif or data[at + 2 : at + int.from_bytes(data[at : at + 2])]
        elif code in FRAMES or code == LOSSLESS:
            found = found or (code, at)
    if not found or len(data) < found[1] + 8:
        return None
    code, at = found
    return Frame(
        width=int.from_bytes(data[at + 5 : at + 7]),
        height=int.from_bytes(data[at + 3 : at + 5]),
        bits=data[at + 2],
        components=data[at + 7],
        is_lossless=code == LOSSLESS,
        scans=scans,
        has_end=has_end,
        exif=exif,
    )


def scans(file: BinaryIO, most: int) -> int:
    """Return the number of scans of a JPEG that was opened but not loaded.

    Args:
        file: positioned after the header, which ends with the start of the first scan.
        most: the count to stop at.
    """
    start = file.tell()
    found, last = 1, b""
    while found < most and (chunk := file.read(CHUNK)):
        found += len(START_OF_SCAN.findall(last + chunk))
        last = chunk[-1:]
    file.seek(start)
    if found < most:
        return found
    # Some may be in a video or another picture behind the end. This takes longer.
    found, data = 1, file.read()
    file.seek(start)
    for code, _ in _segments(data, 0):
        if code == END or found == most:
            break
        found += code == SCAN
    return found


def exif_tags(block: bytes) -> dict[int, Any]:
    """Return the tags of the main directory of an Exif block; none if it is broken."""
    exif = Image.Exif()
    try:
        exif.load(block)
        return dict(exif)
    except Exception:  # noqa: BLE001 - a broken block has nothing to say
        return {}


def without_end(data: Data, load: Callable[[Any], Any]) -> Any:
    """Return the loaded image of a JPEG without an end marker, or None if pixels are missing.

    All coefficients must have been sent. Whether the last scan is complete shows by its pixels:
    they may not depend on what is behind the data.

    Args:
        data: the file.
        load: opens and loads an image.
    """
    if not _last_scan(bytes(data)):
        return None
    length = len(data) - (data[-1] == 0xFF)  # noqa: PLR2004 - half of the marker
    image, sums = None, set()
    # A decoder skips everything before the restart marker that it waits for.
    for end in (*ENDS, _next_restart(data) + ENDS[1]):
        image = load(Parts(data, [(0, length)], end))
        sums.add(zlib.crc32(image.tobytes()))
        if len(sums) > 1:
            return None
    return image


def _next_restart(data: Data) -> bytes:
    """Return the restart marker that follows, if the last scan has any (B.2.1: in turn, 0 to 7)."""
    start = data.rfind(b"\xff\xda")
    places = [data.rfind(bytes([0xFF, FIRST_RESTART + n]), start) for n in range(RESTARTS)]
    last = places.index(max(places)) if max(places) > 0 else -1
    return bytes([0xFF, FIRST_RESTART + (last + 1) % RESTARTS])


def end(data: Data) -> int | None:
    """Return where a JPEG without an end marker ends, if something else is behind it.

    That is at a video, at zeros, or at the next marker, for example of another JPEG. A decoder
    would take what is behind for pixels or scans.
    """
    if not (scan := _last_scan(data)):
        return None
    start, stop = scan
    if video := VIDEO.search(data, start, stop):
        return video.start()
    if stop == len(data) and data[-len(ZEROS) :] == ZEROS:
        return start + len(data[start:].rstrip(b"\0"))
    return stop if stop < len(data) else None


def _last_scan(data: Data) -> tuple[int, int] | None:
    """Return where the scan begins that completes the picture, and where the next marker is.

    It is the one with which all coefficients are sent to the last bit. Return None if some are not
    sent, or if an end follows.
    """
    missing: dict[int, set[int]] = {}
    start = None
    for code, at in itertools.islice(_segments(data), MOST_MARKERS):
        if code == END:
            return None
        if start is not None:
            return start, at - 2
        if code in FRAMES:
            missing = {data[at + 8 + 3 * n]: set(range(64)) for n in range(data[at + 7])}
        elif code == SCAN:
            behind = at + 3 + 2 * data[at + 2]
            first, last, bits = data[behind : behind + 3]
            for component in data[at + 3 : behind : 2]:
                if not bits & 0xF:
                    missing.get(component, set()).difference_update(range(first, last + 1))
            if missing and not any(missing.values()):
                start = at
    return None if start is None else (start, len(data))


def _segments(data: Data, at: int = 2) -> Iterator[tuple[int, int]]:
    """Yield the code of each marker, and the offset of the length behind it (B.1.1)."""
    while marker := MARKER.search(data, at):
        yield marker[0][1], marker.end()
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])
