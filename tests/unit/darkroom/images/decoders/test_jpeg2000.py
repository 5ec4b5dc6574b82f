"""JPEG 2000: as files and as codestreams, of all depths, with alpha, palettes and color spaces."""

import struct
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

from darkroom.errors import ImageTooLarge, InvalidImage, UnsupportedFormat
from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.heics import box
from tests.support.images.pictures import encode, photo, pixels, read

LUMA = np.array([0.299, 0.587, 0.114])
RAMP = np.linspace(0, 1, 37 * 53).reshape(37, 53)
LIGHT = np.dstack([RAMP, RAMP[::-1], RAMP[:, ::-1], 0.2 + 0.8 * RAMP])
"""From black to white, so that a white that has become black is found."""


def develop(data: bytes, output: str = "png", **limits: Any) -> Gray:
    return grayscale(data, output=output, quality=95, **{"max_pixels": 10_000, **limits})


def jpeg2000(samples: np.ndarray, bits: int, codec: str = "jp2", color: str | None = None) -> bytes:
    options = {"colorspace": color} if color else {}
    if samples.dtype.kind == "u":
        options["bitspersample"] = bits  # type: ignore[assignment]
    return bytes(
        imagecodecs.jpeg2k_encode(samples, level=0, codecformat=codec, reversible=True, **options)
    )


def with_header(data: bytes, *boxes: bytes) -> bytes:
    """Replace the boxes behind `ihdr` in the header of a file."""
    start = data.index(b"jp2h") - 4
    length = int.from_bytes(data[start : start + 4])
    header = data[start + 8 : start + 30] + b"".join(boxes)
    return data[:start] + box(b"jp2h", header) + data[start + length :]


def colr(color: int) -> bytes:
    return box(b"colr", b"\1\0\0" + struct.pack(">I", color))


@pytest.mark.parametrize("codec", ["jp2", "j2k"])
@pytest.mark.parametrize("bits", [1, 4, 8, 10, 12, 16])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_samples_of_any_depth_are_read(count: int, bits: int, codec: str) -> None:
    kind = np.uint8 if bits <= 8 else np.uint16
    light = LIGHT[..., [0, 3]] if count == 2 else LIGHT[..., :count]
    samples = np.round(light * (2**bits - 1)).astype(kind)
    stored = samples[..., 0] if count == 1 else samples

    image = read(develop(jpeg2000(stored, bits, codec)))

    values = samples / (2**bits - 1)
    right = values[..., 0] if count < 3 else values[..., :3] @ LUMA
    white = 65535 if image.mode == "I;16" else 255
    seen = pixels(image).reshape(37, 53, -1) / white
    assert np.abs(seen[..., 0] - right).max() <= 1.6 / 255
    assert image.mode == ("LA" if count in {2, 4} else "I;16" if count == 1 and bits > 8 else "L")
    if count in {2, 4}:
        assert np.abs(seen[..., 1] - values[..., -1]).max() <= 1.6 / 255


def test_signed_samples_are_scaled_from_least_to_most() -> None:
    samples = np.round(RAMP * 1000 - 400).astype(np.int16)

    result = pixels(read(develop(jpeg2000(samples, 16))))

    assert np.abs(result / 65535 - RAMP).max() < 0.001


def test_a_palette_with_a_colour_twice_gives_its_colours() -> None:
    palette = np.random.default_rng(5).integers(0, 256, (16, 3), dtype=np.uint8)
    palette[5] = palette[2]
    numbers = np.arange(37 * 53, dtype=np.uint8).reshape(37, 53) % 16
    columns = struct.pack(">HB", 16, 3) + b"\7\7\7" + palette.tobytes()
    places = b"".join(struct.pack(">HBB", 0, 1, n) for n in range(3))
    data = with_header(
        jpeg2000(numbers, 8, color="GRAY"), colr(16), box(b"pclr", columns), box(b"cmap", places)
    )

    result = pixels(read(develop(data)))

    assert np.abs(result - (palette @ LUMA)[numbers]).max() <= 1


@pytest.mark.parametrize("bits", [8, 10, 16])
def test_the_gray_of_luma_and_chroma_is_the_luma(bits: int) -> None:
    data = with_header(_luma_and_chroma(bits), colr(18))

    seen = pixels(read(develop(data)))

    assert np.abs(seen / 255 - LIGHT[..., :3] @ LUMA).max() <= 1.6 / 255


def _luma_and_chroma(bits: int) -> bytes:
    """Return YCbCr of the colours (ITU-R BT.601), in the samples of a file."""
    red, luma, blue = LIGHT[..., 0], LIGHT[..., :3] @ LUMA, LIGHT[..., 2]
    light = np.dstack([luma, (blue - luma) / 1.772 + 0.5, (red - luma) / 1.402 + 0.5])
    kind = np.uint8 if bits == 8 else np.uint16
    return jpeg2000(np.round(light * (2**bits - 1)).astype(kind), bits, color="SYCC")


def test_subsampled_chroma_is_refused() -> None:
    data = bytearray(with_header(_luma_and_chroma(8), colr(18)))
    factors = data.index(b"\xff\x51") + 42  # XRsiz of the second component (T.800, A.5.1)
    data[factors + 2] = 2

    with pytest.raises(UnsupportedFormat, match="chroma is subsampled"):
        develop(bytes(data))


