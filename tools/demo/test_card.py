"""The demo's picture: a colour test card, so that gray can be judged by eye.

`python -m tools.demo.picture FILE` renders it. What is to be seen in its gray version:

* each patch is half colour, half the gray that it must become: the two halves melt into one, and
  the number on it is that gray's level;
* the strip of constant luma, a rainbow here, becomes one flat gray;
* lines of one pixel stay sharp, the star stays free of fringes, the sky shows no steps.

Rendered by Pillow alone; the same picture every time.
"""

import colorsys
import math
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tools.demo.landscape import SMOOTH, WHITE, WIDTH, Colour, circle, landscape, mix

Box = tuple[int, int, int, int]

HEIGHT = 960

PAPER, INK, FAINT = (18, 18, 22), (238, 236, 230), (128, 128, 138)
BLACK = (0, 0, 0)
FLAT_LUMA = 128

PATCHES: dict[str, Colour] = {
    "red": (255, 0, 0),
    "orange": (255, 128, 0),
    "yellow": (255, 230, 0),
    "lime": (140, 230, 0),
    "green": (0, 255, 0),
    "cyan": (0, 255, 255),
    "azure": (0, 128, 255),
    "blue": (0, 0, 255),
    "violet": (128, 0, 255),
    "magenta": (255, 0, 255),
    "rose": (255, 0, 110),
    "skin": (224, 172, 138),
}
PATCH_COLUMNS, PATCH_SIZE, PATCH_GAP, PATCHES_AT = 4, (124, 66), 10, (428, 560)
FLAT_BOX: Box = (40, 856, 1240, 880)


def luma(colour: Colour) -> int:
    """Return the level of gray, 0 to 255, that a colour must become: ITU-R BT.601."""
    red, green, blue = colour
    return round(0.299 * red + 0.587 * green + 0.114 * blue)


def patch_box(name: str) -> Box:
    """Return where a patch is: left, top, right, bottom in pixels, right and bottom outside."""
    row, column = divmod(list(PATCHES).index(name), PATCH_COLUMNS)
    left = PATCHES_AT[0] + column * (PATCH_SIZE[0] + PATCH_GAP)
    top = PATCHES_AT[1] + row * (PATCH_SIZE[1] + PATCH_GAP + 14)
    return left, top, left + PATCH_SIZE[0], top + PATCH_SIZE[1]


