"""The TIFFs of tifffile in the corpus: all kinds of samples, layouts and lossless compressions.

Numbers of tags and their values are those of TIFF 6.0.
"""

import io
import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import tifffile

from tests.support.images.corpus.cases import (
    EXACT,
    EXACT_16,
    LEVEL,
    ROUNDED,
    Case,
    by_range,
    luma,
    luma_of_inks,
    noise,
    upright,
)

HEIGHT, WIDTH = 19, 37
LAYOUTS: dict[str, dict[str, Any]] = {
    "one strip": {"rowsperstrip": HEIGHT},
    "strips": {"rowsperstrip": 4},
    "tiles": {"tile": (16, 16)},
}
ORDERS = {"little-endian": "<", "big-endian": ">"}
UNPREDICTED = [np.float16, np.float64, np.uint64, np.int64]
"""Numbers that tifffile writes no differences of."""
COMPRESSIONS = ["lzw", "deflate", "packbits", "zstd", "lzma"]
EXTRA = {"associated alpha": "assocalpha", "alpha": "unassalpha", "unspecified": "unspecified"}
TYPES = {
    "8 bits": np.uint8,
    "16 bits": np.uint16,
    "32 bits": np.uint32,
    "64 bits": np.uint64,
    "signed 8 bits": np.int8,
    "signed 16 bits": np.int16,
    "signed 32 bits": np.int32,
    "signed 64 bits": np.int64,
    "half floats": np.float16,
    "floats": np.float32,
    "doubles": np.float64,
}


def cases() -> Iterator[Case]:
    """Yield all TIFFs."""
    for kind in _kinds():
        yield from _layouts(*kind)
        yield from _compressions(*kind)
    yield from _orientations()


Kind = tuple[tuple[str, ...], np.ndarray, dict[str, Any], np.ndarray, np.ndarray | None, float]
"""Labels, pixels, options of tifffile, level, alpha and tolerance."""


def _kinds() -> Iterator[Kind]:
    for name in TYPES:
        values = _values(name, HEIGHT, WIDTH)
        level, tolerance = _level(values), _tolerance(name)
        for color, shown in (("minisblack", level), ("miniswhite", 1 - level)):
            yield ("gray", name, color), values, {"photometric": color}, shown, None, tolerance
        colors = _values(name, HEIGHT, WIDTH, 3)
        options = {"photometric": "rgb"}
        off = max(tolerance, ROUNDED + (0.5 * LEVEL if name != "8 bits" else 0))
        yield ("RGB", name), colors, options, luma(_level(colors)), None, off
    for name in ("8 bits", "16 bits"):
        most = 255 if name == "8 bits" else 65535
        off = 0.0 if name == "8 bits" else 0.5 * LEVEL
        inks = _values(name, HEIGHT, WIDTH, 4)
        options = {"photometric": "separated"}
        yield ("CMYK", name), inks, options, luma_of_inks(inks / most), None, 2 * LEVEL + off
        yield from _with_extra(name, most)
    for name in ("half floats", "floats", "doubles"):
        inks = _values(name, HEIGHT, WIDTH, 4)
        options = {"photometric": "separated"}
        yield ("CMYK", name), inks, options, luma_of_inks(inks.astype(float)), None, 2 * LEVEL
        pixels = _values(name, HEIGHT, WIDTH, 4)
        options = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
        level, shown = luma(pixels.astype(float)), pixels[..., 3].astype(float)
        yield ("RGB", name, "alpha"), pixels, options, level, shown, 2 * LEVEL
    table = noise(3, 256, most=65535, seed=3)
    indexes = noise(HEIGHT, WIDTH)
    colors = table[:, indexes].transpose(1, 2, 0) / 65535
    options = {"photometric": "palette", "colormap": table.astype(np.uint16)}
    off = 1.5 * ROUNDED  # the colours may be of 8 bits before they become luma
    yield ("palette", "8 bits"), indexes.astype(np.uint8), options, luma(colors), None, off


def _with_extra(name: str, most: int) -> Iterator[Kind]:
    for color, samples in (("minisblack", 1), ("rgb", 3), ("separated", 4)):
        for extra, kind in EXTRA.items():
            off = 0.0 if most == 255 else LEVEL
            pixels = noise(HEIGHT, WIDTH, samples + 1, most=most, seed=samples)
            alpha = pixels[..., -1:]
            seen = pixels[..., :-1]
            if extra == "associated alpha":
                seen = np.minimum(seen, alpha)
                pixels[..., :-1] = seen
                seen = seen / np.maximum(alpha, 1) * most
            level = {1: lambda p: p[..., 0], 3: luma, 4: luma_of_inks}[samples](seen / most)
            shown = None if extra == "unspecified" else alpha[..., 0] / most
            options = {"photometric": color, "extrasamples": [kind]}
            labels = ({1: "gray", 3: "RGB", 4: "CMYK"}[samples], name, extra)
            # What is divided by alpha is rounded once more.
            off += LEVEL if extra == "associated alpha" else 0
            rounding = EXACT if samples == 1 else ROUNDED
            yield labels, pixels.astype(TYPES[name]), options, level, shown, rounding + off


