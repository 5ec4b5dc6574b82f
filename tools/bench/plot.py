"""The plots of docs/performance.md and docs/scale.md; runs in the bench's own environment."""

from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# A fixed hash salt makes the files reproducible; fonttype "none" keeps text as text.
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "darkroom", "font.size": 9})

BASELINE, BETTER, WORSE = "#8a8a8a", "#2a7f62", "#c4572e"
SCENARIOS = ("#4c78a8", "#2a7f62", "#c4572e", "#72b7b2", "#b279a2", "#54478c")
ROW_INCHES, TITLE_INCHES, WIDTH_INCHES = 0.3, 0.75, 8.0
# Longer bars are cut off and end in an arrow: they would make all others unreadable.
LONGEST = 3.0
SAME = 0.05
"""Ratios that differ from 1 by less count as equal."""
POINTS = 200
"""Points of a curve, at most: more would not be visible."""
MILLION = 1_000_000


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


def draw_burst(path: str, scenarios: list[dict[str, Any]]) -> None:
    """Draw the backlogs of a burst over time, and below them the latencies of tasks.

    Args:
        path: of the SVG file.
        scenarios: `{"name", "minutes": […], "backlog": […], "half": minutes, "most": minutes}`
            each.
    """
    figure = Figure(figsize=(8, 7), layout="constrained")
    backlog, waits = figure.subplots(2, 1, height_ratios=(3, 2))
    for scenario, colour in zip(scenarios, SCENARIOS, strict=True):
        step = max(1, len(scenario["minutes"]) // POINTS)
        backlog.plot(
            scenario["minutes"][::step],
            [count / MILLION for count in scenario["backlog"][::step]],
            color=colour,
            label=scenario["name"],
        )
    backlog.set_xlim(0, 1.02 * max(scenario["minutes"][-1] for scenario in scenarios))
    backlog.set_title("Tasks waiting in the queue, millions", loc="left", fontweight="bold")
    backlog.set_xlabel("minutes since the first submission")
    backlog.legend(frameon=False, loc="upper right", title="type, MaximumConcurrency")
    names = [scenario["name"] for scenario in scenarios]
    most = [scenario["most"] for scenario in scenarios]
    waits.barh(names, most, color=SCENARIOS, alpha=0.45, height=0.7)
    waits.barh(names, [scenario["half"] for scenario in scenarios], color=SCENARIOS, height=0.7)
    for place, scenario in enumerate(scenarios):
        text = f"{_span(scenario['half'])} / {_span(scenario['most'])}"
        waits.text(scenario["most"] + max(most) * 0.01, place, text, va="center")
    waits.set_xlim(0, 1.18 * max(most))
    waits.invert_yaxis()
    title = "Minutes from submission to the end: half of all tasks / 99 %"
    waits.set_title(title, loc="left", fontweight="bold")
    _save(figure, path)


def _span(minutes: float) -> str:
    return f"{minutes:.0f} min" if minutes >= 1 else f"{minutes * 60:.0f} s"


def _save(figure: Figure, path: str) -> None:
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
