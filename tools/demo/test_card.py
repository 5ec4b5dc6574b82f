"""The demo's test card: a colour picture whose gray version can be judged by eye.

`python -m tools.demo.test_card FILE` renders it. In the gray version:

* each patch is half colour, half the gray that it must become. The two halves must look the same,
  and the number below is the level of that gray;
* the strip of constant luma, a rainbow in colour, must become one flat gray;
* lines of one pixel must stay sharp, the star free of fringes, and the sky without visible steps.

Pillow alone renders it, so that the picture is always the same.
"""

import colorsys
import itertools
import math
import sys
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]

WIDTH, HEIGHT, SKY_HEIGHT = 1280, 960, 470
SMOOTH = 3  # shapes are drawn this many times larger, then reduced, for smooth edges

SKY = [
    (0.0, (22, 14, 62)),
    (0.3, (92, 30, 130)),
    (0.55, (214, 48, 122)),
    (0.75, (255, 112, 62)),
    (1.0, (255, 214, 92)),
]
# Hills from far to near: mean height in pixels, roughness, colour of the ridge and of the foot.
HILLS = [
    (300, 26, (190, 66, 130), (232, 118, 112)),
    (338, 30, (128, 44, 128), (178, 70, 130)),
    (376, 30, (72, 36, 116), (110, 52, 128)),
    (412, 24, (26, 58, 92), (44, 60, 112)),
    (440, 13, (10, 28, 44), (12, 20, 34)),
]
SKY_FADES = 330  # pixels from the top to the last colour
SUN, SUN_RADIUS = (862, 262), 62

PAPER, INK, FAINT = (18, 18, 22), (238, 236, 230), (128, 128, 138)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)

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
FLAT_LUMA, FLAT_BOX = 128, (40, 856, 1240, 880)


def luma(colour: Colour) -> int:
    """Return the level of gray, 0 to 255, that a colour must become: ITU-R BT.601."""
    red, green, blue = colour
    return round(0.299 * red + 0.587 * green + 0.114 * blue)


def patch_box(name: str) -> Box:
    """Return a patch's left, top, right and bottom in pixels; right and bottom are exclusive."""
    row, column = divmod(list(PATCHES).index(name), PATCH_COLUMNS)
    left = PATCHES_AT[0] + column * (PATCH_SIZE[0] + PATCH_GAP)
    top = PATCHES_AT[1] + row * (PATCH_SIZE[1] + PATCH_GAP + 14)
    return left, top, left + PATCH_SIZE[0], top + PATCH_SIZE[1]


def render(path: Path) -> None:
    """Write the picture, 1280 x 960 pixels of RGB, in the format of the path's extension."""
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
    return ImageFont.load_default(size)  # Pillow's own font: the same on every machine


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
    """Return a circle with all hues around it, white in the middle, full saturation at the edge."""
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
    """Return a Siemens star: spokes that must stay sharp until they are finer than a pixel."""
    large = size * SMOOTH
    star = Image.new("RGB", (large, large), PAPER)
    draw = ImageDraw.Draw(star)
    for spoke in range(36):
        start = spoke * 10
        colour = INK if spoke % 2 else (214, 48, 122) if spoke % 4 else (0, 128, 255)
        draw.pieslice((0, 0, large - 1, large - 1), start, start + 10, fill=colour)
    return star.reduce(SMOOTH)


def _lines(draw: ImageDraw.ImageDraw, box: Box) -> None:
    """Draw vertical lines above horizontal ones, 1, 2 and 3 pixels wide."""
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
    """Draw a chequered pattern of saturated colours, whose edges must stay visible in gray."""
    left, top, right, bottom = box
    colours = [(255, 0, 0), (0, 255, 255), (0, 0, 255), (255, 255, 0), (0, 255, 0), (255, 0, 255)]
    for row, y in enumerate(range(top, bottom, 16)):
        for column, x in enumerate(range(left, right, 16)):
            colour = colours[(column + 2 * row) % len(colours)]
            draw.rectangle((x, y, min(x + 16, right) - 1, min(y + 16, bottom) - 1), colour)


def _at_luma(hue: float, level: int) -> Colour:
    """Return the most saturated colour of a hue with this luma."""
    full = _hsv(hue, 1)
    end = WHITE if luma(full) < level else BLACK
    return mix(full, end, (level - luma(full)) / (luma(end) - luma(full)))


