"""Keep who made a picture, who owns it and when it was taken. All other metadata are dropped.

| kept | Exif (CIPA DC-008) |
|---|---|
| Artist, Copyright | 315 and 33432, of at most 4,096 bytes without control characters |
| DateTimeOriginal | 36867, `YYYY:MM:DD HH:MM:SS` |
| OffsetTimeOriginal | 36881, `+HH:MM` or `-HH:MM` |
| SubSecTimeOriginal | 37521, digits |

A field of another form is dropped, and so is one that is only in XMP or IPTC. Text stays as it is,
byte for byte: Exif names no encoding, and most programs write UTF-8.
"""

import re
import struct
from typing import Any, BinaryIO

from PIL import Image

ARTIST, COPYRIGHT = 315, 33432
TIME = (36867, 36881, 37521)
TAKEN, OFFSET, FRACTION = TIME
PHOTO = 34665
"""The pointer to Exif's own directory, which has the fields of the time."""
FORMS = {
    # Copyright has two parts, the photographer's and the editor's, with a null between them.
    COPYRIGHT: rb"[^\0-\x1f\x7f]{0,4096}(\0[^\0-\x1f\x7f]{1,4096})?",
    ARTIST: rb"[^\0-\x1f\x7f]{1,4096}",
    TAKEN: rb"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d",
    OFFSET: rb"[+-]\d\d:\d\d",
    FRACTION: rb"\d{1,9}",
}
"""The form of each field. They are compiled when a picture has such a field, which is rare."""
WITH_EXIF = {"JPEG", "PNG", "WEBP", "AVIF"}
ASCII, LONG = 2, 4  # TIFF 6.0, section 2
ENTRY = struct.Struct("<HHI4s")
HEAD = b"II*\0"

MOST_EXIF = 2**20
"""Bytes of Exif that are searched a second time; that of cameras has 64 KiB at most."""

Fields = dict[int, bytes]
"""By the number of a field, its value without the null at its end."""


def fields(image: Any) -> Fields:
    """Return the fields of a loaded image that are kept. What is broken has none."""
    try:
        exif = image.getexif()
        data = image.info.get("exif", b"")
        if not {ARTIST, COPYRIGHT, PHOTO} & set(exif) and 0 < len(data) <= MOST_EXIF:
            # For a picture that another library decodes, `getexif` may only know the orientation.
            exif = Image.Exif()
            exif.load(data)
        photo = exif.get_ifd(PHOTO)
        # A TIFF may have the time in its first directory (ISO 12234-2, TIFF/EP).
        said = {tag: photo.get(tag) or exif.get(tag) for tag in TIME}
        said |= {tag: exif.get(tag) for tag in (ARTIST, COPYRIGHT)}
    except Exception:  # noqa: BLE001 - a broken Exif block has no fields
        return {}
    found = {tag: text for tag, value in said.items() if (text := _text(tag, value))}
    if TAKEN not in found:  # the others only make it more exact
        found.pop(OFFSET, None)
        found.pop(FRACTION, None)
    return found


def _text(tag: int, value: Any) -> bytes | None:
    if not isinstance(value, str):
        return None
    text = value.encode("latin-1", "replace").strip(b"\0 \t\r\n")  # as Pillow decoded it
    return text if re.fullmatch(FORMS[tag], text) else None


def options(found: Fields, target: str) -> dict[str, Any]:
    """Return Pillow's options for writing the fields, in a format that has Exif."""
    if not found or target not in WITH_EXIF:
        return {}
    at, directories = _directories(found, len(HEAD) + 4, {})
    return {"exif": b"Exif\0\0" + HEAD + struct.pack("<I", at) + directories}


def add_to_tiff(file: BinaryIO, found: Fields) -> None:
    """Add the fields to a TIFF that was written.

    Pillow cannot write Exif's directory into a compressed TIFF. So this appends the first directory
    again, with the fields, and lets the head of the file point to it.
    """
    file.seek(0)
    if not found or file.read(4) != HEAD:
        return
    file.seek(int.from_bytes(file.read(4), "little"))
    count = int.from_bytes(file.read(2), "little")
    entries = {entry[0]: entry for entry in ENTRY.iter_unpack(file.read(count * ENTRY.size))}
    end = file.seek(0, 2)
    start = end + end % 2  # directories begin at even offsets
    at, directories = _directories(found, start, entries)
    file.write(bytes(start - end) + directories)
    file.seek(4)
    file.write(struct.pack("<I", at))


def _directories(found: Fields, start: int, others: dict[int, Any]) -> tuple[int, bytes]:
    """Return the offset of the first directory, and the bytes of both directories.

    Args:
        found: the fields.
        start: the offset of the bytes.
        others: further entries of the first directory, by their tags.
    """
    main = {tag: text for tag, text in found.items() if tag not in TIME}
    time = {tag: text for tag, text in found.items() if tag in TIME}
    if not time:
        return start, _directory(main, start, others)
    photo = _directory(time, start, {})
    pointer = (PHOTO, LONG, 1, struct.pack("<I", start))
    at = start + len(photo)
    return at, photo + _directory(main, at, others | {PHOTO: pointer})


def _directory(texts: Fields, at: int, others: dict[int, Any]) -> bytes:
    """Return a directory and the values behind it (TIFF 6.0, section 2)."""
    entries, behind = dict(others), b""
    values_at = at + 2 + ENTRY.size * len(texts | others) + 4
    for tag, text in texts.items():
        value = text + b"\0"
        if len(value) <= 4:  # noqa: PLR2004 - it fits into the entry
            entries[tag] = (tag, ASCII, len(value), value)
            continue
        entries[tag] = (tag, ASCII, len(value), struct.pack("<I", values_at + len(behind)))
        behind += value + bytes(len(value) % 2)
    table = b"".join(ENTRY.pack(*entries[tag]) for tag in sorted(entries))
    return struct.pack("<H", len(entries)) + table + bytes(4) + behind
