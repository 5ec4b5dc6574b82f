"""`make simulate`: simulate a burst of a million tasks; write docs/scale.md and its plot.

`python -m tools.bench.scale --quick` simulates ten thousand tasks and writes nothing.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from rich.console import Console

from darkroom.cost.counts import Run, load_counts
from darkroom.cost.model import STATE_MS, milliseconds
from darkroom.cost.report import Table, markdown, shown, write_between
from tools.bench.environment import call
from tools.bench.scale import quotas
from tools.bench.scale.flow import Burst, Flow, Outcome, Quotas, Times
from tools.localcloud.cloud import PROJECT

PAGE = PROJECT / "docs" / "scale.md"
PLOT = PROJECT / "docs" / "scale.svg"
RATE = 2_000
"""Tasks per second that the callers submit."""
TASKS, QUICK_TASKS = 1_000_000, 10_000
STEPS = ("UpdateStatus", "Download", "Grayscale", "Upload", "UpdateStatus")
MINUTE = 60

STANDARD = Quotas(1_000, 1_300, 300, 5_000, 5_000)
EXPRESS = Quotas(1_000, 6_000, 6_000, None)


@dataclass(frozen=True)
class Scenario:
    """An account's quotas, and `MaximumConcurrency` as the number of pollers."""

    name: str
    quotas: Quotas
    pollers: int


SCENARIOS = [
    Scenario("STANDARD, 5 (as deployed)", STANDARD, 5),
    Scenario("STANDARD, 16", STANDARD, 16),
    Scenario("STANDARD, 60: too many", STANDARD, 60),
    Scenario("STANDARD, 60, raised", Quotas(3_000, 2_000, 1_000, 10_000, 10_000), 60),
    Scenario("EXPRESS, 40", EXPRESS, 40),
    Scenario("EXPRESS, 150, raised", Quotas(5_000, 6_000, 6_000, None), 150),
]


def main(*, quick: bool) -> None:
    """Simulate, show the tables, write the documents."""
    counts = load_counts()
    picture = counts.runs[0].picture
    standard, express = (counts.run(type_, picture) for type_ in ("STANDARD", "EXPRESS"))
    burst = Burst(QUICK_TASKS if quick else TASKS, RATE)
    with ProcessPoolExecutor() as pool:
        outcomes = list(pool.map(partial(simulate, times_of(standard), burst), SCENARIOS))
    tables = [quotas.table(standard, express), table(burst, outcomes)]
    screen = Console()
    for one in tables:
        screen.print(shown(one))
    if not quick:
        write_between(PAGE, "make simulate", [markdown(one) for one in tables])
        draw(outcomes)


def times_of(run: Run) -> Times:
    """Return the times of functions in AWS, with the assumptions of docs/cost.md."""

    def seconds(name: str) -> float:
        return milliseconds(name, run.functions[name]) / 1000

    return Times(
        api=seconds("Api"),
        start=seconds("Dispatch"),
        steps=tuple(seconds(name) for name in STEPS),
        between=STATE_MS / 1000,
    )


def simulate(times: Times, burst: Burst, scenario: Scenario) -> Outcome:
    """Simulate one burst to its end."""
    return Flow(scenario.quotas, times, burst, scenario.pollers).run()


def table(burst: Burst, outcomes: list[Outcome]) -> Table:
    """Return the table of docs/scale.md with the outcomes of the burst."""
    rows: list[tuple[str, ...]] = [
        (
            scenario.name,
            f"{outcome.ended / MINUTE:,.1f}",
            f"{outcome.percentile(0.5) / MINUTE:,.1f}",
            f"{outcome.percentile(0.99) / MINUTE:,.1f}",
            f"{max(outcome.backlog):,}",
            f"{outcome.refused:,}",
            f"{outcome.start_throttles:,}",
            f"{outcome.step_throttles:,}",
            f"{outcome.dead:,}",
            f"{outcome.failed:,}",
        )
        for scenario, outcome in zip(SCENARIOS, outcomes, strict=True)
    ]
    return Table(
        f"A burst of {burst.tasks:,} tasks",
        f"Submitted at {burst.rate:,.0f} per second, by callers that stay within their own limits. "
        "One run of each scenario, with the same seed. Minutes: until the last task has ended, and "
        "from a task's submission to its end. Throttled starts and steps are retried. After five "
        "receives a message moves to the dead-letter queue, and its task ends FAILED. Raised: to "
        "1,000 starts, 10,000 transitions and 3,000 concurrent functions; for EXPRESS 5,000 "
        "functions.",
        (
            "type, MaximumConcurrency",
            "all done, min",
            "half within, min",
            "99 % within, min",
            "largest backlog",
            "responses 429",
            "starts throttled",
            "steps throttled",
            "dead letters",
            "steps failed",
        ),
        rows,
    )


def draw(outcomes: list[Outcome]) -> None:
    """Draw backlogs and waiting times into docs/scale.svg."""
    scenarios = [
        {
            "name": scenario.name,
            "minutes": [moment / MINUTE for moment in outcome.times],
            "backlog": outcome.backlog,
            "half": outcome.percentile(0.5) / MINUTE,
            "most": outcome.percentile(0.99) / MINUTE,
        }
        for scenario, outcome in zip(SCENARIOS, outcomes, strict=True)
    ]
    call("plot", "draw_burst", str(PLOT), scenarios)


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
