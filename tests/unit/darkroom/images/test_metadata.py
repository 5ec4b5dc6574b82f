"""The fields of Exif that results keep, and those that are removed."""

import io
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, TiffImagePlugin

from darkroom.images.grayscale import grayscale
from darkroom.images.metadata import fields
from tests.support.images.pictures import encode, photo

ARTIST, COPYRIGHT, MODEL, DESCRIPTION, GPS, PHOTO = 315, 33432, 272, 270, 34853, 34665
TAKEN, OFFSET, FRACTION, COMMENT, SERIAL = 36867, 36881, 37521, 37510, 42033
TIME = {TAKEN: "2024:02:29 23:59:58", OFFSET: "+05:30", FRACTION: "042"}
HOLDERS = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"]


def exif(main: dict[int, Any] | None = None, time: dict[int, Any] | None = None) -> bytes:
    found = Image.Exif()
    found.update({ARTIST: "Jo Doe", COPYRIGHT: "(c) Jo Doe"} if main is None else main)
    found.get_ifd(PHOTO).update(TIME if time is None else time)
    return found.tobytes()


def develop(data: bytes, output: str = "auto", **options: Any) -> Image.Image:
    gray = grayscale(data, output=output, quality=90, max_pixels=1_000_000, **options)
    image = Image.open(io.BytesIO(gray.data))
    image.load()
    return image


def reported(image: Image.Image) -> dict[int, Any]:
    """All fields of a result's Exif."""
    found = image.getexif()
    main = {
        tag: found[tag]
        for tag in found
        if not isinstance(image, TiffImagePlugin.TiffImageFile) or tag in {ARTIST, COPYRIGHT}
    }
    main.pop(PHOTO, None)
    return main | found.get_ifd(PHOTO)


KEPT = {ARTIST: "Jo Doe", COPYRIGHT: "(c) Jo Doe"} | TIME


@pytest.mark.parametrize("output", ["auto", "jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("file_format", HOLDERS)
def test_author_owner_and_time_are_kept(file_format: str, output: str):
    # Pillow writes Exif's directory into a TIFF only without compression.
    options = {"compression": "raw"} if file_format == "TIFF" else {}
    data = encode(photo(), file_format, exif=exif(), **options)

    assert reported(develop(data, output)) == KEPT


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_a_tiff_of_any_compression_keeps_them(mode: str, compression: str, tmp_path: Path):
    picture = photo().convert("L")
    image = picture.convert("I").convert(mode) if mode == "I;16" else picture.convert(mode)
    plain = {"compression": "raw" if compression == "jpeg" and mode != "L" else compression}
    data = encode(image, "TIFF", **plain, tiffinfo={ARTIST: "Jo", TAKEN: TIME[TAKEN]})
    path = tmp_path / "result.tif"

    grayscale(data, output="auto", quality=90, max_pixels=100_000, to=path)

    with Image.open(path) as result, Image.open(io.BytesIO(data)) as before:
        assert reported(result) == {ARTIST: "Jo", TAKEN: TIME[TAKEN]}
        assert result.info["compression"] == before.info["compression"]
        assert result.mode == mode
        result.load()
    # TIFF 6.0, section 2: a directory begins at an even offset, and its tags ascend.
    data = path.read_bytes()
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    tags = [entry[0] for entry in struct.iter_unpack("<H10x", data[start + 2 :][: 12 * count])]
    assert start % 2 == 0
    assert tags == sorted(tags)


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "AVIF"])
def test_an_animation_keeps_them(file_format: str):
    frames: dict[str, Any] = {"save_all": True, "append_images": [photo().rotate(180)]}
    data = encode(photo(), file_format, exif=exif(), duration=50, **frames)

    result = develop(data)

    assert result.n_frames == 2  # type: ignore[attr-defined]
    assert reported(result) == KEPT


