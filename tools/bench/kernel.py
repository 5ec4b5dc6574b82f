"""Conversion of one file: time and memory of Darkroom, compared with other libraries."""

import statistics
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from darkroom.cost.report import Table
from tools.bench.environment import call, versions

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF")
# Megapixels, format of the source, format of the result.
LARGE = [*(f"12 {kind} {kind}" for kind in FORMATS), "12 JPEG PNG", "50 JPEG JPEG"]
SMALL = [*(f"2 {kind} {kind}" for kind in FORMATS), "2 JPEG PNG"]
QUICK = [f"0.3 {kind} {kind}" for kind in FORMATS]
SECONDS = 2.0
"""Seconds for the rounds of one picture; `methods` has the least number of rounds."""
BASELINE, OURS = "Pillow", "Darkroom"
METHODS = (BASELINE, OURS, "pyvips", "OpenCV")
LIBRARIES = {"Pillow": "pillow", "libvips": "pyvips-binary", "OpenCV": "opencv-python-headless"}
MIB = 2**20

PICTURES = (
    "The picture is one real photograph (Grace Hopper, U.S. Navy, public domain, 512 x 606, from "
    "matplotlib; no package has a larger one). It is enlarged twice, tiled with mirror images, and "
    "has noise of two levels, like a sensor's."
)

BYTES = (
    "In brackets are the bytes of the result, also as a ratio: a method that is faster because it "
    "compresses less is not better. libvips does not compute the luma of BT.601, and its TIFF is "
    "LZW like the source's, but with a predictor."
)

Figures = dict[str, dict[str, float]]
"""Figures by picture and method. A method that cannot convert a picture has none for it."""


def tables(*, quick: bool) -> list[Table]:
    """Return two tables: processor time and peak memory, both with the bytes of the result.

    Args:
        quick: use small pictures, to check that it works.

    Raises:
        subprocess.CalledProcessError: a measurement failed.
    """
    pictures, seconds = (QUICK, 0.0) if quick else (LARGE + SMALL, SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        written = sorted({picture.rpartition(" ")[0] for picture in pictures})
        call("corpus", "write", folder, written)
        rounds = call("methods", "measure", folder, seconds, pictures)
        peaks = _peaks(folder, QUICK if quick else LARGE)
    sizes = {picture: found["bytes"] for picture, found in rounds.items()}
    return [
        _time({picture: found["seconds"] for picture, found in rounds.items()}, sizes),
        _memory(peaks, sizes),
    ]


def _peaks(folder: str, pictures: list[str]) -> Figures:
    """Return bytes. Two runs are made at once, because time is not measured here."""
    runs = [(picture, method) for picture in pictures for method in METHODS]
    peaks: Figures = {picture: {} for picture in pictures}
    with ThreadPoolExecutor(2) as pool:
        taken = pool.map(lambda run: call("methods", "peak", folder, run[1], run[0]), runs)
        for (picture, method), size in zip(runs, taken, strict=True):
            peaks[picture][method] = size
    return peaks


def _time(rounds: dict[str, dict[str, list[float]]], sizes: Figures) -> Table:
    """Return the table of seconds by picture and method, of which each round has one."""
    ratios = {
        picture: {
            method: statistics.median(
                own / naive for own, naive in zip(taken, found[BASELINE], strict=True)
            )
            for method, taken in found.items()
        }
        for picture, found in rounds.items()
    }
    naive = {picture: statistics.median(found[BASELINE]) for picture, found in rounds.items()}
    return Table(
        "Gray of one file: processor time",
        f"From file to file, same format and quality, with {versions(LIBRARIES)}. Each uses one "
        "thread, because a function of 1769 MB has one processor. Pillow is the usual line, "
        "`Image.open(source).convert('L').save(target)`. The methods alternate in one process. "
        "Medians of 5 to 25 rounds; ratios are medians of the ratios within each round. "
        f"{BYTES} {PICTURES}",
        ("picture", "Pillow ms", "Pillow kB", *METHODS[1:]),
        [
            _row(picture, f"{naive[picture] * 1000:.0f}", ratios[picture], sizes[picture])
            for picture in rounds
        ],
        _bars(ratios),
    )


def _memory(peaks: Figures, sizes: Figures) -> Table:
    ratios = _ratios(peaks)
    return Table(
        "Gray of one file: peak memory",
        "The same, each in a separate process: the highest resident memory, minus the memory of "
        "the process after loading all libraries.",
        ("picture", "Pillow MiB", "Pillow kB", *METHODS[1:]),
        [
            _row(name, f"{peaks[name][BASELINE] / MIB:.1f}", ratios[name], sizes[name])
            for name in peaks
        ],
        _bars(ratios),
    )


def _ratios(figures: Figures) -> Figures:
    return {
        picture: {method: size / found[BASELINE] for method, size in found.items() if size}
        for picture, found in figures.items()
    }


def _row(
    picture: str, naive: str, ratios: Mapping[str, float], sizes: Mapping[str, float]
) -> tuple[str, ...]:
    baseline = sizes[BASELINE]
    cells = [
        f"{ratios[method]:.2f} ({sizes[method] / baseline:.2f})"
        if method in ratios and sizes[method]
        else "-"  # the library cannot write the format
        for method in METHODS[1:]
    ]
    return (_title(picture), naive, f"{baseline / 1000:.0f}", *cells)


def _title(picture: str) -> str:
    megapixels, kind, result = picture.split()
    return f"{megapixels} MP, {kind}" + (f" to {result}" if kind != result else "")


def _bars(ratios: Figures) -> dict[str, float]:
    """Return the baseline, and Darkroom's ratio for each large picture."""
    large = {_title(picture): ratios[picture][OURS] for picture in ratios if picture in LARGE}
    return {BASELINE: 1.0, **large}
