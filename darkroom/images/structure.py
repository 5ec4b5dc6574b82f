"""What is refused by the parts of its file, before Pillow looks at them one after the other.

Pillow reads every segment, block and chunk of a file in Python and keeps what they hold, so a file
of millions of them takes minutes, or more memory than there is, whatever its pixels. What is
counted here is far above what cameras and editors write: they fill segments of 64 KiB and blocks
of 255 bytes.
"""

import re
from mmap import mmap

from PIL.JpegImagePlugin import MARKER

from darkroom.errors import ImageTooLarge

MAX_SEGMENTS = 10_000
"""Of a JPEG before its first scan. 50 MB of metadata in full segments are 800."""
MAX_EXIF_SEGMENTS = 100
"""Of a JPEG. Exif is one; each further one copies all before it."""
MAX_FILL = 2**20
"""Bytes of a JPEG between its segments, which are read one by one."""
MAX_BLOCKS = 1_000_000
"""Of a GIF: a file of 200 MB has 800,000 full ones."""
MAX_CHUNKS = 200_000
"""Of a PNG: a file of 200 MB in chunks of 8 KiB, as libpng writes them, has 25,000."""

PNG = b"\x89PNG\r\n\x1a\n"
START_OF_SCAN = 0xFFDA
FILL = re.compile(rb"\xff+")

Data = bytes | mmap


def check(data: Data) -> None:
    """Look at the parts of a file that begins like a JPEG, a GIF or a PNG; any other is fine.

    One that breaks off, or is no such file after all, is left to its decoder.

    Raises:
        ImageTooLarge: it has more parts than it may.
    """
    try:
        if data[:3] == b"\xff\xd8\xff":
            _check_jpeg(data)
        elif data[:6] in {b"GIF87a", b"GIF89a"}:
            _check_gif(data)
        elif data[:8] == PNG:
            _check_png(data)
    except IndexError:  # it ends before its structure does
        return


def _check_jpeg(data: Data) -> None:
    """Go over the segments as Pillow does: up to the first scan (ITU-T T.81, B.1.1)."""
    at, segments, exif, fill = 2, 0, 0, 0
    while found := FILL.search(data, at):
        code = data[found.end()]
        fill += found.end() - at - 1 + 2 * (code == 0)  # 0: no marker, but a byte 0xFF
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
    """Go over all blocks and the blocks within them (GIF89a, sections 15 to 27)."""
    at, blocks = 13 + _palette(data[10]), 0
    while (kind := data[at]) != ord(";"):
        blocks += 1
        if kind == ord(","):  # a frame: place and size, a palette of its own, the size of codes
            at += 11 + _palette(data[at + 9])
        else:
            at += 2 if kind == ord("!") else 1
        if kind in b",!":
            while length := data[at]:
                at += length + 1
                blocks += 1
                if blocks > MAX_BLOCKS:
                    break
            at += 1
        if blocks > MAX_BLOCKS:
            raise ImageTooLarge(f"The image has more than {MAX_BLOCKS} blocks.")


def _palette(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _check_png(data: Data) -> None:
    """Go over all chunks: length, kind, data, checksum (PNG, section 5)."""
    at = len(PNG)
    for _ in range(MAX_CHUNKS):
        if len(data) < at + 8:
            return
        at += 12 + int.from_bytes(data[at : at + 4])
    if len(data) >= at + 8:
        raise ImageTooLarge(f"The image has more than {MAX_CHUNKS} chunks.")
