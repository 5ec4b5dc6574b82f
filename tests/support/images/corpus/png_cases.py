"""The PNGs of the corpus: written with struct and zlib, by Pillow, and by libpng (imagecodecs)."""

import io
import itertools
import struct
import zlib
from collections.abc import Iterator
from functools import partial

import imagecodecs
import numpy as np
from PIL import Image, ImageCms

from tests.support.images.corpus.cases import (
    EXACT,
    EXACT_16,
    LEVEL,
    ROUNDED,
    Case,
    luma,
    noise,
    upright,
)
from tests.support.images.corpus.png import (
    GRAY,
    GRAY_ALPHA,
    MIXED,
    PALETTE,
    RGB,
    RGBA,
    Chunk,
    png,
)  # fmt: skip

HEIGHT, WIDTH = 13, 21
DEPTHS = {GRAY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GRAY_ALPHA: (8, 16),
          RGBA: (8, 16)}  # fmt: skip
NAMES = {GRAY: "gray", RGB: "RGB", PALETTE: "palette", GRAY_ALPHA: "gray and alpha", RGBA: "RGBA"}
SAMPLES = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
SIZES = [(1, 1), (1, 2), (2, 1), (3, 5), (5, 3), (8, 8), (9, 17)]

Kind = tuple[int, int, bool, np.ndarray, list[Chunk], np.ndarray, np.ndarray | None, float]
"""Colour type, depth, whether it has tRNS, samples, chunks, level, alpha and tolerance."""


def cases() -> Iterator[Case]:
    """Yield all PNGs."""
    for color, depths in DEPTHS.items():
        for depth, keyed in itertools.product(depths, (False, True)):
            if keyed and color in {GRAY_ALPHA, RGBA}:
                continue
            yield from _written(_kind(color, depth, HEIGHT, WIDTH, keyed=keyed))
            for height, width in SIZES:
                kind = _kind(color, depth, height, width, keyed=keyed)
                yield _case(kind, (f"{width} x {height}", "interlaced"), interlaced=True)
    yield from _short_palettes()
    yield from _wrong_keys()
    yield from _cut()
    yield from _beside()
    yield from _orientations()
    yield from _of_others()


