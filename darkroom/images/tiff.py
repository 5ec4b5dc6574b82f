"""The kinds of TIFF that Pillow reads wrongly: they are corrected, or refused by name.

Numbers of tags and their values are those of TIFF 6.0, unless another source is given.
"""

from typing import Any, BinaryIO

from PIL import Image, ImageMath, ImagePalette
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from darkroom.errors import UnsupportedFormat

SUBFILE, WIDTH, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 258, 259, 262
SAMPLES, PLANAR, COLOR_MAP, EXTRA_SAMPLES, SAMPLE_FORMAT = 277, 284, 320, 338, 339
STRIP_OFFSETS, TILE_WIDTH, TILE_OFFSETS, SUBSAMPLING = 273, 322, 324, 530
SUB_DIRECTORIES = 330  # Adobe PageMaker 6.0 TIFF Technical Notes
NODATA = 42113  # GDAL's driver GTiff: the value of the pixels that are no data, as text
DNG_VERSION = 50706  # Adobe Digital Negative 1.7

WHITE = 0xFF
REDUCED, MASK = 1, 4
"""Bits of `SUBFILE`: a smaller copy of another picture, and the mask of another picture."""
SEPARATE = 2
UNSIGNED, SIGNED, FRACTION = 1, 2, 3
YCBCR, SENSOR, LINEAR_SENSOR = 6, 32803, 34892  # the last two: TIFF/EP and DNG
MAX_PAGES = 100
"""Pages that are searched for the picture. Files have one or two in front of it."""
NATIVE_ORDER = {"I;16BS": "I;16NS", "I;32B": "I;32N", "I;32BS": "I;32NS", "F;32BF": "F;32NF"}
"""Pillow's names of big-endian numbers, and of the same numbers in the order of the machine."""
READ_IN_PLANES = {"L", "I;16", "I;16B", "RGB", "RGBA", "CMYK"}
"""The modes that Pillow reads in separate planes."""

COLORS = {
    0: "gray",
    1: "gray",
    2: "RGB",
    3: "palette",
    4: "mask",
    5: "CMYK",
    6: "YCbCr",
    8: "CIE Lab",
    9: "ICC Lab",
    10: "ITU Lab",
    32844: "LogL",
    32845: "LogLuv",
}
NUMBERS = {UNSIGNED: "integers", SIGNED: "signed integers", FRACTION: "floating-point numbers"}
RAW_ADVICE = "Develop it with a raw converter, and save the picture as TIFF or JPEG."


def prepare(image: Any) -> None:
    """Select the picture of an opened TIFF, and correct what Pillow made of its header.

    Raises:
        UnsupportedFormat: Pillow would read it wrongly.
    """
    _select(image)
    tags = image.tag_v2
    if image.info["compression"] == "webp":
        raise refusal("the compression WebP", "Save it as WebP, or as TIFF with Deflate.")
    if TILE_WIDTH in tags and STRIP_OFFSETS in tags and TILE_OFFSETS not in tags:
        # An old way to store tiles, which libtiff reads, too.
        tags[TILE_OFFSETS] = tags[STRIP_OFFSETS]
        del tags[STRIP_OFFSETS]
        image._setup()  # noqa: SLF001 - there is no public way
    _refuse_planes(image, tags)
    _correct_order(image)
    # Uncompressed chroma of fewer samples than luma; 2 x 2 is the default (section 21).
    raw_chroma = tags.get(PHOTOMETRIC) == YCBCR and image.info["compression"] == "raw"
    if raw_chroma and tuple(tags.get(SUBSAMPLING, (2, 2))) != (1, 1):
        raise refusal("uncompressed YCbCr with subsampled chroma", "Save it as RGB.")
    if image.palette and max(tags[COLOR_MAP]) <= WHITE:
        # The values are 16 bits by the standard, but some programs write 8.
        image.palette = ImagePalette.raw("RGB;L", bytes(tags[COLOR_MAP]))


def refusal(kind: str, advice: str) -> UnsupportedFormat:
    """Return the error for a TIFF of a kind that Darkroom does not read."""
    return UnsupportedFormat(f"This TIFF has {kind}, which Darkroom does not read. {advice}")


def _select(image: Any) -> None:
    """Seek the first page that is a picture: not a reduced copy, and not a mask.

    A file with nothing but a reduced copy is that picture, unless it is a camera's preview.
    """
    if _is_camera_raw(image.fp, image.tag_v2):
        raise camera_raw()
    page = 0
    try:
        while _kind(image.tag_v2) and page < MAX_PAGES:
            page += 1
            image.seek(page)
    except EOFError:
        if _kind(image.tag_v2):
            image.seek(0)


