"""The plots of docs/performance.md and docs/scale.md; runs in the bench's own environment."""

from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# A fixed hash salt makes the files reproducible; fonttype "none" keeps text as text.
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "darkroom", "font.size": 9})

BASELINE, BETTER, WORSE = "#8a8a8a", "#2a7f62", "#c4572e"
WAITS = {"alone": BASELINE, "before": WORSE, "after": BETTER}
ROW_INCHES, TITLE_INCHES, WIDTH_INCHES = 0.3, 0.75, 8.0
# Longer bars are cut off and end in an arrow: they would make all others unreadable.
LONGEST = 3.0
SAME = 0.05
"""Ratios that differ from 1 by less count as equal."""


def draw_ratios(path: str, groups: list[dict[str, Any]]) -> None:
    """Draw groups of bars, one below the other. Shorter is better; the line is the baseline.

    Args:
        path: of the SVG file.
        groups: `{"title": …, "bars": {name: ratio}}` each.
    """
    rows = [len(group["bars"]) for group in groups]
    height = sum(rows) * ROW_INCHES + len(groups) * TITLE_INCHES
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    axes = figure.subplots(len(groups), 1, squeeze=False, height_ratios=rows)[:, 0]
    for axis, group in zip(axes, groups, strict=True):
        names, values = list(group["bars"]), list(group["bars"].values())
        colours = [_colour(ratio) for ratio in values]
        shown = [min(ratio, LONGEST) for ratio in values]
        axis.barh(names, shown, color=colours, height=0.7)
        for place, ratio in enumerate(values):
            beyond = " →" if ratio > LONGEST else ""
            axis.text(shown[place] + 0.03, place, f"{ratio:.2f}{beyond}", va="center")
        axis.axvline(1, color=BASELINE, linewidth=0.8, linestyle="--")
        axis.set_xlim(0, LONGEST + 0.4)
        axis.invert_yaxis()
        axis.set_title(group["title"], loc="left", fontweight="bold")
    axes[-1].set_xlabel("time or memory, as a ratio to the baseline: shorter is better")
    _save(figure, path)


def _colour(ratio: float) -> str:
    if abs(ratio - 1) < SAME:
        return BASELINE
    return BETTER if ratio < 1 else WORSE


def draw_waits(path: str, waits: dict[str, list[float]]) -> None:
    """Draw how long a quiet caller waits: alone, before and after, for several accounts.

    Args:
        path: of the SVG file.
        waits: the seconds of each account, in the order of `WAITS`; more of them are not drawn.
    """
    figure = Figure(figsize=(WIDTH_INCHES, 3.2), layout="constrained")
    axis = figure.subplots()
    height = 0.8 / len(WAITS)
    for place, (name, colour) in enumerate(WAITS.items()):
        places = [row + (place - 1) * height for row in range(len(waits))]
        values = [row[place] for row in waits.values()]
        axis.barh(places, values, height=0.9 * height, color=colour, label=name)
        for at, value in zip(places, values, strict=True):
            axis.text(value * 1.06, at, _span(value), va="center")
    axis.set_yticks(range(len(waits)), list(waits))
    axis.set_xscale("log")
    axis.set_xlim(0.3, 10 * max(value for row in waits.values() for value in row))
    axis.invert_yaxis()
    axis.legend(frameon=False, loc="lower right")
    axis.set_xlabel("seconds, on a logarithmic scale: shorter is better")
    title = "A quiet caller beside a million tasks of another: 99 % of its tasks end within"
    axis.set_title(title, loc="left", fontweight="bold")
    _save(figure, path)


def draw_overload(path: str, rows: list[dict[str, Any]]) -> None:
    """Draw the FAILED tasks and the additional transitions of accounts, before and after.

    Args:
        path: of the SVG file.
        rows: `{"name", "failed": [before, after], "more": [before, after]}` each, `more` in %.
    """
    figure = Figure(figsize=(WIDTH_INCHES, 5), layout="constrained")
    failed, more = figure.subplots(1, 2, sharey=True)
    panels = (
        (failed, "failed", "Tasks FAILED by throttling"),
        (more, "more", "More transitions, %"),
    )
    for axis, key, title in panels:
        for place, (name, colour) in enumerate((("before", WORSE), ("after", BETTER))):
            places = [row + (place - 0.5) * 0.4 for row in range(len(rows))]
            values = [row[key][place] for row in rows]
            axis.barh(places, values, height=0.36, color=colour, label=name)
            for at, value in zip(places, values, strict=True):
                text = f"{value:,.0f}" if key == "failed" else f"{value:.1f}"
                axis.text(value, at, f" {text}", va="center", fontsize=8)
        axis.set_title(title, loc="left", fontweight="bold")
        axis.set_xlim(0, 1.3 * max(1, *(value for row in rows for value in row[key])))
    failed.set_yticks(range(len(rows)), [row["name"] for row in rows])
    failed.invert_yaxis()
    more.legend(frameon=False, loc="lower right")
    _save(figure, path)


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 2 * 60 else f"{seconds:.1f} s"


def _save(figure: Figure, path: str) -> None:
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
