"""BMPs of every header, depth, mask and compression, written with struct only.

The headers are those of Microsoft's "Bitmap Header Types".
"""

import struct

import numpy as np

CORE, INFO, INFO_MASKS, INFO_ALPHA, V4, V5 = 12, 40, 52, 56, 108, 124
"""Bytes of the headers: of OS/2, BITMAPINFOHEADER, with masks of colours, also of alpha, V4, V5."""
RAW, RLE8, RLE4, BITFIELDS, ALPHA_BITFIELDS = 0, 1, 2, 3, 6


def bmp(
    rows: list[bytes],
    size: tuple[int, int],
    bits: int,
    *,
    header: int = INFO,
    compression: int = RAW,
    palette: np.ndarray | None = None,
    masks: tuple[int, ...] = (),
    top_down: bool = False,
) -> bytes:
    """Return a BMP.

    Args:
        rows: the data, row by row in the file's order, without padding.
        size: width and height.
        bits: bits a pixel.
        header: bytes of the header.
        compression: `RAW`, `RLE8`, `RLE4`, `BITFIELDS` or `ALPHA_BITFIELDS`.
        palette: colours x 3, red first.
        masks: of red, green, blue and perhaps alpha.
        top_down: whether the first row is the top one.
    """
    padded = rows if compression in {RLE4, RLE8} else [r + bytes(-len(r) % 4) for r in rows]
    data = b"".join(padded)
    width, height = size
    if header == CORE:
        head = struct.pack("<I4H", CORE, width, height, 1, bits)
    else:
        head = struct.pack("<IiiHHI", header, width, -height if top_down else height, 1, bits,
                           compression)  # fmt: skip
        colors = len(palette) if palette is not None else 0
        head += struct.pack("<I4i", len(data), 2835, 2835, colors, 0)
        fields = struct.pack(f"<{len(masks)}I", *masks)
        if header > INFO:
            fields = fields.ljust(min(header - INFO, 16), b"\0")
        head += fields
        if header >= V4:
            head += b"BGRs"  # sRGB
        head = head.ljust(header, b"\0")
    table = b""
    if palette is not None:
        fill = b"" if header == CORE else b"\0"
        table = b"".join(bytes([blue, green, red]) + fill for red, green, blue in palette)
    start = 14 + len(head) + len(table)
    return struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start) + head + table + data


def packed(values: np.ndarray, bits: int) -> list[bytes]:
    """Return rows of whole numbers with some bits a pixel."""
    if bits >= 8:
        kept = values.astype("<u4").view(np.uint8).reshape(*values.shape, 4)[..., : bits // 8]
        return [row.tobytes() for row in kept]
    spread = values[..., None] >> np.arange(bits)[::-1] & 1
    return [np.packbits(row.ravel().astype(np.uint8)).tobytes() for row in spread]


def run_lengths(values: np.ndarray, bits: int) -> list[bytes]:
    """Return rows as RLE8 or RLE4: a literal, a run, then single pixels; then the ends."""
    rows = []
    for row in values.tolist():
        data = bytearray()
        literal, rest = row[:5], row[5:]
        stored = bytes(literal) if bits == 8 else _pairs(literal)
        data += bytes([0, len(literal)]) + stored + bytes(len(stored) % 2)
        for value in rest:
            data += bytes([1, value if bits == 8 else value << 4])
        rows.append(bytes(data) + b"\0\0")
    rows[-1] = rows[-1][:-2] + b"\0\1"
    return rows


def _pairs(values: list[int]) -> bytes:
    even = [*values, 0] if len(values) % 2 else values
    return bytes(high << 4 | low for high, low in zip(even[::2], even[1::2], strict=True))
