"""The BMPs of the corpus: written with struct only."""

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np

from tests.support.images.corpus.bmp import (
    ALPHA_BITFIELDS,
    BITFIELDS,
    CORE,
    INFO,
    INFO_ALPHA,
    INFO_MASKS,
    RLE4,
    RLE8,
    V4,
    V5,
    bmp,
    packed,
    run_lengths,
)
from tests.support.images.corpus.cases import LEVEL, ROUNDED, Case, luma, noise

HEIGHT, WIDTH = 11, 23
Masks = tuple[int, ...]
MASKS: dict[str, tuple[int, Masks]] = {
    "5-5-5": (16, (0x7C00, 0x3E0, 0x1F)),
    "5-6-5": (16, (0xF800, 0x7E0, 0x1F)),
    "5-5-5-1": (16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
    "4-4-4": (16, (0xF00, 0xF0, 0xF)),
    "4-4-4-4": (16, (0xF00, 0xF0, 0xF, 0xF000)),
    "8-8-8": (32, (0xFF0000, 0xFF00, 0xFF)),
    "8-8-8 blue first": (32, (0xFF, 0xFF00, 0xFF0000)),
    "8-8-8 high bytes": (32, (0xFF000000, 0xFF0000, 0xFF00)),
    "8-8-8-8": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "8-8-8-8 blue first": (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "8-8-8-8 alpha low": (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
    "10-10-10": (32, (0x3FF00000, 0xFFC00, 0x3FF)),
    "10-10-10-2": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
}


def cases() -> Iterator[Case]:
    """Yield all BMPs."""
    for bits, header, top_down in itertools.product(
        (1, 4, 8), (CORE, INFO, INFO_MASKS, INFO_ALPHA, V4, V5), (False, True)
    ):
        if header == CORE and top_down:
            continue
        for colors in {2**bits, 2**bits if header == CORE else max(2, 2**bits * 2 // 3)}:
            yield from _palettes(bits, header, colors, top_down=top_down)
    for bits, header, top_down in itertools.product((24, 32), (CORE, INFO, V4, V5), (False, True)):
        if header == CORE and (top_down or bits == 32):
            continue
        yield from _colors(bits, header, top_down=top_down)
    yield from _no_alpha()
    for (name, (bits, masks)), header in itertools.product(
        MASKS.items(), (INFO, INFO_MASKS, INFO_ALPHA, V4, V5)
    ):
        if len(masks) == 4 and header == INFO_MASKS:
            continue
        yield from _masked(name, bits, masks, header)


def _ordered(rows: list[bytes], *, top_down: bool) -> list[bytes]:
    return rows if top_down else rows[::-1]


def _palettes(bits: int, header: int, colors: int, *, top_down: bool) -> Iterator[Case]:
    indexes = noise(HEIGHT, WIDTH, most=colors - 1, seed=bits)
    for name, table in (
        ("colours", noise(colors, 3, seed=bits)),
        ("grays", np.repeat(np.linspace(0, 255, colors).round().astype(int)[:, None], 3, axis=1)),
        ("grays white first", np.repeat(np.linspace(255, 0, colors).round().astype(int)[:, None],
                                         3, axis=1)),
    ):  # fmt: skip
        labels = ("bmp", f"{bits} bits", f"{colors} {name}", f"header {header}",
                  "top down" if top_down else "bottom up")  # fmt: skip
        rows = _ordered(packed(indexes, bits), top_down=top_down)
        write = partial(bmp, rows, (WIDTH, HEIGHT), bits, header=header, palette=table,
                        top_down=top_down)  # fmt: skip
        level = luma(table[indexes] / 255)
        yield Case(labels, write, level, None, ROUNDED)
        if bits in {4, 8} and header != CORE and not top_down:
            runs = run_lengths(indexes[::-1], bits)
            write = partial(bmp, runs, (WIDTH, HEIGHT), bits, header=header, palette=table,
                            compression=RLE8 if bits == 8 else RLE4)  # fmt: skip
            yield Case((*labels, "run lengths"), write, level, None, ROUNDED)


def _colors(bits: int, header: int, *, top_down: bool) -> Iterator[Case]:
    pixels = noise(HEIGHT, WIDTH, 3)
    values = pixels @ np.array([1 << 16, 1 << 8, 1])
    for fill in (0, 0xFF, None) if bits == 32 else (0,):
        # What fills the fourth byte says nothing, because the file has no mask of alpha.
        fourth = noise(HEIGHT, WIDTH, seed=1) if fill is None else fill
        rows = _ordered(packed(values | fourth << 24, bits), top_down=top_down)
        write = partial(bmp, rows, (WIDTH, HEIGHT), bits, header=header, top_down=top_down)
        labels = ("bmp", f"{bits} bits", f"header {header}", f"fourth byte {fill}",
                  "top down" if top_down else "bottom up")  # fmt: skip
        yield Case(labels, write, luma(pixels / 255), None, ROUNDED)


def _no_alpha() -> Iterator[Case]:
    """Yield files with a mask of alpha that is 0 everywhere, and files with bytes behind them."""
    pixels = noise(HEIGHT, WIDTH, 3)
    values = pixels @ np.array([1 << 16, 1 << 8, 1])
    masks = MASKS["8-8-8-8"][1]
    for header in (INFO_ALPHA, V4, V5):
        rows = packed(values, 32)[::-1]
        write = partial(bmp, rows, (WIDTH, HEIGHT), 32, header=header, masks=masks,
                        compression=BITFIELDS)  # fmt: skip
        labels = ("bmp", "8-8-8-8", "all alpha is 0", f"header {header}")
        yield Case(labels, write, luma(pixels / 255), None, ROUNDED)
    data = bmp(packed(values, 24)[::-1], (WIDTH, HEIGHT), 24) + b"behind" * 100
    yield Case(("bmp", "bytes behind"), partial(bytes, data), luma(pixels / 255), None, ROUNDED)


def _masked(name: str, bits: int, masks: Masks, header: int) -> Iterator[Case]:
    mosts = [mask // (mask & -mask) for mask in masks]
    planes = [noise(HEIGHT, WIDTH, most=most, seed=n) for n, most in enumerate(mosts)]
    values = sum(plane * (mask & -mask) for plane, mask in zip(planes, masks, strict=True))
    level = luma(np.stack([p / most for p, most in zip(planes, mosts, strict=True)], axis=-1))
    alpha = planes[3] / mosts[3] if len(masks) == 4 else None
    compression = ALPHA_BITFIELDS if len(masks) == 4 and header == INFO else BITFIELDS
    write = partial(bmp, packed(np.asarray(values), bits)[::-1], (WIDTH, HEIGHT), bits,
                    header=header, masks=masks, compression=compression)  # fmt: skip
    # Colours of 5 and 6 bits may be scaled to 8 bits before they become luma.
    yield Case(("bmp", name, f"header {header}"), write, level, alpha, ROUNDED + LEVEL / 2)
