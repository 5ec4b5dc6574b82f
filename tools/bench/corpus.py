"""The pictures of the benchmarks: one real photograph, enlarged to the size of a camera's.

Runs in the environment of tools/locks/bench.txt.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

from darkroom.images.formats import CONTENT_TYPES

ENLARGED = 2
NOISE = 2.0
"""Standard deviation of the sensor's noise, in levels of 255."""
OPTIONS: dict[str, dict[str, object]] = {
    "JPEG": {"quality": 90},
    "PNG": {},
    "WEBP": {"quality": 90},
    "TIFF": {"compression": "tiff_lzw"},
    "GIF": {},
    "BMP": {},
    "AVIF": {"quality": 75, "speed": 8},
}
"""Pillow's options for writing each format."""


def photograph(megapixels: float) -> Image.Image:
    """Return a colour picture with an aspect ratio of 4:3."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = height * 4 // 3
    sample = Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    small = Image.open(sample).convert("RGB")
    tile = np.asarray(small.resize((small.width * ENLARGED, small.height * ENLARGED)))
    pair = np.concatenate([tile, tile[:, ::-1]], axis=1)
    block = np.concatenate([pair, pair[::-1]], axis=0)
    times = (-(-height // block.shape[0]), -(-width // block.shape[1]), 1)
    scene = np.tile(block, times)[:height, :width]
    noise = np.random.default_rng(0).normal(0, NOISE, scene.shape).astype(np.float32)
    return Image.fromarray(np.clip(scene + noise, 0, 255).round().astype(np.uint8))


def write(folder: str, pictures: list[str]) -> None:
    """Write pictures, each named like `12 JPEG`, as `12.jpg` into a folder."""
    for picture in pictures:
        megapixels, kind = picture.split()
        file = Path(folder, f"{megapixels}.{CONTENT_TYPES[kind][1]}")
        photograph(float(megapixels)).save(file, kind, **OPTIONS[kind])
