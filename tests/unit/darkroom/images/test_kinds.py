"""Files that Darkroom does not read, or would read wrongly, are refused by name."""

import errno
import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import AvifImagePlugin, Image

from darkroom.errors import ImageTooLarge, InvalidImage, UnsupportedFormat
from darkroom.images.boxes import boxes
from darkroom.images.grayscale import Gray, grayscale
from tests.support.images.corpus.png import chunk, png
from tests.support.images.pictures import encode, photo, pixels, read
from tests.support.images.tiffs import tiff


def develop(data: bytes, output: str = "png") -> Gray:
    return grayscale(data, output=output, quality=90, max_pixels=1_000_000)


SMALL = np.arange(32, dtype=np.uint16).reshape(4, 8)
LARGE_JPEG = encode(photo(), "JPEG")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypisom", "video"),
        (b"\0\0\0\x14ftypqt  ", "video"),
        (b"\0\0\0\x18ftypcrx ", "CR3"),
        (b"II*\0\x10\0\0\0CR\2\0", "CR2"),
        (b"FUJIFILMCCD-RAW 0201", "camera's raw"),
        (b"\xff\x0a\0\0", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x18ftypavci\0\0\0\0mif1avci", "HEIF image that is not in HEVC"),
        (b"\0\0\0\x18ftypj2ki\0\0\0\0mif1j2ki", "HEIF image that is not in HEVC"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypmjp2", "video"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video"),
        (b"\0\0\2\0\0\0\0\0\0\0\0\0\4\0\4\0\x18\x20", "Targa"),
        (b"\xff\xd8\xff\xe8\0\x20SPIFF\0", "JPEG-LS"),
        (png(SMALL, 0, 16).replace(b"\r\n", b"\n", 1), "changed like a text"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"CgBI", bytes(4)) + png(SMALL, 0, 16)[8:], "CgBI"),
        (b"8BPS\0\1", "Photoshop"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -->\n<svg>", "SVG"),
        (b"<?xml version='1.0'?><!DOCTYPE svg PUBLIC '' '' [<!ENTITY a 'b'>]>\n<svg/>", "SVG"),
        (b"<?xml version='1.0'?>\n<?xml-stylesheet a?>\n<!-- b -->\n<svg/>", "SVG"),
        (b"<?xml version='1.0'?>\n<!DOCTYPE plist PUBLIC '' ''>\n<plist>", "edits of a photo"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        ("\ufeff<html>".encode("utf-16-le"), "web page"),
        (b"<?xml version='1.0'?><Error>", "XML"),
        (b'{"error": "denied"}', "JSON"),
        (b"PK\3\4", "ZIP"),
        (tiff(SMALL, 32803), "camera's raw file"),
        (encode(photo(), "BMP")[:28] + b"\x05" + encode(photo(), "BMP")[29:], "pixel depth"),
        (encode(photo(), "BMP")[:28] + b"\0\0\4" + encode(photo(), "BMP")[31:], "contains a JPEG"),
    ],
)
def test_what_is_not_read_is_refused_by_name(data: bytes, name: str) -> None:
    with pytest.raises(UnsupportedFormat, match=rf"{name}.*, which .* does not read\. [A-Z]\w+ "):
        develop(data)


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (b"\xff\x0a\0\0", "Convert it to a usual form .*PNG"),
        (b"\0\0\x02\0\1\0", "icon .* Convert it"),
        (b"<!DOCTYPE html><html>", "Download the image again"),
        (b'{"error": "denied"}', "Download the image again"),
        (b"\0\0\0\x18ftypisom", "Save one of its pictures"),
        (b"\0\0\0\x18ftypcrx ", "raw converter"),
        (b"PK\3\4", "Unpack it"),
        (b"%PDF-1.7\n", "Export it as PNG"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (bytes(2000), "zeros, .* Copy it again"),
        (b"\xef\xbb\xbf" + encode(photo(), "JPEG"), "a byte order mark, .* in front of it"),
        (b"\r\n" + encode(photo(), "PNG"), "line breaks .* in front of it, .* Remove that"),
        (b"[InternetShortcut]\r\nURL=x", "a shortcut .* Send what it points to"),
        (b"a.jpg".ljust(257, b"\0") + b"ustar", "an archive .* Unpack it"),
        (b"II\x1a\0\0\0HEAPCCDR", "raw converter"),
        (b"\0\0\0\x18ftypavci\0\0\0\0avci", "HEIF image that is not in HEVC"),
        (b"\x89HDF\r\n\x1a\n", "HDF5.* Convert it"),
        ("Größe: 3\n".encode() * 400, "not an image.*: it is a text. .* Download the image again"),
    ],
)
def test_a_refusal_says_what_to_do(data: bytes, advice: str) -> None:
    with pytest.raises(UnsupportedFormat, match=advice):
        develop(data)


