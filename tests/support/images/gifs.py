"""GIFs of any frames and disposals, and what browsers show of them, computed with numpy."""

import struct
from dataclasses import dataclass

import numpy as np

GRAYS = np.arange(256, dtype=np.uint8)


@dataclass(frozen=True)
class Frame:
    """A frame: its values, where it lies, the value that means transparent, how it ends."""

    values: np.ndarray
    left: int = 0
    top: int = 0
    key: int | None = None
    disposal: int | None = 0
    """None: the frame has no control block at all."""


def gif(size: tuple[int, int], frames: list[Frame], background: int = 200) -> bytes:
    """Return a GIF of a gray palette."""
    head = b"GIF89a" + struct.pack("<HHBBB", *size, 0xF7, background, 0)
    return head + GRAYS.repeat(3).tobytes() + b"".join(map(_block, frames)) + b";"


def _block(frame: Frame) -> bytes:
    height, width = frame.values.shape
    control = b""
    if frame.disposal is not None:
        flags = frame.disposal << 2 | (frame.key is not None)
        control = b"\x21\xf9\x04" + struct.pack("<BHBB", flags, 5, frame.key or 0, 0)
    place = struct.pack("<HHHHB", frame.left, frame.top, width, height, 0)
    return control + b"," + place + b"\x08" + _codes(frame.values.ravel())


def _codes(values: np.ndarray) -> bytes:
    """LZW that does not compress: a clear code before the codes would get longer than 9 bits."""
    codes: list[int] = []
    for start in range(0, len(values), 200):
        codes += [256, *(int(value) for value in values[start : start + 200])]
    bits = sum(code << 9 * at for at, code in enumerate([*codes, 257]))
    data = bits.to_bytes((9 * (len(codes) + 1) + 7) // 8, "little")
    parts = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def shown(size: tuple[int, int], frames: list[Frame]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the gray and the alpha of each frame, as browsers compose them."""
    gray, alpha = (np.zeros((size[1], size[0])) for _ in range(2))
    found = []
    for frame in frames:
        before = gray.copy(), alpha.copy()
        height, width = frame.values.shape
        area = np.s_[frame.top : frame.top + height, frame.left : frame.left + width]
        visible = frame.values != (-1 if frame.key is None else frame.key)
        gray[area] = np.where(visible, frame.values, gray[area])
        alpha[area] = np.where(visible, 255, alpha[area])
        found.append((gray.copy(), alpha.copy()))
        if frame.disposal == 2:
            gray[area] = alpha[area] = 0
        elif frame.disposal == 3:
            gray, alpha = before
    return found
