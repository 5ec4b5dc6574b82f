"""The pages of a TIFF: which one is the picture, and whether Pillow reads it rightly.

Numbers of tags and their values are those of TIFF 6.0, unless another source is given.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from PIL import ImagePalette, TiffImagePlugin
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from darkroom.errors import UnsupportedFormat

SUBFILE, OLD_SUBFILE, WIDTH, LENGTH, BITS, COMPRESSION = 254, 255, 256, 257, 258, 259
PHOTOMETRIC, FILL_ORDER = 262, 266
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, PLANAR, COLOR_MAP = 273, 277, 278, 284, 320
STRIP_BYTES, TILE_BYTES = 279, 325
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, EXTRA_SAMPLES, SAMPLE_FORMAT = 322, 323, 324, 338, 339
SUBSAMPLING = 530
SUB_DIRECTORIES = 330  # Adobe PageMaker 6.0 TIFF Technical Notes
DEPTH = 32997  # SGI: the slices of a volume
NODATA = 42113  # GDAL's driver GTiff: the value of pixels without data, as text
DNG_VERSION = 50706  # Adobe Digital Negative 1.7

WHITE = 0xFF
REDUCED, MASK = 1, 4
"""Bits of `SUBFILE`: a smaller copy of another picture, and the mask of another picture."""
OLD_REDUCED = 2
"""The value of `OLD_SUBFILE` for a smaller copy."""
SEPARATE = 2
MULTIPLIED, NOT_MULTIPLIED = 1, 2
"""Values of `EXTRA_SAMPLES` for alpha: the colours are multiplied with it, or not."""
UNSIGNED, SIGNED, FRACTION, UNDEFINED = 1, 2, 3, 4
UNCOMPRESSED, JPEG = 1, 7
END_OF_JPEG, TAIL = b"\xff\xd9", 16
"""The end of a strip or a tile in JPEG, and how many of its last bytes have it."""
LAST_BIT_FIRST = 2
"""The value of `FILL_ORDER` for bytes whose bits are in reverse."""
FAX = {2, 3, 4}
WEBP = 50001  # libtiff
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, COLORMAPPED, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
SENSOR, LINEAR_SENSOR = 32803, 34892  # TIFF/EP and DNG
BYTE, DEEPEST = 8, 16
"""Bits of a sample that Pillow reads rightly; it takes 32 bits for numbers with a sign."""
MAX_PAGES = 100
"""Pages that are searched for the picture. Files have one or two in front of it."""

UNKNOWN = -1
COLORS = {
    UNKNOWN: "unknown colours",
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
COMPRESSIONS = {
    32766: "NeXT",
    32809: "ThunderScan",
    32908: "PixarFilm",
    32909: "PixarLog",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "LogLuv",
    34677: "LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of DNG",
    34933: "PNG",
    34934: "JPEG XR",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
"""Names of compressions of TIFF that are not in TIFF 6.0 and that no decoder here reads."""
NUMBERS = {
    UNSIGNED: "integers",
    SIGNED: "signed integers",
    FRACTION: "floating-point numbers",
    5: "complex integers",
    6: "complex floating-point numbers",
}
RAW_ADVICE = "Convert it to TIFF or JPEG with a raw converter."
STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BIG_AND_BIG_ENDIAN = b"MM\0+"


class Page(NamedTuple):
    """A page of a file: its number, counted from 0, and the tags of its directory.

    `below` is the number of the picture among those below the page (`SUB_DIRECTORIES`), if it is
    one of these.
    """

    number: int
    tags: Any
    below: int | None = None


def picture(file: BinaryIO) -> Page:
    """Return the first page that is a picture: not a reduced copy, and not a mask.

    If all pages are reduced copies, it is the first picture below the first page. A file with only
    a reduced copy gives that picture, unless it is a camera's preview.

    Raises:
        UnsupportedFormat: it is a camera's raw file.
        Exception: whatever Pillow raises for a broken directory.
    """
    first = directory(file)
    below = dict(_below(file, first))
    colors = {tags.get(PHOTOMETRIC) for tags in (first, *below.values())}
    if DNG_VERSION in first or colors & {SENSOR, LINEAR_SENSOR}:
        raise camera_raw()
    pages = enumerate(_directories(file, first))
    found = next((Page(number, tags) for number, tags in pages if not _kind(tags)), None)
    if found:
        return found
    for number, tags in below.items():
        if not _kind(tags) and PHOTOMETRIC in tags:
            return Page(0, tags, number)
    if SUB_DIRECTORIES in first and not first.next:
        # Cameras' files begin with a preview, and have the sensor's values below it.
        raise camera_raw()
    return Page(0, first)


def _directories(file: BinaryIO, first: Any) -> Iterator[Any]:
    tags, seen = first, set()
    for _ in range(MAX_PAGES):
        yield tags
        if not tags.next or tags.next in seen:
            return
        seen.add(tags.next)
        try:
            tags = directory(file, tags.next)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - a broken directory ends the list
            return


def _kind(tags: Any) -> int:
    """Return what keeps a page from being the picture: `REDUCED`, `MASK`, both or 0."""
    old = REDUCED * (tags.get(OLD_SUBFILE) == OLD_REDUCED)
    return int(tags.get(SUBFILE, old)) & (REDUCED | MASK)


def camera_raw() -> UnsupportedFormat:
    """Return the error for a camera's raw file, of which Pillow sees only a preview."""
    return UnsupportedFormat(
        f"The source is a camera's raw file, which Darkroom does not read. {RAW_ADVICE}"
    )