def bit_fields(alpha: int) -> bytes:
    """A BMP of 32 bits with a header of version 5, all of the same red and alpha."""
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 124, 4, 2, 1, 32, 3, 32, 0, 0, 0, 0) + masks
    pixel = bytes([0, 0, 200, alpha])
    return b"BM" + struct.pack("<IHHI", 170, 0, 0, 138) + head.ljust(124, b"\0") + pixel * 8


@pytest.mark.parametrize(("alpha", "seen"), [(0, 255), (90, 90), (255, 255)])
def test_alpha_of_zero_everywhere_is_opaque_in_a_bmp(alpha: int, seen: int) -> None:
    result = read(develop(bit_fields(alpha)))

    assert (pixels(result.convert("RGBA").getchannel("A")) == seen).all()


def small_frame(*, disposal: int = 0, behind: bytes = b"") -> bytes:
    """A GIF of 6 x 4 whose first frame is 2 x 2 of gray 200 at (1, 1)."""
    frame = encode(Image.new("L", (2, 2), 200), "GIF")
    palette = frame[13 : 13 + (3 << (frame[10] & 7) + 1)]
    codes = frame[frame.index(b"\x2c\0\0\0\0") + 10 :]
    control = b"!\xf9\4" + bytes([disposal << 2, 7, 0, 0]) + b"\0"
    place = struct.pack("<BHHHHB", 0x2C, 1, 1, 2, 2, 0)
    head = b"GIF89a" + struct.pack("<HHBBB", 6, 4, frame[10], 0, 0) + palette
    return head + control + place + codes[:-1] + behind + b";"


def test_what_a_gif_does_not_paint_is_transparent() -> None:
    image = read(develop(small_frame())).convert("RGBA")

    expected = np.zeros((4, 6))
    expected[1:3, 1:3] = 255
    assert np.array_equal(pixels(image.getchannel("A")), expected)
    assert pixels(image.getchannel("R"))[1, 1] == 200


def test_what_a_gif_clears_is_transparent() -> None:
    second = small_frame()[small_frame().index(b"!\xf9") : -1].replace(b"\x2c\1\0", b"\x2c\4\0")

    result = read(develop(small_frame(disposal=2, behind=second)))

    result.seek(1)
    alpha = pixels(result.convert("RGBA").getchannel("A"))
    assert (alpha[1, 1], alpha[1, 4], alpha[0, 0]) == (0, 255, 0)


def with_aperture(whole: bytes, *numbers: int) -> bytes:
    """Add a clean aperture to an AVIF: eight numbers, which are four fractions."""
    box = struct.pack(">I4sIIIIiIiI", 40, b"clap", *numbers)
    meta, ipco = whole.index(b"meta") - 4, whole.index(b"ipco") - 4
    end = ipco + int.from_bytes(whole[ipco : ipco + 4])
    count = len(list(boxes(whole, ipco + 8, end)))
    ipma = whole.index(b"ipma") - 4
    # One more property of the first item, which is the picture: version 0, numbers of 7 bits.
    own = ipma + 18
    grown = bytearray(whole)
    grown[own] += 1
    grown[own + 1 + whole[own] : own + 1 + whole[own]] = bytes([0x80 | count + 1])
    grown[end:end] = box
    for start, more in [(meta, 41), (whole.index(b"iprp") - 4, 41), (ipco, 40)]:
        length = int.from_bytes(grown[start : start + 4]) + more
        grown[start : start + 4] = struct.pack(">I", length)
    moved = grown.index(b"ipma") - 4
    grown[moved : moved + 4] = struct.pack(">I", int.from_bytes(grown[moved : moved + 4]) + 1)
    # The offset of the pixels in `iloc` grows as well.
    place = whole.index(b"mdat") + 4
    return bytes(grown).replace(struct.pack(">I", place), struct.pack(">I", place + 41))


LUMA = np.array([0.299, 0.587, 0.114])


@pytest.mark.parametrize(
    ("size", "off", "rows", "columns"),
    [
        ((96, 64), (0, 0), slice(64), slice(96)),
        ((60, 40), (0, 0), slice(12, 52), slice(18, 78)),
        ((60, 40), (-18, 12), slice(24, 64), slice(60)),
    ],
)
def test_an_avif_is_cropped_to_its_clean_aperture(
    size: tuple[int, int], off: tuple[int, int], rows: slice, columns: slice
) -> None:
    picture = photo(96, 64)
    whole = encode(picture, "AVIF", quality=100, subsampling="4:4:4")

    data = with_aperture(whole, size[0], 1, size[1], 1, off[0], 1, off[1], 1)
    result = pixels(read(develop(data)))

    assert result.shape == (size[1], size[0])
    assert np.abs(result - (pixels(picture) @ LUMA)[rows, columns]).max() <= 3


