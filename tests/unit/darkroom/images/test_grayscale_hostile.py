"""Files that are not images, truncated images, and images that are too large."""

import io
import random
import struct
import zlib

import pytest
from PIL import Image

from darkroom.errors import ImageTooLarge, InvalidImage, UnsupportedFormat
from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.pictures import encode, photo, read


def develop(data: bytes, output: str = "auto", max_pixels: int = 1_000_000) -> Gray:
    return grayscale(data, output=output, quality=90, max_pixels=max_pixels)


def test_an_empty_file_is_not_an_image() -> None:
    with pytest.raises(InvalidImage, match="it has 0 bytes"):
        develop(b"")


@pytest.mark.parametrize(
    "data",
    [
        b"just some text\n",
        b"\x00" * 1000,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",
        b"<html><body>404</body></html>",
        b"P6 1 1 255\n\x00\x00\x00",
        b"\x1f\x8b\x08\x00",
        b"8BPS\x00\x01",
        b"x",
    ],
)
def test_a_file_of_another_kind_is_not_a_supported_format(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat, match=r"JPEG, PNG, WEBP, TIFF, GIF, BMP, AVIF"):
        develop(data)


@pytest.mark.parametrize("file_format", ["PPM", "ICO", "TGA", "PCX", "SGI", "DDS"])
def test_a_format_that_pillow_knows_and_we_do_not_is_refused(file_format: str) -> None:
    with pytest.raises(UnsupportedFormat):
        develop(encode(photo(16, 16), file_format))


@pytest.mark.parametrize("output", ["auto", "jpeg"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_a_truncated_file_is_never_taken_for_a_complete_one(
    file_format: str, share: float, output: str
) -> None:
    whole = encode(photo(), file_format)

    with pytest.raises((InvalidImage, UnsupportedFormat)):
        develop(whole[: int(len(whole) * share)], output)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_a_truncated_picture_is_an_invalid_image(file_format: str) -> None:
    whole = encode(photo(), file_format)

    with pytest.raises(InvalidImage, match="cannot be decoded"):
        develop(whole[: len(whole) // 2])


# ── Pixels ───────────────────────────────────────────────────────────────────────────────────────
def png_that_announces(width: int, height: int) -> bytes:
    """Return a PNG of one bit per pixel without pixels, so that decoding it must fail."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"),
    [(30_000, 30_000), (10_001, 10_000), (2**31 - 1, 1), (2**31 - 1, 2**31 - 1)],
)
def test_too_many_pixels_are_refused_before_any_is_decoded(width: int, height: int) -> None:
    with pytest.raises(ImageTooLarge, match="pixels"):
        develop(png_that_announces(width, height), max_pixels=100_000_000)


def test_exactly_the_limit_is_converted() -> None:
    data = encode(photo(100, 10), "PNG")

    assert read(develop(data, max_pixels=1000)).size == (100, 10)
    with pytest.raises(
        ImageTooLarge, match=r"1000 pixels \(100 x 10, 1 frames\); the limit is 999"
    ):
        develop(data, max_pixels=999)


def test_pillows_limit_is_not_below_ours_and_is_untouched_afterwards() -> None:
    before = Image.MAX_IMAGE_PIXELS

    # The memory is refused, not the pixels, although Pillow would open 179 million at most.
    with pytest.raises(ImageTooLarge, match="could need"):
        grayscale(
            png_that_announces(20_000, 25_000),
            output="auto",
            quality=90,
            max_pixels=500_000_000,
            max_memory=1,
        )

    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG"])
def test_all_frames_are_counted(file_format: str) -> None:
    frames = [Image.new("RGB", (10, 10), (n * 50, 0, 0)) for n in range(5)]
    data = encode(frames[0], file_format, save_all=True, append_images=frames[1:])

    assert read(develop(data, max_pixels=500)).size == (10, 10)
    with pytest.raises(ImageTooLarge, match="5 frames"):
        develop(data, max_pixels=499)


def test_what_the_encoder_has_no_room_for_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflow(*_: object, **__: object) -> None:
        raise ValueError("encoding error 6")  # the message of libwebp for 64 megapixels of noise

    data = encode(photo(), "WEBP")
    monkeypatch.setattr(Image.Image, "save", overflow)
    with pytest.raises(ImageTooLarge, match="too much detail for WEBP"):
        develop(data)


# ── Anything at all ──────────────────────────────────────────────────────────────────────────────
def seeds() -> dict[str, bytes]:
    small, exif = photo(24, 16), Image.Exif()
    exif[274] = 6
    frames = {"save_all": True, "append_images": [photo(24, 16).rotate(90), photo(24, 16)]}
    return {
        "jpeg": encode(small, "JPEG", exif=exif),
        "progressive": encode(small, "JPEG", progressive=True),
        "cmyk": encode(small.convert("CMYK"), "JPEG"),
        "png": encode(small.convert("RGBA"), "PNG", exif=exif),
        "palette": encode(small.convert("P"), "PNG", transparency=3),
        "apng": encode(small, "PNG", **frames),
        "webp": encode(small, "WEBP", exif=exif),
        "animated webp": encode(small, "WEBP", **frames),
        "gif": encode(small, "GIF", **frames),
        "bmp": encode(small, "BMP"),
        "tiff": encode(small, "TIFF", compression="tiff_lzw"),
        "jpeg in tiff": encode(small, "TIFF", compression="jpeg"),
        "avif": encode(small, "AVIF"),
    }


@pytest.mark.parametrize("kind", seeds())
def test_a_broken_file_is_either_converted_or_refused(kind: str) -> None:
    whole, chance = seeds()[kind], random.Random(kind)
    for _ in range(25):
        broken = bytearray(whole)
        for _ in range(chance.choice([1, 2, 8, 32])):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        if chance.random() < 0.3:
            del broken[chance.randrange(len(broken)) :]
        try:
            gray = develop(bytes(broken), chance.choice(["auto", "jpeg", "png", "webp"]))
        except (InvalidImage, UnsupportedFormat, ImageTooLarge):
            continue
        assert Image.open(io.BytesIO(gray.data)).size == (gray.width, gray.height)