def _ramps(picture: Image.Image, draw: ImageDraw.ImageDraw) -> None:
    """Draw ramps from black to white and to each primary colour, with the luma of both ends."""
    ends: list[Colour] = [WHITE, (255, 0, 0), (0, 255, 0), (0, 0, 255)]
    for number, end in enumerate(ends):
        left = 40 + number * 303
        _strip(
            picture, (left, 902, left + 291, 922), [mix(BLACK, end, x / 255) for x in range(256)]
        )
        draw.text((left, 926), "0", FAINT, _font(11))
        draw.text((left + 291, 926), str(luma(end)), INK, _font(11), anchor="ra")


# ── The landscape above the card ──────────────────────────────────────────────────────────────────


def landscape() -> Image.Image:
    """Return a sunset over hills, 1280 x 470 pixels."""
    sky = Image.new("RGB", (1, SKY_HEIGHT))
    sky.putdata([along(SKY, y / SKY_FADES) for y in range(SKY_HEIGHT)])
    scene = sky.resize((WIDTH, SKY_HEIGHT))
    _stars(scene)
    glow = Image.new("RGB", scene.size, (255, 170, 80))
    scene = Image.composite(glow, scene, _glow(scene.size, 390, 0.6))
    corner = (SUN[0] - SUN_RADIUS, SUN[1] - SUN_RADIUS)
    scene.paste((255, 244, 204), corner, circle(2 * SUN_RADIUS))
    for number, (height, rough, ridge, foot) in enumerate(HILLS):
        mask = _hill_mask(scene.size, height, rough, number)
        shade = Image.new("RGB", (1, SKY_HEIGHT))
        top, depth = height - rough, 110
        shade.putdata(
            [mix(ridge, foot, min(max(y - top, 0) / depth, 1)) for y in range(SKY_HEIGHT)]
        )
        scene.paste(shade.resize(scene.size), mask=mask)
    return scene


def _stars(scene: Image.Image) -> None:
    """Draw stars of one pixel at pseudo-random points, from a fixed linear congruence."""
    draw, value = ImageDraw.Draw(scene), 20261
    for _ in range(170):
        value = (value * 1103515245 + 12345) % 2**31
        x, y = value % WIDTH, (value // WIDTH) % 190
        strength = (value >> 7) % 100 / 100 * (1 - y / 190)
        draw.point((x, y), mix(along(SKY, y / SKY_FADES), WHITE, strength))


def _glow(size: tuple[int, int], radius: int, strength: float) -> Image.Image:
    """Return a mask that falls from `strength` at the sun to zero at `radius` pixels from it."""
    halo = ImageChops.invert(Image.radial_gradient("L")).resize(
        (2 * radius, 2 * radius), Image.Resampling.BICUBIC
    )
    # Pillow's gradient ends in the corners. Outside the circle it would be visible as a square.
    halo = halo.point([round(max(v - 75, 0) ** 2 / 180**2 * 255 * strength) for v in range(256)])
    mask = Image.new("L", size)
    mask.paste(halo, (SUN[0] - radius, SUN[1] - radius))
    return mask


def _hill_mask(size: tuple[int, int], height: int, rough: int, number: int) -> Image.Image:
    width, bottom = size[0] * SMOOTH, size[1] * SMOOTH
    waves = [(1 / 310, 1.0), (1 / 127, 0.5), (1 / 61, 0.24), (1 / 23, 0.1), (1 / 9, 0.04)]
    ridge = []
    for x in range(0, width + SMOOTH, SMOOTH):
        swing = sum(
            share * math.sin(x / SMOOTH * pace * (1 + 0.13 * number) + 2.7 * number + 9 * share)
            for pace, share in waves
        )
        ridge.append((x, (height - rough * swing) * SMOOTH))
    mask = Image.new("L", (width, bottom))
    ImageDraw.Draw(mask).polygon([*ridge, (width, bottom), (0, bottom)], fill=255)
    return mask.reduce(SMOOTH)


def mix(start: Colour, end: Colour, share: float) -> Colour:
    """Return the colour between two, at a share from 0 (start) to 1 (end)."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue


def along(stops: list[tuple[float, Colour]], place: float) -> Colour:
    """Return the colour at a place of a gradient; `stops` are ascending places with colours."""
    for (start, first), (end, second) in itertools.pairwise(stops):
        if place <= end:
            return mix(first, second, max(place - start, 0) / (end - start))
    return stops[-1][1]


def circle(size: int) -> Image.Image:
    """Return the mask of a circle with smooth edges, `size` pixels wide."""
    disc = Image.new("L", (size * SMOOTH, size * SMOOTH))
    ImageDraw.Draw(disc).ellipse((0, 0, disc.width - 1, disc.height - 1), fill=255)
    return disc.reduce(SMOOTH)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [file]:
            render(Path(file))
        case _:
            sys.exit("usage: python -m tools.demo.test_card FILE")
