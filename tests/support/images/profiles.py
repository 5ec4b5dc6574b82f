"""Profiles of gray, and PNGs with chunks that Pillow does not write."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np

D50 = (0.9642, 1.0, 0.8249)


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def power(exponent: float) -> bytes:
    """A curve of one power, of which the file has 8 fractional bits."""
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256))


def sampled(values: Sequence[float]) -> bytes:
    """A curve of numbers from 0 to 1, as those of dot gain are."""
    numbers = [round(value * 65535) for value in values]
    return b"curv\0\0\0\0" + struct.pack(f">I{len(numbers)}H", len(numbers), *numbers)


def profile(
    curve: bytes, space: bytes = b"GRAY", device: bytes = b"mntr", connection: bytes = b"XYZ "
) -> bytes:
    """A profile with one curve and a white."""
    tags = {b"wtpt": b"XYZ \0\0\0\0" + _fixed(*D50), b"kTRC": curve + bytes(-len(curve) % 4)}
    index, content, start = b"", b"", 132 + 12 * len(tags)
    for name, tag in tags.items():
        index += name + struct.pack(">II", start + len(content), len(tag))
        content += tag
    head = bytes(8) + struct.pack(">I", 0x02100000) + device + space + connection
    head = head.ljust(36, b"\0") + b"acsp"
    head = head.ljust(68, b"\0") + _fixed(*D50)
    whole = head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + index + content
    return struct.pack(">I", len(whole)) + whole[4:]


def with_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """Put a chunk behind the header of a PNG."""
    made = struct.pack(">I", len(data)) + kind + data
    return png[:33] + made + struct.pack(">I", zlib.crc32(kind + data)) + png[33:]


def with_gamma(png: bytes, gamma: float) -> bytes:
    """Put `gAMA` into a PNG."""
    return with_chunk(png, b"gAMA", struct.pack(">I", round(gamma * 100_000)))


def srgb(light: np.ndarray) -> np.ndarray:
    """The value of sRGB, 0 to 1, for luminances of which 1 is white (IEC 61966-2-1)."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
