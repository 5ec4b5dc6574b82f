"""TIFFs that Pillow does not read, or reads wrongly: tifffile decodes them, with imagecodecs.

tifffile is written in Python and reads the directory. The decoders of imagecodecs, for example
libjpeg and liblerc, get the strips and tiles. Numbers of tags are those of TIFF 6.0.
"""

import logging
import math
from typing import Any, BinaryIO

from PIL import Image

from darkroom.errors import UnsupportedFormat
from darkroom.images import parts, tiff
from darkroom.images.decoders import levels
from darkroom.images.decoders.picture import Picture

COMPRESSIONS = {
    1: "raw",
    2: "tiff_ccitt",
    3: "group3",
    4: "group4",
    5: "tiff_lzw",
    7: "jpeg",
    8: "tiff_adobe_deflate",
    32773: "packbits",
    32946: "tiff_deflate",
    34887: "lerc",
    34925: "lzma",
    50000: "zstd",
    50001: "webp",
}
"""The compressions that the layer's build of imagecodecs has, with Pillow's names for them."""
COLORS = {
    tiff.WHITE_IS_ZERO: 1,
    tiff.BLACK_IS_ZERO: 1,
    tiff.RGB: 3,
    tiff.COLORMAPPED: 1,
    tiff.CMYK: 4,
    tiff.YCBCR: 3,
}
"""The number of samples of a colour, for each color space that is supported."""
DESCRIBING = (274, 315, 33432, 36867)
"""Tags that are the same in Exif: orientation, artist, copyright, time of the picture."""
ICC_PROFILE = 34675  # ICC.1:2022, annex B
MOST_BITS = 64
MOST_COLORMAP_BITS = 16
READ = 2**20
"""Bytes that are read at a time."""


def opened(file: BinaryIO, page: tiff.Page) -> Picture:
    """Return the picture of a page, which is not decoded yet.

    Args:
        file: the whole file. It stays open until the picture is decoded.
        page: what `images.tiff.picture` found.

    Raises:
        UnsupportedFormat: it is of a kind that is not supported.
        KeyError: its directory is not complete.
    """
    tags = page.tags
    if tags.get(tiff.SAMPLES, 1) > 1:
        _ = tags[tiff.BITS]  # 1 by default, which is right for a scan only
    _check(tags)
    meaning = _meaning(tags)
    size = tags[tiff.WIDTH], tags[tiff.LENGTH]
    sample = 2 ** math.ceil(math.log2(max(8, meaning.bits))) // 8
    info = {"compression": COMPRESSIONS[tags.get(tiff.COMPRESSION, 1)]}
    if ICC_PROFILE in tags:
        info["icc_profile"] = tags[ICC_PROFILE]
    return Picture(
        "TIFF",
        meaning.mode,
        size,
        lambda: _decode(file, page, meaning),
        decoding=sample * tags.get(tiff.SAMPLES, 1) + meaning.result,
        base=levels.BASE + 2 * sample * _segment(tags),
        info=info,
        exif={tag: tags[tag] for tag in DESCRIBING if tag in tags},
    )


def _check(tags: Any) -> None:
    """Refuse what is not supported, by its name."""
    color, compression = tiff.color(tags), tags.get(tiff.COMPRESSION, tiff.UNCOMPRESSED)
    numbers = set(tags.get(tiff.SAMPLE_FORMAT, (tiff.UNSIGNED,)))
    bits = tiff.depths(tags)
    what = None
    if compression not in COMPRESSIONS:
        what = f"a TIFF with the compression {tiff.COMPRESSIONS.get(compression, compression)}"
    elif (
        color not in COLORS
        or len(numbers) > 1
        or not numbers <= {tiff.UNSIGNED, tiff.SIGNED, tiff.FRACTION, tiff.UNDEFINED}
        or len(bits) > 1
        or max(bits) > MOST_BITS
        or (color == tiff.COLORMAPPED and max(bits) > MOST_COLORMAP_BITS)
        or (color == tiff.YCBCR and not _has_luma(tags, compression))
        or tags.get(tiff.SAMPLES, 1) < COLORS[color]
    ):
        what = tiff.name(tags)
    elif tags.get(tiff.DEPTH, 1) != 1:
        what = "a TIFF with a volume"
    if what:
        advice = "Convert it to RGB or gray, with 8 or 16 bits a sample."
        if compression not in COMPRESSIONS:
            advice = "Convert it to a TIFF without compression, or with LZW or Deflate."
        raise UnsupportedFormat(f"The source is {what}, which Darkroom does not read. {advice}")


def _has_luma(tags: Any, compression: int) -> bool:
    """Whether YCbCr is a JPEG, which its decoder converts, or has a sample of each for a pixel."""
    return compression == tiff.JPEG or tuple(tags.get(tiff.SUBSAMPLING, (2, 2))) == (1, 1)


