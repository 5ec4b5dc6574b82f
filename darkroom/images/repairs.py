"""Pictures that Pillow decodes to other pixels than browsers show: they are corrected, or refused.

Each function works on an image of one format, which Pillow has opened or loaded.
"""

import struct
from typing import Any

from PIL import Image, ImagePalette

from darkroom.errors import UnsupportedFormat
from darkroom.images import boxes, parts

CLAP = (
    "The image is cropped by a clean aperture (clap) that does not consist of whole pixels of it, "
    "which Darkroom does not read. Save it with the cropped pixels only."
)
OPAQUE = 0xFF
BIT_FIELDS = 3  # BITMAPINFOHEADER, biCompression
ROWS = "rows"
"""The entry of a PNG's `info` that says whether rows are missing: `parts.lacks_rows`."""
COLORS = "colors"
"""The entry of an image's `info` with the number of colours, of a palette that may lack some."""
MOST_COLORS = 256
CANVAS = "canvas"
"""The entry of an image's `info` with the size of a GIF."""
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
    elif ROWS in image.info and _may_lack_rows(image) and image.info[ROWS]():
        raise parts.incomplete("its last rows are missing")


def _may_lack_rows(png: Any) -> bool:
    """Whether the row that comes last is empty. To look at all data takes as long as decoding.

    Of an interlaced PNG, the last odd row comes last (PNG, section 8.1).
    """
    row = png.height - 1
    if png.info.get("interlace"):
        row = png.height // 2 * 2 - 1
    return row < 0 or not png.crop((0, row, png.width, row + 1)).tobytes().strip(b"\0")


def note_palette(image: Any) -> None:
    """Keep the number of colours in the palette of an image that was opened but not loaded.

    Pillow takes black for a colour that the palette does not have. Browsers do so, too, in a GIF
    and a BMP. In a PNG, some take the last colour instead, and libtiff refuses such a TIFF.
    A BMP's palette can be longer than any pixel can name.
    """
    if image.mode != "P" or not image.palette:
        return
    layout, colors = image.palette.getdata()
    if image.format == "BMP":
        image.palette = ImagePalette.raw(layout, colors[: MOST_COLORS * len(layout)])
    elif image.format in {"PNG", "TIFF"} and len(colors) < 3 * MOST_COLORS:
        image.info[COLORS] = len(colors) // 3


def check_palette(image: Image.Image) -> None:
    """Refuse a loaded image if its palette does not have the colours of all pixels.

    Raises:
        InvalidImage: it does not.
    """
    if COLORS in image.info and image.getextrema()[1] >= image.info[COLORS]:
        raise parts.damaged(
            f"its palette has too few colours for its pixels ({image.info[COLORS]})"
        )


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
    """Make what the frames of a GIF leave free or clear transparent, as browsers do.

    Pillow fills it with the background colour. It is called after each frame is loaded, and also
    says what Pillow must restore before the next one (GIF89a, section 23).
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


def disposals(frames: list[Image.Image]) -> list[int] | int:
    """Return the disposal of each frame of a GIF, so that the next one does not show it.

    As the canvas is clear before each frame, both methods clear it. Behind a frame with the usual
    one Pillow cannot write a frame that is wholly clear: it writes the head of the file again. If
    all frames are equal, it writes one, and accepts only one number for it.
    """
    if all(frame.tobytes() == frames[0].tobytes() for frame in frames[1:]):
        return CLEAR
    clear = [frame.getextrema() == (frame.info["transparency"],) * 2 for frame in frames]
    return [PREVIOUS if next_is_clear else CLEAR for next_is_clear in [*clear[1:], False]]


def without_alpha(frame: Image.Image) -> Image.Image:
    """Return the frame of an animation without its alpha, if that is opaque everywhere."""
    if frame.mode == "RGBA" and frame.getchannel("A").getextrema() == (OPAQUE, OPAQUE):
        return frame.convert("RGB")
    return frame


def aperture(data: Any, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Return the area that the clean aperture of an AVIF or a HEIC leaves; None if that is all.

    Pillow returns the whole picture of an AVIF, and libheif rounds the area. The aperture is
    applied before `irot` and `imir` (ISO/IEC 14496-12, 12.1.4; MIAF, ISO/IEC 23000-22, 7.3.6.7).

    Args:
        data: the file.
        size: of the picture, before it is turned.

    Raises:
        UnsupportedFormat: the area does not end between pixels, or outside of the picture.
    """
    properties = boxes.primary_properties(data)
    clap = next((content for kind, content in properties if kind == b"clap"), None)
    if not clap or len(clap) < 32:  # noqa: PLR2004 - four fractions
        return None
    from fractions import Fraction

    numbers = struct.unpack_from(">IIIIiIiI", clap)
    if 0 in numbers[1::2]:
        raise UnsupportedFormat(CLAP)
    width, height, right, down = (Fraction(*numbers[n : n + 2]) for n in (0, 2, 4, 6))
    left, top = (size[0] - width) / 2 + right, (size[1] - height) / 2 + down
    area = left, top, left + width, top + height
    if any(edge.denominator != 1 for edge in area) or not (
        0 <= left < area[2] <= size[0] and 0 <= top < area[3] <= size[1]
    ):
        raise UnsupportedFormat(CLAP)
    whole = (0, 0, *size)
    edges = int(left), int(top), int(area[2]), int(area[3])
    return None if edges == whole else edges


def key_of_16_bits(image: Any) -> tuple[int, int, int] | None:
    """Return the transparent colour of a PNG of RGB with 16 bits, if it has one."""
    deep = image.format == "PNG" and image.tile and str(image.tile[0].args) == "RGB;16B"
    return image.info.get("transparency") if deep else None


def bit_fields(data: Any) -> tuple[int, ...] | None:
    """Return the masks of red, green, blue and alpha of a BMP with bit fields, else None.

    A header of version 1 has three of them behind it; others have four inside.
    https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapv5header
    """
    if data[:2] != b"BM" or len(data) < 14 + 56:
        return None
    length, _, _, _, _, compression = struct.unpack_from("<IiiHHI", data, 14)
    if compression != BIT_FIELDS or length < 40:  # noqa: PLR2004 - BITMAPINFOHEADER
        return None
    masks = struct.unpack_from("<4I", data, 14 + 40)
    return masks if length >= 56 else (*masks[:3], 0)  # noqa: PLR2004 - BITMAPV3INFOHEADER
