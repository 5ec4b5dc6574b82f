"""Draw the outcomes of a burst; runs in the bench's own environment.

python -m tools.bench.scale.plot FILE < JSON    a list of `{"name", "minutes": […], "backlog": […],
                                                "half": minutes, "most": minutes}`
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

COLOURS = ("#4c78a8", "#2a7f62", "#c4572e", "#72b7b2", "#b279a2", "#54478c")
POINTS = 200
"""Points of a curve, at most: more would not be visible."""
MILLION = 1_000_000


def main(path: Path, scenarios: list[dict[str, Any]]) -> None:
    """Draw the backlogs over time, and below them the latencies of tasks."""
    # A fixed hash salt makes the file reproducible; fonttype "none" keeps text as text.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "darkroom", "font.size": 9})
    figure = Figure(figsize=(8, 7), layout="constrained")
    backlog, waits = figure.subplots(2, 1, height_ratios=(3, 2))
    for scenario, colour in zip(scenarios, COLOURS, strict=True):
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
    waits.barh(names, most, color=COLOURS, alpha=0.45, height=0.7)
    waits.barh(names, [scenario["half"] for scenario in scenarios], color=COLOURS, height=0.7)
    for place, scenario in enumerate(scenarios):
        text = f"{_span(scenario['half'])} / {_span(scenario['most'])}"
        waits.text(scenario["most"] + max(most) * 0.01, place, text, va="center")
    waits.set_xlim(0, 1.18 * max(most))
    waits.invert_yaxis()
    waits.set_title(
        "Minutes from submission to the end: half of all tasks / 99 %",
        loc="left",
        fontweight="bold",
    )
    for axis in (backlog, waits):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def _span(minutes: float) -> str:
    return f"{minutes:.0f} min" if minutes >= 1 else f"{minutes * 60:.0f} s"


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.load(sys.stdin))
