"""Every file of a generated corpus becomes the right gray, or is refused as a table says.

See `tests/support/images/corpus`: each module there yields the files of a format.
"""

import contextlib
import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageSequence

from darkroom.errors import DarkroomError, UnsupportedFormat
from darkroom.images.grayscale import grayscale
from tests.support.images.corpus import (
    animation_cases,
    bmp_cases,
    gif_cases,
    lossy_cases,
    png_cases,
    tiff_cases,
    tiff_more_cases,
)
from tests.support.images.corpus.cases import LEVEL, LOSSY, Case
from tests.support.images.corpus.refusals import REFUSALS, Refusal

FORMATS: dict[str, Callable[[], Iterator[Case]]] = {
    "animations": animation_cases.cases,
    "BMP": bmp_cases.cases,
    "GIF": gif_cases.cases,
    "JPEG, WebP, AVIF, JPEG 2000": lossy_cases.cases,
    "PNG": png_cases.cases,
    "TIFF": tiff_cases.cases,
    "more TIFF": tiff_more_cases.cases,
}
HELD = {"bmp", "gif", "jpeg", "png", "tiff"}
"""Formats of sources whose results hold the pixels of the corpus: not lossy, or of soft shades."""


@pytest.mark.parametrize("name", FORMATS)
def test_every_file_is_converted_or_refused_as_the_table_says(name: str) -> None:
    faults = {case.name: fault for case in FORMATS[name]() if (fault := _fault(case))}

    if faults:
        pytest.fail(_listed(faults))


@pytest.mark.parametrize("name", FORMATS)
def test_a_result_in_the_format_of_its_source_is_the_same_picture(name: str) -> None:
    faults = {}
    for case in itertools.islice(FORMATS[name](), 0, None, 7):
        if case.labels[0] not in HELD or {"gif", "animation"} <= set(case.labels):
            continue
        with contextlib.suppress(UnsupportedFormat):
            result = grayscale(case.make(), output="auto", quality=100, max_pixels=100_000)
            if fault := _different(_as_written(case), _frames(result.data)):
                faults[case.name] = fault

    if faults:
        pytest.fail(_listed(faults))


def _as_written(case: Case) -> Case:
    """Return a case as its own format can hold it: without alpha on white, or alpha on or off."""
    alpha = np.ones_like(case.level) if case.alpha is None else case.alpha
    off = max(case.tolerance, LEVEL)
    if case.labels[0] in {"bmp", "jpeg"}:
        level = case.level * alpha + 1 - alpha
        return replace(case, level=level, alpha=None, tolerance=2 * off)
    if case.labels[0] == "gif":
        return replace(case, alpha=(alpha > 0.5).astype(float), tolerance=2 * off)
    return replace(case, tolerance=case.tolerance if case.tolerance < LOSSY else 2 * LOSSY)


def test_the_table_has_no_row_for_what_the_corpus_does_not_have() -> None:
    cases = [case for cases in FORMATS.values() for case in cases()]

    assert [row for row in REFUSALS if not any(row.covers(case) for case in cases)] == []


def test_the_corpus_has_a_few_thousand_files_with_different_names() -> None:
    names = [case.name for cases in FORMATS.values() for case in cases()]

    assert len(names) == len(set(names)) > 4_000


def _fault(case: Case) -> str | None:
    """Return what is wrong with the result of a case, if anything is."""
    row = next((row for row in REFUSALS if row.covers(case)), None)
    try:
        result = grayscale(case.make(), output="png", quality=90, max_pixels=100_000)
    except DarkroomError as error:
        return _refused(row, error)
    if row:
        return f"developed, although the table says: {row.reason}"
    return _different(case, _frames(result.data))


def _refused(row: Refusal | None, error: DarkroomError) -> str | None:
    if row and isinstance(error, UnsupportedFormat) and row.message in str(error):
        return None
    return f"{type(error).__name__}: {error}"


def _frames(data: bytes) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return gray and alpha of all frames of a result, from 0 to 1."""
    with Image.open(io.BytesIO(data)) as image:
        return [_values(frame) for frame in ImageSequence.Iterator(image)]


def _values(frame: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    if frame.mode == "I;16":
        values = np.asarray(frame)
        key = frame.info.get("transparency", -1)
        return values / 65535, (values != key).astype(float)
    values = np.asarray(frame.convert("LA")) / 255
    return values[..., 0], values[..., 1]


def _different(case: Case, frames: list[tuple[np.ndarray, np.ndarray]]) -> str | None:
    """Return the first difference from what is right, if there is one."""
    levels = case.level if case.level.ndim == 3 else case.level[None]
    alphas = np.ones_like(levels) if case.alpha is None else case.alpha.reshape(levels.shape)
    if len(frames) != len(levels):
        return f"{len(frames)} frames instead of {len(levels)}"
    for number, (level, alpha) in enumerate(frames):
        if level.shape != levels[number].shape:
            return f"the size is {level.shape} instead of {levels[number].shape}"
        off = np.abs(alpha - alphas[number]).max()
        if off > max(case.tolerance, 0.6 * LEVEL):
            return f"alpha is off by {off / LEVEL:.1f} levels in frame {number}"
        # The more transparent a pixel is, the less exact its gray can be.
        off = (np.abs(level - levels[number]) * alphas[number]).max()
        if off > case.tolerance:
            return f"gray is off by {off / LEVEL:.2f} levels in frame {number}"
    return None


def _listed(faults: dict[str, str]) -> str:
    first = itertools.islice(faults.items(), 20)
    return f"{len(faults)} faults:\n" + "\n".join(f"{name}: {fault}" for name, fault in first)
