"""Palettes that are too short, too long or missing: what all decoders show, or InvalidImage."""

import struct

import numpy as np
import pytest

from darkroom.errors import InvalidImage
from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.corpus import bmp, gif, png
from tests.support.images.pictures import pixels, read
from tests.support.images.tiffs import PALETTE, tiff

INDEXES = np.arange(12).reshape(3, 4)
GRAYS = 200 - 10 * np.arange(256).clip(0, 20)
COLORS = np.repeat(GRAYS[:, None], 3, axis=1)
INDEXED, PLTE = 3, b"PLTE"


def develop(data: bytes) -> Gray:
    return grayscale(data, output="png", quality=90, max_pixels=10_000)


def of_png(*palettes: bytes) -> bytes:
    return png.png(INDEXES, INDEXED, 8, before=[(PLTE, palette) for palette in palettes])


def of_tiff(colors: int) -> bytes:
    return tiff(INDEXES.astype("u1"), PALETTE, tags={320: [*GRAYS[:colors] * 257] * 3})


def packed(colors: int) -> bytes:
    return COLORS[:colors].astype("u1").tobytes()


@pytest.mark.parametrize("data", [of_png(packed(12)), of_tiff(12)], ids=["PNG", "TIFF"])
def test_a_palette_with_the_colours_of_all_pixels_is_long_enough(data: bytes) -> None:
    assert np.array_equal(pixels(read(develop(data))), GRAYS[INDEXES])


@pytest.mark.parametrize(
    "data",
    [
        of_png(packed(11)),
        png.png(INDEXES % 2, INDEXED, 1, before=[(PLTE, packed(1))]),
        of_tiff(11),
    ],
    ids=["PNG", "PNG of 1 bit", "TIFF"],
)
def test_a_palette_without_the_colour_of_a_pixel_is_refused(data: bytes) -> None:
    # Chromium shows the last colour for it, libpng black; libtiff refuses the file.
    with pytest.raises(InvalidImage, match=r"palette has too few colours .* \(1?1\)"):
        develop(data)


def test_each_frame_of_an_animation_needs_its_colours() -> None:
    head = png.png(INDEXES % 4, INDEXED, 8, before=[(PLTE, packed(4))])
    control = [struct.pack(">5I2H2B", n, 4, 3, 0, 0, 1, 9, 0, 0) for n in (0, 1)]
    frame = struct.pack(">I", 2) + png.pixels(INDEXES, 8)
    start, end = head[: head.index(b"IDAT") - 4], head[head.index(b"IDAT") - 4 : -12]
    parts = [(b"acTL", struct.pack(">2I", 2, 0)), (b"fcTL", control[0])]
    data = start + b"".join(png.chunk(*part) for part in parts) + end
    data += png.chunk(b"fcTL", control[1]) + png.chunk(b"fdAT", frame) + png.chunk(b"IEND", b"")

    with pytest.raises(InvalidImage, match="too few colours"):
        develop(data)


@pytest.mark.parametrize(
    "palettes",
    [(b"",), (packed(12) + b"\0",), (packed(256) + packed(1),), (packed(12), packed(12))],
    ids=["empty", "a part of a colour", "257 colours", "two"],
)
def test_a_palette_of_a_png_that_breaks_its_rules_is_refused(palettes: tuple[bytes]) -> None:
    with pytest.raises(InvalidImage, match="palette is missing or broken"):
        develop(of_png(*palettes))


def test_a_gif_without_any_palette_is_refused() -> None:
    assert develop(gif.gif((4, 3), [gif.Frame(INDEXES, palette=COLORS[:16])], None)).width == 4

    with pytest.raises(InvalidImage, match="palette is missing or broken"):
        develop(gif.gif((4, 3), [gif.Frame(INDEXES)], None))


def test_a_colour_that_a_gif_or_a_bmp_does_not_have_is_black_as_in_browsers() -> None:
    of_gif = gif.gif((4, 3), [gif.Frame(INDEXES)], COLORS[:8])
    of_bmp = bmp.bmp(bmp.packed(INDEXES[::-1], 8), (4, 3), 8, palette=COLORS[:8])

    for data in (of_gif, of_bmp):
        right = np.where(INDEXES < 8, GRAYS[INDEXES], 0)
        assert np.array_equal(pixels(read(develop(data))), right)


def test_a_palette_of_a_bmp_that_is_longer_than_256_colours_is_cut() -> None:
    colors = np.vstack([COLORS, COLORS])
    data = bmp.bmp(bmp.packed(INDEXES[::-1], 8), (4, 3), 8, palette=colors)

    assert np.array_equal(pixels(read(develop(data))), GRAYS[INDEXES])
