"""The upper part of the demo's picture: gradients as a camera sees them, drawn by Pillow alone."""

import itertools
import math

from PIL import Image, ImageChops, ImageDraw

Colour = tuple[int, int, int]

WIDTH, SKY_HEIGHT = 1280, 470
SMOOTH = 3  # shapes are drawn this much larger and reduced: smooth edges
WHITE = (255, 255, 255)

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


def landscape() -> Image.Image:
    """Return a sunset over hills, 1280 x 470 pixels."""
    sky = Image.new("RGB", (1, SKY_HEIGHT))
    sky.putdata([along(SKY, y / SKY_FADES) for y in range(SKY_HEIGHT)])
    scene = sky.resize((WIDTH, SKY_HEIGHT))
    _stars(scene)
    glow = Image.new("RGB", scene.size, (255, 170, 80))
    scene = Image.composite(glow, scene, _glow(scene.size, 390, 0.6))
    scene.paste((255, 244, 204), mask=_disc(scene.size, SUN, SUN_RADIUS))
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
    """Sprinkle points of one pixel, from a fixed sequence (a linear congruence)."""
    draw, value = ImageDraw.Draw(scene), 20261
    for _ in range(170):
        value = (value * 1103515245 + 12345) % 2**31
        x, y = value % WIDTH, (value // WIDTH) % 190
        strength = (value >> 7) % 100 / 100 * (1 - y / 190)
        draw.point((x, y), mix(along(SKY, y / SKY_FADES), WHITE, strength))


def _glow(size: tuple[int, int], radius: int, strength: float) -> Image.Image:
    """Return a mask that is `strength` at the sun and nothing at `radius` pixels from it."""
    halo = ImageChops.invert(Image.radial_gradient("L")).resize(
        (2 * radius, 2 * radius), Image.Resampling.BICUBIC
    )
    # The gradient ends in the corners: what lies outside the circle would show as a square.
    halo = halo.point([round(max(v - 75, 0) ** 2 / 180**2 * 255 * strength) for v in range(256)])
    mask = Image.new("L", size)
    mask.paste(halo, (SUN[0] - radius, SUN[1] - radius))
    return mask


def _disc(size: tuple[int, int], centre: tuple[int, int], radius: int) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(circle(2 * radius), (centre[0] - radius, centre[1] - radius))
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
    """Return a colour between two, at a share of the way from 0 to 1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue


def along(stops: list[tuple[float, Colour]], place: float) -> Colour:
    """Return the colour at a place of a gradient: `stops` are places, rising, and colours."""
    for (start, first), (end, second) in itertools.pairwise(stops):
        if place <= end:
            return mix(first, second, max(place - start, 0) / (end - start))
    return stops[-1][1]


def circle(size: int) -> Image.Image:
    """Return a mask, `size` pixels wide, of a circle with smooth edges."""
    disc = Image.new("L", (size * SMOOTH, size * SMOOTH))
    ImageDraw.Draw(disc).ellipse((0, 0, disc.width - 1, disc.height - 1), fill=255)
    return disc.reduce(SMOOTH)