def _below(file: BinaryIO, tags: Any) -> Iterator[tuple[int, Any]]:
    """Yield the directories below one, with their numbers from 0."""
    offsets = tags.get(SUB_DIRECTORIES, ())
    for number, offset in enumerate(offsets[:8] if isinstance(offsets, tuple) else (offsets,)):
        try:
            yield number, directory(file, offset)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001, S112 - a broken directory is not a picture
            continue


def directory(file: BinaryIO, offset: int | None = None) -> Any:
    """Return the tags of the directory at an offset; without one, of the first directory."""
    file.seek(0)
    head = file.read(16)
    if head[:4] == BIG_AND_BIG_ENDIAN:
        # Pillow looks for the version of a BigTIFF at the place where little-endian files have it.
        found = ImageFileDirectory_v2(head[:8])
        found._bigtiff = True  # noqa: SLF001 - there is no public way
        found.next = int.from_bytes(head[8:])
    else:
        found = ImageFileDirectory_v2(head if head[2] == 43 else head[:8])  # noqa: PLR2004
    file.seek(found.next if offset is None else offset)
    found.load(file)
    return found


def color(tags: Any) -> int:
    """Return the color space. If the tag is missing, it is concluded as libtiff does.

    The tag is required, but some programs leave it out (libtiff, `TIFFRGBAImageBegin`).
    """
    colors = tags.get(SAMPLES, 1) - len(tags.get(EXTRA_SAMPLES, ()))
    of_a_fax = tags.get(COMPRESSION) in FAX
    concluded = {1: WHITE_IS_ZERO if of_a_fax else BLACK_IS_ZERO, 3: RGB}
    found = tags.get(PHOTOMETRIC, concluded.get(colors, UNKNOWN))
    return found if isinstance(found, int) else UNKNOWN


def depths(tags: Any) -> set[int]:
    """Return the different numbers of bits of the samples. Some files list more than they have."""
    return set(tags.get(BITS, (1,))[: max(tags.get(SAMPLES, 1), 1)])


