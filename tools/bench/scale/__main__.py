"""`make simulate`: simulate a burst of a million tasks; write docs/scale.md and its plot.

`python -m tools.bench.scale --quick` simulates ten thousand tasks and writes nothing.
"""

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from rich.console import Console

from darkroom.cost.counts import Run, load_counts
from darkroom.cost.model import STATE_MS, milliseconds
from darkroom.cost.report import Table, markdown, shown, write_between
from darkroom.tasks.model import ACTIVE_SHARDS
from tools.bench.environment import call
from tools.bench.scale.flow import Burst, Flow, Outcome, Quotas, Times
from tools.bench.scale.rules import Concurrency
from tools.localcloud.cloud import PROJECT

PAGE = PROJECT / "docs" / "scale.md"
PLOT = PROJECT / "docs" / "scale.svg"
RATE = 2_000
"""Tasks per second that the callers submit."""
TASKS, QUICK_TASKS = 1_000_000, 10_000
STEPS = ("UpdateStatus", "Download", "Grayscale", "Upload", "UpdateStatus")
MINUTE = 60
RATES = (100, 1_000, 10_000)
STEP_FUNCTIONS = "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"
LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
API_GATEWAY = "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"
EVENTBRIDGE = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"
DYNAMODB = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
PARTITIONS = f"{DYNAMODB}bp-partition-key-design.html"

STANDARD = Quotas(1_000, 1_300, 300, 5_000, 5_000)
EXPRESS = Quotas(1_000, 6_000, 6_000)
# An account's quotas, and `MaximumConcurrency` as the number of pollers.
SCENARIOS = {
    "STANDARD, 5 (as deployed)": (STANDARD, 5),
    "STANDARD, 16": (STANDARD, 16),
    "STANDARD, 60: too many": (STANDARD, 60),
    "STANDARD, 60, raised": (Quotas(3_000, 2_000, 1_000, 10_000, 10_000), 60),
    "EXPRESS, 40": (EXPRESS, 40),
    "EXPRESS, 150, raised": (Quotas(5_000, 6_000, 6_000), 150),
}


@dataclass(frozen=True)
class Quota:
    """A quota per second.

    Attributes:
        name: what it limits, with the workflow type that it applies to, if only one.
        limit: the default in us-east-1.
        task: how much of it one task needs.
        source: AWS's page about it.
        raised: whether AWS raises it on request.
    """

    name: str
    limit: int
    task: Callable[[Run], float]
    source: str
    raised: bool = True


def functions(run: Run) -> float:
    """Return the concurrent functions that a rate of one task per second needs."""
    seconds = sum(
        f.invocations * max(milliseconds(name, f) / 1000, Concurrency.SHORTEST)
        for name, f in run.functions.items()
    )
    return seconds / run.tasks


def _writes(index: str, partitions: int = 1) -> Callable[[Run], float]:
    return lambda run: run.writes[index] / run.tasks / partitions


def _each(name: str) -> Callable[[Run], float]:
    return lambda run: getattr(run, name) / run.tasks


QUOTAS = [
    Quota("executions started, STANDARD", 300, lambda _: 1, STEP_FUNCTIONS),
    Quota("state transitions, STANDARD", 5_000, _each("transitions"), STEP_FUNCTIONS),
    Quota("executions started, EXPRESS", 6_000, lambda _: 1, STEP_FUNCTIONS),
    Quota("concurrent functions", 1_000, functions, LAMBDA),
    Quota("requests to the API", 10_000, _each("requests"), API_GATEWAY),
    Quota("write units of the table", 40_000, _writes("table"), f"{DYNAMODB}ServiceQuotas.html"),
    Quota(
        "write units of one shard of the index of open tasks",
        1_000,
        _writes("active", ACTIVE_SHARDS),
        PARTITIONS,
        raised=False,
    ),
    Quota(
        "write units of one caller's list",
        1_000,
        _writes("owner-createdAt"),
        PARTITIONS,
        raised=False,
    ),
    Quota("events", 10_000, _each("events"), EVENTBRIDGE),
]


