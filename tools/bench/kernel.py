"""Conversion of one file: time and memory of Darkroom, compared with other libraries."""

import json
import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from darkroom.cost.report import Table
from tools.bench.environment import run_tool

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF")
# Megapixels, format of the source, format of the result.
LARGE = [*(f"12 {kind} {kind}" for kind in FORMATS), "12 JPEG PNG", "50 JPEG JPEG"]
SMALL = [*(f"2 {kind} {kind}" for kind in FORMATS), "2 JPEG PNG"]
QUICK = [f"0.3 {kind} {kind}" for kind in FORMATS]
SECONDS = 2.0
"""Seconds for the rounds of one picture; `methods` has the least number of rounds."""
BASELINE, OURS = "Pillow", "Darkroom"
MIB = 2**20

PICTURES = (
    "The picture is one real photograph (Grace Hopper, U.S. Navy, public domain, 512 x 606, from "
    "matplotlib; no package has a larger one). It is enlarged twice, tiled with mirror images, and "
    "has noise of two levels, like a sensor's."
)

Measured = dict[str, Any]


def tables(*, quick: bool) -> list[Table]:
    """Return three tables: processor time, peak memory, bytes of the result.

    Args:
        quick: use small pictures, to check that it works.

    Raises:
        subprocess.CalledProcessError: a measurement failed.
    """
    about = _ask("about")
    pictures, seconds = (QUICK, 0.0) if quick else (LARGE + SMALL, SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        written = sorted({picture.rpartition(" ")[0] for picture in pictures})
        run_tool("tools.bench.corpus", folder, *written)
        times = _ask("time", folder, str(seconds), *pictures)
        peaks = _peaks(folder, QUICK if quick else LARGE, about["methods"])
    return [_time(times, about), _memory(peaks, about), _size(times, about)]


def _peaks(folder: str, pictures: list[str], methods: list[str]) -> Measured:
    """Return bytes by picture and method. Two run at once, because time is not measured here."""
    runs = [(picture, method) for picture in pictures for method in methods]
    with ThreadPoolExecutor(2) as pool:
        taken = list(pool.map(lambda run: _ask("peak", folder, run[1], run[0]), runs))
    peaks: Measured = {picture: {} for picture in pictures}
    for (picture, method), size in zip(runs, taken, strict=True):
        peaks[picture][method] = size
    return peaks


def _ask(*arguments: str) -> Any:
    return json.loads(run_tool("tools.bench.methods", *arguments))


def _time(times: Measured, about: Measured) -> Table:
    ratios = {}
    rows: list[tuple[str, ...]] = []
    for picture, found in times.items():
        rounds = found["seconds"]
        ratios[picture] = {
            method: statistics.median(
                own / naive for own, naive in zip(rounds[method], rounds[BASELINE], strict=True)
            )
            for method in rounds
        }
        naive = statistics.median(rounds[BASELINE])
        rows.append(_row(picture, f"{naive * 1000:.0f}", ratios[picture], about))
    return Table(
        "Gray of one file: processor time",
        f"From file to file, same format and quality, with {about['versions']}. Each uses one "
        "thread, because a function of 1769 MB has one processor. Pillow is the usual line, "
        "`Image.open(source).convert('L').save(target)`. The methods alternate in one process. "
        "Medians of 5 to 25 rounds; ratios are medians of the ratios within each round. "
        + PICTURES,
        ("picture", "Pillow ms", *_others(about)),
        rows,
        _bars(ratios),
    )


def _memory(peaks: Measured, about: Measured) -> Table:
    ratios = {
        picture: {method: taken / found[BASELINE] for method, taken in found.items() if taken}
        for picture, found in peaks.items()
    }
    rows: list[tuple[str, ...]] = [
        _row(picture, f"{peaks[picture][BASELINE] / MIB:.1f}", ratios[picture], about)
        for picture in peaks
    ]
    return Table(
        "Gray of one file: peak memory",
        "The same, each in a separate process: the highest resident memory, minus the memory of "
        "the process after loading all libraries.",
        ("picture", "Pillow MiB", *_others(about)),
        rows,
        _bars(ratios),
    )


def _size(times: Measured, about: Measured) -> Table:
    rows: list[tuple[str, ...]] = []
    for picture, found in times.items():
        sizes = found["bytes"]
        ratios = {method: size / sizes[BASELINE] for method, size in sizes.items() if size}
        rows.append(_row(picture, f"{sizes[BASELINE] / 1000:.0f}", ratios, about))
    return Table(
        "Gray of one file: bytes of the result",
        "libvips does not compute the luma of BT.601. Its TIFF is LZW like the source's, but with "
        "a predictor.",
        ("picture", "Pillow kB", *_others(about)),
        rows,
    )


def _others(about: Measured) -> list[str]:
    return [method for method in about["methods"] if method != BASELINE]


def _row(picture: str, naive: str, ratios: dict[str, float], about: Measured) -> tuple[str, ...]:
    cells = [f"{ratios[m]:.2f}" if m in ratios else "-" for m in _others(about)]
    return (_title(picture), naive, *cells)


def _title(picture: str) -> str:
    megapixels, kind, result = picture.split()
    return f"{megapixels} MP, {kind}" + (f" to {result}" if kind != result else "")


def _bars(ratios: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return the baseline, and Darkroom's ratio for each large picture."""
    large = {_title(picture): ratios[picture][OURS] for picture in ratios if picture in LARGE}
    return {BASELINE: 1.0, **large}
