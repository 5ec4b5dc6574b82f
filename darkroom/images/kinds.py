"""Name what Darkroom does not read: other kinds of file, by their first bytes, and rare kinds."""

import re
from typing import Any

from PIL.TiffImagePlugin import COMPRESSION_INFO

from darkroom.images import tiff

NAMES: list[tuple[bytes, str]] = [
    (rb"....ftyp(hei[cxms]|hev[cxms]|m[is]f1(?!.{,64}avi[fs]))", "a HEIC image"),
    (rb"....ftypcrx ", "a camera's raw file (CR3)"),
    (rb"....ftypjxl |\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL image"),
    (
        rb"....ftyp(?!avi[fs]|m[is]f1)|....moov|....mdat|\x1a\x45\xdf\xa3|\0\0\x01[\xb3\xba]|FLV\x01",
        "a video",
    ),
    (rb"RIFF....AVI ", "a video"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (rb"\xff\xd8\xff\xf7", "a JPEG-LS image"),
    (rb"FUJIFILMCCD-RAW|II(RO|RS|U\0)|MMOR|FOVb|\0MRM", "a camera's raw file"),
    (rb"II[*]\0....CR", "a camera's raw file (CR2)"),
    (rb"II\xbc\x01", "a JPEG XR image"),
    (rb"8BP[SB]", "a Photoshop document (PSD)"),
    (rb"gimp xcf", "a GIMP document (XCF)"),
    (rb"%PDF", "a PDF document"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript file"),
    (rb"PK\x03\x04", "a ZIP archive or an Office document"),
    (rb"\x1f\x8b", "a gzip file"),
    (rb"\0\0[\x01\x02]\0.\0|icns", "an icon (ICO, CUR or ICNS)"),
    (rb"P[1-7]\s", "a Netpbm image"),
    (rb"v/1\x01", "an OpenEXR image"),
    (rb"#\?RADIANCE", "a Radiance HDR image"),
    (rb"DDS ", "a DDS texture"),
    (rb"SIMPLE  =", "a FITS image"),
    (rb"\x89HDF\r\n\x1a\n|CDF[\x01\x02\x05]", "scientific data (HDF5 or NetCDF)"),
    (rb"[\x8a\x8b][MJ]NG\r\n\x1a\n", "an MNG or JNG animation"),
    (rb"qoif", "a QOI image"),
    (rb"BPG\xfb", "a BPG image"),
    (rb"AT&TFORM", "a DjVu document"),
    (rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF", "a Windows metafile (WMF or EMF)"),
    (rb"Rar!\x1a\x07|7z\xbc\xaf", "an archive (RAR or 7z)"),
    (rb"version https://git-lfs", "a pointer of Git LFS"),
    (rb"\0{1024}", "nothing but zeros, because its content was lost"),
    (rb".{128}DICM", "a DICOM image"),
    (rb"(?i)\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*+(<!doctype svg[^>]*>\s*)?<svg", "an SVG"),
    (
        rb"(?i)\s*(<!--.*?-->\s*)*+(<\?xml[^>]*>\s*)?(<!doctype html|<html|<head|<body)",
        "a web page",
    ),
    (rb"\s*<\?xml|\s*<[A-Za-z]", "an XML document"),
    (rb"\s*[{\[]\s*[\"\[{]", "a JSON document"),
]
"""What begins with each pattern. The first that matches counts."""
AGAIN = (
    "It is probably what a server sent instead of the image. Download the image again, with a "
    "login if it needs one."
)
ADVICE: list[tuple[str, str]] = [
    (r"web page|XML|JSON|a text", AGAIN),
    (r"video", "Save one of its pictures as JPEG or PNG."),
    (r"camera's raw", tiff.RAW_ADVICE),
    (r"archive|gzip", "Unpack it, and send the images that are in it."),
    (r"PDF|PostScript|SVG|DjVu|metafile|Photoshop|GIMP", "Export it as PNG."),
    (r"Git LFS", "Fetch the image itself, with `git lfs pull`."),
    (r"zeros", "Copy it again from where it came from."),
]
"""What to do with a kind whose name contains a pattern. Others can be converted."""
LENGTH = 1024
"""Bytes of the start that are compared."""


def foreign(start: bytes) -> str | None:
    """Return the name of a kind of file that Darkroom does not read, or None."""
    text = start[:LENGTH].removeprefix(b"\xef\xbb\xbf")
    if text[:2] in {b"\xff\xfe", b"\xfe\xff"}:  # UTF-16
        text = text[2:].replace(b"\0", b"")
    found = (name for pattern, name in NAMES if re.match(pattern, text, re.DOTALL))
    return next(found, None)


def advice(kind: str | None) -> str | None:
    """Return what to do with a kind of file, or None if it should be converted."""
    found = (advice for pattern, advice in ADVICE if kind and re.search(pattern, kind))
    return next(found, None)


def is_text(start: bytes) -> bool:
    """Whether a file begins like a text in UTF-8."""
    try:
        text = start[:LENGTH].decode()
    except UnicodeDecodeError as error:
        text = start[: error.start].decode() if error.start > len(start) - 4 else ""
    return bool(text) and all(letter.isprintable() or letter.isspace() for letter in text)


def rare(error: Exception) -> str | None:
    """Return the name of a rare kind of an accepted format, from what Pillow says of it."""
    said = str(error)
    if found := re.match(r"cannot handle (\d+)-bit layers", said):
        return f"a JPEG with {found[1]} bits a sample"
    if found := re.match(r"cannot handle (\d+)-layer images", said):
        return f"a JPEG with {found[1]} components"
    if found := re.match(r"Unsupported BMP (bitfields layout|.*\(\d+\))", said):
        return f"a BMP with an unusual {found[1].replace('bitfields', 'bit field')}"
    return None


def rare_tiff(file: Any) -> str | None:
    """Return what a TIFF has that no decoder reads; None if its header is broken."""
    try:
        tags = tiff.directory(file)
        compression = tags.get(tiff.COMPRESSION, 1)
        color = tags[tiff.PHOTOMETRIC]
    except Exception:  # noqa: BLE001 - whatever Pillow raises for a broken header
        return None
    needed = {tiff.WIDTH, tiff.LENGTH, tiff.BITS} <= set(tags)
    if not needed or not {tiff.STRIP_OFFSETS, tiff.TILE_OFFSETS} & set(tags):
        return None
    if color in {tiff.SENSOR, tiff.LINEAR_SENSOR} or tiff.DNG_VERSION in tags:
        return "a camera's raw file"
    if compression not in COMPRESSION_INFO:
        return f"a TIFF with the compression {tiff.COMPRESSIONS.get(compression, compression)}"
    return tiff.name(tags)
