"""Refuse files with too many segments, blocks or chunks, before Pillow reads them.

Pillow reads every segment, block and chunk in Python and keeps the contents. A file with millions
of them takes minutes, or more memory than there is, however few pixels it has. The limits are far
above what cameras and editors write: these fill segments of 64 KiB and blocks of 255 bytes.
"""

import itertools
import re
from collections.abc import Iterator

from PIL.JpegImagePlugin import MARKER

from darkroom.errors import ImageTooLarge
from darkroom.images.parts import NO_PALETTE, PNG, START_OF_SCAN, Data, damaged

MAX_SEGMENTS = 10_000
"""Segments of a JPEG before its first scan. 50 MB of metadata need 800 full ones."""
MAX_EXIF_SEGMENTS = 100
"""Exif segments of a JPEG. One is usual; for each further one Pillow copies all previous ones."""
MAX_FILL = 2**20
"""Bytes of a JPEG between its segments, which Pillow reads one by one."""
MAX_BLOCKS = 1_000_000
"""Blocks of a GIF. A file of 200 MB has 800,000 full ones."""
MAX_CHUNKS = 200_000
"""Chunks of a PNG. A file of 200 MB has 25,000 of 8 KiB, the size that libpng writes."""

HAS_PALETTE = 0x80
"""A flag of a GIF and of its frames."""
FILL = re.compile(rb"\xff+")


def check(data: Data) -> None:
    """Count the parts of a file that begins like a JPEG, a GIF or a PNG; accept any other.

    Truncated and malformed files are left to the decoder.

    Raises:
        ImageTooLarge: it has too many parts.
        InvalidImage: a GIF has no palette.
    """
    try:
        if data[:3] == b"\xff\xd8\xff":
            _check_jpeg(data)
        elif data[:6] in {b"GIF87a", b"GIF89a"}:
            _check_gif(data)
        elif data[:8] == PNG:
            _check_png(data)
    except IndexError:  # the file is truncated
        return


def _check_jpeg(data: Data) -> None:
    """Count the segments that Pillow reads: up to the first scan (ITU-T T.81, B.1.1)."""
    at, segments, exif, fill = 2, 0, 0, 0
    while found := FILL.search(data, at):
        code = data[found.end()]
        fill += found.end() - at - 1 + 2 * (code == 0)  # 0: not a marker, but a byte 0xFF
        if fill > MAX_FILL:
            raise ImageTooLarge(f"The image has more than {MAX_FILL} bytes between its segments.")
        at = found.end() + 1
        if code == 0:
            continue
        marker = 0xFF00 | code
        if marker == START_OF_SCAN or marker not in MARKER:
            return
        segments += 1
        if segments > MAX_SEGMENTS:
            raise ImageTooLarge(f"The image has more than {MAX_SEGMENTS} segments of metadata.")
        if MARKER[marker][2] is None:  # it has no length
            continue
        exif += data[at + 2 : at + 8] == b"Exif\0\0"
        if exif > MAX_EXIF_SEGMENTS:
            raise ImageTooLarge(f"The image has more than {MAX_EXIF_SEGMENTS} segments of Exif.")
        at += max(2, data[at] << 8 | data[at + 1])


def _check_gif(data: Data) -> None:
    counted = sum(1 for _ in itertools.islice(_gif_blocks(data), MAX_BLOCKS + 1))
    if counted > MAX_BLOCKS:
        raise ImageTooLarge(f"The image has more than {MAX_BLOCKS} blocks.")


def _gif_blocks(data: Data) -> Iterator[None]:
    """Yield once for each block and each of its sub-blocks (GIF89a, sections 15 to 27).

    Raises:
        InvalidImage: a frame has no palette, also none that it shares. Every decoder would show it
            in other colours.
    """
    at = 13 + _palette(data[10])
    while (kind := data[at]) != ord(";"):
        yield
        if kind == ord(","):  # a frame: position and size, its palette, the size of codes
            if not (data[10] | data[at + 9]) & HAS_PALETTE:
                raise damaged(NO_PALETTE)
            at += 11 + _palette(data[at + 9])
        else:
            at += 2 if kind == ord("!") else 1
        if kind in b",!":
            while length := data[at]:
                yield
                at += length + 1
            at += 1


def _palette(flags: int) -> int:
    """Return the bytes of a palette, from the flags of the block before it."""
    return 3 << (flags & 7) + 1 if flags & HAS_PALETTE else 0


def _check_png(data: Data) -> None:
    """Count all chunks: length, kind, data, checksum (PNG, section 5)."""
    at = len(PNG)
    for _ in range(MAX_CHUNKS):
        if len(data) < at + 8:
            return
        at += 12 + int.from_bytes(data[at : at + 4])
    if len(data) >= at + 8:
        raise ImageTooLarge(f"The image has more than {MAX_CHUNKS} chunks.")
