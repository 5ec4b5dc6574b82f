import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tools.demo.test_card import FLAT_BOX, FLAT_LUMA, PATCHES, luma, patch_box, render


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    path = tmp_path_factory.mktemp("picture") / "card.png"
    render(path)
    with Image.open(path) as image:
        image.load()
        return image


def test_the_picture_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "first.png", tmp_path / "second.png"

    render(first)
    subprocess.run([sys.executable, "-m", "tools.demo.test_card", second], check=True)

    assert first.read_bytes() == second.read_bytes()


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
