"""A result is compared with the gray version of its source, pixel by pixel."""

import io

import pytest
from PIL import Image, ImageChops

from darkroom.images.formats import CONTENT_TYPES
from tools.accept import pictures


def gray(format_name: str = "PNG", change=lambda image: image) -> bytes:
    """The result that Darkroom should give for the picture, with a change."""
    with Image.open(io.BytesIO(pictures.picture("PNG"))) as colour:
        made = change(colour.convert("L"))
    file = io.BytesIO()
    made.save(file, format_name)
    return file.getvalue()


def test_every_format_that_darkroom_accepts_is_tried():
    assert {name: kind for name, (kind, _) in CONTENT_TYPES.items()} == pictures.MEDIA_TYPES


@pytest.mark.parametrize("format_name", pictures.MEDIA_TYPES)
def test_the_gray_version_of_a_picture_is_right_in_every_format(format_name):
    assert pictures.difference(pictures.picture("PNG"), gray(format_name), format_name) is None


@pytest.mark.parametrize(
    ("result", "seen"),
    [
        (pictures.picture("PNG"), "a coloured picture"),
        (gray("GIF"), "GIF of"),
        (gray(change=lambda image: image.crop((0, 0, 50, 50))), "PNG of (50, 50) pixels"),
        (gray(change=ImageChops.invert), "gray levels that differ"),
        (gray(change=lambda image: ImageChops.offset(image, 8, 0)), "gray levels that differ"),
        (gray(change=lambda image: image.point(lambda level: level * 0.95)), "gray levels"),
    ],
    ids=["coloured", "format", "cropped", "inverted", "shifted", "darker"],
)
def test_a_wrong_result_is_found_and_its_difference_named(result, seen):
    assert seen in (pictures.difference(pictures.picture("PNG"), result, "PNG") or "")


def test_the_large_picture_is_valid_and_has_more_pixels_than_the_limit():
    with Image.open(io.BytesIO(pictures.large_picture(10_000))) as image:
        image.load()
        assert image.width * image.height > 10_000
    assert len(pictures.large_picture(100_000_000)) < 64 * 1024
