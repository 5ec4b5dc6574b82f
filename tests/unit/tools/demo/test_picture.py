"""The demo's test card matches its captions: patches and a strip whose gray is known."""

import pytest
from PIL import Image

from tests.support.project import PROJECT

Colour = tuple[int, int, int]

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
PATCH_COLUMNS, PATCH_SIZE, PATCH_STEP, PATCHES_AT = 4, (124, 66), (134, 90), (428, 560)
FLAT_LUMA, FLAT_BOX = 128, (40, 856, 1240, 880)


def luma(colour: Colour) -> int:
    """The level of gray, 0 to 255, that a colour must become: ITU-R BT.601."""
    red, green, blue = colour
    return round(0.299 * red + 0.587 * green + 0.114 * blue)


def patch_box(name: str) -> tuple[int, int, int, int]:
    """A patch's left, top, right and bottom in pixels; right and bottom are exclusive."""
    row, column = divmod(list(PATCHES).index(name), PATCH_COLUMNS)
    left = PATCHES_AT[0] + column * PATCH_STEP[0]
    top = PATCHES_AT[1] + row * PATCH_STEP[1]
    return left, top, left + PATCH_SIZE[0], top + PATCH_SIZE[1]


@pytest.fixture(scope="module")
def card() -> Image.Image:
    with Image.open(PROJECT / "docs" / "card.png") as image:
        image.load()
        return image


def test_the_picture_is_colour_of_1280_by_960(card: Image.Image) -> None:
    assert (card.mode, card.size) == ("RGB", (1280, 960))


@pytest.mark.parametrize(
    ("colour", "level"),
    [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29), ((255, 255, 255), 255)],
)
def test_luma_is_that_of_bt_601(colour: tuple[int, int, int], level: int) -> None:
    assert luma(colour) == level


@pytest.mark.parametrize("name", PATCHES)
def test_both_halves_of_a_patch_become_the_gray_that_is_printed_on_it(
    card: Image.Image, name: str
) -> None:
    gray = card.convert("L").crop(patch_box(name))

    assert gray.getextrema() == (luma(PATCHES[name]), luma(PATCHES[name]))


def test_the_colours_of_the_patches_are_there(card: Image.Image) -> None:
    left_halves = {name: card.getpixel(patch_box(name)[:2]) for name in PATCHES}

    assert left_halves == PATCHES


def test_the_strip_of_constant_luma_becomes_one_flat_gray(card: Image.Image) -> None:
    strip = card.crop(FLAT_BOX)

    darkest, lightest = strip.convert("L").getextrema()

    assert FLAT_LUMA - 1 <= darkest <= lightest <= FLAT_LUMA + 1
    assert len(strip.getcolors(maxcolors=100_000)) > 500
