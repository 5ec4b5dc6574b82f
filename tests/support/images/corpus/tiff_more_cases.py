"""More TIFFs of the corpus: samples that do not fill whole bytes, pictures inside a TIFF, other
writers.

tifffile, Pillow, and a writer with struct only. Numbers of tags are those of TIFF 6.0.
"""

import io
import itertools
import struct
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from tests.support.images.corpus.cases import (
    EXACT,
    EXACT_16,
    LEVEL,
    LOSSY,
    ROUNDED,
    Case,
    luma,
    luma_of_inks,
    noise,
    soft,
)
from tests.support.images.corpus.tiff_cases import HEIGHT, LAYOUTS, ORDERS, WIDTH, write


def cases() -> Iterator[Case]:
    """Yield all of these TIFFs."""
    yield from _packed()
    yield from _of_pillow()
    yield from _lossy()
    yield from _old_tiles()


def _packed() -> Iterator[Case]:
    """Yield pixels that do not fill whole bytes."""
    for bits, (order, code), fill in itertools.product(
        (1, 2, 4, 6, 10, 12, 14), ORDERS.items(), (1, 2)
    ):
        values = noise(HEIGHT, WIDTH, most=2**bits - 1, seed=bits)
        level = values / (2**bits - 1)
        off = EXACT_16 if bits > 8 else EXACT if 8 % bits == 0 else 0.51 * LEVEL
        table = noise(3, 2**bits, most=255, seed=bits)
        shades = luma(table[:, values].transpose(1, 2, 0) / 255)
        for color, name, shown in (
            (0, "miniswhite", 1 - level),
            (1, "minisblack", level),
            (3, "palette", shades),
        ):
            if color == 3 and (bits > 8 or fill == 2):
                continue
            more = {320: (table.ravel() * 257).tolist()} if color == 3 else {}
            make = partial(packed, values, bits, code, {262: [color], 266: [fill], **more})
            labels = ("tiff", f"{bits} bits", name, order, f"fill order {fill}")
            yield Case(labels, make, shown, None, ROUNDED if color == 3 else off)
        colors = noise(HEIGHT, WIDTH, 3, most=2**bits - 1, seed=bits)
        make = partial(packed, colors, bits, code, {262: [2], 266: [fill]})
        labels = ("tiff", f"{bits} bits", "RGB", order, f"fill order {fill}")
        yield Case(labels, make, luma(colors / (2**bits - 1)), None, ROUNDED + LEVEL / 2)


def packed(values: np.ndarray, bits: int, order: str, tags: dict[int, list[int]]) -> bytes:
    """Return a TIFF of one strip with samples of any number of bits, highest bit first."""
    spread = values[..., None] >> np.arange(bits)[::-1] & 1
    rows = [np.packbits(row.ravel().astype(np.uint8)) for row in spread]
    data = np.concatenate(rows)
    if tags.get(266) == [2]:  # the fill order: lowest bit first
        data = np.packbits(np.unpackbits(data).reshape(-1, 8)[:, ::-1])
    height, width, samples = values.reshape(*values.shape[:2], -1).shape
    entries: dict[int, list[int]] = {
        256: [width], 257: [height], 258: [bits] * samples, 259: [1], 273: [8], 277: [samples],
        278: [height], 279: [data.size], **tags,
    }  # fmt: skip
    start = 8 + data.size + data.size % 2
    behind = start + 2 + 12 * len(entries) + 4
    directory, values_behind = struct.pack(f"{order}H", len(entries)), b""
    for tag, numbers in sorted(entries.items()):
        value = struct.pack(f"{order}{len(numbers)}H", *numbers)
        if len(value) > 4:
            values_behind, value = (
                values_behind + value,
                struct.pack(f"{order}I", behind + len(values_behind)),
            )
        directory += struct.pack(f"{order}HHI", tag, 3, len(numbers)) + value.ljust(4, b"\0")
    head = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, start)
    return head + data.tobytes() + bytes(data.size % 2) + directory + bytes(4) + values_behind