def _meaning(tags: Any) -> levels.Meaning:
    """Return what the samples are that `_samples` returns."""
    color = tiff.color(tags)
    extra = tags.get(tiff.EXTRA_SAMPLES, ())
    alphas = (tiff.MULTIPLIED, tiff.NOT_MULTIPLIED)
    first = next((number for number, kind in enumerate(extra) if kind in alphas), None)
    nodata = None
    if color not in {tiff.COLORMAPPED, tiff.YCBCR}:
        nodata = _nodata(tags)
    return levels.Meaning(
        colors=1 if color == tiff.YCBCR and not _is_jpeg(tags) else COLORS[color],
        bits=8 if color == tiff.COLORMAPPED else max(tiff.depths(tags)),
        alpha=None if first is None else COLORS[color] + first,
        multiplied=first is not None and extra[first] == tiff.MULTIPLIED,
        white_is_zero=color == tiff.WHITE_IS_ZERO,
        nodata=nodata,
    )


def _is_jpeg(tags: Any) -> bool:
    return bool(tags.get(tiff.COMPRESSION) == tiff.JPEG)


def _nodata(tags: Any) -> float | None:
    """Return the value of samples without data, which only measurements have."""
    unsigned = set(tags.get(tiff.SAMPLE_FORMAT, (1,))) <= {tiff.UNSIGNED, tiff.UNDEFINED}
    if unsigned and max(tiff.depths(tags)) <= levels.MOST_BITS:
        return None
    try:
        return float(tags.get(tiff.NODATA, "").strip("\0 "))
    except (AttributeError, ValueError):
        return None


def _segment(tags: Any) -> int:
    """Return the number of samples of a strip or a tile."""
    samples = tags.get(tiff.SAMPLES, 1)
    if tiff.TILE_WIDTH in tags:
        return int(tags[tiff.TILE_WIDTH] * tags.get(tiff.TILE_LENGTH, 1) * samples)
    length = tags[tiff.LENGTH]
    return int(tags[tiff.WIDTH] * min(length, tags.get(tiff.ROWS_PER_STRIP, length)) * samples)


def _decode(file: BinaryIO, page: tiff.Page, meaning: levels.Meaning) -> Image.Image:
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what is broken becomes our error
    file.seek(0)
    with tifffile.TiffFile(file) as opened_file:
        found: Any = opened_file.pages[page.number]
        if page.below is not None:
            found = found.pages[page.below]
        used = meaning.colors if meaning.alpha is None else meaning.alpha + 1
        _check_segments(file, found, used, is_jpeg=_is_jpeg(page.tags))
        samples = found.asarray(squeeze=False, maxworkers=1, buffersize=READ)
    if samples.dtype.kind == "b":
        samples = samples.view("u1")
    # Separate samples, slices, height, width, interleaved samples.
    samples = samples[:, 0, ..., 0].transpose(1, 2, 0) if len(samples) > 1 else samples[0, 0]
    if tiff.color(page.tags) == tiff.COLORMAPPED:
        return _mapped(samples, page.tags, meaning)
    return levels.gray(samples, meaning)


def _check_segments(file: BinaryIO, page: Any, used: int, *, is_jpeg: bool) -> None:
    """Refuse a file in which strips or tiles are missing, of which tifffile would make black.

    Those of planes behind the `used` ones may be missing.
    """
    file.seek(0, 2)
    end = file.tell()  # `seek` of a mapped file returns nothing before Python 3.13
    planes, *rest = page.chunked if page.planarconfig == tiff.SEPARATE else (1, *page.chunked)
    expected = min(planes, used) * math.prod(rest)
    places = list(zip(page.dataoffsets, page.databytecounts, strict=False))[:expected]
    whole = len(places) == expected
    if not whole or any(not count or place + count > end for place, count in places):
        raise parts.incomplete("strips or tiles are missing")
    if is_jpeg and not all(tiff.ends_as_jpeg(file, *place) for place in places):
        raise parts.incomplete("a strip or a tile is truncated")


def _mapped(indices: Any, tags: Any, meaning: levels.Meaning) -> Image.Image:
    """Return the gray of the colours that samples are numbers of (TIFF 6.0, section 5)."""
    import numpy as np

    colors = np.array(tags[tiff.COLOR_MAP], np.uint16).reshape(3, -1).T
    if colors.max() <= tiff.WHITE:  # some programs write 8 bits
        colors = colors * 257
    luma = levels.gray(colors[None], levels.Meaning(3, bits=16)).getdata()
    table = np.array(luma, np.uint8)
    level = Image.fromarray(table[indices[..., 0]])
    if meaning.alpha is None:
        return level
    alpha = indices[..., meaning.alpha].astype(np.float64) * (0xFF / np.iinfo(indices.dtype).max)
    return Image.merge("LA", (level, Image.fromarray((alpha + 0.5).astype(np.uint8))))