def test_colours_are_taken_in_the_order_that_the_file_defines() -> None:
    samples = np.round(LIGHT[..., 2::-1] * 255).astype(np.uint8)  # blue, green, red
    order = struct.pack(">H", 3) + b"".join(struct.pack(">3H", n, 0, 3 - n) for n in range(3))
    data = with_header(jpeg2000(samples, 8), colr(16), box(b"cdef", order))

    seen = pixels(read(develop(data)))

    assert np.abs(seen / 255 - LIGHT[..., :3] @ LUMA).max() <= 1.6 / 255


def test_what_pillow_fails_to_decode_is_decoded_by_the_other_decoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise OSError("broken data stream when reading image file")

    monkeypatch.setattr(Jpeg2KImageFile, "load", fail)
    data = jpeg2000(np.round(LIGHT[..., :3] * 255).astype(np.uint8), 8)

    assert np.abs(pixels(read(develop(data))) / 255 - LIGHT[..., :3] @ LUMA).max() < 2 / 255


def test_cmyk_becomes_the_luma_of_its_inks() -> None:
    inks = np.round(LIGHT * 255).astype(np.uint8)
    data = with_header(jpeg2000(inks, 8), colr(12))

    result = pixels(read(develop(data)))

    right = ((1 - LIGHT[..., :3]) * (1 - LIGHT[..., 3:])) @ LUMA
    assert np.abs(result / 255 - right).max() <= 2 / 255


@pytest.mark.parametrize("color", [14, 19])
def test_an_unusual_color_space_is_refused(color: int) -> None:
    data = with_header(jpeg2000(np.round(LIGHT[..., :3] * 255).astype(np.uint8), 8), colr(color))
    with pytest.raises(UnsupportedFormat, match="unusual color space"):
        develop(data)


def test_more_components_than_any_color_space_has_are_refused() -> None:
    data = jpeg2000(np.round(LIGHT[..., [0, 1, 2, 0, 1]] * 255).astype(np.uint8), 8, "j2k")
    with pytest.raises(UnsupportedFormat, match="more than four of them"):
        develop(data)


def test_alpha_that_the_colours_are_multiplied_with_is_taken_out() -> None:
    light, alpha = LIGHT[..., :3], LIGHT[..., 3:]
    samples = np.round(np.dstack([light * alpha, alpha]) * 65535).astype(np.uint16)
    channels = struct.pack(">H", 4) + b"".join(
        struct.pack(">HHH", n, 2 if n == 3 else 0, 0 if n == 3 else n + 1) for n in range(4)
    )
    data = with_header(jpeg2000(samples, 16), colr(16), box(b"cdef", channels))

    result = pixels(read(develop(data)))

    assert np.abs(result[..., 0] / 255 - light @ LUMA).max() <= 1.5 / 255


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (encode(photo(), "JPEG2000"), "image/jpeg"),
        (encode(photo().convert("RGBA"), "JPEG2000"), "image/png"),
        (jpeg2000((RAMP * 65535).astype(np.uint16), 16), "image/png"),
        (jpeg2000((LIGHT[..., :3] * 65535).astype(np.uint16), 16), "image/jpeg"),
    ],
)
def test_auto_is_a_jpeg_unless_that_would_lose_something(data: bytes, content_type: str) -> None:
    assert develop(data, "auto").content_type == content_type


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.9])
@pytest.mark.parametrize("bits", [8, 12])
def test_a_truncated_file_is_never_taken_for_a_complete_one(bits: int, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 2**bits, (60, 60, 3))
    data = jpeg2000(noise.astype(np.uint16 if bits > 8 else np.uint8), bits)
    with pytest.raises(InvalidImage):
        develop(data[: int(len(data) * share)])


@pytest.mark.parametrize("options", [{}, {"no_jp2": True}])
def test_a_file_that_is_filled_up_with_zeros_is_truncated(options: dict[str, bool]) -> None:
    data = encode(photo(), "JPEG2000", **options)
    share = len(data) // 5

    assert develop(data + bytes(share)).width == photo().width
    with pytest.raises(InvalidImage, match="truncated"):
        develop(data[:-share] + bytes(share))


def test_a_file_that_is_cut_off_is_called_truncated() -> None:
    data = encode(photo(), "JPEG2000")
    with pytest.raises(InvalidImage, match="truncated"):
        develop(data[:-9])


@pytest.mark.parametrize("bits", [8, 12])
def test_a_bomb_is_refused_before_it_is_decoded(bits: int) -> None:
    samples = (LIGHT[..., :3] * (2**bits - 1)).astype(np.uint16 if bits > 8 else np.uint8)
    data = jpeg2000(samples, bits, "j2k")
    # The size of the picture and of its tile: SIZ (T.800, A.5.1).
    large = struct.pack(">II", 60_000, 60_000)
    data = data[:8] + large + data[16:24] + large + data[32:]
    with pytest.raises(ImageTooLarge, match="pixels"):
        develop(data, max_pixels=10**8)
    with pytest.raises(ImageTooLarge, match="of memory"):
        develop(data, max_pixels=10**11, max_memory=10**9)
