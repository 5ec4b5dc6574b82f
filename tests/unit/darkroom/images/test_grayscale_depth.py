"""Gray of more and fewer bits than 8, other scales and colours: raw numbers in, numbers out."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darkroom.errors import InvalidImage
from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.pictures import encode, photo, pixels, read
from tests.support.images.tiffs import BLACK_IS_ZERO, LAB, RGB, WHITE_IS_ZERO, tiff

RAMP = np.linspace(0, 65535, 97 * 64).reshape(64, 97).round().astype(np.uint16)
LUMA = np.array([0.299, 0.587, 0.114])


def develop(data: bytes, output: str = "auto") -> Gray:
    return grayscale(data, output=output, quality=100, max_pixels=1_000_000)


def light(gray: Gray) -> np.ndarray:
    """Return a result's values, 0 black and 1 white."""
    image = read(gray)
    if image.mode == "I;16":
        return pixels(image) / 65535
    return pixels(image.convert("LA"))[..., 0] / 255


def alpha(gray: Gray) -> np.ndarray:
    image = read(gray)
    return pixels(image.convert("RGBA").getchannel("A"))


# ── Numbers of a TIFF ────────────────────────────────────────────────────────────────────────────
KINDS: dict[str, tuple[np.ndarray, int]] = {
    "16 bits": (RAMP, BLACK_IS_ZERO),
    "8 bits, white is 0": ((~RAMP >> 8).astype(np.uint8), WHITE_IS_ZERO),
    "32 bits of 65535": (RAMP.astype(np.int32), BLACK_IS_ZERO),
    "32 bits of 255": ((RAMP >> 8).astype(np.int32), BLACK_IS_ZERO),
    "32 bits of more": (RAMP.astype(np.int32) * 1000, BLACK_IS_ZERO),
    "32 bits below 0": (RAMP.astype(np.int32) - 10_000, BLACK_IS_ZERO),
    "signed 16 bits": ((RAMP.astype(int) - 32768).astype(np.int16), BLACK_IS_ZERO),
    "fractions of 1": ((RAMP / 65535).astype(np.float32), BLACK_IS_ZERO),
    "fractions of 1, white is 0": ((1 - RAMP / 65535).astype(np.float32), WHITE_IS_ZERO),
    "fractions of 255": ((RAMP / 257).astype(np.float32), BLACK_IS_ZERO),
    "fractions of 65535": (RAMP.astype(np.float32), BLACK_IS_ZERO),
    "fractions of any range": ((RAMP / 100 - 7).astype(np.float32), BLACK_IS_ZERO),
}


@pytest.mark.parametrize("output", ["auto", "png", "jpeg", "webp"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_any_kind_are_scaled_and_never_clipped(kind: str, order: str, output: str):
    numbers, photometric = KINDS[kind]

    gray = develop(tiff(numbers, photometric, order), output)

    deep = output in {"auto", "png"} and numbers.dtype.itemsize > 1 and "255" not in kind
    most = 1 / 65535 if deep else {"jpeg": 2, "webp": 3}.get(output, 1) / 255
    assert np.abs(light(gray) - RAMP / 65535).max() <= most


def test_sixteen_bits_where_white_is_zero_are_inverted():
    assert np.array_equal(pixels(read(develop(tiff(~RAMP, WHITE_IS_ZERO)))), RAMP)


def test_twelve_bits_are_scaled_to_sixteen():
    numbers = (RAMP[:, :96] >> 4).astype(np.uint32)
    pairs = numbers[:, ::2] << 12 | numbers[:, 1::2]
    packed = np.stack([pairs >> 16, pairs >> 8 & 255, pairs & 255], axis=-1).astype(np.uint8)
    tags = {256: 96, 257: 64, 258: 12, 259: 1, 262: BLACK_IS_ZERO, 273: 8, 277: 1, 278: 64}
    tags[279] = packed.size
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    data = struct.pack("<2sHI", b"II", 42, 8 + packed.size) + packed.tobytes()
    data += struct.pack("<H", len(tags)) + entries + bytes(4)

    result = pixels(read(develop(data)))

    assert np.abs(result - numbers * (65535 / 4095)).max() < 0.51


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_picture_with_nan_is_refused(value: float):
    numbers = (RAMP / 65535).astype(np.float32)
    numbers[0, 0] = value
    with pytest.raises(InvalidImage, match="not numbers"):
        develop(tiff(numbers, BLACK_IS_ZERO))


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bits_of_colour_become_luma(order: str):
    colours = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], axis=-1)

    gray = develop(tiff(colours, RGB, order), "png")

    assert np.abs(light(gray) - colours @ LUMA / 65535).max() < 1.5 / 255


def test_alpha_that_the_colours_are_multiplied_with_is_taken_out_again():
    share = np.tile(np.linspace(32, 255, 97), (64, 1)).round()
    level = (RAMP >> 8).astype(float)
    both = np.stack([(level * share / 255).round(), share], axis=-1).astype(np.uint8)

    gray = develop(tiff(both, BLACK_IS_ZERO, extra=1))

    assert gray.content_type == "image/tiff"
    assert np.array_equal(alpha(gray), share)
    assert np.abs(light(gray) * 255 - level).max() < 5  # rounded values cannot be recovered


