"""Only images that do not fit the function's memory are refused before they are decoded."""

import io
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from darkroom.errors import ImageTooLarge
from darkroom.images.grayscale import grayscale
from darkroom.images.limits import MAX_FRAMES, MAX_SCANS
from darkroom.images.memory import needed
from tests.support.images import tiffs
from tests.support.images.heics import heic
from tests.support.images.profiles import power, profile
from tests.support.images.tiffs import tiff
from tests.support.project import PROJECT

MEASURE = PROJECT / "tests/support/measure/conversion.py"
SIDE = 1200
SLACK = 3 * 2**20  # memory of the allocator, and of modules that Pillow loads at its first image
NOISE = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 4), dtype=np.uint8)
TALL = np.tile(NOISE, (2, 1, 1))
DEEP = Image.fromarray(NOISE.view(np.uint16)[..., 0].copy())
RGBA = Image.fromarray(NOISE)
RGB, CMYK, GRAY = RGBA.convert("RGB"), Image.fromarray(NOISE, "CMYK"), RGBA.convert("L")
FRAMES = [Image.fromarray(np.roll(NOISE[:400, :400], n, axis=0)) for n in range(8)]
ANIMATION: dict[str, Any] = {"save_all": True, "append_images": FRAMES[1:], "duration": 50}
TURNED = Image.Exif()
TURNED[274] = 6

PROFILE = profile(power(1.8))
PQ = PngInfo()
PQ.add(b"cICP", bytes([9, 16, 0, 1]))

FILES: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
    "baseline JPEG": (RGB, "JPEG", {}),
    "turned JPEG": (RGB, "JPEG", {"exif": TURNED}),
    "progressive JPEG": (RGB, "JPEG", {"progressive": True, "subsampling": 0}),
    "progressive CMYK JPEG": (CMYK, "JPEG", {"progressive": True}),
    "PNG": (RGB, "PNG", {"compress_level": 1}),
    "transparent PNG": (RGBA, "PNG", {"compress_level": 1}),
    "16-bit PNG": (DEEP, "PNG", {"compress_level": 1}),
    "palette PNG": (GRAY.convert("P"), "PNG", {"compress_level": 1, "transparency": 0}),
    "WebP": (RGB, "WEBP", {"method": 0}),
    "transparent WebP": (RGBA, "WEBP", {"lossless": True, "method": 0, "quality": 0}),
    "TIFF": (RGB, "TIFF", {"compression": "tiff_lzw"}),
    "CMYK TIFF of one strip": (CMYK, "TIFF", {"compression": "tiff_lzw", "tiffinfo": {278: SIDE}}),
    "GIF": (GRAY, "GIF", {}),
    "BMP": (RGB, "BMP", {}),
    "AVIF": (RGB, "AVIF", {"speed": 10}),
    "transparent AVIF": (RGBA, "AVIF", {"speed": 10}),
    "transparent TIFF": (RGBA, "TIFF", {"compression": "tiff_lzw"}),
    "fractions in TIFF": (GRAY.convert("F"), "TIFF", {}),
    "PNG in PQ": (RGB, "PNG", {"compress_level": 1, "pnginfo": PQ}),
    "transparent palette PNG in PQ": (
        GRAY.convert("P"),
        "PNG",
        {"compress_level": 1, "transparency": 0, "pnginfo": PQ},
    ),
    "gray PNG with a profile": (GRAY, "PNG", {"compress_level": 1, "icc_profile": PROFILE}),
    "16-bit PNG with a profile": (DEEP, "PNG", {"compress_level": 1, "icc_profile": PROFILE}),
    "turned gray JPEG with a profile": (GRAY, "JPEG", {"exif": TURNED, "icc_profile": PROFILE}),
    "animated PNG": (FRAMES[0], "PNG", ANIMATION),
    "animated GIF": (FRAMES[0], "GIF", ANIMATION),
    "GIF that clears": (FRAMES[0].convert("RGB"), "GIF", ANIMATION | {"disposal": 2}),
    "animated AVIF": (FRAMES[0], "AVIF", ANIMATION | {"speed": 10}),
    "animated WebP": (FRAMES[0], "WEBP", ANIMATION | {"lossless": True, "method": 0}),
}


RAW: dict[str, Callable[[], bytes]] = {
    "fractions of RGB": lambda: tiff((NOISE[..., :3] / 255).astype(np.float32), tiffs.RGB),
    "planes of 16 bits": lambda: tiff(
        NOISE.view(np.uint16).repeat(2, axis=2)[..., :3],
        tiffs.RGB, planar=True, compression=tiffs.DEFLATE,
    ),
    "gray and alpha of 16 bits": lambda: tiff(
        NOISE.view(np.uint16), tiffs.BLACK_IS_ZERO, extra=2
    ),
    "HEIC": lambda: heic(RGB.crop((0, 0, 600, 600)), quality=60, chroma=420),
    "transparent HEIC": lambda: heic(RGBA.crop((0, 0, 600, 600)), quality=60, chroma=420),
    "JPEG 2000": lambda: encoded(RGB, "JPEG2000"),
    "JPEG 2000 of 16 bits": lambda: bytes(
        imagecodecs.jpeg2k_encode(NOISE.view(np.uint16), level=0, reversible=True)
    ),
    "JPEG of 12 bits": lambda: bytes(
        imagecodecs.jpeg8_encode(TALL[..., :3] * np.uint16(16), bitspersample=12)
    ),
}  # fmt: skip
"""Files that other decoders than Pillow's read, or that Pillow does not write."""


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


