"""TIFFs that Pillow does not read, or reads wrongly: numpy's numbers in, their luma out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tests.support.images.pictures import pixels, read
from tests.support.images.tiff_samples import (
    COLORS,
    DEPTHS,
    LIGHT,
    LUMA,
    X,
    develop,
    expected,
    gray_and_alpha,
    scaled,
    stored,
)
from tests.support.images.tiffs import BLACK_IS_ZERO, RGB, WHITE_IS_ZERO, YCBCR, tiff


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("color", COLORS)
def test_samples_of_every_type_become_luma(
    color: str, depth: str, planar: bool, order: str
) -> None:
    count, photometric = COLORS[color]
    samples = stored(LIGHT[..., :count], depth)

    level, _ = gray_and_alpha(develop(tiff(samples, photometric, order, planar=planar)))

    assert np.abs(level - expected(scaled(samples))).max() <= 2 / 255


@pytest.mark.parametrize("multiplied", [False, True])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("depth", ["u1", "u2", "f4"])
@pytest.mark.parametrize("color", COLORS)
def test_alpha_is_kept_and_taken_out_of_the_colours(
    color: str, depth: str, planar: bool, multiplied: bool
) -> None:
    count, photometric = COLORS[color]
    light, alpha = LIGHT[..., :count], LIGHT[..., 4:]
    samples = stored(np.dstack([light * alpha if multiplied else light, alpha]), depth)

    data = tiff(samples, photometric, extra=1 if multiplied else 2, planar=planar)
    level, seen = gray_and_alpha(develop(data))

    assert np.abs(seen - alpha[..., 0]).max() <= 1.5 / 255
    # With 8 bits and alpha of 0.3, rounded values cannot be recovered.
    most = 5 if multiplied and depth == "u1" else 2
    assert np.abs(level - expected(light)).max() <= most / 255


@pytest.mark.parametrize("options", [
    {"compression": "lzw"}, {"compression": "lzw", "predictor": True}, {"compression": "zlib"},
    {"compression": "zlib", "predictor": True}, {"compression": "packbits"},
    {"compression": "zstd"}, {"compression": "lzma"}, {"tile": (16, 32)},
    {"compression": "zlib", "predictor": True, "tile": (16, 32)}, {"rowsperstrip": 5},
    {"bigtiff": True}, {"bigtiff": True, "compression": "lzw", "tile": (32, 16)},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("depth", "planar"), [("u2", True), ("f4", False), ("f4", True)])
def test_strips_tiles_and_compressions_are_the_same_picture(
    tmp_path: Any, depth: str, planar: bool, order: str, options: dict[str, Any]
) -> None:
    samples = stored(LIGHT[..., :3], depth)
    layout = {"planarconfig": "separate" if planar else "contig", "byteorder": order}
    pages = np.moveaxis(samples, -1, 0) if planar else samples
    tifffile.imwrite(tmp_path / "a", pages, photometric="rgb", metadata=None, **layout, **options)

    level, _ = gray_and_alpha(develop((tmp_path / "a").read_bytes()))

    assert np.abs(level - expected(scaled(samples))).max() <= 1.5 / 255


@pytest.mark.parametrize(("photometric", "bits"), [
    ("minisblack", 1), ("minisblack", 8), ("minisblack", 16), ("rgb", 8), ("rgb", 16),
    ("palette", 8), ("miniswhite", 8),
])  # fmt: skip
def test_a_big_endian_bigtiff_is_like_any_other(
    tmp_path: Path, photometric: str, bits: int
) -> None:
    samples = stored(LIGHT[..., :3] if photometric == "rgb" else X, "u2" if bits > 8 else "u1")
    samples = samples > 127 if bits == 1 else samples
    colors = np.random.default_rng(1).integers(0, 65536, (3, 256), dtype=np.uint16)
    options = {"colormap": colors} if photometric == "palette" else {}
    tifffile.imwrite(
        tmp_path / "a", samples, photometric=photometric, bigtiff=True, byteorder=">",
        metadata=None, **options,
    )  # fmt: skip

    level, _ = gray_and_alpha(develop(tmp_path / "a"))

    right = {
        "rgb": lambda: samples / np.iinfo(samples.dtype).max @ LUMA,
        "palette": lambda: (LUMA @ colors)[samples] / 65535,
        "miniswhite": lambda: 1 - samples / 255,
        "minisblack": lambda: samples / (1 if bits == 1 else np.iinfo(samples.dtype).max),
    }[photometric]()
    assert np.abs(level - right).max() <= 1.5 / 255


@pytest.mark.parametrize("whole", [1, 255, 65535, 1000])
def test_fractions_of_colour_are_scaled_by_the_first_white_that_fits(whole: float) -> None:
    colors = (LIGHT[..., :3] * whole).astype(np.float32)

    level, _ = gray_and_alpha(develop(tiff(colors, RGB)))

    white = 65535 if whole == 1000 else whole
    assert np.abs(level - colors @ LUMA / white).max() <= 1.5 / 255


def test_integers_of_more_than_31_bits_are_scaled_from_least_to_most() -> None:
    numbers = (X * 4_000_000_000).astype(np.uint32)

    level, _ = gray_and_alpha(develop(tiff(numbers, BLACK_IS_ZERO)))

    assert np.abs(level - X).max() < 1e-4


@pytest.mark.parametrize("bits", [9, 10, 12, 14])
def test_packed_bits_are_scaled_by_their_number(tmp_path: Any, bits: int) -> None:
    numbers = np.round(X[:, :48] * (2**bits - 1)).astype(np.uint16)
    options = {"bitspersample": bits, "photometric": "minisblack", "metadata": None}
    tifffile.imwrite(tmp_path / "a", numbers, **options)

    level, _ = gray_and_alpha(develop((tmp_path / "a").read_bytes()))

    assert np.abs(level - numbers / (2**bits - 1)).max() < 1e-4


def test_webp_in_a_tiff_is_read(tmp_path: Any) -> None:
    colors = stored(LIGHT[..., :3], "u1")
    options = {"compression": "webp", "compressionargs": {"lossless": True}}
    tifffile.imwrite(tmp_path / "a", colors, photometric="rgb", metadata=None, **options)

    level, _ = gray_and_alpha(develop((tmp_path / "a").read_bytes()))

    assert np.abs(level - colors @ LUMA / 255).max() <= 1 / 255


def test_white_can_be_zero_with_alpha() -> None:
    samples = stored(LIGHT[..., 3:], "u2")

    level, _ = gray_and_alpha(develop(tiff(samples, WHITE_IS_ZERO, extra=2)))

    assert np.abs(level - (1 - LIGHT[..., 3])).max() <= 1 / 255


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("across", "down"), [(2, 1), (2, 2), (4, 1), (4, 2), (4, 4), (1, 2)])
def test_uncompressed_chroma_of_fewer_samples_is_read(across: int, down: int, order: str) -> None:
    height, width = 8 * down, 12 * across
    level = np.random.default_rng(2).integers(30, 220, (height, width), dtype=np.uint8)
    blocks = level.reshape(8, down, 12, across).transpose(0, 2, 1, 3).reshape(8, 12, -1)
    units = np.dstack([blocks, np.full((8, 12, 2), 128, np.uint8)])
    tags: dict[int, list[int] | bytes] = {
        256: [width], 257: [height], 258: [8, 8, 8], 277: [3], 278: [height], 279: [units.size],
        530: [across, down], 339: [1, 1, 1],
    }  # fmt: skip

    result = develop(tiff(units.reshape(1, -1), YCBCR, order, tags=tags), max_pixels=10**5)

    assert np.abs(pixels(read(result)) - level).max() <= 1
