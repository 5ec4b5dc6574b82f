"""A file of which some parts are left out, or another part is added, without a copy of the rest."""

import bisect
import io
import itertools
import struct
import zlib
from collections.abc import Iterator
from mmap import mmap
from typing import Any

from PIL.JpegImagePlugin import MARKER

from darkroom.errors import InvalidImage

Data = bytes | mmap
PNG = b"\x89PNG\r\n\x1a\n"
ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
PIXELS = {b"IDAT": 8, b"fdAT": 12}
"""The chunks with pixels, and where these begin."""
TEXT = {b"tEXt", b"zTXt", b"iTXt"}
ORIENTATION = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0", b"exif\0")
"""The keys of texts that can have an orientation."""
LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9}
"""The length of a PNG's chunks (PNG, section 11.3). Pillow fails at shorter ones."""
INDEXED = 3
SAMPLES = {0: 1, 2: 3, INDEXED: 1, 4: 2, 6: 4}
"""The samples of a pixel, by colour type (PNG, section 11.2.1)."""
WHOLE = ((0, 0, 1, 1),)
ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)
"""The first row and column of each pass, and its steps (PNG, section 8.1)."""
PIECE = 2**20
KEYS = {0: range(2, 3), 2: range(6, 7)}
"""The lengths of a PNG's tRNS that count, by colour type. For a palette it has at most a byte for
each entry. libpng ignores others, and those behind the pixels (PNG, sections 5.6 and 11.3.1.1)."""
PALETTE = range(1, 257)
"""The numbers of colours that a PNG's palette can have."""
NO_PALETTE = "its palette is missing or broken"
INCOMPLETE = "A part of the file is missing: copy it again from where it came from."
DAMAGED = "Copy it again, or save it again with the program that made it."
MOST_TEXT = 2**20
"""Bytes of an unpacked text or profile; Pillow reads no more."""
LEAST = {0xFFE0: (b"JFIF", 7), 0xFFE2: (b"ICC_PROFILE\0", 14), 0xFFEE: (b"Adobe", 12)}
"""The length of a JPEG's segments that begin so. Pillow fails at shorter ones."""
START_OF_SCAN = 0xFFDA


def incomplete(what: str) -> InvalidImage:
    """Return the error for an image of which a part is missing."""
    return InvalidImage(f"The image cannot be decoded: {what}. {INCOMPLETE}")


def damaged(what: str) -> InvalidImage:
    """Return the error for an image that is broken."""
    return InvalidImage(f"The image cannot be decoded: {what}. {DAMAGED}")


class Parts(io.RawIOBase):
    """Some parts of a file, one behind the other, to read."""

    def __init__(self, data: Data, ranges: list[tuple[int, int]], behind: bytes = b"") -> None:
        """Join ranges of bytes of a file, and bytes behind them."""
        whole = memoryview(data)
        self._parts = [whole[start:end] for start, end in ranges] + [memoryview(behind)]
        lengths = (len(part) for part in self._parts)
        self._starts = list(itertools.accumulate(lengths, initial=0))
        self._at = 0

    def readable(self) -> bool:  # noqa: D102 - as io.RawIOBase
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def tell(self) -> int:  # noqa: D102
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:  # noqa: D102
        self._at = max(0, (0, self._at, self._starts[-1])[whence] + offset)
        return self._at

    def whole(self) -> bytes:
        """Return all of them."""
        return b"".join(self._parts)

    def readinto(self, buffer: Any) -> int:  # noqa: D102
        done, number = 0, bisect.bisect_right(self._starts, self._at) - 1
        while done < len(buffer) and number < len(self._parts):
            start = self._at - self._starts[number]
            piece = self._parts[number][start : start + len(buffer) - done]
            buffer[done : done + len(piece)] = piece
            done += len(piece)
            self._at += len(piece)
            number += 1
        return done


def needed(data: Data, *, still: bool = False, jpeg_end: int | None = None) -> Parts | None:
    """Return the parts of a PNG or a JPEG that Pillow needs; None if it can read all of them.

    Args:
        data: the file.
        still: whether to leave the animation of a PNG out.
        jpeg_end: where a JPEG ends, if other data are behind it.

    Raises:
        InvalidImage: the pixels of a PNG differ from their checksum, or its palette is unusable.
    """
    try:
        if data[:8] == PNG:
            left_out = _of_png(data, still=still)
        elif data[:3] == b"\xff\xd8\xff":
            left_out = _of_jpeg(data) + ([(jpeg_end, len(data))] if jpeg_end else [])
        else:
            return None
    except IndexError:  # the file is truncated
        return None
    if not left_out:
        return None
    starts = [0, *(end for _, end in left_out)]
    ends = [*(start for start, _ in left_out), len(data)]
    joined: list[tuple[int, int]] = []
    for start, end in zip(starts, ends, strict=True):
        if start < end:
            joined.append((start, end))
    return Parts(data, joined)


