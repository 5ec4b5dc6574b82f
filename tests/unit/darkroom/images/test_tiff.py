"""TIFFs that Pillow reads wrongly are converted correctly, or refused by name."""

import io
import struct
from typing import Any

import numpy as np
import pytest
import tifffile

from darkroom.errors import InvalidImage, UnsupportedFormat
from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.pictures import pixels, read
from tests.support.images.tiffs import (
    BLACK_IS_ZERO,
    DEFLATE,
    PALETTE,
    RAW,
    RGB,
    WHITE_IS_ZERO,
    gray_pages,
    tiff,
)  # fmt: skip

RAMP = np.tile(np.arange(10, 250, 10, dtype=np.uint8), (4, 1))
COLORS = np.stack([RAMP, RAMP[:, ::-1], RAMP // 2], axis=-1)
LUMA = np.array([0.299, 0.587, 0.114])


def develop(data: bytes, output: str = "png") -> Gray:
    return grayscale(data, output=output, quality=90, max_pixels=10_000)


@pytest.mark.parametrize("compression", [RAW, DEFLATE])
def test_separate_planes_of_8_bits_become_luma(compression: int) -> None:
    result = read(develop(tiff(COLORS, RGB, planar=True, compression=compression)))

    assert np.abs(pixels(result) - COLORS @ LUMA).max() <= 1


@pytest.mark.parametrize("scale", [1, 256, 257])
def test_a_colour_map_of_8_or_16_bits_is_applied(scale: int) -> None:
    colors = np.random.default_rng(4).integers(1, 256, (3, 256))
    colors[0, 0] = 255

    result = read(develop(tiff(RAMP, PALETTE, tags={320: (colors.ravel() * scale).tolist()})))

    assert np.abs(pixels(result) - (LUMA @ colors)[RAMP]).max() <= 1


@pytest.mark.parametrize(("low", "high"), [(-128, 127), (-5, 90), (0, 100)])
def test_signed_8_bits_are_scaled_as_16_bits_are(low: int, high: int) -> None:
    values = np.linspace(low, high, 96).round().astype(np.int8).reshape(4, 24)

    results = [pixels(read(develop(tiff(values.astype(kind), BLACK_IS_ZERO), "jpeg")))
               for kind in (np.int8, np.int16)]  # fmt: skip

    assert np.abs(results[0] - results[1]).max() <= 3


@pytest.mark.parametrize(("tag", "kind"), [(254, 1), (254, 4), (255, 2)])
def test_a_reduced_copy_or_a_mask_in_front_of_the_picture_is_skipped(tag: int, kind: int) -> None:
    data = gray_pages((RAMP[:2, ::2], {tag: [kind]}), (RAMP, {254: [0]}))

    assert np.array_equal(pixels(read(develop(data))), RAMP)


def test_a_file_with_only_a_reduced_copy_gives_that_picture() -> None:
    assert np.array_equal(pixels(read(develop(gray_pages((RAMP, {254: [1]}))))), RAMP)


def test_the_picture_below_a_reduced_copy_is_taken() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as pages:
        options: Any = {"photometric": "minisblack", "metadata": None}
        pages.write(RAMP[:2, ::2].copy(), subfiletype=1, subifds=2, **options)
        pages.write(RAMP[:1, ::2].copy(), subfiletype=1, **options)
        pages.write(RAMP, **options)

    assert np.array_equal(pixels(read(develop(file.getvalue()))), RAMP)


@pytest.mark.parametrize("tags", [{50706: [1, 4]}, {254: [1], 330: [8, 8]}])
def test_the_preview_of_a_raw_file_is_not_its_picture(tags: dict[int, list[int] | bytes]) -> None:
    with pytest.raises(UnsupportedFormat, match="camera's raw file"):
        develop(gray_pages((RAMP, tags)))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_colours_that_are_not_named_are_concluded_from_the_samples(depth: type) -> None:
    scale = np.iinfo(depth).max // 255
    gray, rgb = ((part * np.array(scale, depth)).astype(depth) for part in (RAMP, COLORS))

    for samples, right in ((gray, RAMP), (rgb, COLORS @ LUMA)):
        result = pixels(read(develop(without_colors(tiff(samples, BLACK_IS_ZERO)), "jpeg")))
        assert np.abs(result - right).max() <= 6
    with pytest.raises(UnsupportedFormat, match="unknown colours"):
        develop(without_colors(tiff(gray.reshape(4, 12, 2), BLACK_IS_ZERO)))


def without_colors(data: bytes) -> bytes:
    """Rename the tag PhotometricInterpretation, so that the file has none."""
    tag = struct.pack("<HHI", 262, 3, 1)
    assert data.count(tag) == 1
    return data.replace(tag, struct.pack("<HHI", 263, 3, 1))


def test_a_volume_of_8_bits_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedFormat, match="a volume"):
        develop(tiff(RAMP, BLACK_IS_ZERO, tags={32997: [2]}))


@pytest.mark.parametrize("nodata", [-9999, 5000, 0])
@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_pixels_without_data_are_left_out_of_the_stretch(kind: type, nodata: int) -> None:
    data = np.linspace(300, 1400, 96).reshape(4, 24).astype(kind)
    holes = data.copy()
    holes[0, :5] = nodata

    result = pixels(read(develop(tiff(holes, BLACK_IS_ZERO, tags={42113: b"%d\0" % nodata}))))

    expected = (data - data[0, 5]) / (data.max() - data[0, 5]).clip(1) * 65535
    expected[0, :5] = expected[1, :5]  # the nearest pixels
    assert np.abs(result - expected).max() < 70


@pytest.mark.parametrize("nodata", [b"nan\0", b"-9999\0", b"-3.40282e+38\0"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.finfo("f4").min])
def test_a_value_outside_the_numbers_is_nodata_or_refused(value: float, nodata: bytes) -> None:
    values = np.linspace(0, 1, 96).reshape(4, 24).astype(np.float32)
    values[2, 2] = value

    filled = pixels(read(develop(tiff(values, BLACK_IS_ZERO, tags={42113: nodata}))))
    assert filled[2, 2] == filled[1, 2]
    with pytest.raises(InvalidImage, match=r"not numbers .* -a_nodata nan"):
        develop(tiff(values, BLACK_IS_ZERO))


@pytest.mark.parametrize("color", [WHITE_IS_ZERO, BLACK_IS_ZERO])
def test_bytes_whose_bits_are_in_reverse_are_read(color: int) -> None:
    turned = np.packbits(np.unpackbits(RAMP).reshape(-1, 8)[:, ::-1]).reshape(RAMP.shape)

    result = pixels(read(develop(tiff(turned, color, tags={266: [2]}))))

    assert np.array_equal(result, RAMP if color == BLACK_IS_ZERO else 255 - RAMP)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({278: [2]}, "strips or tiles are missing. .* copy it again"),
        ({259: [7]}, "a strip or a tile is truncated. .* copy it again"),
    ],
    ids=["strips", "the end of a JPEG"],
)
def test_a_page_without_all_of_its_parts_is_no_picture(
    tags: dict[int, list[int]], message: str
) -> None:
    with pytest.raises(InvalidImage, match=message):
        develop(tiff(COLORS, RGB, tags=tags))


def test_colours_without_their_depth_are_no_picture() -> None:
    depth, foreign = struct.pack("<HHI", 258, 3, 3), struct.pack("<HHI", 60_000, 3, 3)

    with pytest.raises(InvalidImage, match="the rest of its header is broken"):
        develop(tiff(COLORS, RGB).replace(depth, foreign))


def test_a_fourth_sample_of_rgb_that_nobody_declares_is_alpha() -> None:
    samples = np.dstack([COLORS, RAMP])

    assert np.array_equal(pixels(read(develop(tiff(samples, RGB))))[..., 1], RAMP)
