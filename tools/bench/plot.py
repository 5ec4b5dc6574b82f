"""Draw measured ratios as bars; runs in the bench's own environment.

python -m tools.bench.plot FILE < JSON     `[{"title": …, "bars": {name: ratio}}]`
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

BASELINE, BETTER, WORSE = "#8a8a8a", "#2a7f62", "#c4572e"
ROW_INCHES, TITLE_INCHES, WIDTH_INCHES = 0.3, 0.75, 8.0
# Longer bars are cut off and end in an arrow: they would make all others unreadable.
LONGEST = 3.0
SAME = 0.05
"""Ratios that differ from 1 by less count as equal."""


def main(path: Path, groups: list[dict[str, Any]]) -> None:
    """Draw the groups of bars, one below the other. Shorter is better; the line is the baseline."""
    # A fixed hash salt makes the file reproducible; fonttype "none" keeps text as text.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "darkroom", "font.size": 9})
    rows = [len(group["bars"]) for group in groups]
    height = sum(rows) * ROW_INCHES + len(groups) * TITLE_INCHES
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    axes = figure.subplots(len(groups), 1, squeeze=False, height_ratios=rows)[:, 0]
    for axis, group in zip(axes, groups, strict=True):
        _draw(axis, group["title"], group["bars"])
    axes[-1].set_xlabel("time or memory, as a ratio to the baseline: shorter is better")
    figure.savefig(path, metadata={"Date": None})


def _draw(axis: Any, title: str, bars: dict[str, float]) -> None:
    names, ratios = list(bars), list(bars.values())
    colours = [_colour(ratio) for ratio in ratios]
    shown = [min(ratio, LONGEST) for ratio in ratios]
    axis.barh(names, shown, color=colours, height=0.7)
    for place, ratio in enumerate(ratios):
        beyond = " →" if ratio > LONGEST else ""
        axis.text(min(ratio, LONGEST) + 0.03, place, f"{ratio:.2f}{beyond}", va="center")
    axis.axvline(1, color=BASELINE, linewidth=0.8, linestyle="--")
    axis.set_xlim(0, LONGEST + 0.4)
    axis.invert_yaxis()
    axis.set_title(title, loc="left", fontweight="bold")
    axis.spines[["top", "right"]].set_visible(False)


def _colour(ratio: float) -> str:
    if abs(ratio - 1) < SAME:
        return BASELINE
    return BETTER if ratio < 1 else WORSE


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.load(sys.stdin))