def test_cie_lab_becomes_the_luma_of_its_srgb():
    lightness, a, b = np.meshgrid(np.arange(10, 100, 10), np.arange(-40, 41, 20), [-30, 0, 30])
    numbers = np.stack([lightness * 2.55, a, b], axis=-1).round().astype(int).reshape(45, 3, 3)

    gray = develop(tiff((numbers & 255).astype(np.uint8), LAB), "png")

    # CIE 15 at D50, then IEC 61966-2-1 with Bradford's adaptation.
    fy = (numbers[..., 0] / 2.55 + 16) / 116
    curve = np.stack([fy + numbers[..., 1] / 500, fy, fy - numbers[..., 2] / 200], axis=-1)
    xyz = np.where(curve > 6 / 29, curve**3, 3 * (6 / 29) ** 2 * (curve - 4 / 29))
    linear = (xyz * [0.96422, 1, 0.82521]) @ np.array(
        [
            [3.1338561, -0.9787684, 0.0719453],
            [-1.6168667, 1.9161415, -0.2289914],
            [-0.4906146, 0.0334540, 1.4052427],
        ]
    )
    linear = linear.clip(0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(light(gray) * 255 - srgb @ LUMA * 255).mean() < 1


# ── PNG ──────────────────────────────────────────────────────────────────────────────────────────
def png(depth: int, rows: list[bytes], width: int, key: int) -> bytes:
    """Return a gray PNG with a transparent value."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, len(rows), depth, 0, 0, 0, 0)
    lines = b"".join(b"\0" + row for row in rows)
    parts = (b"IHDR", header), (b"tRNS", struct.pack(">H", key)), (b"IDAT", zlib.compress(lines))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in (*parts, (b"IEND", b"")))


@pytest.mark.parametrize(
    ("depth", "row", "width"), [(1, b"\x40", 2), (2, b"\x1b", 4), (4, b"\x01\x9f", 4)]
)
def test_a_transparent_gray_of_few_bits_is_found(depth: int, row: bytes, width: int):
    values = [int.from_bytes(row) >> 8 * len(row) - depth * (n + 1) for n in range(width)]
    values = [value & 2**depth - 1 for value in values]
    for key in set(values):
        gray = develop(png(depth, [row], width, key))

        assert (light(gray)[0] * (2**depth - 1)).round().tolist() == values
        assert alpha(gray)[0].tolist() == [255 * (value != key) for value in values]


@pytest.mark.parametrize("output", ["png", "webp", "jpeg"])
def test_a_transparent_gray_of_sixteen_bits_stays_transparent(output: str):
    row = [1000, 1001, 40_000, 65_535] * 4
    data = png(16, [struct.pack(">16H", *row)] * 16, 16, 1000)

    gray = develop(data, output)

    seen = np.array(row) != 1000
    if output == "jpeg":
        assert np.abs(light(gray)[0] - np.where(seen, np.array(row) / 65535, 1)).max() < 0.02
        return
    assert np.abs(light(gray)[0] - np.array(row) / 65535)[seen].max() < 0.02
    if output == "png":
        image = read(gray)
        assert (image.mode, image.info["transparency"]) == ("I;16", 1000)
        assert pixels(image)[0].tolist() == row
    else:
        assert (alpha(gray)[0] > 127).tolist() == seen.tolist()


# ── TIFF that is written ─────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, "raw"),
        ({"compression": "tiff_lzw"}, "tiff_lzw"),
        ({"compression": "packbits"}, "packbits"),
        ({"compression": "tiff_adobe_deflate"}, "tiff_adobe_deflate"),
        ({"compression": "jpeg"}, "jpeg"),
    ],
)
def test_a_tiff_keeps_its_compression(options: dict[str, Any], kept: str):
    result = read(develop(encode(photo(), "TIFF", **options)))

    assert result.info["compression"] == kept
    assert np.abs(pixels(result) - pixels(photo()) @ LUMA).mean() < 1


@pytest.mark.parametrize("mode", ["L", "I;16", "RGB"])
def test_nothing_else_of_a_tiff_is_kept(mode: str):
    reported = {270: "about", 305: "with", 700: b"<xmp/>", 33723: b"iptc", 34377: b"8BIM"}

    result: Any = read(develop(encode(Image.new(mode, (8, 8)), "TIFF", tiffinfo=reported)))

    assert not set(result.tag_v2) & set(reported)


def test_a_fax_gets_another_compression_for_its_gray():
    fax = Image.fromarray(RAMP > 30_000)

    result = read(develop(encode(fax, "TIFF", compression="group4")))

    assert result.info["compression"] == "tiff_adobe_deflate"
    assert np.array_equal(pixels(result), 255.0 * (RAMP > 30_000))


@pytest.mark.parametrize("file_format", ["TIFF", "AVIF"])
def test_a_format_that_can_hold_alpha_keeps_it(file_format: str):
    image = photo().convert("RGBA")
    share = np.tile(np.linspace(0, 255, 97).astype(np.uint8), (64, 1))
    image.putalpha(Image.fromarray(share))

    gray = develop(
        encode(image, file_format, **({"quality": 100} if file_format == "AVIF" else {}))
    )

    assert Image.open(io.BytesIO(gray.data)).format == file_format
    assert np.abs(alpha(gray) - share).max() <= 1
