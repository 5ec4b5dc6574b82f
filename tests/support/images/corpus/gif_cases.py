"""The GIFs of the corpus: written with struct only; their frames are composed with numpy."""

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np

from tests.support.images.corpus.cases import ROUNDED, Case, luma, noise
from tests.support.images.corpus.gif import CLEAR, KEEP, PREVIOUS, Frame, gif

HEIGHT, WIDTH = 17, 22


def cases() -> Iterator[Case]:
    """Yield all GIFs."""
    yield from _stills()
    yield from _areas()
    yield from _animations()


def _table(colors: int, seed: int = 0) -> np.ndarray:
    return noise(colors, 3, seed=seed)


def _stills() -> Iterator[Case]:
    for colors, interlaced, local, keyed, controlled in itertools.product(
        (2, 3, 4, 16, 100, 256), (False, True), (False, True), (False, True), (False, True)
    ):
        table = _table(colors)
        indexes = noise(HEIGHT, WIDTH, most=colors - 1)
        key = int(indexes[3, 5]) if keyed else None
        frame = Frame(indexes, palette=table if local else None, transparent=key,
                      hundredths=5 if controlled else None, interlaced=interlaced)  # fmt: skip
        write = partial(gif, (WIDTH, HEIGHT), [frame], None if local else table)
        alpha = (indexes != key).astype(float) if keyed else None
        labels = ("gif", f"{colors} colours", "interlaced" if interlaced else "in order",
                  "local palette" if local else "global palette", f"transparent {keyed}",
                  *(["control block"] if controlled else []))  # fmt: skip
        yield Case(labels, write, luma(table[indexes] / 255), alpha, ROUNDED)
    for name, more in (
        ("no trailer", {"trailer": b""}),
        ("long comment", {"comment": b"c" * 3000}),
        ("bytes behind", {"trailer": b";" + bytes(range(256))}),
        ("loops", {"loops": 3}),
        ("background 7", {"background": 7}),
    ):
        table, indexes = _table(16), noise(HEIGHT, WIDTH, most=15)
        write = partial(gif, (WIDTH, HEIGHT), [Frame(indexes)], table, **more)  # type: ignore[arg-type]
        yield Case(("gif", name), write, luma(table[indexes] / 255), None, ROUNDED)


def _areas() -> Iterator[Case]:
    """Yield frames that are smaller than their canvas, or that extend over its edge."""
    table = _table(16)
    for at, size, keyed, background in itertools.product(
        ((0, 0), (3, 2), (WIDTH - 4, HEIGHT - 5)), ((4, 5), (9, 20)), (False, True), (0, 3)
    ):
        indexes = noise(*size, most=15, seed=at[0])
        key = int(indexes[1, 1]) if keyed else None
        frames = [Frame(indexes, at, transparent=key)]
        write = partial(gif, (WIDTH, HEIGHT), frames, table, background=background)
        level, alpha = (part[0] for part in composed((WIDTH, HEIGHT), frames, table))
        labels = ("gif", f"area of {size[1]} x {size[0]} at {at[0]} {at[1]}",
                  f"transparent {keyed}", f"background {background}")  # fmt: skip
        yield Case(labels, write, level, alpha, ROUNDED)

    indexes = noise(20, 30, most=15)
    for canvas in ((0, 0), (9, 9), (29, 40), (30, 20)):
        write = partial(gif, canvas, [Frame(indexes)], table)
        labels = ("gif", f"a frame of 30 x 20 on a canvas of {canvas[0]} x {canvas[1]}")
        level = luma(table[indexes] / 255)
        if canvas[1] > 20:  # the frame is larger in one direction only
            level = np.concatenate([level, np.zeros((canvas[1] - 20, 30))])
            alpha = (np.arange(canvas[1])[:, None] < 20) * np.ones((1, 30))
            yield Case(labels, write, level, alpha, ROUNDED)
        else:
            yield Case(labels, write, level, None, ROUNDED)


def _animations() -> Iterator[Case]:
    table = _table(16)
    whole = (HEIGHT, WIDTH)
    for first, second, keyed, small, local in itertools.product(
        (0, KEEP, CLEAR, PREVIOUS), (0, KEEP, CLEAR, PREVIOUS), (False, True), (False, True),
        (False, True),
    ):  # fmt: skip
        sizes = [whole, (7, 9) if small else whole, whole if not small else (10, 6)]
        places = [(0, 0), (4, 3) if small else (0, 0), (6, 5) if small else (0, 0)]
        frames = []
        for number, (size, at, disposal) in enumerate(
            zip(sizes, places, (first, second, 0), strict=True)
        ):
            indexes = noise(*size, most=15, seed=number + 1)
            key = int(indexes[2, 2]) if keyed and number else None
            own = _table(16, seed=number + 5) if local and number else None
            frames.append(Frame(indexes, at, own, key, disposal, hundredths=10 + number))
        write = partial(gif, (WIDTH, HEIGHT), frames, table, loops=0)
        level, alpha = composed((WIDTH, HEIGHT), frames, table)
        labels = ("gif", "animation", f"disposal {first} {second}", f"transparent {keyed}",
                  "areas" if small else "whole frames",
                  "local palettes" if local else "global palette")  # fmt: skip
        yield Case(labels, write, level, alpha, ROUNDED)


def composed(
    size: tuple[int, int], frames: list[Frame], table: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return level and alpha of all frames, as browsers show them: from a transparent canvas on."""
    width, height = size
    level, alpha = np.zeros((height, width)), np.zeros((height, width))
    shown = []
    for frame in frames:
        before = level.copy(), alpha.copy()
        x, y = frame.at
        area = slice(y, y + frame.indexes.shape[0]), slice(x, x + frame.indexes.shape[1])
        rows, columns = level[area].shape
        indexes = frame.indexes[:rows, :columns]
        palette = table if frame.palette is None else frame.palette
        painted = indexes != (-1 if frame.transparent is None else frame.transparent)
        level[area] = np.where(painted, luma(palette / 255)[indexes], level[area])
        alpha[area] = np.where(painted, 1, alpha[area])
        shown.append((level.copy(), alpha.copy()))
        if frame.disposal == CLEAR:
            alpha[area] = 0
        elif frame.disposal == PREVIOUS:
            level, alpha = before
    levels, alphas = zip(*shown, strict=True)
    return np.stack(levels), np.stack(alphas)
