"""PNGs of every colour type, depth and interlace, written with struct and zlib only.

Sections are those of the PNG specification, third edition.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6  # section 11.2.1
PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
          (1, 0, 2, 1)]  # fmt: skip
"""First row, first column, rows and columns between pixels of each pass (section 8.2)."""
Chunk = tuple[bytes, bytes]
MIXED = -1
"""Another filter for each line."""


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk with its checksum (section 5.3)."""
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def png(
    samples: np.ndarray,
    color: int,
    depth: int,
    *,
    interlaced: bool = False,
    filter_type: int = 0,
    before: Iterable[Chunk] = (),
    behind: Iterable[Chunk] = (),
    pieces: int = 1,
) -> bytes:
    """Return a still PNG.

    Args:
        samples: whole numbers, height x width, or height x width x samples.
        color: the colour type.
        depth: bits a sample.
        interlaced: whether by Adam7.
        filter_type: 0 to 4, or `MIXED`.
        before: kinds and data of chunks before the pixels, such as the palette.
        behind: the same behind the pixels.
        pieces: chunks that the pixels are divided into.
    """
    head = header(samples, color, depth, interlaced=interlaced)
    packed = pixels(samples, depth, interlaced=interlaced, filter_type=filter_type)
    size = -(-len(packed) // pieces)
    data = [(b"IDAT", packed[at : at + size]) for at in range(0, len(packed), size)]
    parts = [(b"IHDR", head), *before, *data, *behind, (b"IEND", b"")]
    return SIGNATURE + b"".join(chunk(*part) for part in parts)


def header(samples: np.ndarray, color: int, depth: int, *, interlaced: bool = False) -> bytes:
    """Return the data of IHDR (section 11.2.1)."""
    height, width = samples.shape[:2]
    return struct.pack(">2I5B", width, height, depth, color, 0, 0, int(interlaced))


def pixels(
    samples: np.ndarray, depth: int, *, interlaced: bool = False, filter_type: int = 0
) -> bytes:
    """Return the data of IDAT (sections 7 to 10)."""
    samples = samples.reshape(*samples.shape[:2], -1)
    step = max(1, samples.shape[2] * depth // 8)
    lines = bytearray()
    for part in _passes(samples) if interlaced else [samples]:
        above = b""
        for number, row in enumerate(part):
            line = _packed(row.ravel(), depth)
            kind = number % 5 if filter_type == MIXED else filter_type
            lines += bytes([kind]) + _filtered(line, above or bytes(len(line)), kind, step)
            above = line
    return zlib.compress(bytes(lines))


def _passes(samples: np.ndarray) -> Iterator[np.ndarray]:
    for row, column, rows, columns in PASSES:
        part = samples[row::rows, column::columns]
        if part.size:
            yield part


def _packed(values: np.ndarray, depth: int) -> bytes:
    if depth == 16:
        return values.astype(">u2").tobytes()
    bits = values[:, None] >> np.arange(depth)[::-1] & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def _filtered(line: bytes, above: bytes, kind: int, step: int) -> bytes:
    """Return a line as differences (section 9.2)."""
    here, up = (np.frombuffer(part, np.uint8).astype(int) for part in (line, above))
    left, corner = (np.concatenate([np.zeros(step, int), part])[: len(here)] for part in (here, up))
    if kind == 4:
        guess = left + up - corner
        far = np.abs(np.stack([guess - left, guess - up, guess - corner]))
        guess = np.choose(far.argmin(axis=0), [left, up, corner])
    else:
        guess = [np.zeros_like(here), left, up, (left + up) // 2][kind]
    return (here - guess & 0xFF).astype(np.uint8).tobytes()
