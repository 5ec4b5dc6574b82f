"""The animations of PNG and WebP in the corpus: containers written with struct only.

The frames are composed with numpy, as the PNG specification (third edition, section 12) and the
WebP container specification define it.
"""

import io
import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from tests.support.images.corpus.cases import ROUNDED, Case, luma, noise
from tests.support.images.corpus.png import (
    GRAY,
    GRAY_ALPHA,
    RGB,
    RGBA,
    SIGNATURE,
    chunk,
    header,
    pixels,
)

HEIGHT, WIDTH = 14, 20
KEEP, CLEAR, PREVIOUS = 0, 1, 2
"""What becomes of a frame when its time has passed: `dispose_op` of PNG; WebP has the first two."""
Area = tuple[slice, slice]


@dataclass(frozen=True)
class Frame:
    """One frame: red, green, blue and alpha, where it is, and how it is shown."""

    colors: np.ndarray
    at: tuple[int, int]
    disposal: int
    blended: bool


def cases() -> Iterator[Case]:
    """Yield all animations of PNG and WebP."""
    for first, second, blended, small in itertools.product(
        (KEEP, CLEAR, PREVIOUS), (KEEP, CLEAR, PREVIOUS), (False, True), (False, True)
    ):
        for opaque, default in itertools.product((False, True), (False, True)):
            frames = _frames(first, second, blended=blended, small=small, opaque=opaque)
            level, alpha = composed(frames)
            labels = (f"disposal {first} {second}", f"blended {blended}",
                      "areas" if small else "whole frames",
                      "opaque" if opaque else "with alpha")  # fmt: skip
            picture = noise(HEIGHT, WIDTH, 4, seed=99) if default else None
            if default:
                level = np.concatenate([[luma(picture / 255)], level])
                alpha = np.concatenate([[picture[..., 3] / 255], alpha])
            still = ["with a default image"] if default else []
            yield Case(("png", "animation", *labels, *still), partial(apng, frames, picture),
                       level, alpha, 2 * ROUNDED)  # fmt: skip
        for color, depth in ((GRAY, 8), (GRAY, 16), (RGB, 8), (RGB, 16), (GRAY_ALPHA, 8),
                             (RGBA, 16)):  # fmt: skip
            frames = _frames(
                first,
                second,
                blended=blended,
                small=small,
                opaque=color in {GRAY, RGB},
                gray=color in {GRAY, GRAY_ALPHA},
            )
            write = partial(apng, frames, None, color, depth)
            kind = (f"colour type {color}", f"{depth} bits")
            yield Case(("png", "animation", *kind, *labels[:3]), write, *composed(frames),
                       2 * ROUNDED)  # fmt: skip
        if PREVIOUS in {first, second}:
            continue
        frames = _frames(first, second, blended=blended, small=small, opaque=False, step=2)
        yield Case(("webp", "animation", *labels[:3]), partial(webp, frames), *composed(frames),
                   2 * ROUNDED)  # fmt: skip


def _frames(
    first: int,
    second: int,
    *,
    blended: bool,
    small: bool,
    opaque: bool,
    gray: bool = False,
    step: int = 1,
) -> list[Frame]:
    sizes = [(HEIGHT, WIDTH), (6, 8), (8, 5)] if small else [(HEIGHT, WIDTH)] * 3
    places = [(0, 0), (2 * step, 2), (4, 2 * step)] if small else [(0, 0)] * 3
    frames = []
    for number, (size, at, disposal) in enumerate(
        zip(sizes, places, (first, second, KEEP), strict=True)
    ):
        colors = noise(*size, 4, seed=number)
        if gray:
            colors[..., :3] = colors[..., :1]
        # Half of alpha is 0 or 1, because the rest is rounded once more when it is blended.
        sharp = noise(*size, most=1, seed=number + 9) * 255
        share = np.where(noise(*size, most=1, seed=number + 5) == 1, colors[..., 3], sharp)
        colors[..., 3] = 255 if opaque else share
        frames.append(Frame(colors, at, disposal, blended))
    return frames


def composed(frames: list[Frame]) -> tuple[np.ndarray, np.ndarray]:
    """Return level and alpha of all frames, from a transparent canvas on."""
    canvas = np.zeros((HEIGHT, WIDTH, 4))
    shown = []
    for number, frame in enumerate(frames):
        before = canvas.copy()
        x, y = frame.at
        area = slice(y, y + frame.colors.shape[0]), slice(x, x + frame.colors.shape[1])
        source = frame.colors / 255
        canvas[area] = _over(source, canvas[area]) if frame.blended else source
        shown.append(canvas.copy())
        if frame.disposal == CLEAR or (frame.disposal == PREVIOUS and number == 0):
            canvas[area] = 0  # before the first frame there is nothing (section 12.2.2 of PNG)
        elif frame.disposal == PREVIOUS:
            canvas = before
    all_shown = np.stack(shown)
    return luma(all_shown), all_shown[..., 3]


def _over(source: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return one picture over another one (PNG, section 13.16)."""
    share, rest = source[..., 3:], below[..., 3:] * (1 - source[..., 3:])
    alpha = share + rest
    colors = (source[..., :3] * share + below[..., :3] * rest) / np.where(alpha == 0, 1, alpha)
    return np.concatenate([colors, alpha], axis=-1)


def apng(
    frames: list[Frame], picture: np.ndarray | None = None, color: int = RGBA, depth: int = 8
) -> bytes:
    """Return an animated PNG, perhaps with a first picture that is not a frame."""
    whole = frames[0].colors if picture is None else picture
    data = SIGNATURE + chunk(b"IHDR", header(whole, color, depth))
    data += chunk(b"acTL", struct.pack(">2I", len(frames), 0))
    if picture is not None:
        data += chunk(b"IDAT", pixels(picture, 8))
    number = 0
    for frame in frames:
        height, width = frame.colors.shape[:2]
        control = struct.pack(">5I2H2B", number, width, height, *frame.at, 1, 20, frame.disposal,
                              frame.blended)  # fmt: skip
        data += chunk(b"fcTL", control)
        number += 1
        kept = {GRAY: [0], RGB: [0, 1, 2], GRAY_ALPHA: [0, 3], RGBA: [0, 1, 2, 3]}[color]
        packed = pixels(frame.colors[..., kept] * (257 if depth == 16 else 1), depth)
        if frame is frames[0] and picture is None:
            data += chunk(b"IDAT", packed)
        else:
            data += chunk(b"fdAT", struct.pack(">I", number) + packed)
            number += 1
    return data + chunk(b"IEND", b"")


def webp(frames: list[Frame]) -> bytes:
    """Return an animated WebP of lossless frames; offsets are even."""
    size = (WIDTH - 1).to_bytes(3, "little") + (HEIGHT - 1).to_bytes(3, "little")
    data = _riff(b"VP8X", b"\x12\0\0\0" + size) + _riff(b"ANIM", bytes(4) + struct.pack("<H", 0))
    for frame in frames:
        height, width = frame.colors.shape[:2]
        file = io.BytesIO()
        Image.fromarray(frame.colors.astype(np.uint8), "RGBA").save(
            file, "WEBP", lossless=True, exact=True
        )
        numbers = (frame.at[0] // 2, frame.at[1] // 2, width - 1, height - 1, 50)
        head = b"".join(number.to_bytes(3, "little") for number in numbers)
        flags = bytes([(not frame.blended) << 1 | frame.disposal])
        data += _riff(b"ANMF", head + flags + file.getvalue()[12:])
    return b"RIFF" + struct.pack("<I", len(data) + 4) + b"WEBP" + data


def _riff(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
