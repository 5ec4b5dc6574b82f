"""TIFFs that Pillow does not read, or reads wrongly: numpy's numbers in, their luma out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from darkroom.errors import DarkroomError, ImageTooLarge, InvalidImage, UnsupportedFormat
from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.pictures import pixels, read
from tests.support.images.tiffs import BLACK_IS_ZERO, CMYK, PALETTE, RGB, WHITE_IS_ZERO, YCBCR, tiff

LUMA = np.array([0.299, 0.587, 0.114])
X, Y = np.meshgrid(np.linspace(0, 1, 53), np.linspace(0, 1, 37))
LIGHT = np.stack([X, Y, (1 - X) * 0.9, (X + Y) / 2, 0.3 + 0.7 * X], axis=-1)
"""Five samples of each pixel, from 0 to 1, all different. The last one serves as alpha."""
COLORS = {"gray": (1, BLACK_IS_ZERO), "RGB": (3, RGB), "CMYK": (4, CMYK)}
DEPTHS = ["u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8"]


def develop(data: bytes | Path, output: str = "png", **limits: Any) -> Gray:
    return grayscale(data, output=output, quality=90, **{"max_pixels": 10_000, **limits})


def stored(light: np.ndarray, depth: str) -> np.ndarray:
    """Return values of 0 to 1 as a program stores them: up to 1, or up to the type's maximum."""
    kind = np.dtype(depth)
    if kind.kind == "f":
        return light.astype(kind)
    return np.round(light * np.iinfo(kind).max).astype(kind)


def scaled(samples: np.ndarray) -> np.ndarray:
    """Return stored values from 0 to 1, by the rule in the table of `grayscale`."""
    kind, values = samples.dtype, samples.astype(float)
    if kind.kind == "u" and kind.itemsize < 4:
        return values / np.iinfo(kind).max
    for white in [1, 255, 65535] if kind.kind == "f" else [255, 65535]:
        if values.min() >= 0 and values.max() <= white:
            return values / white
    return (values - values.min()) / np.ptp(values)


def expected(colors: np.ndarray) -> np.ndarray:
    """Return the gray, from 0 to 1, of gray, RGB or CMYK."""
    if colors.shape[-1] == 1:
        return colors[..., 0]
    if colors.shape[-1] == 4:
        colors = (1 - colors[..., :3]) * (1 - colors[..., 3:])
    return colors @ LUMA


def gray_and_alpha(result: Gray) -> tuple[np.ndarray, np.ndarray]:
    image = read(result)
    if image.mode == "I;16":
        return pixels(image) / 65535, np.ones(image.size[::-1])
    both = pixels(image.convert("LA")) / 255
    return both[..., 0], both[..., 1]


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
    # With 8 bits and alpha of 0.3, what was rounded cannot come back.
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
def test_colour_that_is_no_number_is_no_picture(value: float) -> None:
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
def test_a_truncated_file_is_never_taken_for_a_whole_one(compression: int, share: float) -> None:
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


def test_nan_beside_another_value_is_no_data_either() -> None:
    data = np.tile(np.arange(0, 600, 100, dtype=np.float32), (3, 1))
    data[1, 1], data[1, 2] = -1, np.nan

    result = pixels(read(develop(tiff(data, BLACK_IS_ZERO, tags={42113: b"-1\0"}))))

    assert np.array_equal(result[1], result[0])


@pytest.mark.parametrize("tags", [{279: [0]}, {278: [10]}])
def test_missing_strips_are_no_black_strips(tags: dict[int, list[int] | bytes]) -> None:
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
    """Bits are flipped anywhere in the file: it is developed, or it is refused."""
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