def is_usual(page: Page) -> bool:
    """Whether Pillow reads a page rightly, if it reads it.

    ADR 0047 has the measurement. It reads some files of every other kind wrongly: big-endian
    numbers of more than 16 bits or with a sign, two samples in separate planes, and more.
    """
    tags = page.tags
    if page.below is not None or PHOTOMETRIC not in tags or tags.get(DEPTH, 1) != 1:
        # Pillow cannot seek a picture below a page, inverts gray that does not name its color
        # space, and reads the first slice of a volume.
        return False
    bits, compression = depths(tags), tags.get(COMPRESSION, UNCOMPRESSED)
    most = max(bits)
    unusual = (
        not set(tags.get(SAMPLE_FORMAT, ())) <= {UNSIGNED, UNDEFINED},
        len(bits) > 1 or most > DEEPEST,
        most > BYTE and MULTIPLIED in tags.get(EXTRA_SAMPLES, ()),  # it divides what it has cut
        compression == WEBP,  # its libtiff has none
        TILE_WIDTH in tags and TILE_OFFSETS not in tags,  # it takes such tiles for strips
        BITS not in tags and tags.get(SAMPLES, 1) > 1,  # nobody writes colours of 1 bit
        most == BYTE and compression == UNCOMPRESSED and tags.get(FILL_ORDER) == LAST_BIT_FIRST,
    )
    planes = tags.get(PLANAR, 1) == SEPARATE
    return not any(unusual) and (not planes or _has_usual_planes(tags, most, compression))


def _has_usual_planes(tags: Any, bits: int, compression: int) -> bool:
    if tags.get(SAMPLES, 1) == 1:
        return compression != UNCOMPRESSED
    plain = not tags.get(EXTRA_SAMPLES) and tags.get(PHOTOMETRIC) in {RGB, CMYK}
    return plain and (bits == BYTE or (bits == DEEPEST and compression != UNCOMPRESSED))


def is_complete(file: BinaryIO, tags: Any) -> bool:
    """Whether a page has all strips or tiles, and each JPEG among these its end.

    libtiff leaves black what is missing, and libjpeg gray.
    """
    across, down = 1, -(-tags[LENGTH] // max(1, tags.get(ROWS_PER_STRIP, tags[LENGTH])))
    places, counts = tags.get(STRIP_OFFSETS, ()), tags.get(STRIP_BYTES, ())
    if TILE_OFFSETS in tags:
        across = -(-tags[WIDTH] // max(1, tags[TILE_WIDTH]))
        down = -(-tags[LENGTH] // max(1, tags[TILE_LENGTH]))
        places, counts = tags[TILE_OFFSETS], tags.get(TILE_BYTES, ())
    planes = tags.get(SAMPLES, 1) if tags.get(PLANAR) == SEPARATE else 1
    if len(places) < across * down * planes:
        return False
    if tags.get(COMPRESSION) == JPEG:
        segments = zip(places[: across * down * planes], counts, strict=False)
        return all(ends_as_jpeg(file, *segment) for segment in segments)
    return True


def ends_as_jpeg(file: BinaryIO, place: int, count: int) -> bool:
    """Whether a strip or a tile in JPEG has its end."""
    file.seek(max(place, place + count - TAIL))
    return END_OF_JPEG in file.read(min(count, TAIL))


def prepare(image: Any) -> None:
    """Correct what Pillow made of the header of the page that it has opened."""
    tags = image.tag_v2
    subsampled = tuple(tags.get(SUBSAMPLING, (2, 2))) != (1, 1)
    if tags.get(PHOTOMETRIC) == YCBCR and subsampled and not image.use_load_libtiff:
        # Pillow expects as much chroma as luma. libtiff knows better (section 21).
        TiffImagePlugin.READ_LIBTIFF = True
        try:
            image._setup()  # noqa: SLF001 - there is no public way
        finally:
            TiffImagePlugin.READ_LIBTIFF = False
    if image.palette and max(tags[COLOR_MAP]) <= WHITE:
        # The values are 16 bits by the standard, but some programs write 8.
        image.palette = ImagePalette.raw("RGB;L", bytes(tags[COLOR_MAP]))


def name(tags: Any) -> str:
    """Return what a page holds, for people: `a TIFF with RGB in 32-bit floating-point numbers`."""
    bits, found = max(depths(tags)), color(tags)
    numbers = NUMBERS.get(tags.get(SAMPLE_FORMAT, (1,))[0], "values")
    colors = COLORS.get(found, f"the color space {found}")
    alpha = " with more samples" if tags.get(EXTRA_SAMPLES) else ""
    planes = " in separate planes" if tags.get(PLANAR, 1) == SEPARATE else ""
    return f"a TIFF with {colors}{alpha} in {bits}-bit {numbers}{planes}"
