"""`make simulate`: simulate overload and callers who share a stack; write docs/scale.md and plots.

`python -m tools.bench.scale --quick` simulates a fiftieth of the tasks and writes nothing.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

from rich.console import Console

from darkroom.cost.counts import Run, load_counts
from darkroom.cost.model import STATE_MS, milliseconds
from darkroom.cost.report import Table, markdown, shown, write_between
from tools.bench.environment import call
from tools.bench.scale.flow import Flow
from tools.bench.scale.model import Outcome, Times
from tools.bench.scale.quotas import quota_table
from tools.bench.scale.scenarios import (
    AFTER,
    BEFORE,
    MINUTE,
    QUIET,
    Scenario,
    fairness,
    overload,
)
from tools.localcloud.cloud import PROJECT

PAGE = PROJECT / "docs" / "scale.md"
OVERLOAD_PLOT = PROJECT / "docs" / "overload.svg"
FAIRNESS_PLOT = PROJECT / "docs" / "fairness.svg"
TASKS, QUICK_TASKS = 1_000_000, 20_000
STEPS = ("UpdateStatus", "Download", "Grayscale", "Upload", "UpdateStatus")
TRANSITIONS = len(STEPS) + 1
START = "states:StartExecution"

Pair = tuple[Outcome, Outcome]
"""Before and after."""


def more_transitions(outcome: Outcome) -> float:
    """Return by which share of the billed transitions retries of throttled steps add to them."""
    return outcome.step_throttles / (outcome.completed() * TRANSITIONS)


COLUMNS: dict[str, Callable[[Outcome], str]] = {
    "all done, min": lambda outcome: f"{outcome.ended / MINUTE:,.0f}",
    "99 % within, min": lambda outcome: f"{outcome.percentile(0.99) / MINUTE:,.0f}",
    "starts throttled": lambda outcome: f"{outcome.start_throttles:,}",
    "more transitions": lambda outcome: f"{more_transitions(outcome):.1%}",
    "dead letters": lambda outcome: f"{outcome.dead:,}",
    "steps failed": lambda outcome: f"{outcome.failed:,}",
}


def main(*, quick: bool) -> None:
    """Simulate, show the tables, write the documents."""
    counts = load_counts()
    picture = counts.runs[0].picture
    standard, express = (counts.run(type_, picture) for type_ in ("STANDARD", "EXPRESS"))
    times = times_of(standard)
    tasks = QUICK_TASKS if quick else TASKS
    accounts, shares = overload(tasks, times.steps), fairness(tasks)
    scenarios = [each for row in shares.values() for each in row]
    scenarios += [replace(each, policy=policy) for each in accounts for policy in (BEFORE, AFTER)]
    with ProcessPoolExecutor() as pool:
        outcomes = iter(list(pool.map(partial(simulate, times), scenarios)))
    quiet = {name: [_quiet(next(outcomes)) for _ in row] for name, row in shares.items()}
    pairs: dict[str, Pair] = {each.name: (next(outcomes), next(outcomes)) for each in accounts}
    tables = [quota_table(standard, express), fairness_table(shares, quiet), overload_table(pairs)]
    screen = Console()
    for one in tables:
        screen.print(shown(one))
    if not quick:
        write_between(PAGE, "make simulate", [markdown(one) for one in tables])
        call("plot", "draw_waits", str(FAIRNESS_PLOT), quiet)
        call("plot", "draw_overload", str(OVERLOAD_PLOT), [_bars(*each) for each in pairs.items()])


def times_of(run: Run) -> Times:
    """Return the times of functions in AWS, with the assumptions of docs/cost.md."""

    def seconds(name: str) -> float:
        return milliseconds(name, run.functions[name]) / 1000

    dispatch = run.functions["Dispatch"]
    # It reads tasks once for a batch of messages, so under load a tenth of what was counted.
    starts = {call: count for call, count in dispatch.calls.items() if call == START}
    return Times(
        api=seconds("Api"),
        start=milliseconds("Dispatch", replace(dispatch, calls=starts)) / 1000,
        steps=tuple(seconds(name) for name in STEPS),
        between=STATE_MS / 1000,
    )


def simulate(times: Times, scenario: Scenario) -> Outcome:
    """Simulate one scenario to its end."""
    return Flow(scenario, times).run()


def fairness_table(
    shares: dict[str, list[Scenario]], quiet: Mapping[str, Sequence[float]]
) -> Table:
    """Return the table of docs/scale.md on what a quiet caller notices of others."""
    million, batches, _ = next(iter(shares.values()))[1].callers
    columns = [scenario.name for scenario in next(iter(shares.values()))]
    return Table(
        "A quiet caller beside a crowd",
        f"Seconds within which 99 % of the tasks of a quiet caller end, from submission. It sends "
        f"a task every two seconds, while one caller has {million.tasks:,} tasks in the queue, and "
        f"another one {batches.tasks // 100:,} batches of 100. Before: without message groups and "
        f"pace. Callers swapped: the two others change places, and their groups.",
        ("type, MaximumConcurrency", *columns),
        [(name, *(f"{wait:,.1f}" for wait in waits)) for name, waits in quiet.items()],
    )


def overload_table(pairs: dict[str, Pair]) -> Table:
    """Return the table of docs/scale.md about accounts with more load than they can process."""
    return Table(
        "More tasks than the account can process",
        "Each cell: before → after. Minutes: until the last task has ended, and from a task's "
        "submission to its end. More transitions: retries of throttled steps, as a share of the "
        "transitions that are billed with STANDARD. Dead letters and failed steps are FAILED. "
        "Raised quotas: 1,000 starts and 10,000 transitions a second, 3,000 concurrent functions.",
        ("account, MaximumConcurrency", *COLUMNS),
        [
            (name, *(f"{cell(before)} → {cell(after)}" for cell in COLUMNS.values()))
            for name, (before, after) in pairs.items()
        ],
    )


def _quiet(outcome: Outcome) -> float:
    """Return the seconds within which 99 % of the quiet caller's tasks ended."""
    return outcome.percentile(0.99, QUIET.name)


def _bars(name: str, pair: Pair) -> dict[str, object]:
    return {
        "name": name,
        "failed": [outcome.dead + outcome.failed for outcome in pair],
        "more": [100 * more_transitions(outcome) for outcome in pair],
    }


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