@pytest.mark.parametrize("numbers", [
    (61, 1, 40, 1, 0, 1, 0, 1), (60, 1, 40, 1, 19, 1, 0, 1), (60, 0, 40, 1, 0, 1, 0, 1),
    (121, 2, 40, 1, 0, 1, 0, 1),
])  # fmt: skip
def test_a_clean_aperture_between_pixels_or_outside_is_refused(numbers: tuple[int, ...]) -> None:
    with pytest.raises(UnsupportedFormat, match="clean aperture"):
        develop(with_aperture(encode(photo(96, 64), "AVIF"), *numbers))


def test_an_animation_with_a_clean_aperture_is_refused() -> None:
    frames = [photo(96, 64), photo(96, 64).rotate(180)]
    data = encode(frames[0], "AVIF", save_all=True, append_images=frames[1:])
    track = data.index(b"moov")
    # In the name of the encoder, which decoders ignore.
    moved = data[:track] + data[track:].replace(b"odin", b"clap")
    with pytest.raises(UnsupportedFormat, match=r"animation .* clean aperture"):
        develop(moved)


@pytest.mark.parametrize(
    ("error", "expected", "said"),
    [
        (OSError("encoder error -2 when writing"), UnsupportedFormat, "cannot be written as TIFF"),
        (RuntimeError("Error setting from dictionary"), UnsupportedFormat, "cannot be written"),
        (ValueError("Invalid quality"), UnsupportedFormat, "cannot be written as TIFF"),
        (OSError("encoder error -9 when writing"), ImageTooLarge, "needs more memory"),
        (RuntimeError("Failed to encode image: Out of memory"), ImageTooLarge, "more memory"),
        (MemoryError(), ImageTooLarge, "needs more memory"),
        (OSError(errno.ENOSPC, "No space left on device"), OSError, "No space left on device"),
    ],
)
def test_an_error_of_the_encoder_is_not_an_error_of_the_image(
    monkeypatch: pytest.MonkeyPatch, error: Exception, expected: type[Exception], said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    data = encode(photo(), "TIFF")
    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(expected, match=said):
        develop(data, "auto")


def test_a_decoder_without_memory_does_not_report_a_broken_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("Failed to decode frame 0: Out of memory")

    data = encode(photo(), "AVIF")
    monkeypatch.setattr(AvifImagePlugin.AvifImageFile, "load", fail)
    with pytest.raises(ImageTooLarge, match="needs more memory"):
        develop(data)


def test_the_limit_of_pixels_is_the_configured_one() -> None:
    header = bytearray(encode(photo(), "BMP"))
    header[18:26] = struct.pack("<II", 65_536, 65_536)

    with pytest.raises(ImageTooLarge, match=r"4294967296 pixels; the limit is 1000000\."):
        develop(bytes(header))


def test_an_avif_that_its_decoder_does_not_read_is_too_large() -> None:
    size = struct.pack(">2I", *photo().size)
    large = encode(photo(), "AVIF").replace(size, struct.pack(">2I", 40_000, 9))

    with pytest.raises(ImageTooLarge, match=r"40000 x 9; .* sides of 32768"):
        develop(large)


def test_a_jpeg_without_a_height_is_refused_by_name() -> None:
    at = LARGE_JPEG.index(b"\xff\xc0") + 5

    with pytest.raises(UnsupportedFormat, match=r"height only behind its pixels \(DNL\)"):
        develop(LARGE_JPEG[:at] + b"\0\0" + LARGE_JPEG[at + 2 :])


def test_the_text_of_a_library_is_not_used_as_a_message() -> None:
    broken = encode(photo(), "TIFF", compression="tiff_lzw")
    for data in (png(SMALL % 4, 3, 2), broken[:200] + b"\xff" * 99 + broken[299:]):
        with pytest.raises(InvalidImage, match=r"decoded: its data are broken\. Copy it again"):
            develop(data)


def test_scans_behind_the_end_are_not_counted() -> None:
    video: Any = io.BytesIO(LARGE_JPEG + b"\xff\xda\0\1" * 500).getvalue()

    assert np.array_equal(pixels(read(develop(video))), pixels(read(develop(LARGE_JPEG))))


def test_comments_without_end_take_no_time() -> None:
    with pytest.raises(UnsupportedFormat, match="not an image"):
        develop(b"<!---->" * 140 + b"x")
