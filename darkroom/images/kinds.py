"""Name what Darkroom does not read: other kinds of file, by their first bytes, and rare kinds."""

import re
from typing import Any

from PIL.TiffImagePlugin import COMPRESSION_INFO

from darkroom.images import tiff

HEIC = rb"....ftyp(hei[cxms]|hev[cxms]|m[is]f1(?!.{,64}avi[fs]))"
"""What a HEIC begins with. The general brands are followed by those of the content."""
PROLOG = rb"(\s|<\?[^>]*>|<!--.*?-->)*+"
"""What may be in front of the first element of XML: instructions and comments."""
NAMES: list[tuple[bytes, str]] = [
    (HEIC, "a HEIC image"),
    (rb"....ftypcrx ", "a camera's raw file (CR3)"),
    (rb"....ftypjxl |\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL image"),
    (
        rb"....ftyp(?!avi[fs])(jpeg|jpgs|avc[is]|(?=.{8,48}m[is]f[12]))",
        "a HEIF image that is not in HEVC",
    ),
    (rb"....ftypM4A |ID3|OggS|fLaC|MThd|RIFF....WAVE", "a sound"),
    (rb"....(ftyp(?!avi[fs]|m[is]f1)|moov|mdat|wide|free|skip|pnot)|RIFF....AVI ", "a video"),
    (rb"\x1a\x45\xdf\xa3|\0\0\x01[\xb3\xba]|FLV\x01|(\x47.{187}){2}\x47", "a video"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (rb"\xff\xd8\xff(\xf7|\xe8..SPIFF)", "a JPEG-LS image"),
    (rb"\x89PNG\r\n\x1a\n....CgBI", "a PNG that Xcode has changed for iPhones (CgBI)"),
    (
        rb"\x89PNG(?!\r\n\x1a\n)|(\xef\xbf\xbd)+(PNG|..JFIF|\xef\xbf\xbd)",
        "an image that was changed like a text",
    ),
    (
        rb"FUJIFILMCCD-RAW|II(RO|RS|U\0|II)|II\x1a\0\0\0HEAPCCDR|MMOR|FOVb|\0MRM",
        "a camera's raw file",
    ),
    (rb"II[*]\0....CR", "a camera's raw file (CR2)"),
    (rb"II\xbc\x01", "a JPEG XR image"),
    (rb"8BP[SB]", "a Photoshop document (PSD)"),
    (rb"gimp xcf", "a GIMP document (XCF)"),
    (rb"\s*%PDF", "a PDF document"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript file"),
    (rb"PK\x03\x04", "a ZIP archive or an Office document"),
    (rb"\x1f\x8b", "a gzip file"),
    (rb"\0\0[\x01\x02]\0[^\0]\0|icns|RIFF....ACON", "an icon (ICO, CUR, ANI or ICNS)"),
    (rb"\0\0[\x02\x03\x0a\x0b]\0{5}.{8}[\x08\x10\x18\x20][\0-\x2f]", "a Targa image (TGA)"),
    (rb"\x0a[\0\x02-\x05][\0\x01][\x01\x02\x04\x08]", "a PCX image"),
    (rb"\x01\xda[\0\x01][\x01\x02]", "an SGI image"),
    (rb"\x59\xa6\x6a\x95", "a Sun raster image"),
    (rb"/\* XPM|\s*#define \S+_width", "an X11 image (XPM or XBM)"),
    (rb"P[1-7Ff]\s", "a Netpbm image"),
    (rb"v/1\x01", "an OpenEXR image"),
    (rb"#\?R(ADIANC|GB)E", "a Radiance HDR image"),
    (rb"DDS |\xabKTX |VTF\0", "a texture of a 3D program (DDS, KTX or VTF)"),
    (rb"SIMPLE  =", "a FITS image"),
    (rb"\x89HDF\r\n\x1a\n|CDF[\x01\x02\x05]|GRIB", "scientific data (HDF5, NetCDF or GRIB)"),
    (rb"EHFA_HEADER_TAG|UHL1|NITF|msid|\0\0\x27\x0a\0{20}", "data of a map"),
    (rb"LASF|ply\r?\n", "a cloud of points (LAS or PLY)"),
    (rb"[\x8a\x8b][MJ]NG\r\n\x1a\n", "an MNG or JNG animation"),
    (rb"qoif", "a QOI image"),
    (rb"BPG\xfb", "a BPG image"),
    (rb"AT&TFORM", "a DjVu document"),
    (rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF", "a Windows metafile (WMF or EMF)"),
    (
        rb"Rar!\x1a\x07|7z\xbc\xaf|BZh[1-9]1AY|\xfd7zXZ|\x28\xb5\x2f\xfd|.{257}ustar",
        "an archive (such as RAR, 7z or tar)",
    ),
    (
        rb"L\0\0\0\x01\x14\x02\0|\[(InternetShortcut|Desktop Entry)\]",
        "a shortcut to something else",
    ),
    (rb"version https://git-lfs", "a pointer of Git LFS"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document, or previews (Thumbs.db)"),
    (rb"wOF[F2]|OTTO|\0\x01\0\0\0.\0", "a font"),
    (rb"MZ.\0|\x7fELF|\xcf\xfa\xed\xfe", "a program"),
    (rb"SQLite format 3", "a database (SQLite)"),
    (rb"\0\x05\x16[\0\x07]|\0\0\0\x01Bud1", "notes of macOS about other files"),
    (
        rb"bplist|\s*<\?xml[^>]*>\s*<!DOCTYPE plist",
        "a property list of Apple, such as the edits of a photo (AAE)",
    ),
    (rb"/9j/|iVBORw0KGgo|R0lGOD|UklGR|data:image/", "an image that is written as a text (base64)"),
    (rb"\0{1024}", "only zeros, because its content was lost"),
    (rb".{128}DICM", "a DICOM image"),
    (
        rb"(?i)" + PROLOG + rb"(<!doctype (\w+:)?svg|<(\w+:)?svg)",
        "an SVG",
    ),
    (rb"(?i)" + PROLOG + rb"(<!doctype html|<html|<head|<body)", "a web page"),
    (rb"\s*<\?xml|\s*<[A-Za-z]", "an XML document"),
    (rb"\s*[{\[]\s*[\"\[{]", "a JSON document"),
]
"""What begins with each pattern. The first that matches counts."""
AGAIN = (
    "It is probably what a server sent instead of the image. Download the image again, with a "
    "login if it needs one."
)
ADVICE: list[tuple[str, str]] = [
    (r"base64", "Decode it, or send it as a data URL, `data:image/png;base64,…`."),
    (r"changed like a text", "Copy it again, as a binary file."),
    (r"CgBI", "Take the file from before Xcode changed it, or let Xcode's `pngcrush` revert that."),
    (r"of Apple|of macOS|Thumbs", "Send the image that it belongs to."),
    (r"shortcut", "Send what it points to."),
    (r"in front of it", "Remove that; often a script writes it before it sends the image."),
    (r"sound|font|program|database", "Leave it out."),
    (r"of a map|scientific", "Convert it to a GeoTIFF, for example with `gdal_translate`."),
    (r"web page|XML|JSON|a text", AGAIN),
    (r"video", "Save one of its pictures as JPEG or PNG."),
    (r"camera's raw", tiff.RAW_ADVICE),
    (r"archive|gzip", "Unpack it, and send the images that are in it."),
    (r"PDF|PostScript|SVG|DjVu|metafile|Photoshop|GIMP", "Export it as PNG."),
    (r"Git LFS", "Fetch the image itself, with `git lfs pull`."),
    (r"zeros", "Copy it again from where it came from."),
]
"""What to do with a kind whose name contains a pattern. Others can be converted."""
IN_FRONT = re.compile(
    rb"(\xef\xbb\xbf|\s)+(\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|RIFF....WEBP|BM.{4}\0{4})", re.DOTALL
)
"""An image behind a byte order mark or white space."""
LENGTH = 1024
"""Bytes of the start that are compared."""


def foreign(start: bytes) -> str | None:
    """Return the name of a kind of file that Darkroom does not read, or None."""
    if IN_FRONT.match(start):
        return "an image with a byte order mark, line breaks or spaces in front of it"
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
    """Return the name of a rare kind of an accepted format, from what Pillow says about it."""
    said = str(error)
    if found := re.match(r"cannot handle (\d+)-bit layers", said):
        return f"a JPEG with {found[1]} bits a sample"
    if found := re.match(r"cannot handle (\d+)-layer images", said):
        return f"a JPEG with {found[1]} components"
    if said == "Unsupported BMP pixel depth (0)":
        return "a BMP that contains a JPEG or a PNG"
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