def _kind(tags: Any) -> int:
    return int(tags.get(SUBFILE, 0)) & (REDUCED | MASK)


def camera_raw() -> UnsupportedFormat:
    """Return the error for a camera's raw file, of which Pillow sees only a preview."""
    return UnsupportedFormat(
        f"The source is a camera's raw file, which Darkroom does not read. {RAW_ADVICE}"
    )


def _is_camera_raw(file: BinaryIO, tags: Any) -> bool:
    """Whether a file has a sensor's values, in its first directory or in one below it."""
    if DNG_VERSION in tags or tags.get(PHOTOMETRIC) in {SENSOR, LINEAR_SENSOR}:
        return True
    below = tags.get(SUB_DIRECTORIES, ())
    for offset in below[:8] if isinstance(below, tuple) else (below,):
        try:
            found = directory(file, offset).get(PHOTOMETRIC)
        except Exception:  # noqa: BLE001, S112 - a broken directory is no picture
            continue
        if found in {SENSOR, LINEAR_SENSOR}:
            return True
    # Nikon's and Sony's files begin with a preview, and have the sensor's values below it.
    return bool(below) and bool(_kind(tags)) and not tags.next


def directory(file: BinaryIO, offset: int | None = None) -> Any:
    """Return the tags of the directory at an offset; without one, of the first directory."""
    file.seek(0)
    head = file.read(16)
    found = ImageFileDirectory_v2(head if head[2] == 43 else head[:8])  # noqa: PLR2004 - BigTIFF
    file.seek(found.next if offset is None else offset)
    found.load(file)
    return found


def _refuse_planes(image: Any, tags: Any) -> None:
    samples, bits = tags.get(SAMPLES, 1), set(tags.get(BITS, (1,)))
    if tags.get(PLANAR, 1) != SEPARATE or samples == 1:
        return
    raw = image.info["compression"] == "raw"
    unusual = tags.get(PHOTOMETRIC) in {0, YCBCR} or 1 in tags.get(EXTRA_SAMPLES, ())
    if image.mode not in READ_IN_PLANES or (raw and (bits != {8} or unusual)):
        kind = f"{samples} samples of {max(bits)} bits in separate planes"
        raise refusal(kind, "Save it with interleaved samples.")


def _correct_order(image: Any) -> None:
    """Tell Pillow the order of the bytes that libtiff returns, which is always the machine's.

    Pillow knows that for unsigned numbers of 16 bits, but not for others of 16 and 32 bits.
    """
    for tile in image.tile[:1]:
        if tile.codec_name == "libtiff" and tile.args[0] in NATIVE_ORDER:
            native = (NATIVE_ORDER[tile.args[0]], *tile.args[1:])
            image.tile = [tile._replace(args=native)]


def loaded(image: Any) -> Any:
    """Return a loaded picture with the values that its tags define.

    Pillow takes signed values of 8 bits for unsigned ones. Values below 0 are scaled from the
    minimum to the maximum, as those of 16 bits are.
    """
    if image.mode != "L" or image.tag_v2.get(SAMPLE_FORMAT, (UNSIGNED,))[0] != SIGNED:
        return image
    shifted = image.point([value ^ 0x80 for value in range(256)])
    low, high = shifted.getextrema()
    if low >= 0x80:  # noqa: PLR2004 - nothing is below 0
        return image
    span = max(high - low, 1)
    return shifted.point([min(max(v - low, 0) * 255 // span, 255) for v in range(256)])


def without_nodata(image: Any, tags: Any) -> Any:
    """Return values of 32 bits in which the pixels that are no data have the least value."""
    try:
        value = float(tags.get(NODATA, "").strip("\0 "))
    except (AttributeError, ValueError):
        return image
    empty = _where(image, value)
    if not empty.getextrema()[1]:
        return image
    image.paste(0, mask=empty)
    image.paste(image.getextrema()[1], mask=empty)  # not below any data
    image.paste(image.getextrema()[0], mask=empty)
    return image


def _where(image: Any, value: float) -> Any:
    """Return a mask of the pixels with a value, which may be NaN."""
    if value != value:  # noqa: PLR0124
        found = ImageMath.lambda_eval(lambda names: names["i"] != names["i"], i=image)
    elif image.mode == "I" and not value.is_integer():
        return Image.new("1", image.size)
    else:
        exact = int(value) if image.mode == "I" else value
        found = ImageMath.lambda_eval(lambda names: names["i"] == exact, i=image)
    return found.convert("L").point([0] + [255] * 255, "1")
