"""JPEG 2000 of kinds that Pillow reads wrongly: OpenJPEG decodes them, by imagecodecs.

Pillow reads 8 bits rightly, and gray of 16 bits. In other depths it makes white black or gray, and
it takes colours for channels in the order of the file. OpenJPEG returns RGB for YCbCr.
Boxes and numbers are those of ITU-T T.800, annexes A and I.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image

from darkroom.errors import UnsupportedFormat
from darkroom.images import boxes, parts
from darkroom.images.decoders import levels
from darkroom.images.decoders.picture import Picture
from darkroom.images.jpeg import ZEROS

CODESTREAM, FILE = b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"
END_OF_CODESTREAM = b"\xff\xd9"
BILEVEL, CMYK, SRGB, GRAY, SYCC, BILEVEL_0_IS_BLACK = 0, 12, 16, 17, 18, 15
"""Enumerated color spaces (`EnumCS`)."""
COLORS = {None, BILEVEL, CMYK, SRGB, GRAY, SYCC, BILEVEL_0_IS_BLACK}
PROFILES = {b"GRAY": GRAY, b"RGB ": SRGB, b"CMYK": CMYK}
"""The color space of a profile (ICC.1:2022, 7.2.6)."""
OTHERS = {b"mjp2": "a video (Motion JPEG 2000)", b"jpm ": "a document of pictures (JPM)"}
"""What else begins like a JPEG 2000, by its brand in `ftyp` (ITU-T T.802 and T.805)."""
COLOR, MULTIPLIED = 0, 2
"""The types of channels: a colour, and alpha that the colours are multiplied with."""
MOST_COMPONENTS = 4


@dataclass(frozen=True)
class Header:
    """What a file says about its picture.

    `bits` and `signed` are those of all components; 0 bits means that they differ.
    `color` is one of `COLORS`, or None if the file does not say it; `profile` is its ICC profile.
    """

    width: int
    height: int
    components: int
    bits: int
    signed: bool
    color: int | None = None
    profile: bytes = b""
    palette: bool = False
    multiplied: bool = False
    subsampled: bool = False
    reordered: bool = False


def begins(data: Any) -> bool:
    """Whether a file begins like a JPEG 2000."""
    return bytes(data[:12]).startswith((CODESTREAM, FILE))


def header(data: Any) -> Header:
    """Return what a file says about its picture.

    Raises:
        InvalidImage: there is no codestream, or its end is missing.
        UnsupportedFormat: the color space is not supported, or the file is a video or a document.
    """
    start, end, known = 0, len(data), {}
    if other := OTHERS.get(bytes(data[20:24])):
        raise UnsupportedFormat(
            f"The source is {other}, which Darkroom does not read. Save one of its pictures as PNG."
        )
    if bytes(data[:4]) != CODESTREAM:
        place = boxes.find(data, b"jp2c")
        if not place and data.find(b"jp2c" + CODESTREAM) > 0:
            raise parts.incomplete("it is truncated")
        if not place:
            raise parts.damaged("there is no codestream in it")
        start, end, known = place.start, place.end, _properties(data)
    head = bytes(data[start : start + 4096 * 4])
    if len(head) < 45 or head[:4] != CODESTREAM:  # noqa: PLR2004 - with one component
        raise parts.damaged("its codestream is broken")
    if bytes(data[max(start, end - len(ZEROS)) : end]) == ZEROS and not _has_end(data[start:end]):
        raise parts.incomplete("it is truncated")
    right, bottom, left, top = struct.unpack_from(">4I", head, 8)
    (components,) = struct.unpack_from(">H", head, 40)
    each = [head[42 + 3 * n : 45 + 3 * n] for n in range(components)]
    depths = {one[0] for one in each if one}
    depth = depths.pop() if len(depths) == 1 else None
    return Header(
        width=right - left,
        height=bottom - top,
        components=components,
        bits=0 if depth is None else (depth & 0x7F) + 1,
        signed=bool(depth and depth & 0x80),
        subsampled=any(one[1:] != b"\1\1" for one in each),
        **known,
    )


def _has_end(codestream: Any) -> bool:
    """Whether a codestream ends in front of zeros, with which a disk or a download fills a file."""
    return bytes(codestream).rstrip(b"\0").endswith(END_OF_CODESTREAM)


def _properties(data: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    place = boxes.find(data, b"jp2h")
    for box in boxes.boxes(data, place.start, place.end) if place else ():
        content = bytes(data[box.start : box.end])
        if box.kind == b"colr" and "color" not in found:
            found["color"] = _color(content)
            found["profile"] = b"" if content[:1] == b"\1" else content[3:]
        elif box.kind == b"pclr":
            found["palette"] = True
        elif box.kind == b"cdef":
            channels = list(_channels(content))
            found["multiplied"] = any(kind == MULTIPLIED for _, kind, _ in channels)
            colors = [(number, color) for number, kind, color in channels if kind == COLOR]
            found["reordered"] = any(color not in {0, number + 1} for number, color in colors)
    return found


def _color(content: bytes) -> int | None:
    """Return the color space of a box `colr`: enumerated, or that of its profile."""
    if content[:1] == b"\1":
        color = int.from_bytes(content[3:7])
    else:
        color = PROFILES.get(content[3 + 16 : 3 + 20], -1)
    if color not in COLORS:
        raise UnsupportedFormat(
            "The source is a JPEG 2000 with an unusual color space, which Darkroom does not read. "
            "Convert it to RGB or gray."
        )
    return color


def _channels(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the channels of a box `cdef`: number from 0, type, and number of the colour from 1.

    The type is 0 for a colour, 1 for alpha and 2 for alpha that the colours are multiplied with.
    The colour is 0 for a channel that belongs to the whole picture.
    """
    (count,) = struct.unpack_from(">H", content)
    return (struct.unpack_from(">3H", content, 2 + 6 * n) for n in range(count))