def _of_png(data: Data, *, still: bool) -> list[tuple[int, int]]:
    """Return the chunks that no picture needs, or that are broken (PNG, sections 5 and 13)."""
    view, at, left_out, animation = memoryview(data), len(PNG), [], []
    keys, has_pixels = KEYS.get(data[25], range(0)), False
    while at + 8 <= len(data):
        kind = data[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(data[at : at + 4])
        if end > len(data):
            if kind in ANIMATION:
                animation.append((at, len(data)))
            elif has_pixels and kind != b"IDAT":
                left_out.append((at, len(data)))
            break
        if kind in ANIMATION:
            animation.append((at, end))
            # Behind the first picture, Pillow compares no checksum.
            still |= kind != b"fdAT" and not _is_whole(view[at:end])
        elif kind == b"IDAT":
            if not _is_whole(view[at:end]):
                raise damaged("its pixels differ from their checksum")
            has_pixels = True
        elif kind == b"PLTE" and data[25] == INDEXED:
            keys = _keys_of_palette(end - at - 12, keys)
        elif kind == b"tRNS":
            if has_pixels or end - at - 12 not in keys:
                left_out.append((at, end))
        elif kind[0] & 0x20 and not _is_useful(view[at:end], kind):
            left_out.append((at, end))
        at = end
        if kind == b"IEND":
            break
    return sorted(left_out + animation) if still else left_out


def _keys_of_palette(length: int, before: range) -> range:
    """Return the lengths of tRNS that count for a palette, which has to be the only one."""
    colors, rest = divmod(length, 3)
    if rest or colors not in PALETTE or before:
        raise damaged(NO_PALETTE)
    return range(1, colors + 1)


def _is_whole(chunk: memoryview) -> bool:
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])


def _is_useful(chunk: memoryview, kind: bytes) -> bool:
    start = bytes(chunk[8:-4][:112])
    if kind in TEXT and not start.startswith(ORIENTATION):
        return False
    if not _is_whole(chunk) or len(chunk) - 12 < LENGTHS.get(kind, 0):
        return False
    name, zero, rest = start.partition(b"\0")
    if kind in {b"zTXt", b"iCCP"} and not (zero and rest.startswith(b"\0")):
        return False  # there is no compression but 0
    if kind in {b"zTXt", b"iCCP"} or (kind == b"iTXt" and rest.startswith(b"\1")):
        # The packed data are behind the last of the null characters of the head.
        head = len(name) + 2
        for _ in range(2 if kind == b"iTXt" else 0):
            head = start.find(b"\0", head + 1)
        packed = chunk[8 + head + (kind == b"iTXt") : -4]
        unpack = zlib.decompressobj()
        try:
            unpack.decompress(packed, MOST_TEXT)
        except zlib.error:
            return False
        return not unpack.unconsumed_tail
    return True


def lacks_rows(data: Data, *, frames: bool = False) -> bool:
    """Whether the pixels of a PNG end before its last row. Pillow leaves black what is missing.

    Args:
        data: the file. Pillow has decoded it, or at least found that its size is allowed.
        frames: whether to look at the frames behind the first picture, too.
    """
    view = memoryview(data)
    bits, passes = data[24] * SAMPLES[data[25]], ADAM7 if data[28] else WHOLE
    pictures = _pictures(view)
    for (width, height), packed in pictures if frames else itertools.islice(pictures, 1):
        left = 0
        for row, column, rows, columns in passes:
            across, down = -((column - width) // columns), -((row - height) // rows)
            left += down * (1 + (across * bits + 7) // 8) if across > 0 < down else 0
        unpack = zlib.decompressobj()
        for part in packed:
            rest: Any = part
            while left > 0 and rest and not unpack.eof:
                left -= len(unpack.decompress(rest, PIECE))
                rest = unpack.unconsumed_tail
        if left > 0:
            return True
    return False


def _pictures(view: memoryview) -> Iterator[tuple[tuple[int, int], list[memoryview]]]:
    """Yield the size and the packed pixels of a PNG, and those of each frame (section 11.3.4)."""
    canvas = size = struct.unpack(">2I", view[16:24])
    at = len(PNG)
    packed: list[memoryview] = []
    while at + 8 <= len(view):
        kind, end = bytes(view[at + 4 : at + 8]), at + 12 + int.from_bytes(view[at : at + 4])
        if kind == b"fcTL" and packed:
            yield size, packed
            packed = []
        if kind == b"fcTL":
            frame = struct.unpack(">2I", view[at + 12 : at + 20])
            size = min(frame[0], canvas[0]), min(frame[1], canvas[1])
        elif kind in PIXELS:
            packed.append(view[at + PIXELS[kind] : end - 4])
        at = end
    yield size, packed


def _of_jpeg(data: Data) -> list[tuple[int, int]]:
    """Return the application segments that are too short (ITU-T T.81, B.2.4.6)."""
    at, left_out = 2, []
    while data[at] == 0xFF:  # noqa: PLR2004 - the first byte of a marker
        marker = 0xFF00 | data[at + 1]
        if marker == 0xFFFF:  # noqa: PLR2004 - a fill byte
            at += 1
            continue
        if marker == START_OF_SCAN or marker not in MARKER or MARKER[marker][2] is None:
            break
        end = at + 2 + max(2, data[at + 2] << 8 | data[at + 3])
        name, least = LEAST.get(marker, (b"", 0))
        if end - at - 4 < least and data[at + 4 : end].startswith(name):
            left_out.append((at, end))
        at = end
    return left_out