def render(path: Path) -> None:
    """Write the picture, 1280 x 960 pixels of RGB, in the format of the file's name."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    picture.paste(landscape(), (0, 0))
    draw = ImageDraw.Draw(picture)
    _title(draw, (40, 34), "DARKROOM")
    draw.text((42, 72), "test card", INK, _font(15))

    _heading(draw, (40, 528), "Hue and saturation")
    picture.paste(_wheel(264), (76, 546))
    _heading(draw, (PATCHES_AT[0], 528), "Half colour, half its gray: the halves must melt")
    for name, colour in PATCHES.items():
        _patch(draw, name, colour)
    _heading(draw, (984, 528), "Edges and lines")
    picture.paste(_star(150), (984, 556))
    _lines(draw, (1146, 556, 1240, 706))
    _zones(draw, (984, 722, 1240, 818))

    _heading(draw, (40, FLAT_BOX[1] - 22), f"Constant luma {FLAT_LUMA}: must become one flat gray")
    _strip(picture, FLAT_BOX, [_at_luma(step / 1199, FLAT_LUMA) for step in range(1200)])
    _ramps(picture, draw)
    picture.save(path)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Pillow's own: the same on every machine.
    return ImageFont.load_default(size)


def _title(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str) -> None:
    x = float(at[0])
    for letter in text:
        draw.text((x, at[1]), letter, INK, _font(26))
        x += draw.textlength(letter, _font(26)) + 9


def _heading(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str) -> None:
    draw.text(at, text, INK, _font(14), anchor="ls")


def _hsv(hue: float, saturation: float) -> Colour:
    red, green, blue = (round(part * 255) for part in colorsys.hsv_to_rgb(hue, saturation, 1))
    return red, green, blue


def _strip(picture: Image.Image, box: Box, colours: list[Colour]) -> None:
    """Fill a box with columns of colours."""
    row = Image.new("RGB", (len(colours), 1))
    row.putdata(colours)
    picture.paste(row.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.NEAREST), box[:2])


# ── The card: what can be measured ────────────────────────────────────────────────────────────────


def _wheel(size: int) -> Image.Image:
    """Return all hues around, white in the middle, full saturation at the edge."""
    centre = (size - 1) / 2
    pixels: list[Colour] = []
    for y in range(size):
        for x in range(size):
            across, down = x - centre, y - centre
            hue = math.atan2(down, across) / math.tau % 1
            saturation = min(math.hypot(across, down) / (size / 2), 1)
            pixels.append(_hsv(hue, saturation))
    wheel = Image.new("RGB", (size, size))
    wheel.putdata(pixels)
    return Image.composite(wheel, Image.new("RGB", wheel.size, PAPER), circle(size))


def _patch(draw: ImageDraw.ImageDraw, name: str, colour: Colour) -> None:
    left, top, right, bottom = patch_box(name)
    gray, middle = luma(colour), (left + right) // 2
    draw.rectangle((left, top, middle - 1, bottom - 1), colour)
    draw.rectangle((middle, top, right - 1, bottom - 1), (gray, gray, gray))
    draw.text((left, bottom + 3), name, FAINT, _font(11))
    draw.text((right, bottom + 3), str(gray), INK, _font(11), anchor="ra")


def _star(size: int) -> Image.Image:
    """Return a Siemens star: its spokes are sharp until they are finer than a pixel."""
    large = size * SMOOTH
    star = Image.new("RGB", (large, large), PAPER)
    draw = ImageDraw.Draw(star)
    for spoke in range(36):
        start = spoke * 10
        colour = INK if spoke % 2 else (214, 48, 122) if spoke % 4 else (0, 128, 255)
        draw.pieslice((0, 0, large - 1, large - 1), start, start + 10, fill=colour)
    return star.reduce(SMOOTH)


def _lines(draw: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw upright lines above, lying ones below; 1, 2 and 3 pixels wide."""
    left, top, right, bottom = box
    middle = (top + bottom) // 2
    for number, width in enumerate((1, 2, 3)):
        start = left + number * 32
        for x in range(start, start + 28, 2 * width):
            draw.rectangle((x, top, x + width - 1, middle - 5), INK)
        start = middle + 4 + number * 25
        for y in range(start, start + 20, 2 * width):
            draw.rectangle((left, y, right, y + width - 1), INK)


def _zones(draw: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw a chequer of saturated neighbours: edges that only colour has stay edges in gray."""
    left, top, right, bottom = box
    colours = [(255, 0, 0), (0, 255, 255), (0, 0, 255), (255, 255, 0), (0, 255, 0), (255, 0, 255)]
    for row, y in enumerate(range(top, bottom, 16)):
        for column, x in enumerate(range(left, right, 16)):
            colour = colours[(column + 2 * row) % len(colours)]
            draw.rectangle((x, y, min(x + 16, right) - 1, min(y + 16, bottom) - 1), colour)


def _at_luma(hue: float, level: int) -> Colour:
    """Return the strongest colour of a hue whose luma is `level`."""
    full = _hsv(hue, 1)
    end = WHITE if luma(full) < level else BLACK
    return mix(full, end, (level - luma(full)) / (luma(end) - luma(full)))


def _ramps(picture: Image.Image, draw: ImageDraw.ImageDraw) -> None:
    """Draw black to full in gray and in each primary, with the luma where each ends."""
    ends: list[Colour] = [WHITE, (255, 0, 0), (0, 255, 0), (0, 0, 255)]
    for number, end in enumerate(ends):
        left = 40 + number * 303
        _strip(
            picture, (left, 902, left + 291, 922), [mix(BLACK, end, x / 255) for x in range(256)]
        )
        draw.text((left, 926), "0", FAINT, _font(11))
        draw.text((left + 291, 926), str(luma(end)), INK, _font(11), anchor="ra")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [file]:
            render(Path(file))
        case _:
            sys.exit("usage: python -m tools.demo.picture FILE")
