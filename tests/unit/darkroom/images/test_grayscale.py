"""What an image becomes. The references are computed here, from the original pixels."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.pictures import encode, photo, pixels, read


def develop(data: bytes, output: str = "auto", quality: int = 90) -> Gray:
    return grayscale(data, output=output, quality=quality, max_pixels=1_000_000)


def luma(rgb: Image.Image) -> np.ndarray:
    """ITU-R BT.601, in floating point."""
    return pixels(rgb.convert("RGB")) @ np.array([0.299, 0.587, 0.114])


def difference(gray: np.ndarray, expected: np.ndarray) -> float:
    assert gray.shape == expected.shape
    return float(np.abs(gray - expected).mean())


# ── Luma ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("file_format", "options", "content_type", "extension"),
    [
        ("JPEG", {"quality": 95}, "image/jpeg", "jpg"),
        ("JPEG", {"quality": 95, "subsampling": 0}, "image/jpeg", "jpg"),
        ("JPEG", {"quality": 95, "progressive": True}, "image/jpeg", "jpg"),
        ("PNG", {}, "image/png", "png"),
        ("WEBP", {"lossless": True}, "image/webp", "webp"),
        ("WEBP", {"quality": 95}, "image/webp", "webp"),
        ("TIFF", {}, "image/tiff", "tif"),
        ("BMP", {}, "image/bmp", "bmp"),
        ("AVIF", {"quality": 95}, "image/avif", "avif"),
    ],
)
def test_the_result_is_luma_in_the_format_and_size_of_the_source(
    file_format: str, options: dict[str, Any], content_type: str, extension: str
) -> None:
    source = encode(photo(), file_format, **options)
    expected = luma(Image.open(io.BytesIO(source)))

    gray = develop(source, quality=98)

    result = read(gray)
    assert result.format == file_format
    assert (gray.content_type, gray.extension) == (content_type, extension)
    assert (gray.width, gray.height) == result.size == (97, 64)
    red, green, blue = (pixels(band) for band in result.convert("RGB").split())
    assert difference(red, green) + difference(green, blue) < 0.05  # WebP rounds on its way to RGB
    assert difference(pixels(result.convert("L")), expected) < 1


def test_the_luma_of_pure_colours_is_exact() -> None:
    colours = Image.fromarray(
        np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    )

    result = read(develop(encode(colours, "PNG")))

    assert pixels(result).tolist() == [[76, 150, 29, 255]]


@pytest.mark.parametrize("output", ["jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_every_format_can_become_every_output(file_format: str, output: str) -> None:
    gray = develop(encode(photo(), file_format), output)

    assert read(gray).format == output.upper()
    assert gray.content_type == f"image/{output}"


@pytest.mark.parametrize(
    ("file_format", "output"), [("JPEG", "auto"), ("PNG", "webp"), ("PNG", "avif")]
)
def test_a_lower_quality_is_a_smaller_file(file_format: str, output: str) -> None:
    source = encode(photo(), file_format)

    sizes = [len(develop(source, output, quality).data) for quality in (10, 50, 95)]

    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]


def scene() -> Image.Image:
    """A picture with the spectrum of photographs: amplitude falls with frequency."""
    waves = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None]) ** 1.1
    waves[0, 0] = 1
    noise = np.random.default_rng(1).standard_normal((256, 256))
    made = np.fft.ifft2(np.fft.fft2(noise) / waves).real
    return Image.fromarray(((made - made.min()) / np.ptp(made) * 255).astype(np.uint8))


@pytest.mark.parametrize("quality", [50, 75, 90, 95])
def test_an_avif_is_as_good_as_a_jpeg_of_the_same_quality_and_smaller(quality: int):
    source = encode(scene(), "PNG")

    jpeg, avif = (develop(source, output, quality) for output in ("jpeg", "avif"))

    loss = [difference(pixels(read(gray).convert("L")), pixels(scene())) for gray in (jpeg, avif)]
    assert len(avif.data) < len(jpeg.data)
    assert loss[1] <= loss[0] * 1.05


# ── Orientation ──────────────────────────────────────────────────────────────────────────────────
# How a picture's pixels must be turned for each value of Exif 274, with numpy.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].T,
    8: np.rot90,
}


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_picture_stands_upright_and_says_so(file_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 98}}.get(file_format, {})
    source = encode(photo(), file_format, exif=exif, **options)

    result = read(develop(source, quality=98))

    assert difference(pixels(result.convert("L")), UPRIGHT[orientation](luma(photo()))) < 3
    assert result.getexif().get(274, 1) == 1


@pytest.mark.parametrize("behind", [b"\xff\xda\xff\xd9 and a zip" * 99, bytes(999)])
@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF", "GIF", "AVIF", "JPEG2000"])
def test_bytes_behind_the_end_are_ignored(file_format: str, behind: bytes) -> None:
    data = encode(photo(), file_format)

    assert develop(data + behind, output="png").data == develop(data, output="png").data


def test_an_invalid_orientation_is_ignored() -> None:
    exif = Image.Exif()
    exif[274] = 99

    assert read(develop(encode(photo(), "JPEG", exif=exif))).size == (97, 64)


def test_a_broken_exif_block_is_ignored() -> None:
    source = encode(photo(), "JPEG", exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff")

    assert read(develop(source)).size == (97, 64)


# ── Transparency ─────────────────────────────────────────────────────────────────────────────────
def translucent() -> Image.Image:
    image = photo().convert("RGBA")
    alpha = np.tile(np.linspace(0, 255, 97).astype(np.uint8), (64, 1))
    image.putalpha(Image.fromarray(alpha))
    return image


@pytest.mark.parametrize("output", ["png", "webp"])
def test_alpha_is_kept_where_the_output_can_hold_it(output: str) -> None:
    result = read(develop(encode(translucent(), "PNG"), output, 100))

    alpha = pixels(result.convert("RGBA").getchannel("A"))
    assert np.array_equal(alpha, pixels(translucent().getchannel("A")))


def test_transparency_does_not_change_the_luma() -> None:
    result = read(develop(encode(translucent(), "PNG")))

    assert result.mode == "LA"
    assert difference(pixels(result.getchannel("L")), luma(photo())) < 1


def test_alpha_is_flattened_on_white_where_it_cannot_be_held() -> None:
    result = read(develop(encode(translucent(), "PNG"), "jpeg", 100))

    share = pixels(translucent().getchannel("A")) / 255
    assert difference(pixels(result), luma(photo()) * share + 255 * (1 - share)) < 1


def test_a_transparent_colour_of_a_palette_stays_transparent() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putdata([0, 1])

    result = read(develop(encode(palette, "PNG", transparency=0)))

    assert result.mode == "LA"
    assert pixels(result.getchannel("A")).tolist() == [[0, 255]]
    assert pixels(result.getchannel("L"))[0, 1] == 29


@pytest.mark.parametrize(("mode", "key"), [("L", 0), ("RGB", (0, 0, 0))])
def test_a_colour_key_stays_transparent(mode: str, key: Any) -> None:
    image = Image.new(mode, (2, 1), key)
    image.putpixel((1, 0), 200 if mode == "L" else (200, 200, 200))

    result = read(develop(encode(image, "PNG", transparency=key)))

    assert pixels(result.convert("LA").getchannel("A")).tolist() == [[0, 255]]
    assert pixels(result.convert("LA").getchannel("L"))[0, 1] == 200


# ── Depth, ink, profiles ─────────────────────────────────────────────────────────────────────────
def sixteen_bits() -> np.ndarray:
    return np.linspace(0, 65535, 97 * 64).reshape(64, 97).astype(np.uint16)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bits_stay_sixteen_bits(file_format: str) -> None:
    result = read(develop(encode(Image.fromarray(sixteen_bits()), file_format)))

    assert result.mode == "I;16"
    assert np.array_equal(np.asarray(result), sixteen_bits())


@pytest.mark.parametrize(("output", "most"), [("jpeg", 1.0), ("webp", 1.0)])
def test_sixteen_bits_are_scaled_and_not_clipped(output: str, most: float) -> None:
    result = read(develop(encode(Image.fromarray(sixteen_bits()), "PNG"), output, 100))

    assert difference(pixels(result.convert("L")), sixteen_bits() / 257) < most


def test_a_print_is_right() -> None:
    """A CMYK JPEG holds its inks inverted, as Adobe writes them."""
    source = encode(photo().convert("CMYK"), "JPEG", quality=98)

    result = read(develop(source, quality=98))

    assert difference(pixels(result), luma(photo())) < 2


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_nothing_is_left_of_profile_and_metadata(file_format: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = encode(photo(), file_format, exif=exif, icc_profile=profile)
    assert read_bytes(source).info.get("icc_profile")

    result = read(develop(source))

    assert "icc_profile" not in result.info
    assert "exif" not in result.info
    assert result.getexif().get(0x010F) is None


def read_bytes(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


# The modes that Pillow writes for each format. No format has all modes.
MODES = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "TIFF": [
        "1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16", "I;16B",
    ],
    "JPEG": ["1", "L", "RGB", "CMYK", "YCbCr"],
    "WEBP": ["L", "LA", "P", "RGB", "RGBA"],
    "GIF": ["1", "L", "P", "RGB", "RGBA"],
    "BMP": ["1", "L", "P", "RGB", "RGBA"],
    "AVIF": ["L", "LA", "RGB", "RGBA"],
}  # fmt: skip


@pytest.mark.parametrize("output", ["auto", "jpeg", "png", "webp"])
@pytest.mark.parametrize(
    ("file_format", "mode"), [(form, mode) for form, modes in MODES.items() for mode in modes]
)
def test_every_mode_of_every_format_is_converted(file_format: str, mode: str, output: str) -> None:
    source = encode(Image.new("L", (8, 8), 128).convert(mode), file_format)

    result = read(develop(source, output))

    assert result.size == (8, 8)
    if mode not in {"1", "I", "F", "I;16", "I;16B"}:
        assert difference(pixels(result.convert("L")), np.full((8, 8), 128)) < 2
