"""JPEGs as cameras, scanners and printers write them."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darkroom.errors import InvalidImage, UnsupportedFormat
from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.pictures import encode, photo, pixels, read

LUMA = np.array([0.299, 0.587, 0.114])
# Two by two pixels: red, green, blue and (9, 9, 9), as RGB without loss (SOF3).
WITHOUT_LOSS = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/8MAEQgAAgACA1IRAEcRAEIRAP/EABcAAQEBAQAAAAAAAAAAAAAAAAgABAf/2gAMA1IARwBC"
    "AAEAAO/n8/gB/wAAJ/6dIJ//2Q=="
)


def develop(data: bytes, output: str = "png") -> Gray:
    return grayscale(data, output=output, quality=100, max_pixels=1_000_000)


def garish() -> Image.Image:
    """A picture with colours so strong that Y'CbCr can express them and RGB cannot."""
    noise = np.random.default_rng(5).integers(0, 2, (48, 64, 3), dtype=np.uint8)
    return Image.fromarray(noise * 255).resize((128, 96))


def luma_plane(data: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(data))
    image.draft("YCbCr", image.size)
    return pixels(image)[..., 0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"subsampling": "4:4:4"},
        {"subsampling": "4:2:2"},
        {"subsampling": "4:2:0"},
        {"progressive": True},
        {"restart_marker_blocks": 1},
        {"restart_marker_rows": 1},
        {"progressive": True, "restart_marker_blocks": 3},
        {"optimize": True, "quality": 10},
    ],
)
def test_the_gray_is_the_luma_plane_of_the_file_to_the_bit(options: dict[str, Any]):
    data = encode(garish(), "JPEG", **options)

    assert np.array_equal(pixels(read(develop(data))), luma_plane(data))


def test_the_luma_of_a_jpeg_of_rgb_is_computed():
    """Adobe's marker says that it is not Y'CbCr."""
    data = encode(photo(), "JPEG", quality=100, keep_rgb=True)
    assert Image.open(io.BytesIO(data)).info["adobe_transform"] == 0

    assert np.abs(pixels(read(develop(data))) - pixels(photo()) @ LUMA).mean() < 1


def test_a_lossless_jpeg_is_converted():
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]])

    assert np.abs(pixels(read(develop(WITHOUT_LOSS))) - colours @ LUMA).max() < 1


@pytest.mark.parametrize("progressive", [False, True])
def test_inks_are_not_inverted(progressive: bool):
    inks = Image.fromarray(
        np.array([[[0, 0, 0, 0], [0, 0, 0, 255], [255, 0, 0, 0], [0, 0, 255, 128]]], np.uint8),
        "CMYK",
    ).resize((64, 16), Image.Resampling.NEAREST)
    data = encode(inks, "JPEG", quality=100, subsampling=0, progressive=progressive)

    result = pixels(read(develop(data)))

    rgb = np.array([[255, 255, 255], [0, 0, 0], [0, 255, 255], [127, 127, 0]])
    assert np.abs(result[8, 8::16] - rgb @ LUMA).max() < 3


def test_data_behind_the_end_are_ignored():
    data = encode(photo(), "JPEG", quality=95)

    assert develop(data + b"\xff\xd9 and a zip" * 100).data == develop(data).data


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_half_a_picture_is_refused(share: float, progressive: bool):
    data = encode(garish(), "JPEG", quality=95, progressive=progressive)

    with pytest.raises(InvalidImage, match="cannot be decoded"):
        develop(data[: int(len(data) * share)])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF"])
def test_a_truncated_header_is_distinguished_from_a_file_that_is_not_an_image(kind: str):
    with pytest.raises(InvalidImage, match="cannot be decoded"):
        develop(encode(photo(), kind)[:20])
    with pytest.raises(UnsupportedFormat):
        develop(b"<!doctype html>")


# ── Files ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_a_file_is_converted_like_bytes(kind: str, tmp_path: Path):
    data = encode(photo(), kind)
    source, target = tmp_path / "source", tmp_path / "gray"
    source.write_bytes(data)

    gray = grayscale(source, output="auto", quality=90, max_pixels=10_000, to=target)

    expected = grayscale(data, output="auto", quality=90, max_pixels=10_000)
    assert target.read_bytes() == expected.data
    assert (gray.data, gray.content_type, gray.width) == (b"", expected.content_type, 97)


def test_a_broken_file_fails_as_its_bytes_do(tmp_path: Path):
    source = tmp_path / "source"
    for data, error in [(b"", InvalidImage), (b"text", UnsupportedFormat), (b"BM", InvalidImage)]:
        source.write_bytes(data)
        with pytest.raises(error):
            grayscale(source, output="auto", quality=90, max_pixels=10_000)


def test_a_broken_scan_is_reported_as_broken_data(tmp_path: Path) -> None:
    data = encode(photo(), "JPEG", progressive=True)
    frame = data[data.index(b"\xff\xc2") :][:19]
    (tmp_path / "two-frames.jpg").write_bytes(data[:-2] + frame + data[-2:])

    with pytest.raises(InvalidImage, match="broken data stream"):
        grayscale(tmp_path / "two-frames.jpg", output="png", quality=90, max_pixels=10_000)
