"""TIFFs with pixels without data, and broken or refused ones, for the second decoder."""

import numpy as np
import pytest

from darkroom.errors import DarkroomError, ImageTooLarge, InvalidImage, UnsupportedFormat
from tests.support.images.pictures import pixels, read
from tests.support.images.tiff_samples import (
    LIGHT,
    LUMA,
    X,
    develop,
    gray_and_alpha,
    scaled,
    stored,
)
from tests.support.images.tiffs import BLACK_IS_ZERO, PALETTE, RGB, tiff


@pytest.mark.parametrize("pixel", [(0, 0), (5, 7), (0, 23)])
@pytest.mark.parametrize("kind", [np.float32, np.int16])
def test_a_pixel_without_data_has_the_value_of_the_nearest_with_data(
    kind: type, pixel: tuple[int, int]
) -> None:
    data = np.linspace(300, 1400, 8 * 24).reshape(8, 24).astype(kind)
    holes = data.copy()
    holes[pixel] = -9999

    result = pixels(read(develop(tiff(holes, BLACK_IS_ZERO, tags={42113: b"-9999\0"}))))

    row = 1 if pixel[0] == 0 else 4  # the nearest above, or below
    filled = data.copy()
    filled[pixel] = data[row, pixel[1]]
    known = holes[holes != -9999]
    assert np.abs(result - (filled - known.min()) / np.ptp(known) * 65535).max() < 2


def test_columns_and_pictures_without_data() -> None:
    data = np.tile(np.arange(0, 600, 100, dtype=np.float32), (3, 1))
    data[:, 2:4] = -1
    tags: dict[int, list[int] | bytes] = {42113: b"-1\0"}

    columns = pixels(read(develop(tiff(data, BLACK_IS_ZERO, tags=tags))))
    nothing = pixels(read(develop(tiff(np.full_like(data, -1), BLACK_IS_ZERO, tags=tags))))

    assert np.array_equal(columns[1].round(-1), (np.array([0, 1, 1, 4, 4, 5]) * 13107).round(-1))
    assert not nothing.any()


def test_colour_without_data_is_left_out_of_the_stretch() -> None:
    data = (LIGHT[..., :3] * 500 + 100).astype(np.float32)
    holes = data.copy()
    holes[:3] = -32768

    level, _ = gray_and_alpha(develop(tiff(holes, RGB, tags={42113: b"-32768\0"})))

    known = data[3:]
    right = ((known - known.min()) / np.ptp(known)) @ LUMA
    assert np.abs(level[3:] - right).max() <= 1.5 / 255
    assert np.abs(level[:3] - right[0]).max() <= 1.5 / 255


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_colour_that_is_not_a_number_is_not_a_picture(value: float) -> None:
    colors = LIGHT[..., :3].astype(np.float32)
    colors[3, 4, 1] = value
    with pytest.raises(InvalidImage, match="not numbers"):
        develop(tiff(colors, RGB))


def test_the_orientation_is_applied() -> None:
    colors = LIGHT[..., :3].astype(np.float32)

    level, _ = gray_and_alpha(develop(tiff(colors, RGB, tags={274: [6]})))

    assert np.abs(level - np.rot90(colors @ LUMA, -1)).max() <= 1.5 / 255


def test_a_reduced_copy_in_front_of_a_kind_that_pillow_does_not_read() -> None:
    both = LIGHT[..., :3].astype(np.float32)
    first = tiff(both[::4, ::4], RGB, tags={254: [1]})
    assert develop(first).width == 14  # alone, it is the picture


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("compression", [1, 8])
def test_a_truncated_file_is_never_taken_for_a_complete_one(compression: int, share: float) -> None:
    planes = tiff(stored(LIGHT[..., :3], "u2"), RGB, planar=True, compression=compression)
    with pytest.raises(InvalidImage):
        develop(planes[: int(len(planes) * share)])


def test_planes_that_are_not_used_may_be_missing() -> None:
    samples = stored(LIGHT[..., :2], "i2")
    data = tiff(
        samples, BLACK_IS_ZERO, extra=0, planar=True, tags={279: [samples[..., 0].nbytes, 0]}
    )

    level, _ = gray_and_alpha(develop(data))

    assert np.abs(level - scaled(samples[..., :1])[..., 0]).max() < 1e-4


def test_more_depths_than_samples_are_ignored() -> None:
    samples = stored(LIGHT[..., :3], "u1")

    level, _ = gray_and_alpha(develop(tiff(samples, RGB, tags={258: [8, 8, 8, 1]})))

    assert np.abs(level - samples @ LUMA / 255).max() <= 1 / 255


def test_nan_beside_another_nodata_value_is_also_no_data() -> None:
    data = np.tile(np.arange(0, 600, 100, dtype=np.float32), (3, 1))
    data[1, 1], data[1, 2] = -1, np.nan

    result = pixels(read(develop(tiff(data, BLACK_IS_ZERO, tags={42113: b"-1\0"}))))

    assert np.array_equal(result[1], result[0])


@pytest.mark.parametrize("tags", [{279: [0]}, {278: [10]}])
def test_missing_strips_do_not_become_black(tags: dict[int, list[int] | bytes]) -> None:
    data = tiff(stored(LIGHT[..., :2], "u2"), BLACK_IS_ZERO, extra=2, compression=8, tags=tags)
    with pytest.raises(InvalidImage, match="missing"):
        develop(data)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (tiff(stored(LIGHT[..., :3], "u2"), 8), "CIE Lab in 16-bit integers"),
        (tiff(stored(LIGHT[..., :3], "f4"), 32845), "LogLuv in 32-bit floating-point numbers"),
        (tiff(stored(LIGHT[..., :3], "u2"), RGB, tags={259: [34712]}), "compression JPEG 2000"),
        (tiff(stored(X, "f4"), BLACK_IS_ZERO, tags={32997: [2]}), "a volume"),
        (tiff(stored(X, "f4"), PALETTE), "palette in 32-bit"),
    ],
)
def test_what_no_decoder_reads_is_refused_by_name(data: bytes, name: str) -> None:
    with pytest.raises(UnsupportedFormat, match=f"{name}.* does not read. Convert it"):
        develop(data)


def test_what_needs_too_much_memory_is_refused_before_it_is_decoded() -> None:
    data = tiff(stored(LIGHT[..., :3], "f8"), RGB, tags={256: [9000], 257: [9000]})
    with pytest.raises(ImageTooLarge, match="could need"):
        develop(data, max_pixels=10**8, max_memory=1_600 * 2**20)


@pytest.mark.parametrize("seed", range(40))
def test_a_broken_file_ends_in_a_documented_error(seed: int) -> None:
    """Bits are flipped anywhere in the file: it is converted, or it is refused."""
    chance = np.random.default_rng(seed)
    kind = ["u2", "f4", "i2"][seed % 3]
    data = tiff(stored(LIGHT[..., :3], kind), RGB, planar=bool(seed % 2), compression=8)
    broken = np.frombuffer(data, np.uint8).copy()
    places = chance.integers(0, len(broken), 4) if seed % 4 else chance.integers(-200, 0, 4)
    broken[places] ^= (1 << chance.integers(0, 8, 4)).astype(np.uint8)
    try:
        develop(broken.tobytes(), max_memory=400 * 2**20)
    except DarkroomError:
        return
