"""Complete pictures are converted, whatever is wrong with the rest of their files."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from darkroom.errors import InvalidImage
from darkroom.images.grayscale import Gray, grayscale
from darkroom.images.parts import Parts
from tests.support.images.corpus import png
from tests.support.images.pictures import encode, photo, pixels, read


def develop(data: bytes, output: str = "png") -> Gray:
    return grayscale(data, output=output, quality=90, max_pixels=1_000_000)


def chunk(kind: bytes, data: bytes, error: int = 0) -> bytes:
    check = zlib.crc32(kind + data) ^ error
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


LONG = zlib.compress(bytes(2_000_000))
NEEDLESS = {
    "2 MB of packed text": chunk(b"zTXt", b"k\0\0" + LONG),
    "2 MB of packed Unicode": chunk(b"iTXt", b"k\0\1\0\0\0" + LONG),
    "a profile of 2 MB": chunk(b"iCCP", b"n\0\0" + LONG),
    "a wrong checksum of a text": chunk(b"tEXt", b"k\0v", error=1),
    "a wrong checksum of a time": chunk(b"tIME", bytes(7), error=1),
    "a wrong checksum of a gamma": chunk(b"gAMA", bytes(4), error=1),
    "an unknown packing": chunk(b"zTXt", b"k\0\7" + LONG),
    "a text without an end": chunk(b"iTXt", b"k"),
}


@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("kind", NEEDLESS)
def test_a_chunk_that_no_picture_needs_is_left_out(kind: str, behind: bool) -> None:
    whole = encode(photo(), "PNG")
    at = len(whole) - 12 if behind else 33

    result = read(develop(whole[:at] + NEEDLESS[kind] + whole[at:]))

    assert np.array_equal(pixels(result), pixels(read(develop(whole))))


@pytest.mark.parametrize("at", [0.3, 0.6, 0.9])
def test_pixels_that_differ_from_their_checksum_are_refused(at: float) -> None:
    broken = bytearray(encode(photo(), "PNG"))
    broken[int(len(broken) * at)] ^= 1

    with pytest.raises(InvalidImage, match="checksum"):
        develop(bytes(broken))


def test_the_orientation_in_a_text_is_applied() -> None:
    whole, xmp = encode(photo(), "PNG"), b'<x tiff:Orientation="6"/>'
    text = chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp))

    assert develop(whole[:33] + NEEDLESS["a text without an end"] + text + whole[33:]).width == 64


SAMPLES = np.random.default_rng(5).integers(1, 256, (9, 13), dtype=np.uint8)


@pytest.mark.parametrize("interlaced", [False, True])
def test_a_png_whose_last_row_is_missing_is_refused_and_one_of_black_is_not(
    interlaced: bool,
) -> None:
    samples = SAMPLES.copy()
    samples[-1] = 0
    rows = zlib.decompress(png.pixels(samples, 8, interlaced=interlaced))
    head = png.png(samples, 0, 8, interlaced=interlaced)
    at = head.index(b"IDAT") - 4
    short = head[:at] + chunk(b"IDAT", zlib.compress(rows[:-14])) + chunk(b"IEND", b"")

    assert np.array_equal(pixels(read(develop(head))), samples)
    with pytest.raises(InvalidImage, match="its last rows are missing"):
        develop(short)


def test_an_animation_of_which_a_frame_lacks_rows_gives_its_first_picture() -> None:
    whole = animation()
    at = whole.rindex(b"fdAT") - 4
    rows = zlib.decompress(whole[at + 12 : -16])
    frame = whole[at + 8 : at + 12] + zlib.compress(rows[:-9])

    result = read(develop(whole[:at] + chunk(b"fdAT", frame) + chunk(b"IEND", b"")))

    assert getattr(result, "n_frames", 1) == 1
    assert np.abs(pixels(result) - 50).max() == 0


def animation() -> bytes:
    frames = [Image.new("L", (8, 6), shade) for shade in (50, 90, 130)]
    return encode(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=70)


@pytest.mark.parametrize("output", ["png", "webp"])
@pytest.mark.parametrize(
    "broken",
    [
        animation().replace(b"acTL" + struct.pack(">I", 3), b"acTL" + struct.pack(">I", 5)),
        animation()[: animation().rindex(b"fdAT") - 4] + chunk(b"IEND", b""),
        animation()[: animation().rindex(b"fdAT") + 8],
    ],
    ids=["another checksum", "no last frame", "cut in the last frame"],
)
def test_an_animation_that_is_broken_behind_its_first_picture_gives_that_picture(
    broken: bytes, output: str
) -> None:
    result = read(develop(broken, output))

    assert getattr(result, "n_frames", 1) == 1
    assert np.abs(pixels(result.convert("L")) - 50).max() <= 1


@pytest.mark.parametrize(
    "segment",
    [
        b"\xff\xe0\x00\x07JFIF\0",
        b"\xff\xe2\x00\x0eICC_PROFILE\0",
        b"\xff\xe2\x00\x0fICC_PROFILE\0\1",
        b"\xff\xee\x00\x07Adobe",
    ],
)
def test_a_segment_that_is_too_short_is_left_out(segment: bytes) -> None:
    whole = encode(photo(), "JPEG")

    result = develop(whole[:2] + segment + whole[2:])

    assert np.array_equal(pixels(read(result)), pixels(read(develop(whole))))


def test_parts_are_read_as_one_file() -> None:
    file = Parts(b"0123456789", [(0, 3), (5, 6), (8, 10)], b"end")

    assert file.read() == b"012589end"
    file.seek(2)
    assert [file.read(2), file.tell(), file.read(9), file.read(1)] == [b"25", 4, b"89end", b""]


NOISE = np.random.default_rng(3).integers(0, 256, (40, 56, 3), dtype=np.uint8)


@pytest.mark.parametrize("cut", [1, 2])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_marker_is_complete(progressive: bool, mode: str, cut: int) -> None:
    whole = encode(Image.fromarray(NOISE).convert(mode), "JPEG", progressive=progressive)

    result = develop(whole[:-cut])

    assert np.array_equal(pixels(read(result)), pixels(read(develop(whole))))


@pytest.mark.parametrize("cut", [4, 5, 8, 20, 100])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_last_pixels_is_incomplete(progressive: bool, cut: int) -> None:
    gray = Image.fromarray(NOISE[..., 0])  # of colours, the last bytes are chroma
    whole = encode(gray, "JPEG", progressive=progressive, quality=95)

    with pytest.raises(InvalidImage, match="truncated"):
        develop(whole[:-cut])


VIDEO = b"\0\0\0\x18ftypmp42" + b"\xff\xda\0\x08" * 120 + b"\xff\xd9"
BEHIND = {
    "a video": VIDEO,
    "a picture": encode(photo(9, 9), "JPEG"),
    "zeros": bytes(5000),
    "unknown data": b"\xff\xe1\0\2\xff\xda\0\2" * 120,
}


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_blocks": 3}])
def test_what_is_behind_a_jpeg_without_its_end_marker_is_no_pixel(
    behind: str, options: dict[str, int]
) -> None:
    whole = encode(Image.fromarray(NOISE[..., 0]), "JPEG", quality=95, **options)

    result = develop(whole[:-2] + BEHIND[behind])

    assert np.array_equal(pixels(read(result)), pixels(read(develop(whole))))
    with pytest.raises(InvalidImage, match=r"truncated|broken"):
        develop(whole[:-8] + BEHIND[behind])


@pytest.mark.parametrize("last", range(1, 11))
def test_a_jpeg_that_ends_at_a_restart_marker_is_incomplete(last: int) -> None:
    whole = encode(Image.fromarray(NOISE), "JPEG", restart_marker_blocks=1)
    strips = [at for at in range(len(whole)) if whole[at : at + 2] in RESTARTS]

    assert read(develop(whole[:-2])).size == (56, 40)
    with pytest.raises(InvalidImage, match="truncated"):
        develop(whole[: strips[-last] + last % 3])


RESTARTS = {bytes([0xFF, code]) for code in range(0xD0, 0xD8)}


def test_a_progressive_jpeg_without_its_last_scan_is_incomplete() -> None:
    whole = encode(Image.fromarray(NOISE), "JPEG", progressive=True)

    with pytest.raises(InvalidImage, match="truncated"):
        develop(whole[: whole.rindex(b"\xff\xc4")])