BURST_COLUMNS: dict[str, Callable[[Outcome], str]] = {
    "all done, min": lambda outcome: f"{outcome.ended / MINUTE:,.1f}",
    "half within, min": lambda outcome: f"{outcome.percentile(0.5) / MINUTE:,.1f}",
    "99 % within, min": lambda outcome: f"{outcome.percentile(0.99) / MINUTE:,.1f}",
    "largest backlog": lambda outcome: f"{max(outcome.backlog):,}",
    "responses 429": lambda outcome: f"{outcome.refused:,}",
    "starts throttled": lambda outcome: f"{outcome.start_throttles:,}",
    "steps throttled": lambda outcome: f"{outcome.step_throttles:,}",
    "dead letters": lambda outcome: f"{outcome.dead:,}",
    "steps failed": lambda outcome: f"{outcome.failed:,}",
}


def main(*, quick: bool) -> None:
    """Simulate, show the tables, write the documents."""
    counts = load_counts()
    picture = counts.runs[0].picture
    standard, express = (counts.run(type_, picture) for type_ in ("STANDARD", "EXPRESS"))
    burst = Burst(QUICK_TASKS if quick else TASKS, RATE)
    with ProcessPoolExecutor() as pool:
        outcomes = list(pool.map(partial(simulate, times_of(standard), burst), SCENARIOS.values()))
    tables = [quota_table(standard, express), burst_table(burst, outcomes)]
    screen = Console()
    for one in tables:
        screen.print(shown(one))
    if not quick:
        write_between(PAGE, "make simulate", [markdown(one) for one in tables])
        draw(outcomes)


def quota_table(standard: Run, express: Run) -> Table:
    """Return the table of docs/scale.md: the need of each rate, and the rate that uses it up."""
    rows: list[tuple[str, ...]] = []
    for quota in QUOTAS:
        each = quota.task(express if quota.name.endswith("EXPRESS") else standard)
        rows.append(
            (
                quota.name,
                f"{quota.limit:,}" if quota.raised else f"{quota.limit:,}, fixed",
                *(_need(each * rate, quota.limit) for rate in RATES),
                f"{quota.limit / each:,.0f}",
                quota.source,
            )
        )
    return Table(
        "Quotas by rate of tasks",
        "For each quota, with its default in us-east-1: what each rate of tasks needs, and the "
        "rate that uses it up. Bold: more than the quota. Functions count for at least a tenth of "
        "a second, since an environment handles at most ten requests per second.",
        (
            "quota",
            "default",
            *(f"{rate:,} tasks/s" for rate in RATES),
            "used up at, tasks/s",
            "source",
        ),
        rows,
    )


def _need(amount: float, limit: int) -> str:
    return f"**{amount:,.0f}**" if amount > limit else f"{amount:,.0f}"


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


def simulate(times: Times, burst: Burst, scenario: tuple[Quotas, int]) -> Outcome:
    """Simulate one burst to its end."""
    quotas, pollers = scenario
    return Flow(quotas, times, burst, pollers).run()


def burst_table(burst: Burst, outcomes: list[Outcome]) -> Table:
    """Return the table of docs/scale.md with the outcomes of the burst."""
    return Table(
        f"A burst of {burst.tasks:,} tasks",
        f"Submitted at {burst.rate:,.0f} per second, by callers that stay within their own limits. "
        "One run of each scenario, with the same seed. Minutes: until the last task has ended, and "
        "from a task's submission to its end. Throttled starts and steps are retried. After five "
        "receives a message moves to the dead-letter queue, and its task ends FAILED. Raised: to "
        "1,000 starts, 10,000 transitions and 3,000 concurrent functions; for EXPRESS 5,000 "
        "functions.",
        ("type, MaximumConcurrency", *BURST_COLUMNS),
        [
            (name, *(cell(outcome) for cell in BURST_COLUMNS.values()))
            for name, outcome in zip(SCENARIOS, outcomes, strict=True)
        ],
    )


def draw(outcomes: list[Outcome]) -> None:
    """Draw backlogs and waiting times into docs/scale.svg."""
    scenarios = [
        {
            "name": name,
            "minutes": [moment / MINUTE for moment in outcome.times],
            "backlog": outcome.backlog,
            "half": outcome.percentile(0.5) / MINUTE,
            "most": outcome.percentile(0.99) / MINUTE,
        }
        for name, outcome in zip(SCENARIOS, outcomes, strict=True)
    ]
    call("plot", "draw_burst", str(PLOT), scenarios)


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