def _values(name: str, *shape: int) -> np.ndarray:
    kind = np.dtype(TYPES[name])
    if kind.kind == "f":
        return (noise(*shape, most=2000) / 2000).astype(kind)
    if name in {"32 bits", "64 bits"}:
        return noise(*shape, most=65535).astype(kind)
    bits = min(8 * kind.itemsize, 32)
    numbers = noise(*shape, most=2**bits - 1)
    return (numbers - (2 ** (bits - 1) if kind.kind == "i" else 0)).astype(kind)


def _level(values: np.ndarray) -> np.ndarray:
    if values.dtype in (np.uint8, np.uint16):
        return np.asarray(values / np.iinfo(values.dtype).max)
    return by_range(values)


def _tolerance(name: str) -> float:
    return {"8 bits": EXACT, "signed 8 bits": ROUNDED}.get(name, EXACT_16)


def _layouts(labels: tuple[str, ...], pixels: np.ndarray, options: Any, *right: Any) -> Any:
    planes = ["contig", "separate"] if pixels.ndim == 3 else ["contig"]
    for (order, code), big, (layout, how), plane in itertools.product(
        ORDERS.items(), (False, True), LAYOUTS.items(), planes
    ):
        named = ("BigTIFF" if big else "TIFF", "raw", order, layout, *_planes(plane))
        make = partial(write, pixels, code, bigtiff=big, planar=plane, **how, **options)
        yield Case(("tiff", *labels, *named), make, *right)


def _compressions(labels: tuple[str, ...], pixels: np.ndarray, options: Any, *right: Any) -> Any:
    planes = ["contig", "separate"] if pixels.ndim == 3 else ["contig"]
    predictors = {"": False, "predictor": True}
    turns = itertools.cycle(itertools.product(LAYOUTS.items(), ORDERS.items()))
    for compression, plane, (predicted, predictor) in itertools.product(
        COMPRESSIONS, planes, predictors.items()
    ):
        if predictor and (compression == "packbits" or pixels.dtype in UNPREDICTED):
            continue
        (layout, how), (order, code) = next(turns)
        named = (compression, *([predicted] if predicted else []), layout, order, *_planes(plane))
        make = partial(write, pixels, code, planar=plane, compression=compression,
                        predictor=predictor, **how, **options)  # fmt: skip
        yield Case(("tiff", *labels, *named), make, *right)


def _planes(plane: str) -> tuple[str, ...]:
    return ("planes",) if plane == "separate" else ("interleaved",)


def write(pixels: np.ndarray, order: str, *, planar: str, **options: Any) -> bytes:
    """Return a file of tifffile."""
    if planar == "separate":
        pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
    if pixels.ndim == 3:
        options["planarconfig"] = planar
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, byteorder=order, metadata=None, **options)
    return file.getvalue()


def _orientations() -> Iterator[Case]:
    gray, deep = noise(HEIGHT, WIDTH), noise(HEIGHT, WIDTH, most=65535)
    colors, both = noise(HEIGHT, WIDTH, 3), noise(HEIGHT, WIDTH, 2)
    for turn in range(1, 9):
        tag = {"extratags": [(274, 3, 1, turn)], "photometric": "minisblack", "planar": "contig"}
        for name, pixels, level, alpha, options in (
            ("gray", gray.astype(np.uint8), gray / 255, None, {}),
            ("gray of 16 bits", deep.astype(np.uint16), deep / 65535, None, {}),
            ("RGB", colors.astype(np.uint8), luma(colors / 255), None, {"photometric": "rgb"}),
            ("gray and alpha", both.astype(np.uint8), both[..., 0] / 255, both[..., 1] / 255,
             {"extrasamples": ["unassalpha"]}),
        ):  # fmt: skip
            make = partial(write, pixels, "<", **{**tag, **options})
            shown = None if alpha is None else upright(alpha, turn)
            off = ROUNDED if name == "RGB" else EXACT_16 if pixels.dtype == np.uint16 else EXACT
            labels = ("tiff", name, f"orientation {turn}")
            yield Case(labels, make, upright(level, turn), shown, off)