def _kind(color: int, depth: int, height: int, width: int, *, keyed: bool) -> Kind:
    """Return samples of noise with, if `keyed`, a transparent colour or transparent entries."""
    most = 2**depth - 1
    samples = noise(height, width, SAMPLES[color], most=most, seed=depth)
    off = EXACT if depth <= 8 else EXACT_16
    seen, alpha, chunks = samples / most, None, []
    if color == PALETTE:
        table = noise(most + 1, 3, seed=depth)
        seen, chunks = table[samples[..., 0]] / 255, [(b"PLTE", table.astype(np.uint8).tobytes())]
        if keyed:
            shares = noise(most + 1, seed=depth + 1)
            alpha = shares[samples[..., 0]] / 255
            chunks.append((b"tRNS", shares.astype(np.uint8).tobytes()))
    elif keyed:
        key = samples[height // 2, width // 2]
        alpha = (samples != key).any(axis=2).astype(float)
        chunks = [(b"tRNS", key.astype(">u2").tobytes())]
    elif color in {GRAY_ALPHA, RGBA}:
        alpha = samples[..., -1] / most
        off = ROUNDED if depth > 8 else off
    level = seen[..., 0] if color in {GRAY, GRAY_ALPHA} else luma(seen)
    if color not in {GRAY, GRAY_ALPHA}:
        off = ROUNDED + (0.5 * LEVEL if depth > 8 else 0)
    return color, depth, keyed, samples, chunks, level, alpha, off


def _case(kind: Kind, labels: tuple[str, ...], **options: object) -> Case:
    color, depth, keyed, samples, chunks, level, alpha, off = kind
    write = partial(png, samples, color, depth, before=chunks, **options)  # type: ignore[arg-type]
    named = ("png", NAMES[color], f"{depth} bits", *(["tRNS"] if keyed else []), *labels)
    return Case(named, write, level, alpha, off)


def _written(kind: Kind) -> Iterator[Case]:
    for interlaced, filter_type, pieces in itertools.product(
        (False, True), (0, 1, 2, 3, 4, MIXED), (1, 7)
    ):
        labels = ("interlaced" if interlaced else "in order", f"filter {filter_type}",
                  f"{pieces} IDAT")  # fmt: skip
        yield _case(kind, labels, interlaced=interlaced, filter_type=filter_type, pieces=pieces)


def _short_palettes() -> Iterator[Case]:
    """Yield palettes with fewer entries than the depth allows, and tRNS with still fewer."""
    for depth, colors, shares in ((8, 3, 0), (8, 200, 1), (8, 256, 7), (4, 5, 2), (2, 3, 1)):
        table, indexes = noise(colors, 3, seed=9), noise(HEIGHT, WIDTH, most=colors - 1)
        alphas = np.concatenate([noise(shares), np.full(colors - shares, 255)]) if shares else None
        chunks = [(b"PLTE", table.astype(np.uint8).tobytes())]
        if shares and alphas is not None:
            chunks.append((b"tRNS", alphas[:shares].astype(np.uint8).tobytes()))
        alpha = None if alphas is None else alphas[indexes] / 255
        write = partial(png, indexes, PALETTE, depth, before=chunks)
        labels = ("png", "palette", f"{depth} bits", f"{colors} colours", f"{shares} in tRNS")
        yield Case(labels, write, luma(table[indexes] / 255), alpha, ROUNDED)


def _wrong_keys() -> Iterator[Case]:
    """Yield PNGs with a tRNS that does not count: too long, too short, or at a wrong place."""
    table, indexes = noise(200, 3, seed=9), noise(HEIGHT, WIDTH, most=199)
    palette = (b"PLTE", table.astype(np.uint8).tobytes())
    shades = luma(table[indexes] / 255)
    for name, chunks in (
        ("longer than the palette", {"before": [palette, (b"tRNS", bytes(201))]}),
        ("empty", {"before": [palette, (b"tRNS", b"")]}),
        ("before the palette", {"before": [(b"tRNS", bytes(9)), palette]}),
        ("behind the pixels", {"before": [palette], "behind": [(b"tRNS", bytes(9))]}),
    ):
        write = partial(png, indexes, PALETTE, 8, **chunks)  # type: ignore[arg-type]
        yield Case(("png", "palette", f"tRNS {name}"), write, shades, None, ROUNDED)
    for color, length in ((GRAY, 1), (GRAY, 4), (RGB, 2), (RGB, 7), (GRAY_ALPHA, 2), (RGBA, 6)):
        kind = _kind(color, 8, HEIGHT, WIDTH, keyed=False)
        write = partial(png, kind[3], color, 8, before=[(b"tRNS", bytes(length))])
        yield Case(("png", NAMES[color], f"tRNS of {length} bytes"), write, *kind[5:])


def srgb() -> bytes:
    """Return an ICC profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _beside() -> Iterator[Case]:
    """Yield chunks beside the pixels that change nothing, also broken ones."""
    profile = b"sRGB\0\0" + zlib.compress(srgb())
    text = b"Comment\0\0" + zlib.compress(b"x" * 70_000)
    before: dict[str, list[Chunk]] = {
        "sRGB": [(b"sRGB", b"\0")],
        "gAMA of sRGB": [(b"gAMA", struct.pack(">I", 45455))],
        "iCCP of sRGB": [(b"iCCP", profile)],
        "iCCP of an unknown compression": [(b"iCCP", b"sRGB\0\1" + profile[6:])],
        "broken iCCP": [(b"iCCP", b"x\0\0nothing packed")],
        "cHRM": [(b"cHRM", struct.pack(">8I", *[31270, 32900, 64000, 33000, 30000, 60000, 15000,
                                               6000]))],
        "pHYs": [(b"pHYs", struct.pack(">IIB", 2835, 2835, 1))],
        "tIME": [(b"tIME", struct.pack(">H5B", 2026, 11, 26, 1, 2, 3))],
        "long zTXt": [(b"zTXt", text)],
        "iTXt": [(b"iTXt", b"Title\0\0\0\0\0\xc3\xa4")],
        "unknown": [(b"abCd", b"?" * 100)],
        "empty unknown": [(b"abCd", b"")],
        **{f"{kind.decode()} of {size} bytes": [(kind, bytes(size))]
           for kind in (b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tIME", b"iCCP", b"tEXt", b"zTXt",
                        b"iTXt", b"eXIf", b"sBIT", b"bKGD", b"hIST", b"cICP", b"sPLT", b"mDCV",
                        b"cLLI", b"oFFs", b"caNv")
           for size in (0, 1, 3)},
    }  # fmt: skip
    for color, place in itertools.product((GRAY, RGB, RGBA), ("before", "behind")):
        kind = _kind(color, 8, HEIGHT, WIDTH, keyed=False)
        for name, chunks in before.items():
            write = partial(png, kind[3], color, 8, **{place: chunks})  # type: ignore[arg-type]
            labels = ("png", NAMES[color], name, place)
            yield Case(labels, write, *kind[5:])


def _cut() -> Iterator[Case]:
    """Yield files of which the end is missing or broken, but no pixel."""
    samples = noise(HEIGHT, WIDTH)
    behind = [(b"tEXt", b"Comment\0" + b"c" * 20), (b"eXIf", bytes(20))]
    long, short = png(samples, GRAY, 8, behind=behind), png(samples, GRAY, 8)
    for name, data in (
        *((f"{cut} bytes", long[:-cut]) for cut in range(1, 12 + 32 + 40)),
        *((f"the end, and {junk[0]} instead", short[:-12] + junk)
          for junk in (bytes(40), b"\xff" * 40, b"junk" * 10)),
        ("nothing, and bytes behind it", short + b"behind" * 100),
        ("the checksum", short[:-16]),
        ("half of the checksum", short[:-14]),
    ):  # fmt: skip
        yield Case(("png", "without", name), partial(bytes, data), samples / 255)


def exif(orientation: int, order: str) -> bytes:
    """Return Exif with nothing but an orientation."""
    head = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8)
    return head + struct.pack(f"{order}HHHIHHI", 1, 274, 3, 1, orientation, 0, 0)


def xmp(orientation: int) -> bytes:
    """Return XMP with an orientation."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{orientation}"/>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def _orientations() -> Iterator[Case]:
    for color, depth, turn in itertools.product((GRAY, RGB, RGBA), (8, 16), range(1, 9)):
        *_, samples, _, level, alpha, off = _kind(color, depth, HEIGHT, WIDTH, keyed=False)
        shown = None if alpha is None else upright(alpha, turn)
        text = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(turn)
        for name, chunk, place in (
            ("Exif II", (b"eXIf", exif(turn, "<")), "before"),
            ("Exif MM", (b"eXIf", exif(turn, ">")), "behind"),
            ("XMP", (b"iTXt", text), "before"),
        ):
            write = partial(png, samples, color, depth, **{place: [chunk]})  # type: ignore[arg-type]
            labels = ("png", NAMES[color], f"{depth} bits", f"orientation {turn}", name)
            yield Case(labels, write, upright(level, turn), shown, off)


def _of_others() -> Iterator[Case]:
    """Yield the same pixels from libpng and from Pillow."""
    for color, depth in ((GRAY, 8), (GRAY, 16), (RGB, 8), (RGB, 16), (GRAY_ALPHA, 8),
                         (GRAY_ALPHA, 16), (RGBA, 8), (RGBA, 16)):  # fmt: skip
        *_, samples, _, level, alpha, off = _kind(color, depth, HEIGHT, WIDTH, keyed=False)
        pixels = samples.squeeze().astype(np.uint8 if depth == 8 else np.uint16)
        write = partial(imagecodecs.png_encode, pixels)
        yield Case(("png", "libpng", NAMES[color], f"{depth} bits"), write, level, alpha, off)
        if depth == 8 or color == GRAY:
            yield Case(("png", "Pillow", NAMES[color], f"{depth} bits"),
                       partial(_saved, pixels), level, alpha, off)  # fmt: skip


def _saved(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()
