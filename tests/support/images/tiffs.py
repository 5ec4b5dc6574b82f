"""TIFFs of kinds that Pillow reads and does not write, of numpy's numbers."""

import struct

import numpy as np

UNSIGNED, SIGNED, FRACTION = 1, 2, 3  # TIFF 6.0, section 19
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, LAB = 0, 1, 2, 8


def tiff(
    pixels: np.ndarray, photometric: int, order: str = "<", *, extra: int | None = None
) -> bytes:
    """Return an uncompressed TIFF of one strip.

    Args:
        pixels: height x width, or height x width x samples, of any type of number.
        photometric: what the samples mean.
        order: of bytes, `<` for Intel's and `>` for Motorola's.
        extra: what the last sample is: 1 alpha that the others are multiplied with, 2 that not.
    """
    height, width, *rest = pixels.shape
    samples = rest[0] if rest else 1
    number = {"u": UNSIGNED, "i": SIGNED, "f": FRACTION}[pixels.dtype.kind]
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    tags: dict[int, list[int]] = {
        256: [width],
        257: [height],
        258: [8 * pixels.dtype.itemsize] * samples,
        259: [1],
        262: [photometric],
        273: [8],
        277: [samples],
        278: [height],
        279: [len(data)],
        339: [number] * samples,
    }
    if extra is not None:
        tags[338] = [extra]
    return struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8 + len(data)) + (
        data + _directory(tags, order, at=8 + len(data))
    )


def _directory(tags: dict[int, list[int]], order: str, at: int) -> bytes:
    entries, values = b"", b""
    after = at + 2 + 12 * len(tags) + 4
    for tag, numbers in sorted(tags.items()):
        kind, form = (
            (4, "I") if len(numbers) == 1 and tag in {256, 257, 273, 278, 279} else (3, "H")
        )
        value = struct.pack(f"{order}{len(numbers)}{form}", *numbers)
        if len(value) > 4:
            values, value = values + value, struct.pack(f"{order}I", after + len(values))
        entries += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + value.ljust(4, b"\0")
    return struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + values
