"""GIFs, written with struct only. Sections are those of GIF89a."""

import struct
from dataclasses import dataclass, field

import numpy as np

KEEP, CLEAR, PREVIOUS = 1, 2, 3
"""What becomes of a frame when its time has passed (section 23)."""


@dataclass(frozen=True)
class Frame:
    """One frame: its indexes, where it is, its own palette, and what its control block says."""

    indexes: np.ndarray
    at: tuple[int, int] = (0, 0)
    palette: np.ndarray | None = None
    transparent: int | None = None
    disposal: int = 0
    hundredths: int | None = None
    interlaced: bool = field(default=False)


def gif(
    size: tuple[int, int],
    frames: list[Frame],
    palette: np.ndarray | None,
    *,
    background: int = 0,
    loops: int | None = None,
    comment: bytes = b"",
    trailer: bytes = b";",
) -> bytes:
    """Return a GIF with a canvas of a width and a height, and perhaps a palette for all frames."""
    data = b"GIF89a" + struct.pack("<2H", *size)
    data += bytes([0x70 | _table_flags(palette), background, 0]) + _table(palette)
    if loops is not None:
        data += b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", loops) + b"\0"
    if comment:
        data += b"!\xfe" + _blocks(comment)
    for frame in frames:
        if frame.transparent is not None or frame.disposal or frame.hundredths is not None:
            flags = frame.disposal << 2 | (frame.transparent is not None)
            key = frame.transparent or 0
            data += b"!\xf9\x04" + struct.pack("<BHBB", flags, frame.hundredths or 0, key, 0)
        height, width = frame.indexes.shape
        x, y = frame.at
        flags = _table_flags(frame.palette) | (0x40 if frame.interlaced else 0)
        data += b"," + struct.pack("<4HB", x, y, width, height, flags) + _table(frame.palette)
        rows = frame.indexes
        if frame.interlaced:  # appendix E
            rows = np.concatenate([rows[first::step] for first, step in
                                   ((0, 8), (4, 8), (2, 4), (1, 2))])  # fmt: skip
        bits = max(2, int(frame.indexes.max()).bit_length())
        data += bytes([bits]) + _blocks(_codes(rows.ravel().tolist(), bits))
    return data + trailer


def _table_flags(palette: np.ndarray | None) -> int:
    return 0 if palette is None else 0x80 | _table_bits(palette) - 1


def _table_bits(palette: np.ndarray) -> int:
    return max(1, (len(palette) - 1).bit_length())


def _table(palette: np.ndarray | None) -> bytes:
    if palette is None:
        return b""
    return palette.astype(np.uint8).tobytes().ljust(3 * 2 ** _table_bits(palette), b"\0")


def _blocks(data: bytes) -> bytes:
    """Return data in blocks of at most 255 bytes (section 15)."""
    parts = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def _codes(values: list[int], bits: int) -> bytes:
    """Return values as codes of variable length (appendix F)."""
    clear, end = 1 << bits, (1 << bits) + 1
    table: dict[tuple[int, int], int] = {}
    total, used, size, free = 0, 0, bits + 1, end + 1

    def put(code: int) -> None:
        nonlocal total, used
        total |= code << used
        used += size

    put(clear)
    prefix = values[0]
    for value in values[1:]:
        if (prefix, value) in table:
            prefix = table[prefix, value]
            continue
        put(prefix)
        table[prefix, value] = free
        if free == 1 << size:
            size += 1
        free += 1
        if free == 4096:
            put(clear)
            table, size, free = {}, bits + 1, end + 1
        prefix = value
    put(prefix)
    put(end)
    return total.to_bytes(-(-used // 8), "little")
