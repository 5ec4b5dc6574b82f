"""PNG, BMP and JPEG of kinds that Pillow does not read, or reads wrongly."""

import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from darkroom.errors import ImageTooLarge, InvalidImage, UnsupportedFormat
from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.pictures import pixels, read

LUMA = np.array([0.299, 0.587, 0.114])
X, Y = np.meshgrid(np.linspace(0, 1, 53), np.linspace(0, 1, 37))
TWELVE = np.dstack([X, Y, (X + 1 - Y) / 2])


def develop(data: bytes, output: str = "png", **limits: Any) -> Gray:
    return grayscale(data, output=output, quality=90, **{"max_pixels": 10_000, **limits})


# ── PNG ──────────────────────────────────────────────────────────────────────────────────────────
def png(colors: np.ndarray, key: list[int], extra: bytes = b"") -> bytes:
    """Return a PNG of RGB with 16 bits and a transparent colour."""
    height, width, _ = colors.shape
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colors)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"tRNS", struct.pack(">3H", *key))]
    chunks = [_chunk(*part) for part in parts]
    data = zlib.compress(lines)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [*chunks, extra, _chunk(b"IDAT", data), _chunk(b"IEND", b"")]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


BROKEN_TEXT = _chunk(b"tEXt", b"Comment\0words")[:-4] + b"\0\0\0\0"


@pytest.mark.parametrize("extra", [b"", BROKEN_TEXT])
def test_a_transparent_colour_is_compared_in_all_16_bits(extra: bytes) -> None:
    colors = np.full((4, 6, 3), [0x1234, 0x5678, 0x9ABC])
    colors[:, 3:, 2] += 1  # the high bytes are the same

    result = read(develop(png(colors, [0x1234, 0x5678, 0x9ABC], extra)))

    both = pixels(result)
    assert both[..., 1].tolist() == [[0, 0, 0, 255, 255, 255]] * 4
    assert np.abs(both[..., 0] - colors[0, 5] @ LUMA / 257).max() <= 1


# ── BMP ──────────────────────────────────────────────────────────────────────────────────────────
def bmp(numbers: np.ndarray, bits: int, masks: list[int], version: int = 56) -> bytes:
    """Return a BMP with bit fields, whose header has this number of bytes."""
    height, width = numbers.shape
    rows = np.zeros((height, -(-width * bits // 32) * 4), np.uint8)
    values = numbers.astype(f"<u{bits // 8}").view(np.uint8).reshape(height, -1)
    rows[:, : values.shape[1]] = values
    head = struct.pack("<IiiHHIIiiII", version, width, height, 1, bits, 3, rows.size, 0, 0, 0, 0)
    fields = struct.pack("<4I", *masks)
    head += fields[: 12 if version == 40 else max(version - 40, 0)]
    head = head.ljust(version, b"\0")
    start = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 14 + len(head))
    return start + head + rows[::-1].tobytes()


@pytest.mark.parametrize("version", [40, 52, 56, 108, 124])
@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (16, [0xF00, 0xF0, 0xF, 0xF000]),
        (16, [0xF00, 0xF0, 0xF, 0]),
        (16, [0x7C00, 0x3E0, 0x1F, 0x8000]),
        (16, [0xE0, 0x1C, 0x3, 0xFF00]),
        (32, [0xFF, 0xFF00, 0xFF0000, 0]),
        (32, [0xFF000000, 0xFF0000, 0xFF00, 0]),
        (32, [0xFF00, 0xFF, 0xFF0000, 0xFF000000]),
    ],
)
def test_unusual_bit_fields_of_a_bmp_are_read(bits: int, masks: list[int], version: int) -> None:
    if masks[3] and version < 56:
        pytest.skip("this header has no alpha")
    numbers = np.random.default_rng(3).integers(0, 2**bits, (9, 7), dtype=np.uint64)

    image = read(develop(bmp(numbers, bits, masks, version)))

    fields = [(numbers & mask) / mask for mask in masks if mask]
    assert np.abs(
        pixels(image.convert("LA"))[..., 0] / 255 - np.dstack(fields[:3]) @ LUMA
    ).max() < (2 / 255)
    if masks[3]:
        assert np.abs(pixels(image)[..., 1] / 255 - fields[3]).max() < 1.5 / 255


