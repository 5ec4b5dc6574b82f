"""The frames of a GIF are composed as browsers do it. The reference is numpy's."""

import io
import itertools
import random

import numpy as np
import pytest
from PIL import Image

from darkroom.images.grayscale import grayscale
from tests.support.images.gifs import Frame, gif, shown
from tests.support.images.pictures import pixels, read

SIZE = (12, 10)


Shown = list[tuple[np.ndarray, np.ndarray]]
"""The gray and the alpha of each frame."""


def distinct(frames: Shown) -> Shown:
    """Leave out what looks like the frame before. An encoder shows that for longer instead."""
    seen = [np.where(alpha > 0, gray, -1) for gray, alpha in frames]
    changed = [not np.array_equal(*pair) for pair in itertools.pairwise(seen)]
    return [frame for frame, new in zip(frames, [True, *changed], strict=True) if new]


def composed(data: bytes, output: str = "png") -> Shown:
    gray = grayscale(data, output=output, quality=100, max_pixels=100_000)
    image = read(gray)
    found = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        frame = image.convert("RGBA")
        found.append((pixels(frame.getchannel("R")), pixels(frame.getchannel("A"))))
    return found


def assert_shown(frames: list[Frame], output: str = "png") -> None:
    found = distinct(composed(gif(SIZE, frames), output))
    expected = distinct(shown(SIZE, frames))
    assert len(found) == len(expected)
    for (gray, alpha), (right, right_alpha) in zip(found, expected, strict=True):
        assert np.array_equal(alpha, right_alpha)
        assert np.abs(gray - right)[right_alpha > 0].max(initial=0) <= 1


def whole(value: int, disposal: int | None, key: int | None = None) -> Frame:
    return Frame(np.full((10, 12), value, np.uint8), disposal=disposal, key=key)


def part(value: int, disposal: int | None, key: int | None = None) -> Frame:
    values = np.full((4, 5), value, np.uint8)
    values[1, 1] = value + 1
    return Frame(values, 3, 2, key, disposal)


@pytest.mark.parametrize("output", ["png", "auto"])
@pytest.mark.parametrize("first", [0, 1, 2, 3])
@pytest.mark.parametrize("key", [None, 91])
def test_what_a_frame_clears_is_transparent_in_the_next(key: int | None, first: int, output: str):
    frames = [whole(30, first), part(90, 2, key), part(60, 0, 61), part(120, 1)]

    assert_shown(frames, output)


@pytest.mark.parametrize("output", ["png", "auto"])
def test_frames_that_are_all_equal_become_one(output: str):
    assert_shown([part(90, 1, 91), part(90, 1, 91)], output)


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
def test_a_frame_without_disposal_does_not_inherit_the_previous_one(disposal: int):
    assert_shown(
        [whole(30, 1), part(90, disposal), part(60, 0, 61), part(50, None), whole(9, 0, 9)]
    )


def test_an_animation_that_is_opaque_throughout_gets_no_alpha():
    frames = [whole(30, 2), whole(60, 2), whole(90, 2)]

    image = read(grayscale(gif(SIZE, frames), output="png", quality=90, max_pixels=10_000))

    assert image.mode == "L"
    assert_shown(frames)


def test_a_still_gif_keeps_its_colours_whatever_it_would_clear():
    assert_shown([whole(30, 2)])
    assert_shown([part(30, 2)])
    assert_shown([part(30, 3)])


@pytest.mark.parametrize("output", ["png", "auto"])
def test_a_fully_transparent_frame_is_kept_as_a_frame(output: str):
    assert_shown([part(30, 2), whole(9, 2, 9), part(60, 2), whole(9, 0, 9)], output)


def test_the_transparent_gray_of_the_first_frame_is_not_used_for_the_next():
    assert_shown([whole(30, 1, 30), part(29, 1)])


@pytest.mark.parametrize("output", ["png", "auto"])
@pytest.mark.parametrize("seed", range(25))
def test_any_frames_are_composed_as_browsers_do(seed: int, output: str):
    chance = random.Random(seed)
    frames = []
    for _ in range(chance.randint(2, 6)):
        width, height = chance.randint(1, SIZE[0]), chance.randint(1, SIZE[1])
        values = np.array([chance.choice([10, 80, 160, 250]) for _ in range(width * height)])
        frames.append(
            Frame(
                values.reshape(height, width).astype(np.uint8),
                chance.randint(0, SIZE[0] - width),
                chance.randint(0, SIZE[1] - height),
                chance.choice([None, 10, 160]),
                chance.choice([0, 1, 2, 3]),
            )
        )

    assert_shown(frames, output)


def test_pillow_alone_would_show_the_background():
    """The rule corrects this fault. If it fails, Pillow may have fixed the fault."""
    frames = [whole(30, 2), part(90, 0)]
    data = gif(SIZE, frames)

    image = Image.open(io.BytesIO(data))
    image.seek(1)

    assert image.convert("RGBA").getpixel((0, 0)) == (200, 200, 200, 255)
