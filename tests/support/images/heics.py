"""HEIC files, encoded by pillow-heif, and such as phones write: tiles in a grid, turned, cropped.

Boxes are those of ISO/IEC 14496-12 and ISO/IEC 23008-12.
"""

import io
import struct
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image


def heic(image: Image.Image, **options: Any) -> bytes:
    """Return an image as HEIC, without loss unless the options say otherwise."""
    file = io.BytesIO()
    lossless = {"quality": -1, "chroma": 444}
    pillow_heif.from_pillow(image).save(file, **(lossless | options))
    return file.getvalue()


def deep_heic(samples: np.ndarray) -> bytes:
    """Return 16-bit samples as HEIC of 10 bits: height x width, or height x width x 3."""
    mode = "RGB;16" if samples.ndim == 3 else "I;16"
    size = samples.shape[1], samples.shape[0]
    file = io.BytesIO()
    data = np.ascontiguousarray(samples).tobytes()
    pillow_heif.from_bytes(mode, size, data).save(file, quality=-1, chroma=444)
    return file.getvalue()


def grid(image: Image.Image, columns: int, rows: int, *properties: bytes) -> bytes:
    """Return an image as a grid of tiles of equal size, as phones write it.

    Args:
        image: its tiles have sides of a multiple of 64, which is the size of blocks in HEVC.
        columns: number of tiles.
        rows: number of tiles.
        properties: more boxes that describe the whole picture, such as `irot`.
    """
    width, height = image.width // columns, image.height // rows
    tiles = []
    for number in range(columns * rows):
        left, top = number % columns * width, number // columns * height
        tiles.append(heic(image.crop((left, top, left + width, top + height))))
    shared = b"".join(_content(tiles[0], kind) for kind in (b"hvcC", b"ispe", b"colr"))
    # The colours of the whole picture are those of its tiles.
    whole = box(b"ispe", struct.pack(">III", 0, *image.size))
    first_own = 4
    data = [tile[_start(tile, b"mdat") + 8 :] for tile in tiles]
    ids = range(1, len(tiles) + 1)
    top_id = len(tiles) + 1
    last = first_own + len(properties)
    ipma = struct.pack(">II", 0, top_id)
    for one in ids:
        ipma += struct.pack(">HB3B", one, 3, 1 | 0x80, 2, 3)
    owned = [3, *range(first_own, last + 1)]
    ipma += struct.pack(">HB", top_id, len(owned)) + bytes(owned)
    items = b"".join(_item(one, b"hvc1") for one in ids) + _item(top_id, b"grid")
    references = struct.pack(">HH", top_id, len(tiles)) + struct.pack(f">{len(tiles)}H", *ids)
    layout = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *image.size)
    ftyp = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    lengths = [*map(len, data), len(layout)]

    def meta(place: int) -> bytes:
        places = [place + sum(lengths[:number]) for number in range(len(lengths))]
        iloc = struct.pack(">IBBH", 0, 0x44, 0, len(lengths))
        for number, (at, length) in enumerate(zip(places, lengths, strict=True)):
            iloc += struct.pack(">HHHII", number + 1, 0, 1, at, length)
        return box(
            b"meta",
            bytes(4)
            + box(b"hdlr", bytes(8) + b"pict" + bytes(13))
            + box(b"pitm", struct.pack(">IH", 0, top_id))
            + box(b"iinf", struct.pack(">IH", 0, len(tiles) + 1) + items)
            + box(b"iref", bytes(4) + box(b"dimg", references))
            + box(
                b"iprp",
                box(b"ipco", shared + whole + b"".join(properties)) + box(b"ipma", ipma),
            )
            + box(b"iloc", iloc),
        )

    head = len(ftyp) + len(meta(0))
    return ftyp + meta(head + 8) + box(b"mdat", b"".join(data) + layout)


def box(kind: bytes, content: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def clap(width: int, height: int, right: tuple[int, int], down: tuple[int, int]) -> bytes:
    """Return a clean aperture: its size, and how far its centre is off, as fractions."""
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, *right, *down))


def _item(number: int, kind: bytes) -> bytes:
    return box(b"infe", struct.pack(">IHH4sB", 0x02000000, number, 0, kind, 0))


def _start(data: bytes, kind: bytes) -> int:
    return data.index(kind) - 4


def _content(data: bytes, kind: bytes) -> bytes:
    start = _start(data, kind)
    return data[start : start + int.from_bytes(data[start : start + 4])]