def is_usual(found: Header) -> bool:
    """Whether Pillow reads a file rightly."""
    if found.palette or found.multiplied or found.signed or found.subsampled or found.reordered:
        return False
    if found.color in {BILEVEL, CMYK}:
        return False
    deep_gray = found.bits == 16 and found.components == 1  # noqa: PLR2004
    return deep_gray or (found.bits == 8 and found.components <= MOST_COMPONENTS)  # noqa: PLR2004


def opened(data: Any, found: Header) -> Picture:
    """Return the picture of a file, which is not decoded yet.

    Raises:
        UnsupportedFormat: the picture is of a kind that is not supported.
    """
    if not found.bits or found.components > MOST_COMPONENTS:
        raise UnsupportedFormat(
            "The source is a JPEG 2000 with components of different depths, or with more than four "
            "of them, which Darkroom does not read. Convert it to RGB or gray."
        )
    if found.subsampled and found.color == SYCC:  # OpenJPEG mixes up its chroma
        raise UnsupportedFormat(
            "The source is a JPEG 2000 with YCbCr of which the chroma is subsampled, which "
            "Darkroom does not read. Convert it to RGB or gray."
        )
    whole = bytes(data)
    components = found.components

    def decode() -> Image.Image:
        from imagecodecs import jpeg2k_decode

        samples = jpeg2k_decode(whole)
        samples = samples.reshape(*samples.shape[:2], -1)
        return levels.gray(samples, _meaning(found, samples.shape[2]))

    # A palette has at most four columns.
    most = 4 if found.palette else components
    meaning = _meaning(found, most)
    return Picture(
        "JPEG2000",
        meaning.mode,
        (found.width, found.height),
        decode,
        # Numbers of 32 bits for the picture and for a tile, and what is returned.
        decoding=(2 * 4 + 2) * most + meaning.result,
        base=levels.BASE,
        info={"icc_profile": found.profile},
    )


def _meaning(found: Header, components: int) -> levels.Meaning:
    if found.color == CMYK:
        colors = 4
    elif components < 3:  # noqa: PLR2004
        colors = 1
    else:
        colors = 3
    has_alpha = components > colors
    bits = 8 if found.palette else found.bits
    return levels.Meaning(
        colors=colors,
        bits=bits,
        alpha=components - 1 if has_alpha else None,
        multiplied=found.multiplied,
        white_is_zero=found.color == BILEVEL,
    )