def _of_pillow() -> Iterator[Case]:
    bits = noise(HEIGHT, WIDTH, most=1)
    for compression in ("group3", "group4", "tiff_ccitt", "packbits", "tiff_lzw"):
        make = partial(_saved, bits.astype(bool), compression)
        yield Case(("tiff", "Pillow", "1 bit", compression), make, bits.astype(float))
    for name, samples in (("gray", 1), ("RGB", 3), ("CMYK", 4)):
        pixels = noise(HEIGHT, WIDTH, samples)
        level = {1: lambda p: p[..., 0], 3: luma, 4: luma_of_inks}[samples](pixels / 255)
        for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
            make = partial(_saved, pixels.squeeze().astype(np.uint8), compression)
            labels = ("tiff", "Pillow", name, compression)
            yield Case(labels, make, level, None, EXACT if samples == 1 else 2 * LEVEL)


def _saved(pixels: np.ndarray, compression: str) -> bytes:
    file = io.BytesIO()
    mode = "CMYK" if pixels.ndim == 3 and pixels.shape[2] == 4 else None
    image = Image.frombytes(mode, pixels.shape[1::-1], pixels.tobytes()) if mode else (
        Image.fromarray(pixels)
    )  # fmt: skip
    image.save(file, "TIFF", compression=compression)
    return file.getvalue()


def _lossy() -> Iterator[Case]:
    """Yield pixels in a JPEG, a WebP or another picture inside a TIFF."""
    colors = soft(HEIGHT * 2, WIDTH * 2).astype(np.uint8)
    gray: dict[str, Any] = {"photometric": "minisblack"}
    rgb: dict[str, Any] = {"photometric": "rgb"}
    chroma = rgb | {"compressionargs": {"outcolorspace": "YCBCR"}}
    kinds = [("gray", c, gray) for c in ("jpeg", "jpeg2000", "lerc", "png", "jpegxl")]
    kinds += [("RGB", c, rgb) for c in ("jpeg", "webp", "jpeg2000", "lerc", "png", "jpegxl")]
    kinds += [(f"YCbCr {x} x {y}", "jpeg", chroma | {"subsampling": (x, y)})
              for x, y in ((1, 1), (2, 1), (2, 2))]  # fmt: skip
    for (name, compression, options), (layout, how) in itertools.product(kinds, LAYOUTS.items()):
        pixels = colors[..., 0] if name == "gray" else colors
        level = pixels / 255 if name == "gray" else luma(pixels / 255)
        make = partial(write, pixels, "<", planar="contig", compression=compression,
                        **options, **how)  # fmt: skip
        yield Case(("tiff", name, compression, layout), make, level, None, LOSSY)


def _old_tiles() -> Iterator[Case]:
    """Yield tiles of which the offsets and sizes are stored as those of strips."""
    gray = noise(HEIGHT, WIDTH)
    for compression in (None, "lzw"):
        options = {"photometric": "minisblack", "tile": (16, 16), "compression": compression}
        make = partial(_renamed, gray.astype(np.uint8), options)
        yield Case(("tiff", "tiles stored as strips", str(compression)), make, gray / 255)


def _renamed(pixels: np.ndarray, options: dict[str, Any]) -> bytes:
    data = bytearray(write(pixels, "<", planar="contig", **options))
    start = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0]
    entries = [bytes(data[at : at + 12]) for at in range(start + 2, start + 2 + 12 * count, 12)]
    named = {324: 273, 325: 279}
    entries = [struct.pack("<H", named.get(tag, tag)) + entry[2:]
               for entry in entries for tag in struct.unpack_from("<H", entry)]  # fmt: skip
    data[start + 2 : start + 2 + 12 * count] = b"".join(sorted(
        entries, key=lambda entry: int(struct.unpack_from("<H", entry)[0])
    ))  # fmt: skip
    return bytes(data)