def test_alpha_of_zero_everywhere_is_opaque_in_any_bit_fields() -> None:
    image = read(develop(bmp(np.full((2, 4), 0x0777), 16, [0xF00, 0xF0, 0xF, 0xF000])))

    assert (pixels(image.convert("LA"))[..., 1] == 255).all()


@pytest.mark.parametrize("masks", [
    [0x3FF << 20, 0x3FF << 10, 0x3FF, 3 << 30], [0x3FF, 0, 0, 0], [0xF, 0xF0, 0xF00, 0xF000],
])  # fmt: skip
def test_bit_fields_that_no_decoder_reads_correctly_are_refused(masks: list[int]) -> None:
    with pytest.raises(UnsupportedFormat, match="BMP with an unusual bit field layout"):
        develop(bmp(np.zeros((2, 4)), 32, masks))


# ── JPEG ─────────────────────────────────────────────────────────────────────────────────────────
def deep_jpeg(light: np.ndarray, bits: int, **options: Any) -> bytes:
    samples = np.round(light * (2**bits - 1)).astype(np.uint16)
    return bytes(imagecodecs.jpeg8_encode(samples, bitspersample=bits, **options))


@pytest.mark.parametrize(
    ("light", "bits", "options"),
    [
        (X, 12, {"level": 100}),
        (TWELVE, 12, {"level": 100}),
        (TWELVE, 12, {"level": 100, "subsampling": "420"}),
        (X, 12, {"lossless": True}),
        (TWELVE, 12, {"lossless": True}),
        (X, 16, {"lossless": True}),
        (TWELVE, 10, {"lossless": True}),
    ],
)
def test_a_jpeg_of_more_than_8_bits_is_read(
    light: np.ndarray, bits: int, options: dict[str, Any]
) -> None:
    result = read(develop(deep_jpeg(light, bits, **options)))

    right = light if light.ndim == 2 else light @ LUMA
    white = 65535 if result.mode == "I;16" else 255
    assert np.abs(pixels(result) / white - right).max() < 2 / 255
    assert (result.mode == "I;16") == (light.ndim == 2 or "lossless" not in options)


def test_a_deep_jpeg_becomes_one_of_8_bits() -> None:
    gray = develop(deep_jpeg(X, 12, level=100), "auto")

    assert gray.content_type == "image/jpeg"
    assert np.abs(pixels(read(gray)) / 255 - X).max() < 0.02


def test_the_orientation_of_a_deep_jpeg_is_applied() -> None:
    data = deep_jpeg(X, 12, level=100)
    exif = Image.Exif()
    exif[274] = 6
    block = exif.tobytes()
    data = data[:2] + struct.pack(">HH", 0xFFE1, len(block) + 2) + block + data[2:]

    result = read(develop(data))

    assert np.abs(pixels(result) / 65535 - np.rot90(X, -1)).max() < 0.01


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_truncated_deep_jpeg_is_refused(share: float) -> None:
    data = deep_jpeg(TWELVE, 12, level=95)
    with pytest.raises(InvalidImage):
        develop(data[: int(len(data) * share)])


def test_a_deep_jpeg_without_its_end_marker_is_complete() -> None:
    data = deep_jpeg(X, 12, level=95)

    assert np.array_equal(pixels(read(develop(data[:-2]))), pixels(read(develop(data))))


def test_a_deep_jpeg_with_scans_without_end_is_refused() -> None:
    data = deep_jpeg(X, 12, level=95)
    scan = data[data.rfind(b"\xff\xda") : -2]
    with pytest.raises(ImageTooLarge, match="scans"):
        develop(data[:-2] + scan * 100 + data[-2:])


def test_a_deep_jpeg_of_four_components_is_refused_by_name() -> None:
    data = deep_jpeg(X, 12, level=95)
    at = data.index(b"\xff\xc1")
    length = int.from_bytes(data[at + 2 : at + 4])
    frame = data[at + 4 : at + 9] + b"\4" + b"\1\x11\0\2\x11\0\3\x11\0\4\x11\0"
    data = data[: at + 2] + struct.pack(">H", 2 + len(frame)) + frame + data[at + 2 + length :]
    with pytest.raises(UnsupportedFormat, match="12 bits a sample"):
        develop(data)
