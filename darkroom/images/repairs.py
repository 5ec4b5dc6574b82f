"""Pictures that Pillow decodes to other pixels than browsers show: they are corrected, or refused.

Each function works on an image of one format, which Pillow has opened or loaded.
"""

import struct
from typing import Any

from PIL import Image

from darkroom.errors import UnsupportedFormat

OPAQUE = 0xFF
CLEAR, PREVIOUS = 2, 3
"""A GIF's disposal: the area of the frame becomes transparent, or what it was before (GIF89a,
section 23)."""


def repair(image: Any) -> None:
    """Correct a still picture that was loaded."""
    if image.format == "BMP" and image.mode == "RGBA":
        # Alpha of 0 everywhere means that the program did not write any.
        if image.getchannel("A").getextrema() == (0, 0):
            image.putalpha(OPAQUE)
    elif image.format == "GIF":
        clear_background(image)


def canvas(image: Any) -> tuple[int, int]:
    """Return the width and height of an opened picture as browsers show it.

    Pillow enlarges the canvas of a GIF so that all of its first frame is on it. Browsers do so only
    if the frame is larger than the canvas, and else crop what extends over the edge.
    """
    size: tuple[int, int] = image.size
    if image.format != "GIF":
        return size
    before = image.fp.tell()
    image.fp.seek(6)  # the size of the logical screen (GIF89a, section 18)
    width, height = struct.unpack("<2H", image.fp.read(4))
    image.fp.seek(before)
    left, top, right, bottom = image.dispose_extent
    return (width, height) if right - left <= width and bottom - top <= height else size


def clear_background(gif: Any) -> None:
    """Make what the frames of a GIF leave free or clear transparent, as browsers do.

    Pillow fills it with the background colour. It is called after each frame is loaded, and also
    says what Pillow shall restore before the next one (GIF89a, section 23).
    """
    area, first = gif.dispose_extent, gif.tell() == 0
    clears = gif.disposal_method == CLEAR or (first and gif.disposal_method == PREVIOUS)
    # Pillow takes the method of the previous frame for one that has none.
    gif.disposal_method = 0
    if first and area != (0, 0, *gif.size):
        painted = Image.new("L", gif.size)
        painted.paste(OPAQUE, area)
        _with_alpha(gif, None if "transparency" in gif.info else painted)
    if clears or (gif.mode == "L" and "transparency" in gif.info and gif.is_animated):
        # Pillow would take the transparent gray of the first frame for that of all.
        _with_alpha(gif, None)
    if clears:
        gif.dispose = Image.new("RGBA", (area[2] - area[0], area[3] - area[1])).im


def _with_alpha(gif: Any, alpha: Image.Image | None) -> None:
    """Give a GIF's picture alpha, if it has none yet: that of its colours, or another one."""
    if gif.mode == "RGBA":
        return
    whole = gif.convert("RGBA")
    if alpha:
        whole.putalpha(alpha)
    gif.im, gif._mode = whole.im, "RGBA"  # noqa: SLF001 - there is no public way
    gif.info.pop("transparency", None)


def disposals(frames: list[Image.Image]) -> list[int]:
    """Return how a GIF shall dispose each frame, or the next one would show it where it is clear.

    As the canvas is clear before each frame, both methods clear it. Behind a frame with the usual
    one Pillow cannot write a frame that is wholly clear: it writes the head of the file again.
    """
    clear = [frame.getextrema() == (frame.info["transparency"],) * 2 for frame in frames]
    return [PREVIOUS if next_is_clear else CLEAR for next_is_clear in [*clear[1:], False]]


def without_alpha(frame: Image.Image) -> Image.Image:
    """Return the frame of an animation without its alpha, if that is opaque everywhere."""
    if frame.mode == "RGBA" and frame.getchannel("A").getextrema() == (OPAQUE, OPAQUE):
        return frame.convert("RGB")
    return frame


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
