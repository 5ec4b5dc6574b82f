"""Gamma, PQ, HLG and linear values become those of sRGB. The references are numpy's."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.light import hlg, pq
from tests.support.images.pictures import encode, photo, pixels, read
from tests.support.images.profiles import srgb, with_chunk, with_gamma

RAMP = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
DEEP_RAMP = np.arange(65536, dtype=np.uint16).reshape(256, 256)
GRAY = Image.fromarray(RAMP)
DEEP = Image.fromarray(DEEP_RAMP)


def develop(data: bytes, output: str = "auto") -> Gray:
    return grayscale(data, output=output, quality=100, max_pixels=1_000_000)


def largest(gray: Gray, reference: np.ndarray) -> float:
    image = read(gray)
    shown = image if image.mode.startswith("I") else image.convert("L")
    return float(np.abs(pixels(shown) - reference).max())


# ── Gamma of PNG ─────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("gamma", [1.0, 1 / 1.8, 0.35])
@pytest.mark.parametrize("mode", ["L", "LA", "P"])
def test_the_gamma_of_a_gray_png_is_applied(mode: str, gamma: float):
    image = GRAY.copy()
    if mode == "LA":
        image.putalpha(128)
    elif mode == "P":
        image.putpalette([value for value in range(256) for _ in "RGB"])

    result = read(develop(with_gamma(encode(image, "PNG"), gamma)))

    reference = srgb((RAMP / 255) ** (1 / gamma)) * 255
    assert result.mode == ("LA" if mode == "LA" else "L")
    assert np.abs(pixels(result.getchannel("L")) - reference).max() <= 1


def test_the_gamma_of_a_gray_png_is_exact_in_16_bits():
    result = develop(with_gamma(encode(DEEP, "PNG"), 1.0))

    assert largest(result, srgb(DEEP_RAMP / 65535) * 65535) <= 1


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_gamma_of_few_grays_is_applied(depth: int):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16) % 2**depth
    image = Image.fromarray(levels)
    image.putpalette([value * 255 // (2**depth - 1) for value in range(2**depth) for _ in "RGB"])

    result = develop(with_gamma(encode(image, "PNG", bits=depth), 1.0))

    assert largest(result, srgb(levels / (2**depth - 1)) * 255) <= 1


@pytest.mark.parametrize("gamma", [0.45455, 0.4337, 0.476, 0, 0.00016, 21_000])
def test_a_gamma_that_means_srgb_or_nothing_changes_no_value(gamma: float):
    assert largest(develop(with_gamma(encode(GRAY, "PNG"), gamma)), RAMP) == 0


def test_the_gamma_of_colours_is_ignored():
    plain = encode(photo(), "PNG")

    assert develop(with_gamma(plain, 1.0)).data == develop(plain).data


def test_the_gamma_of_a_palette_of_colours_is_ignored():
    plain = encode(photo().quantize(64), "PNG")

    assert develop(with_gamma(plain, 1.0)).data == develop(plain).data


@pytest.mark.parametrize(
    ("kind", "data"), [(b"sRGB", b"\0"), (b"cICP", b"\x01\x0d\0\x01"), (b"cICP", b"\x01\x01\0\x01")]
)
def test_a_chunk_that_says_srgb_comes_before_the_gamma(kind: bytes, data: bytes):
    source = with_chunk(with_gamma(encode(GRAY, "PNG"), 1.0), kind, data)

    assert largest(develop(source), RAMP) == 0


@pytest.mark.parametrize("output", ["png", "webp"])
def test_a_transparent_gray_of_16_bits_stays_the_only_one(output: str):
    light = with_gamma(encode(Image.fromarray(np.array([[30_000]], np.uint16)), "PNG"), 0.4)
    key = int(pixels(read(develop(light)))[0, 0])  # what another gray becomes
    values = np.array([[0, 30_000, key - 1, key, key + 1, 65_535]], np.uint16)
    source = with_gamma(encode(Image.fromarray(values), "PNG", transparency=key), 0.4)

    result = read(develop(source, output))

    if output == "png":  # of 16 bits
        clear = pixels(result) == result.info["transparency"]
    else:
        clear = pixels(result.getchannel("A")) == 0
    assert clear.tolist() == [[False, False, False, True, False, False]]


def test_a_transparent_gray_of_8_bits_stays_the_only_one():
    values = np.array([[0, 1, 2, 200, 255]], np.uint8)
    source = with_gamma(encode(Image.fromarray(values), "PNG", transparency=1), 0.2)

    result = read(develop(source))

    assert pixels(result.getchannel("A")).tolist() == [[255, 0, 255, 255, 255]]


# ── PQ, HLG, linear ──────────────────────────────────────────────────────────────────────────────
LIGHT = np.linspace(0, 1, 256)  # of diffuse white


ENCODINGS: dict[int, Any] = {8: lambda light: light, 16: pq, 18: hlg}


def deep_png(values: np.ndarray, *, transfer: int, full: bool = True) -> bytes:
    if not full:
        values = values * (235 - 16) / 255 + 16 / 255
    image = Image.fromarray((values * 65535).round().astype(np.uint16).reshape(1, -1))
    return with_chunk(encode(image, "PNG"), b"cICP", bytes([9, transfer, 0, full]))


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("transfer", ENCODINGS)
def test_light_of_16_bits_becomes_srgb_with_white_at_203_nits(transfer: int, full: bool):
    result = develop(deep_png(ENCODINGS[transfer](LIGHT), transfer=transfer, full=full))

    assert np.abs(pixels(read(result))[0] / 257 - srgb(LIGHT) * 255).max() < 0.15


@pytest.mark.parametrize("transfer", [1, 2, 13])
def test_a_narrow_range_is_widened(transfer: int):
    result = develop(deep_png(LIGHT, transfer=transfer, full=False))

    assert np.abs(pixels(read(result))[0] - LIGHT * 65535).max() <= 2


@pytest.mark.parametrize("transfer", [16, 18])
def test_what_is_brighter_than_white_becomes_white(transfer: int):
    values = ENCODINGS[transfer](np.array([1.0, 1.5, 4.0]))

    assert pixels(read(develop(deep_png(values, transfer=transfer)))).min() > 65_500


@pytest.mark.parametrize("transfer", ENCODINGS)
def test_colours_of_light_become_srgb_before_their_luma(transfer: int):
    light = np.random.default_rng(1).random((20, 20, 3))
    values = (ENCODINGS[transfer](light) * 255).round()
    source = with_chunk(
        encode(Image.fromarray(values.astype(np.uint8)), "PNG"), b"cICP", bytes([9, transfer, 0, 1])
    )
    shown = srgb(inverse(transfer, values / 255)) @ np.array([0.299, 0.587, 0.114]) * 255

    assert np.abs(pixels(read(develop(source))) - shown).max() <= 1.5


def inverse(transfer: int, values: np.ndarray) -> np.ndarray:
    """The light of values, by a search in the curve of the other direction."""
    light = np.geomspace(1e-9, 60, 400_000)
    return np.interp(values, ENCODINGS[transfer](light), light, left=0)


def avif(image: Image.Image, transfer: int, **options: Any) -> bytes:
    """An AVIF of 8 bits with this description of its values. All that Pillow writes say 13,
    sRGB."""
    data = encode(image, "AVIF", quality=100, subsampling="4:4:4", **options)
    assert struct.pack(">4s2H", b"nclx", 1, 13) in data
    return data.replace(
        struct.pack(">4s2H", b"nclx", 1, 13), struct.pack(">4s2H", b"nclx", 9, transfer)
    )


@pytest.mark.parametrize("transfer", ENCODINGS)
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_light_in_an_avif_becomes_srgb(mode: str, transfer: int):
    source = avif(GRAY.convert(mode), transfer)
    values = pixels(Image.open(io.BytesIO(source)).convert("L")) / 255

    result = read(develop(source, "png"))

    assert np.abs(pixels(result.convert("L")) - srgb(inverse(transfer, values)) * 255).max() <= 1


def test_light_in_an_animated_avif_becomes_srgb():
    frames: dict[str, Any] = {"save_all": True, "append_images": [GRAY.rotate(180)]}
    plain, light = (develop(avif(GRAY, code, **frames), "png") for code in (13, 8))

    assert np.abs(pixels(read(light)) - srgb(pixels(read(plain)) / 255) * 255).max() <= 1


@pytest.mark.parametrize("transfer", [1, 2, 6, 13, 14, 15])
def test_any_other_transfer_is_shown_like_srgb(transfer: int):
    assert develop(avif(GRAY, transfer), "png").data == develop(avif(GRAY, 13), "png").data
