"""The colour description of a file is found, or reported as missing."""

import io
import struct
from typing import Any

import pytest
from PIL import Image

from darkroom.images.color.cicp import Encoding, encoding
from tests.support.images.pictures import encode, photo
from tests.support.images.profiles import with_chunk


def avif(mode: str, **options: Any) -> bytes:
    return encode(photo(16, 16).convert(mode), "AVIF", **options)


FRAMES: dict[str, Any] = {"save_all": True, "append_images": [photo(16, 16).rotate(90)]}


def box(kind: bytes, *content: bytes) -> bytes:
    return struct.pack(">I", 8 + sum(map(len, content))) + kind + b"".join(content)


def nclx(transfer: int) -> bytes:
    return box(b"colr", b"nclx", struct.pack(">3HB", 9, transfer, 9, 0x80))


def heif(pitm: bytes, ipma: bytes) -> bytes:
    """A file without pictures, whose second property has PQ and whose third one has HLG."""
    properties = box(b"ipco", box(b"ispe", bytes(12)), nclx(16), nclx(18))
    meta = box(b"pitm", pitm), box(b"iprp", properties, box(b"ipma", ipma))
    return box(b"ftyp", b"heic", bytes(4)) + box(b"meta", bytes(4), *meta)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_an_avif_says_its_transfer(mode: str):
    assert encoding(avif(mode)) == Encoding(13)


def test_the_track_of_a_sequence_says_it_if_no_picture_does():
    data = avif("RGB", **FRAMES)
    moov = data.index(b"moov")
    track = data[moov:].replace(struct.pack(">4s2H", b"nclx", 1, 13), b"nclx\0\x01\0\x12")
    data = data[:moov].replace(b"meta", b"free") + track

    assert encoding(data) == Encoding(18)


@pytest.mark.parametrize(
    ("pitm", "ipma"),
    [
        # version 0, indices of 7 bits; item 1 has HLG and item 2 has PQ
        (b"\0\0\0\0\0\2", b"\0\0\0\0\0\0\0\2\0\1\1\x83\0\2\2\1\x82"),
        # version 1, indices of 15 bits
        (b"\1\0\0\0\0\0\0\2", b"\1\0\0\1\0\0\0\2\0\0\0\1\1\0\3\0\0\0\2\2\0\1\x80\2"),
    ],
)
def test_only_the_primary_picture_counts(pitm: bytes, ipma: bytes):
    assert encoding(heif(pitm, ipma)) == Encoding(16)


def test_a_box_of_64_bits_and_one_to_the_end_are_read():
    data = heif(b"\0\0\0\0\0\2", b"\0\0\0\0\0\0\0\1\0\2\1\2")
    meta = data[data.index(b"meta") + 4 :]
    ftyp = data[: data.index(b"meta") - 4]

    for head in (struct.pack(">I4sQ", 1, b"meta", len(meta) + 16), struct.pack(">I4s", 0, b"meta")):
        assert encoding(ftyp + head + meta) == Encoding(16)


def test_a_png_says_its_transfer_and_its_range():
    data = with_chunk(encode(Image.new("L", (4, 4)), "PNG"), b"cICP", bytes([9, 16, 0, 0]))

    assert encoding(data) == Encoding(16, full_range=False)


@pytest.mark.parametrize("content", [bytes([9, 2, 0, 1]), b"\x09\x10\0", b"\x09\x10\0\1\0"])
def test_a_png_that_says_nothing_or_too_much_says_nothing(content: bytes):
    data = with_chunk(encode(Image.new("L", (4, 4)), "PNG"), b"cICP", content)

    assert encoding(data) == Encoding()


def test_a_chunk_with_a_wrong_checksum_is_ignored():
    data = with_chunk(encode(Image.new("L", (4, 4)), "PNG"), b"cICP", bytes([9, 16, 0, 1]))

    assert encoding(data.replace(b"cICP\x09\x10", b"cICP\x09\x12")) == Encoding()


@pytest.mark.parametrize("data", [avif("RGBA"), avif("L", **FRAMES), b"\0\0\0\x18ftypavif"])
def test_a_broken_file_gives_no_description_and_raises_nothing(data: bytes):
    head = data[: data.find(b"mdat") if b"mdat" in data else None]
    for at in range(len(head)):
        encoding(head[:at])
        for byte in (0, 1, 0x7F, 0xFF):
            encoding(head[:at] + bytes([byte]) + head[at + 1 :])


def test_another_file_gives_no_description():
    buffer = io.BytesIO()
    photo().save(buffer, "JPEG")

    assert encoding(buffer.getvalue()) == Encoding()
    assert encoding(b"") == Encoding()
