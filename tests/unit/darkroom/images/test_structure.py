"""Data beside the pixels must fit the function's memory and time, or the file is refused."""

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from darkroom.images.memory import enforced
from darkroom.images.structure import MAX_CHUNKS, MAX_EXIF_SEGMENTS, MAX_SEGMENTS, check
from tests.support.project import PROJECT

MEASURE = PROJECT / "tests/support/measure/hostile_file.py"
SIZE = 50_000_000
FUNCTION = 1769 * 2**20
MEMORY = FUNCTION - 150 * 2**20
MOST_SECONDS = 8
"""Of a processor that others use as well; most files here take a tenth of a second."""

LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells its peaks")


def encoded(kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, kind, **options)
    return file.getvalue()


def filled(part: bytes, size: int = SIZE) -> bytes:
    return part * (size // len(part))


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg(between: bytes) -> bytes:
    whole = encoded("JPEG")
    return whole[:20] + between + whole[20:]  # behind the segment of JFIF


def png(*chunks: bytes) -> bytes:
    whole = encoded("PNG")
    return whole[:33] + b"".join(chunks) + whole[33:]  # behind the header


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def text(number: int, data: bytes) -> bytes:
    return chunk(b"zTXt", b"%d\0\0" % number + zlib.compress(data))


def gif(before: bytes, behind: bytes = b"") -> bytes:
    whole = encoded("GIF")
    start = 13 + (3 << (whole[10] & 7) + 1)
    return whole[:start] + before + whole[start:-1] + behind + b";"


def webp(*chunks: bytes) -> bytes:
    extended = b"VP8X" + struct.pack("<I", 10) + b"\x0c\0\0\0" + b"\x3f\0\0" * 2
    body = b"WEBP" + extended + encoded("WEBP")[12:] + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff(tags: list[tuple[int, int, int, int]], behind: bytes, head: bytes = b"") -> bytes:
    """Tags (number, type, count, value or offset) beside those of 64 x 64 pixels of gray."""
    values = {256: 64, 257: 64, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 64, 279: 4096}
    all_tags = sorted([*((tag, 4, 1, value) for tag, value in values.items()), *tags])
    entries = b"".join(struct.pack("<HHII", *tag) for tag in all_tags)
    start = b"II*\0" + struct.pack("<IH", 8, len(all_tags))
    return head or start + entries + bytes(4) + bytes(4096) + behind


def pointing_at_all_of_it(size: int) -> list[tuple[int, int, int, int]]:
    return [(tag, 7, size, 8) for tag in range(1000, 61_000)]


EXIF = b"Exif\0\0"
RESOURCES = b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\0" * 5400

REFUSED: dict[str, Callable[[], bytes]] = {
    "empty segments": lambda: jpeg(filled(segment(0xE0, b""))),
    "short segments": lambda: jpeg(filled(segment(0xE5, b"a" * 50))),
    "comments": lambda: jpeg(filled(segment(0xFE, b"a"))),
    "tables": lambda: jpeg(filled(segment(0xDB, bytes(65)))),
    "markers without a segment": lambda: jpeg(filled(b"\xff\xd0")),
    "short pieces of Exif": lambda: jpeg(filled(segment(0xE1, EXIF + b"a" * 4))),
    "pieces of Exif": lambda: jpeg(filled(segment(0xE1, EXIF + b"a" * 65_000))),
    "fill bytes": lambda: jpeg(filled(b"\xff")),
    "junk between segments": lambda: jpeg(filled(b"a")),
    "escaped junk between segments": lambda: jpeg(filled(b"\xff\0a")),
    "comments of a GIF": lambda: gif(filled(b"!\xfe\1a\0")),
    "comments behind a frame": lambda: gif(b"", filled(b"!\xfe\1a\0")),
    "one comment of short blocks": lambda: gif(b"!\xfe" + filled(b"\1a") + b"\0"),
    "extensions": lambda: gif(filled(b"!\xf9\4\0\0\0\0\0")),
    "loops": lambda: gif(filled(b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0")),
    "short blocks of pixels": lambda: gif(b"", b",\0\0\0\0\1\0\1\0\0\2" + filled(b"\1\0") + b"\0"),
    "junk in a GIF": lambda: gif(filled(b"a")),
    "empty chunks": lambda: png(filled(chunk(b"prVt", b""))),
    "empty chunks of pixels": lambda: png(filled(chunk(b"IDAT", b""))),
    "short texts": lambda: png(*(chunk(b"tEXt", b"%d\0v" % n) for n in range(2_000_000))),
}

SURVIVED: dict[str, Callable[[], bytes]] = {
    "250 segments of a profile": lambda: jpeg(
        b"".join(segment(0xE2, b"ICC_PROFILE\0" + bytes([n, 250]) + b"a" * 65_519)
                 for n in range(1, 251))
    ),
    "50 MB of extended XMP": lambda: jpeg(
        filled(segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"a" * 65_000))
    ),
    "50 MB of Photoshop's resources": lambda: jpeg(filled(segment(0xED, RESOURCES))),
    "a film behind the picture": lambda: jpeg(b"") + filled(b"a"),
    "a few fill bytes": lambda: jpeg(b"\xff" * 1000),
    "50 MB of one comment": lambda: gif(b"!\xfe" + filled(b"\xff" + b"a" * 255) + b"\0"),
    "50 MB in chunks of 8 KB": lambda: png(*[chunk(b"prVt", b"a" * 8192)] * (SIZE // 8192)),
    "190,000 texts": lambda: png(*(chunk(b"tEXt", b"%d\0v" % n) for n in range(190_000))),
    "60 MB of text in 60 KB": lambda: png(*(text(n, b"v" * 1_000_000) for n in range(60))),
    "Exif whose tags are all of it": lambda: png(
        chunk(b"eXIf", tiff(pointing_at_all_of_it(SIZE), filled(b"a")))
    ),
    "50 MB of Exif": lambda: webp(b"EXIF" + struct.pack("<I", SIZE) + filled(b"a")),
    "50 MB of XMP": lambda: webp(b"XMP " + struct.pack("<I", SIZE) + filled(b"a")),
    "empty chunks of a WebP": lambda: webp(filled(b"ABCD\0\0\0\0")),
    "tags that are all of the file": lambda: tiff(pointing_at_all_of_it(SIZE), filled(b"a")),
}  # fmt: skip

EITHER: dict[str, Callable[[], bytes]] = {
    "a profile that unpacks to 50 MB": lambda: png(
        chunk(b"iCCP", b"n\0\0" + zlib.compress(bytes(SIZE)))
    ),
    "tags of 40 million numbers": lambda: tiff(
        [(tag, 3, 20_000_000, 8) for tag in (338, 339)], filled(b"\1\0")
    ),
    "millions of tags": lambda: tiff(
        [], b"", b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2_400_000)
        + struct.pack("<HHQQ", 1000, 4, 1, 1) * 2_400_000,
    ),
    "boxes of an AVIF": lambda: encoded("AVIF") + filled(struct.pack(">I4s", 8, b"free")),
    "Exif of an AVIF": lambda: encoded("AVIF", exif=EXIF + b"II*\0" + bytes(20_000_000)),
}  # fmt: skip


def outcome(data: bytes, file: Path, memory: int = MEMORY) -> str:
    file.write_bytes(data)
    measured = subprocess.run(
        [sys.executable, "-W", "ignore", MEASURE, file, str(memory)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert measured.returncode == 0, measured.stderr[-500:]
    found, peak, seconds = json.loads(measured.stdout)
    assert peak < FUNCTION
    assert seconds < MOST_SECONDS
    return str(found)


@LINUX
@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_of_too_many_parts_is_refused_at_once(kind: str, tmp_path: Path):
    assert outcome(REFUSED[kind](), tmp_path / "image").startswith("ImageTooLarge: The image has ")


@LINUX
@pytest.mark.parametrize("kind", SURVIVED)
def test_a_picture_with_large_metadata_is_accepted(kind: str, tmp_path: Path):
    assert outcome(SURVIVED[kind](), tmp_path / "image") == "developed"


@LINUX
@pytest.mark.parametrize("kind", EITHER)
def test_unusual_files_end_within_memory_and_time(kind: str, tmp_path: Path):
    assert outcome(EITHER[kind](), tmp_path / "image")


@LINUX
def test_an_image_over_its_estimate_is_refused_and_not_killed(tmp_path: Path):
    data = EITHER["tags of 40 million numbers"]()
    found = outcome(data, tmp_path / "image", memory=300 * 2**20)
    assert found == "ImageTooLarge: The image needs more memory than is available."


@LINUX
def test_memory_is_limited_for_as_long_as_it_is_asked():
    with enforced(100 * 2**20), pytest.raises(MemoryError):
        bytearray(200 * 2**20)
    assert len(bytearray(200 * 2**20)) == 200 * 2**20


@pytest.mark.parametrize(
    "data",
    [
        jpeg(segment(0xE5, b"") * (MAX_SEGMENTS - 20)),
        jpeg(segment(0xE1, EXIF) * MAX_EXIF_SEGMENTS),
        png(*[chunk(b"prVt", b"")] * (MAX_CHUNKS - 3)),
        *(encoded(kind)[:length] for kind in ("JPEG", "GIF", "PNG") for length in range(3, 90)),
    ],
    ids=lambda data: f"{len(data)} bytes",
)
def test_what_is_within_the_limits_or_breaks_off_is_left_to_the_decoder(data: bytes):
    check(data)
