"""Pictures that Pillow decodes to other pixels than browsers show: they are corrected, or refused.

Each function works on an image of one format, which Pillow has opened or loaded.
"""

import struct
from typing import Any

from PIL import Image

from darkroom.errors import UnsupportedFormat

OPAQUE = 0xFF
CANVAS = "canvas"
"""The entry of an image's `info` with the size of a GIF."""
CLEAR = 2
"""A GIF's disposal: the area of the frame becomes transparent (GIF89a, section 23)."""


def repair(image: Any) -> None:
    """Correct a still picture that was loaded."""
    if image.format == "BMP" and image.mode == "RGBA":
        # Alpha of 0 everywhere means that the program did not write any.
        if image.getchannel("A").getextrema() == (0, 0):
            image.putalpha(OPAQUE)
    elif image.format == "GIF":
        clear_background(image)


def note_canvas(gif: Any) -> None:
    """Keep the size of a GIF that was opened but not loaded, as browsers show it.

    Pillow enlarges the canvas so that all of the first frame is on it. Browsers do so only if the
    frame is larger than the canvas, and else crop what extends over the edge.
    """
    before = gif.fp.tell()
    gif.fp.seek(6)  # the size of the logical screen (GIF89a, section 18)
    width, height = struct.unpack("<2H", gif.fp.read(4))
    gif.fp.seek(before)
    left, top, right, bottom = gif.dispose_extent
    if right - left <= width and bottom - top <= height:
        gif.info[CANVAS] = width, height


def canvas(image: Any) -> tuple[int, int]:
    """Return the width and height of a picture, for a GIF as browsers show it."""
    size: tuple[int, int] = image.info.get(CANVAS, image.size)
    return size


def clear_background(gif: Any) -> None:
    """Make what the first frame of a GIF leaves free transparent, as browsers do.

    Pillow fills it with the background colour. It is called after each frame is loaded.
    """
    area = gif.dispose_extent
    if gif.tell() or area == (0, 0, *gif.size):
        return
    whole = gif.convert("RGBA")
    if "transparency" not in gif.info:
        painted = Image.new("L", gif.size)
        painted.paste(OPAQUE, area)
        whole.putalpha(painted)
    gif.im, gif._mode = whole.im, "RGBA"  # noqa: SLF001 - there is no public way
    gif.info.pop("transparency", None)
    if gif.disposal_method == CLEAR:
        gif.dispose = Image.new("RGBA", (area[2] - area[0], area[3] - area[1])).im
    elif gif.dispose is not None:  # the previous frame's pixels, of which there are none
        gif.dispose = whole.crop(area).im


def refuse_cropped(data: Any, size: tuple[int, int]) -> None:
    """Refuse an AVIF with a clean aperture that is smaller than its picture.

    Pillow returns the whole picture (ISO/IEC 14496-12, 12.1.4).

    Raises:
        UnsupportedFormat: it is cropped.
    """
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == b"meta":
            meta = bytes(data[at : at + length])
            found = meta.find(struct.pack(">I4s", 40, b"clap"))
            if found < 0:
                return
            width, width_part, height, height_part = struct.unpack_from(">4I", meta, found + 8)
            if (width, height) != (size[0] * width_part, size[1] * height_part):
                raise UnsupportedFormat(
                    "This AVIF is cropped by a clean aperture (clap), which Darkroom does not "
                    "apply. Save it with the cropped pixels only."
                )
            return
        if length < 8:  # noqa: PLR2004 - to the end of the file, or a length of 64 bits
            return
        at += length


def key_of_16_bits(image: Any) -> tuple[int, int, int] | None:
    """Return the transparent colour of a PNG of RGB with 16 bits, if it has one."""
    deep = image.format == "PNG" and image.tile and str(image.tile[0].args) == "RGB;16B"
    return image.info.get("transparency") if deep else None
