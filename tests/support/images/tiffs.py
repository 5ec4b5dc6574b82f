"""TIFFs of kinds that Pillow reads and does not write, of numpy's numbers."""

import struct
import zlib

import numpy as np

UNSIGNED, SIGNED, FRACTION = 1, 2, 3  # TIFF 6.0, section 19
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
RAW, DEFLATE = 1, 8


def tiff(
    pixels: np.ndarray,
    photometric: int,
    order: str = "<",
    *,
    extra: int | None = None,
    planar: bool = False,
    compression: int = RAW,
    tags: dict[int, list[int] | bytes] | None = None,
) -> bytes:
    """Return a TIFF of one strip, or of one strip for each sample.

    Args:
        pixels: height x width, or height x width x samples, of any type of number.
        photometric: what the samples mean.
        order: of bytes, `<` for Intel's and `>` for Motorola's.
        extra: what the last sample is: 1 alpha that the others are multiplied with, 2 that not.
        planar: whether each sample has a strip of its own.
        compression: `RAW` or `DEFLATE`.
        tags: more tags, of 16-bit numbers or of text.
    """
    more: dict[int, list[int] | bytes] = {262: [photometric], **(tags or {})}
    if extra is not None:
        more[338] = [extra]
    head = struct.pack(f"{order}2sH", b"II" if order == "<" else b"MM", 42)
    return _pages(head, order, [(pixels, more)], planar, compression)


def gray_pages(*parts: tuple[np.ndarray, dict[int, list[int] | bytes]]) -> bytes:
    """Return a TIFF of gray pages, each with its pixels and more tags."""
    named = [(pixels, {262: [BLACK_IS_ZERO], **tags}) for pixels, tags in parts]
    return _pages(b"II*\0", "<", named, planar=False, compression=RAW)


def _pages(
    head: bytes,
    order: str,
    parts: list[tuple[np.ndarray, dict[int, list[int] | bytes]]],
    planar: bool,
    compression: int,
) -> bytes:
    file, link = bytearray(head + bytes(4)), len(head)
    for pixels, more in parts:
        height, width, *rest = pixels.shape
        samples = rest[0] if rest else 1
        number = {"u": UNSIGNED, "i": SIGNED, "f": FRACTION}[pixels.dtype.kind]
        data = pixels.astype(pixels.dtype.newbyteorder(order))
        planes = [data[..., n].tobytes() for n in range(samples)] if planar else [data.tobytes()]
        if compression == DEFLATE:
            planes = [zlib.compress(plane) for plane in planes]
        offsets = []
        for plane in planes:
            offsets.append(len(file))
            file += plane
        tags: dict[int, list[int] | bytes] = {
            256: [width],
            257: [height],
            258: [8 * pixels.dtype.itemsize] * samples,
            259: [compression],
            273: offsets,
            277: [samples],
            278: [height],
            279: [len(plane) for plane in planes],
            284: [2 if planar else 1],
            339: [number] * samples,
            **more,
        }
        file[link : link + 4] = struct.pack(f"{order}I", len(file))
        link = len(file) + 2 + 12 * len(tags)
        file += _directory(tags, order, at=len(file))
    return bytes(file)


def _directory(tags: dict[int, list[int] | bytes], order: str, at: int) -> bytes:
    entries, values = b"", b""
    after = at + 2 + 12 * len(tags) + 4
    for tag, numbers in sorted(tags.items()):
        if isinstance(numbers, bytes):
            kind, value = 2, numbers
        else:
            kind, form = (4, "I") if tag in {256, 257, 273, 278, 279, 330} else (3, "H")
            value = struct.pack(f"{order}{len(numbers)}{form}", *numbers)
        count = len(numbers)
        if len(value) > 4:
            values, value = values + value, struct.pack(f"{order}I", after + len(values))
        entries += struct.pack(f"{order}HHI", tag, kind, count) + value.ljust(4, b"\0")
    return struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + values