OUTPUTS = [
    *((name, "auto") for name in (*FILES, *RAW)),
    ("baseline JPEG", "png"),
    ("baseline JPEG", "webp"),
    ("transparent PNG", "webp"),
    ("transparent PNG", "jpeg"),
    ("16-bit PNG", "jpeg"),
    ("16-bit PNG with a profile", "jpeg"),
    ("WebP", "png"),
    ("AVIF", "png"),
    ("animated GIF", "png"),
    ("animated GIF", "webp"),
    ("animated WebP", "jpeg"),
]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells its peaks")
@pytest.mark.parametrize(("name", "output"), OUTPUTS)
def test_no_image_needs_more_memory_than_estimated(name: str, output: str, tmp_path: Path):
    file = tmp_path / "image"
    if name in RAW:
        file.write_bytes(RAW[name]())
    else:
        image, kind, options = FILES[name]
        file.write_bytes(encoded(image, kind, **options))

    measured = subprocess.run(
        [sys.executable, MEASURE, file, output], capture_output=True, text=True, check=False
    )

    assert measured.returncode == 0, measured.stderr
    estimate, truth = map(int, measured.stdout.split())
    assert truth < estimate + SLACK
    assert estimate < 4 * truth + SLACK


def develop(data: bytes, output: str = "auto", **limits: Any) -> Any:
    return grayscale(data, output=output, quality=90, **{"max_pixels": 10**9, **limits})


def test_what_would_not_fit_is_refused_before_it_is_decoded():
    # The header of a JPEG and nothing else: decoding it would raise InvalidImage.
    header = encoded(Image.new("RGB", (1000, 1000)), "JPEG")[:700]
    with pytest.raises(ImageTooLarge, match=r"1000 x 1000, 1 frames, could need .* of memory"):
        develop(header, max_memory=1_000_000)


def test_the_format_of_the_result_counts_as_well():
    data = encoded(Image.new("RGB", (500, 500)), "JPEG")
    assert develop(data, "jpeg", max_memory=2_000_000).width == 500
    with pytest.raises(ImageTooLarge, match="as JPEG to WEBP"):
        develop(data, "webp", max_memory=2_000_000)


# The memory of the function in template.yaml, without what the function itself uses.
MEMORY = (1769 - 150) * 2**20


@pytest.mark.parametrize(
    ("kind", "output", "size"),
    [
        ("JPEG", "JPEG", (10_000, 10_000)),
        ("JPEG", "PNG", (10_000, 10_000)),
        ("PNG", "PNG", (10_000, 10_000)),
        ("TIFF", "TIFF", (10_000, 10_000)),
        ("BMP", "BMP", (10_000, 10_000)),
        ("WEBP", "WEBP", (10_000, 8_000)),
        ("AVIF", "AVIF", (8_000, 8_000)),
    ],
)
def test_what_fits_is_not_refused(kind: str, output: str, size: tuple[int, int]):
    image = Image.open(io.BytesIO(encoded(Image.new("RGB", (8, 8)), kind)))
    image._size = size

    assert needed(image, output, 1, file_size=50 * 2**20) < MEMORY


@pytest.mark.parametrize(("output", "side"), [("webp", 16_384), ("jpeg", 65_501)])
def test_a_side_that_the_format_of_the_result_cannot_have_is_too_large(output: str, side: int):
    with pytest.raises(ImageTooLarge, match=f"as {output.upper()} a side can have"):
        develop(encoded(Image.new("L", (side, 1)), "PNG"), output)


def test_a_tile_that_is_larger_than_the_image_counts_as_a_whole():
    # Width, length, bits, Adobe's deflate, black is zero, tile's width, length, offset and bytes.
    tags = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 322: 60_000, 323: 60_000, 324: 8, 325: 8}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    tiled = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    with pytest.raises(ImageTooLarge, match="of memory"):
        develop(tiled, max_memory=10**9)


def gif(frames: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b";"


def test_the_smallest_frames_are_too_many_at_some_point():
    with pytest.raises(ImageTooLarge, match=f"the limit is {MAX_FRAMES}"):
        develop(gif(MAX_FRAMES + 1))
    assert develop(gif(MAX_FRAMES + 1), "jpeg").width == 1  # one of them is one


def test_a_jpeg_with_endless_scans_is_refused():
    whole = encoded(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    scan = whole[whole.rfind(b"\xff\xda") : -2]
    with pytest.raises(ImageTooLarge, match=f"more than {MAX_SCANS} scans"):
        develop(whole[:-2] + scan * MAX_SCANS + whole[-2:])


def test_the_frames_of_a_gray_gif_are_not_all_the_last_one():
    frames = [Image.new("L", (8, 8), shade) for shade in (0, 90, 180)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=70)

    developed = Image.open(io.BytesIO(develop(data).data))

    shades = []
    for number in range(developed.n_frames):
        developed.seek(number)
        shades.append(developed.convert("L").getpixel((0, 0)))
    assert shades == [0, 90, 180]


def test_a_second_picture_in_a_jpeg_is_not_a_second_frame():
    pictures = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(pictures[0], "MPO", save_all=True, append_images=pictures[1:])
    assert getattr(Image.open(io.BytesIO(develop(data, "png").data)), "n_frames", 1) == 1
