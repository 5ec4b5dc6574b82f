"""Convert one file in this process; print the estimated and the used memory in bytes."""

import ctypes
import gc
import sys
from pathlib import Path

from darkroom.errors import ImageError
from darkroom.images import memory as footprint
from darkroom.images.formats import ANIMATED, automatic
from darkroom.images.grayscale import grayscale
from darkroom.images.opening import opened


def peak() -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def main(path: str, output: str) -> None:
    data = Path(path).read_bytes()
    image = opened(data, heic=True)
    target = automatic(image) if output == "auto" else output.upper()
    frames = getattr(image, "n_frames", 1) if target in ANIMATED else 1
    estimate = footprint.needed(image, target, frames, len(data))
    # Modules without a .pyc were compiled just now. The memory that this took and freed would be
    # reused for the image, and not be counted.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = peak()
    try:
        grayscale(data, output=output, quality=90, max_pixels=10**9, heic=True)
    except ImageError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    sys.stdout.write(f"{estimate} {peak() - before}")


main(*sys.argv[1:])