@pytest.mark.parametrize("file_format", HOLDERS)
def test_nothing_else_is_kept(file_format: str):
    secret = Image.Exif()
    secret.update({MODEL: "secret", DESCRIPTION: "secret", 274: 6, ARTIST: "Jo"})
    secret.get_ifd(PHOTO).update({COMMENT: b"ASCII\0\0\0secret", SERIAL: "secret"})
    secret.get_ifd(GPS).update({1: "N", 2: (51.0, 28.0, 40.0), 29: "secret"})
    options = {"compression": "raw"} if file_format == "TIFF" else {}
    data = encode(photo(), file_format, exif=secret.tobytes(), **options)
    assert b"secret" in data

    gray = grayscale(data, output="auto", quality=90, max_pixels=100_000)

    assert b"secret" not in gray.data
    result = Image.open(io.BytesIO(gray.data))
    assert reported(result) == {ARTIST: "Jo"}
    assert result.size == (64, 97)
    assert GPS not in result.getexif()
    assert result.getexif().get(274, 1) == 1


@pytest.mark.parametrize("file_format", ["GIF", "BMP"])
def test_a_format_without_exif_has_none(file_format: str):
    assert not reported(develop(encode(photo(), file_format)))


def test_a_picture_without_fields_has_no_exif():
    assert "exif" not in develop(encode(photo(), "JPEG")).info


TEXT = "© Zoë Ünal".encode()


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_text_stays_as_it_is(file_format: str):
    both = {ARTIST: TEXT, COPYRIGHT: TEXT + b"\0the editor"}
    result = develop(encode(photo(), "JPEG", exif=exif(both)), "auto")
    if file_format == "TIFF":
        image = encode(photo(), "TIFF", tiffinfo=both, compression="raw")
        result = develop(image)

    assert result.getexif()[ARTIST].encode("latin-1") == TEXT
    assert result.getexif()[COPYRIGHT].encode("latin-1") == TEXT + b"\0the editor"


@pytest.mark.parametrize(
    ("main", "time"),
    [
        ({ARTIST: b"a\x1b[31m", COPYRIGHT: b"a\nb"}, {}),
        ({ARTIST: b"a" * 4097, COPYRIGHT: b"b" * 100_000}, {}),
        ({ARTIST: b"   \0", COPYRIGHT: b""}, {}),
        ({ARTIST: b"one\0two", COPYRIGHT: b"one\0two\0three"}, {}),
        ({}, {TAKEN: "    :  :     :  :  "}),
        ({}, {TAKEN: "yesterday", OFFSET: "+01:00", FRACTION: "5"}),
        ({}, {TAKEN: b"2024:02:29 23:59:58"}),
        ({}, {OFFSET: "+01:00", FRACTION: "5"}),
    ],
)
def test_a_field_of_another_form_is_dropped(main: dict[int, Any], time: dict[int, Any]):
    assert not reported(develop(encode(photo(), "PNG", exif=exif(main, time))))


def test_a_field_of_another_form_does_not_hide_the_others():
    main, time = {ARTIST: b"a\x1b", COPYRIGHT: "c"}, {TAKEN: TIME[TAKEN], OFFSET: "east"}
    kept = {COPYRIGHT: "c", TAKEN: TIME[TAKEN]}

    assert reported(develop(encode(photo(), "PNG", exif=exif(main, time)))) == kept


def test_the_fields_of_a_picture_are_read_from_their_bytes(
    monkeypatch: pytest.MonkeyPatch,
):
    picture = photo()  # as a decoder returns it that has turned the picture upright
    picture.info["exif"] = exif()
    monkeypatch.setattr(picture, "getexif", Image.Exif)

    assert {tag: text.decode() for tag, text in fields(picture).items()} == KEPT


def directory(*entries: tuple[int, int, int, int]) -> bytes:
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + bytes(4)


@pytest.mark.parametrize(
    "block",
    [
        directory((PHOTO, 4, 1, 8)),  # Exif's directory is the first one
        directory((PHOTO, 4, 1, 2**32 - 1)),
        directory((PHOTO, 2, 4, 0x41414141)),
        directory((ARTIST, 2, 2**32 - 1, 8)),
        directory((ARTIST, 2, 100, 2**31)),
        directory((ARTIST, 99, 5, 8)),
        directory((ARTIST, 3, 1, 42), (COPYRIGHT, 5, 1, 0)),
        b"MM\0\x2a\xff\xff\xff\xff",
        b"\xff" * 200,
        b"II",
    ],
)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_hostile_block_has_no_fields(file_format: str, block: bytes):
    data = encode(photo(), file_format, exif=b"Exif\0\0" + block)

    assert not reported(develop(data))
