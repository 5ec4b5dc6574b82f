"""Profiles of gray are applied, all others ignored. The references are numpy's."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.corpus.png import GRAY_ALPHA, png
from tests.support.images.pictures import encode, photo, pixels, read
from tests.support.images.profiles import power, profile, sampled, srgb, with_gamma
from tests.support.images.tiffs import WHITE_IS_ZERO

PHOTOMETRIC = 262
RAMP = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
DEEP_RAMP = np.arange(65536, dtype=np.uint16).reshape(256, 256)
GRAY = Image.fromarray(RAMP)
DEEP = Image.fromarray(DEEP_RAMP)
DOT_GAIN = np.linspace(0, 1, 256) ** 1.74 * 0.97 + np.linspace(0, 1, 256) * 0.03
CURVES: dict[str, tuple[bytes, Any]] = {
    "linear": (power(1.0), lambda x: x),
    "gamma 1.8": (power(1.8), lambda x: x ** (461 / 256)),
    "gamma 2.2": (power(2.2), lambda x: x ** (563 / 256)),
    "dot gain": (
        sampled(list(DOT_GAIN)),
        lambda x: np.interp(x, np.linspace(0, 1, 256), DOT_GAIN),
    ),
}


def develop(data: bytes, output: str = "auto") -> Gray:
    return grayscale(data, output=output, quality=100, max_pixels=1_000_000)


def expected(curve: str, values: np.ndarray = RAMP, most: int = 255) -> np.ndarray:
    found: np.ndarray = srgb(CURVES[curve][1](values / most)) * most
    return found


def largest(gray: Gray, reference: np.ndarray) -> float:
    image = read(gray)
    shown = image if image.mode.startswith("I") else image.convert("L")
    return float(np.abs(pixels(shown) - reference).max())


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("PNG", {}),
        ("JPEG", {"quality": 100}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("AVIF", {"quality": 100}),
    ],
)
def test_a_profile_of_gray_is_applied(file_format: str, options: dict[str, Any], curve: str):
    source = encode(GRAY, file_format, icc_profile=profile(CURVES[curve][0]), **options)

    decoded = pixels(Image.open(io.BytesIO(source)).convert("L"))  # what the encoder left of it
    assert largest(develop(source, "png"), expected(curve, decoded)) <= 1


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_a_profile_of_gray_is_exact_in_16_bits(file_format: str, curve: str):
    source = encode(DEEP, file_format, icc_profile=profile(CURVES[curve][0]))

    # Little CMS has light in 16 bits; near black a step of it is 12.92 steps of sRGB.
    assert largest(develop(source), expected(curve, DEEP_RAMP, 65535)) < 13


def test_a_profile_of_gray_counts_before_16_bits_become_8():
    source = encode(DEEP, "PNG", icc_profile=profile(CURVES["linear"][0]))

    assert largest(develop(source, "jpeg"), expected("linear", DEEP_RAMP, 65535) / 257) <= 2


def test_a_profile_of_gray_leaves_alpha_as_it_is():
    rows = np.arange(0, 256, 17, dtype=np.uint8)
    alpha = Image.fromarray(np.tile(rows[:, None], (1, 256)))
    source = encode(
        Image.merge("LA", (GRAY, alpha)), "PNG", icc_profile=profile(CURVES["gamma 1.8"][0])
    )

    result = read(develop(source))

    assert result.mode == "LA"
    assert np.array_equal(pixels(result.getchannel("A")), pixels(alpha))
    assert np.abs(pixels(result.getchannel("L")) - expected("gamma 1.8")).max() <= 1


def test_gray_and_alpha_of_16_bits_have_a_profile_or_a_gamma():
    samples = np.stack([DEEP_RAMP, DEEP_RAMP.T], axis=-1)
    packed = profile(CURVES["linear"][0])
    for kind, data in (
        (b"iCCP", b"gray\0\0" + zlib.compress(packed)),
        (b"gAMA", struct.pack(">I", 100_000)),
    ):
        result = read(develop(png(samples, GRAY_ALPHA, 16, before=[(kind, data)])))

        found = pixels(result.getchannel("L")) - expected("linear", DEEP_RAMP, 65535) / 257
        visible = DEEP_RAMP.T > 0
        # Pillow reads 8 bits of it. Near black a step of light is 12.92 steps of sRGB.
        assert np.abs(found)[visible].max() <= 13
        assert np.abs(pixels(result.getchannel("A")) - DEEP_RAMP.T / 257).max() <= 1


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("most", [255, 65535])
def test_a_profile_of_gray_in_a_jpeg_2000_is_applied(most: int, curve: str):
    ramp = RAMP if most == 255 else DEEP_RAMP
    source = with_profile(
        encode(Image.fromarray(ramp), "JPEG2000", irreversible=False), profile(CURVES[curve][0])
    )

    reference = expected(curve, ramp, most)
    assert largest(develop(source, "png"), reference) <= (1 if most == 255 else 13)


def with_profile(jp2: bytes, icc: bytes) -> bytes:
    """Replace the enumerated color space of a JPEG 2000 by a profile."""
    at, head = jp2.index(b"colr") - 4, jp2.index(b"jp2h") - 4
    old = int.from_bytes(jp2[at : at + 4])
    new = struct.pack(">I4s", 11 + len(icc), b"colr") + b"\2\0\0" + icc
    length = int.from_bytes(jp2[head : head + 4]) - old + len(new)
    return jp2[:head] + struct.pack(">I", length) + jp2[head + 4 : at] + new + jp2[at + old :]


def test_a_profile_counts_from_black_also_in_a_scale_from_white():
    source = encode(
        GRAY,
        "TIFF",
        icc_profile=profile(CURVES["gamma 1.8"][0]),
        tiffinfo={PHOTOMETRIC: WHITE_IS_ZERO},
    )
    header: Any = Image.open(io.BytesIO(source))
    assert header.tag_v2[PHOTOMETRIC] == WHITE_IS_ZERO

    assert largest(develop(source), expected("gamma 1.8")) <= 1


def test_a_profile_of_gray_is_applied_to_each_frame():
    frames = [GRAY, Image.fromarray(RAMP[:, ::-1].copy())]
    made = profile(CURVES["gamma 1.8"][0])
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": 50}

    image = read(develop(encode(GRAY, "PNG", icc_profile=made, **options)))

    assert image.n_frames == 2  # type: ignore[attr-defined]
    image.seek(1)
    assert np.abs(pixels(image.convert("L")) - expected("gamma 1.8", RAMP[:, ::-1])).max() <= 1


def test_the_curve_of_a_profile_in_lab_is_lightness():
    source = encode(GRAY, "PNG", icc_profile=profile(power(1.0), connection=b"Lab "))
    lightness = RAMP / 255 * 100  # CIE 15, 8.2.1
    light = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness * 27 / 24389)

    assert largest(develop(source), srgb(light) * 255) <= 1


def test_the_result_has_no_profile():
    source = encode(GRAY, "PNG", icc_profile=profile(power(1.8)))

    assert "icc_profile" not in read(develop(source)).info


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
IGNORED = {
    "of colours": SRGB,
    "cut off": profile(power(1.8))[:140],
    "with a broken index": profile(power(1.8))[:132] + b"\xff" * 24,
    "without a curve": profile(power(1.8)).replace(b"kTRC", b"xTRC"),
    "a curve of 4 GiB": profile(b"curv\0\0\0\0\xff\xff\xff\xff\0\0"),
    "that is no device's": profile(power(1.8), device=b"abst"),
    "a link of devices": profile(power(1.8), device=b"link"),
    "that falls": profile(sampled([1, 0.5, 0])),
    "that rises and falls": profile(sampled([0, 0.7, 0.1, 1])),
    "that is black": profile(sampled([0, 0, 0])),
    "that is white": profile(sampled([1, 1, 1])),
    "no profile": b"\xff" * 300,
    "longer than any": profile(power(1.8)) + bytes(2**20),
}
PART = b"ICC_PROFILE\0" + bytes([2, 3]) + profile(power(1.8))


def test_a_profile_of_which_a_part_is_missing_is_ignored():
    source = encode(GRAY, "JPEG", quality=100)
    segment = b"\xff\xe2" + struct.pack(">H", len(PART) + 2) + PART

    assert largest(develop(source[:2] + segment + source[2:], "png"), RAMP) <= 1


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("kind", IGNORED)
def test_any_other_profile_is_ignored(kind: str, file_format: str):
    options = {"quality": 100} if file_format == "JPEG" else {}
    source = encode(GRAY, file_format, icc_profile=IGNORED[kind], **options)

    assert largest(develop(source, "png"), RAMP) <= (1 if file_format == "JPEG" else 0)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_a_profile_of_gray_in_a_file_of_colours_is_ignored(file_format: str):
    options: dict[str, Any] = {"quality": 100} if file_format != "PNG" else {}
    options = {} if file_format == "TIFF" else options
    plain = encode(photo(), file_format, **options)
    source = encode(photo(), file_format, icc_profile=profile(power(1.0)), **options)

    assert develop(source, "png").data == develop(plain, "png").data


def test_a_profile_of_gray_comes_before_the_gamma():
    source = with_gamma(encode(GRAY, "PNG", icc_profile=profile(power(1.8))), 1.0)

    assert largest(develop(source), expected("gamma 1.8")) <= 1


def test_a_profile_that_is_ignored_does_not_hide_the_gamma():
    source = with_gamma(encode(GRAY, "PNG", icc_profile=IGNORED["cut off"]), 1.0)

    assert largest(develop(source), expected("linear")) <= 1
