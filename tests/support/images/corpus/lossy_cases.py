"""The JPEGs, WebPs, AVIFs and JPEG 2000 files of the corpus.

Pillow and imagecodecs write them, from soft shades that a lossy compression hardly changes. Their
orientation and profiles are written with struct.
"""

import io
import itertools
import struct
from collections.abc import Iterator
from functools import partial
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from tests.support.images.corpus.cases import (
    EXACT,
    EXACT_16,
    LEVEL,
    LOSSY,
    ROUNDED,
    Case,
    luma,
    luma_of_inks,
    noise,
    soft,
    upright,
)
from tests.support.images.corpus.png_cases import exif, srgb, xmp

HEIGHT, WIDTH = 37, 50
SIZES = [(1, 1), (1, 9), (7, 1), (8, 8), (16, 17), (33, 31)]


def cases() -> Iterator[Case]:
    """Yield all files of these formats."""
    yield from _jpegs()
    yield from _jpegs_of_imagecodecs()
    yield from _segments()
    yield from _webps()
    yield from _avifs()
    yield from _jpegs_2000()


def _saved(pixels: np.ndarray, mode: str, form: str, **options: Any) -> bytes:
    """Return a file of Pillow."""
    image = Image.frombytes(mode, pixels.shape[1::-1], pixels.astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def _jpegs() -> Iterator[Case]:
    for size in ((HEIGHT, WIDTH), *SIZES):
        colors, inks = soft(*size), soft(*size, 4)
        gray = colors[..., 0]
        named = f"{size[1]} x {size[0]}"
        for (name, mode, pixels, level), progressive, restart in itertools.product(
            (("gray", "L", gray, gray / 255), ("YCbCr", "RGB", colors, luma(colors / 255)),
             ("RGB", "RGB", colors, luma(colors / 255)),
             ("CMYK", "CMYK", inks, luma_of_inks(inks / 255))),
            (False, True), (0, 1),
        ):  # fmt: skip
            for sampling in (0, 1, 2) if name == "YCbCr" else (None,):
                options: dict[str, Any] = {"quality": 100, "progressive": progressive,
                                           "restart_marker_rows": restart}  # fmt: skip
                if sampling is not None:
                    options["subsampling"] = sampling
                if name == "RGB":
                    options["keep_rgb"] = True
                labels = ("jpeg", name, named, "progressive" if progressive else "baseline",
                          f"restart {restart}", f"sampling {sampling}")  # fmt: skip
                write = partial(_saved, pixels, mode, "JPEG", **options)
                yield Case(labels, write, level, None, LOSSY)


def _jpegs_of_imagecodecs() -> Iterator[Case]:
    colors, inks = soft(HEIGHT, WIDTH), soft(HEIGHT, WIDTH, 4)
    for sampling in ((1, 1), (2, 1), (1, 2), (2, 2), (4, 1)):
        write = partial(_encoded, imagecodecs.jpeg8_encode, colors, level=100,
                        subsampling=sampling)  # fmt: skip
        labels = ("jpeg", "imagecodecs", f"sampling {sampling[0]} x {sampling[1]}")
        yield Case(labels, write, luma(colors / 255), None, LOSSY)
    for name, space in (("CMYK", "CMYK"), ("YCCK", "YCCK")):
        write = partial(_encoded, imagecodecs.jpeg8_encode, 255 - inks, level=100,
                        colorspace="CMYK", outcolorspace=space)  # fmt: skip
        # libjpeg writes the inks as they are; Adobe, and every reader, has them inverted.
        yield Case(("jpeg", "imagecodecs", name), write, luma_of_inks(inks / 255), None, LOSSY)
    deep = soft(HEIGHT, WIDTH)[..., 0] * 16
    write = partial(_encoded, imagecodecs.jpeg8_encode, deep, np.uint16, level=100,
                    bitspersample=12)  # fmt: skip
    yield Case(("jpeg", "imagecodecs", "12 bits"), write, deep / 4095, None, LOSSY)
    for bits in (8, 16):
        gray = noise(HEIGHT, WIDTH, most=2**bits - 1)
        kind = np.uint8 if bits == 8 else np.uint16
        write = partial(_encoded, imagecodecs.ljpeg_encode, gray, kind)
        labels = ("jpeg", "imagecodecs", f"lossless {bits} bits")
        yield Case(labels, write, gray / (2**bits - 1), None, EXACT if bits == 8 else EXACT_16)


def _encoded(encode: Any, pixels: np.ndarray, kind: Any = np.uint8, **options: Any) -> bytes:
    return bytes(encode(np.ascontiguousarray(pixels.astype(kind)), **options))


def _segment(code: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(data) + 2) + data


def _segments() -> Iterator[Case]:
    """Yield JPEGs with segments that say how to show them, and with others."""
    colors = soft(HEIGHT, WIDTH)
    gray = colors[..., 0]
    xmp_name = b"http://ns.adobe.com/xap/1.0/\0"
    segments: list[tuple[str, bytes, int]] = []
    for turn in range(1, 9):
        for order in "<>":
            data = _segment(0xE1, b"Exif\0\0" + exif(turn, order))
            segments.append((f"Exif {order} {turn}", data, turn))
        segments.append((f"XMP {turn}", _segment(0xE1, xmp_name + xmp(turn)), turn))
    icc = _segment(0xE2, b"ICC_PROFILE\0\1\1" + srgb())
    segments += [
        ("sRGB", icc, 1),
        ("comment", _segment(0xFE, b"?" * 65_000), 1),
        ("unknown", _segment(0xEB, b"?" * 100), 1),
        ("orientation 0", _segment(0xE1, b"Exif\0\0" + exif(0, "<")), 1),
        ("orientation 9", _segment(0xE1, b"Exif\0\0" + exif(9, "<")), 1),
        ("fill bytes", b"\xff" * 9, 1),
        *((f"APP{n} of {size} bytes", _segment(0xE0 + n, name[:size]), 1)
          for n, name in ((0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), (1, b"Exif\0\0II*\0"),
                          (2, b"ICC_PROFILE\0\1\1"), (13, b"Photoshop 3.0\x008BIM\4\4"),
                          (14, b"Adobe\0d\0\0\0\0\1"))
          for size in range(0, len(name), 2)),
    ]  # fmt: skip
    for name, data, turn in segments:
        for mode, pixels, level in (("L", gray, gray / 255), ("RGB", colors, luma(colors / 255))):
            write = partial(_with_segment, pixels, mode, data)
            yield Case(("jpeg", mode, name), write, upright(level, turn), None, LOSSY)


def _with_segment(pixels: np.ndarray, mode: str, segment: bytes) -> bytes:
    file = _saved(pixels, mode, "JPEG", quality=100, subsampling=0)
    return file[:20] + segment + file[20:]  # behind the segment of JFIF


def _webps() -> Iterator[Case]:
    for size in ((HEIGHT, WIDTH), *SIZES):
        exact, shades = noise(*size, 4), soft(*size, 4)
        named = f"{size[1]} x {size[0]}"
        for samples, mode in ((3, "RGB"), (4, "RGBA")):
            alpha = exact[..., 3] / 255 if samples == 4 else None
            write = partial(_saved, exact[..., :samples], mode, "WEBP", lossless=True, exact=True)
            level = luma(exact / 255)
            yield Case(("webp", "lossless", mode, named), write, level, alpha, ROUNDED)
            write = partial(_encoded, imagecodecs.webp_encode, exact[..., :samples], lossless=True)
            yield Case(("webp", "lossless", mode, named, "imagecodecs"), write, level, alpha,
                       ROUNDED)  # fmt: skip
            alpha = shades[..., 3] / 255 if samples == 4 else None
            write = partial(_saved, shades[..., :samples], mode, "WEBP", quality=100)
            level = luma(shades / 255)
            yield Case(("webp", "lossy", mode, named), write, level, alpha, 2 * LOSSY)
    colors = noise(HEIGHT, WIDTH, 3)
    for turn in range(1, 9):
        for name, more in (("Exif", {"exif": exif(turn, "<")}), ("XMP", {"xmp": xmp(turn)})):
            write = partial(_saved, colors, "RGB", "WEBP", lossless=True, **more)
            level = upright(luma(colors / 255), turn)
            yield Case(("webp", f"orientation {turn}", name), write, level, None, ROUNDED)
    write = partial(_saved, colors, "RGB", "WEBP", lossless=True, icc_profile=srgb())
    yield Case(("webp", "sRGB"), write, luma(colors / 255), None, ROUNDED)


def _avifs() -> Iterator[Case]:
    colors, share = soft(HEIGHT, WIDTH), soft(HEIGHT, WIDTH, 4)[..., 3:]
    both = np.concatenate([colors, share], axis=-1)
    for sampling, alpha in itertools.product(("4:2:0", "4:2:2", "4:4:4", "4:0:0"), (False, True)):
        pixels, mode = (both, "RGBA") if alpha else (colors, "RGB")
        if sampling == "4:0:0":
            pixels = pixels.copy()
            pixels[..., :3] = pixels[..., :1]
        write = partial(_saved, pixels, mode, "AVIF", quality=100, speed=10, subsampling=sampling)
        shown = share[..., 0] / 255 if alpha else None
        labels = ("avif", sampling, "alpha" if alpha else "opaque")
        yield Case(labels, write, luma(pixels / 255), shown, 2 * LOSSY)
    for turn in range(1, 9):
        write = partial(_saved, colors, "RGB", "AVIF", quality=100, speed=10,
                        exif=exif(turn, "<"))  # fmt: skip
        level = upright(luma(colors / 255), turn)
        yield Case(("avif", f"orientation {turn}"), write, level, None, 2 * LOSSY)
    for bits, samples in itertools.product((8, 10, 12), (1, 3, 4)):
        most = 2**bits - 1
        pixels = (both[..., :samples] / 255 * most).round().squeeze()
        level = pixels / most if samples == 1 else luma(pixels / most)
        shown = pixels[..., 3] / most if samples == 4 else None
        write = partial(_encoded, imagecodecs.avif_encode, pixels, np.uint8 if bits == 8 else
                        np.uint16, level=100, speed=10, bitspersample=bits)  # fmt: skip
        labels = ("avif", "imagecodecs", f"{bits} bits", f"{samples} samples")
        yield Case(labels, write, level, shown, LOSSY)


def _jpegs_2000() -> Iterator[Case]:
    for bits, samples, container in itertools.product((8, 12, 16), (1, 2, 3, 4), ("jp2", "j2k")):
        most = 2**bits - 1
        pixels = noise(HEIGHT, WIDTH, samples, most=most, seed=samples)
        level = pixels[..., 0] / most if samples < 3 else luma(pixels / most)
        alpha = pixels[..., -1] / most if samples in {2, 4} else None
        write = partial(_encoded, imagecodecs.jpeg2k_encode, pixels.squeeze(), np.uint8 if
                        bits == 8 else np.uint16, codecformat=container, reversible=True,
                        level=0, bitspersample=bits)  # fmt: skip
        off = ROUNDED + LEVEL if bits > 8 or samples > 2 else EXACT
        labels = ("JPEG 2000", container, f"{bits} bits", f"{samples} samples")
        yield Case(labels, write, level, alpha, off)
    for samples in (1, 3):
        pixels = noise(HEIGHT, WIDTH, samples)
        level = pixels[..., 0] / 255 if samples == 1 else luma(pixels / 255)
        write = partial(_saved, pixels, "L" if samples == 1 else "RGB", "JPEG2000")
        yield Case(("JPEG 2000", "Pillow", f"{samples} samples"), write, level, None, ROUNDED)
