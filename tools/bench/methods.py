"""Four ways to convert a file to gray, run in the environment of tools/locks/bench.txt.

A picture is named like `12 JPEG PNG`: megapixels, format, format of the result. `corpus` has
written it to the folder.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ["VIPS_CONCURRENCY"] = "1"

import cv2
import pyvips
from PIL import Image

from darkroom.images.formats import CONTENT_TYPES
from darkroom.images.grayscale import grayscale

QUALITY = {"JPEG": 75, "WEBP": 80, "AVIF": 75}
"""Pillow's defaults, so that all methods write about the same number of bytes."""
CLEAR, CLEAR_PEAK = Path("/proc/self/clear_refs"), "5"
"""Resets the peak of resident memory, see proc(5)."""
LEAST_ROUNDS, MOST_ROUNDS = 5, 25

cv2.setNumThreads(1)


def pillow(source: Path, target: Path, kind: str) -> None:
    """Use Pillow's usual line."""
    del kind
    Image.open(source).convert("L").save(target)


def darkroom(source: Path, target: Path, kind: str) -> None:
    """Use Darkroom's code like the function Grayscale, from file to file."""
    output = "auto" if source.suffix == target.suffix else kind.lower()
    # For AVIF the one that becomes the encoder's 75: see `darkroom.images.formats.AVIF_QUALITIES`.
    quality = 87 if kind == "AVIF" else QUALITY.get(kind, 90)
    grayscale(source, output=output, quality=quality, max_pixels=10**9, to=target)


def vips(source: Path, target: Path, kind: str) -> None:
    """Stream the file through libvips on one thread."""
    options: dict[str, object] = {"Q": QUALITY[kind]} if kind in QUALITY else {}
    if kind == "TIFF":
        options = {"compression": "lzw"}
    if kind == "AVIF":
        options["effort"] = 3  # the encoder's speed 6, Pillow's default
    image = pyvips.Image.new_from_file(str(source), access="sequential")
    image.colourspace("b-w").write_to_file(str(target), **options)


def opencv(source: Path, target: Path, kind: str) -> None:
    """Decode to gray with OpenCV."""
    flags = {
        "JPEG": cv2.IMWRITE_JPEG_QUALITY,
        "WEBP": cv2.IMWRITE_WEBP_QUALITY,
        "AVIF": cv2.IMWRITE_AVIF_QUALITY,
    }
    gray = cv2.imread(str(source), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(target), gray, [flags[kind], QUALITY[kind]] if kind in QUALITY else [])


METHODS: dict[str, Callable[[Path, Path, str], None]] = {
    "Pillow": pillow,
    "Darkroom": darkroom,
    "pyvips": vips,
    "OpenCV": opencv,
}


def run(folder: str, method: str, picture: str) -> int | None:
    """Convert a picture to gray; return the result's bytes, or None if the method cannot."""
    megapixels, kind, result = picture.split()
    target = Path(folder, f"{os.getpid()}.{CONTENT_TYPES[result][1]}")
    target.unlink(missing_ok=True)
    try:
        source = Path(folder, f"{megapixels}.{CONTENT_TYPES[kind][1]}")
        METHODS[method](source, target, result)
        return target.stat().st_size
    except (OSError, cv2.error, pyvips.Error):
        return None


def measure(folder: str, seconds: float, pictures: list[str]) -> dict[str, object]:
    """Return for every picture the seconds of each round and the bytes, both by method.

    The methods alternate, so that other work on the machine affects all of them.
    """
    found: dict[str, object] = {}
    for picture in pictures:
        spent: dict[str, list[float]] = {}
        sizes: dict[str, int | None] = {}
        began = time.perf_counter()
        for number in range(MOST_ROUNDS):
            if number >= LEAST_ROUNDS and time.perf_counter() - began > seconds:
                break
            # Every second round is reversed, so that no method always follows the same one.
            for method in list(METHODS)[:: -1 if number % 2 else 1]:
                before = time.process_time()
                sizes[method] = run(folder, method, picture)
                if sizes[method]:
                    spent.setdefault(method, []).append(time.process_time() - before)
        found[picture] = {"seconds": spent, "bytes": sizes}
    return found


def peak(folder: str, method: str, picture: str) -> int | None:
    """Return the additional bytes of memory that one run takes at most."""
    CLEAR.write_text(CLEAR_PEAK)
    before = _high_water()
    if run(folder, method, picture) is None:
        return None
    return _high_water() - before


def _high_water() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
