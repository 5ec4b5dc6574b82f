"""The tables of `darkroom cost` and docs/cost.md."""

from collections.abc import Callable

from darkroom.cost.counts import Counts, Run
from darkroom.cost.model import (
    MILLION,
    Prices,
    billed_transitions,
    components,
    execution_seconds,
    fixed,
    in_any_design,
    milliseconds,
)
from darkroom.cost.report import Table
from darkroom.cost.workers import EC2, FARGATE

MONTHS = (10_000, 100_000, 1_000_000, 10_000_000)
MOST = 100_000_000
STEP = 10_000
TOTAL = "total"
NOTABLE = 100
"""Dollars a month: a difference of this size may be a reason to choose EXPRESS."""


def by_component(counts: Counts, prices: Prices) -> Table:
    """Return the dollars of a million single tasks: a row for each component, a column each run."""
    return Table(
        "A million tasks, by component",
        "Dollars. The caller reads each task once, after its end, and there is no webhook. Each "
        "further request costs $3.50 a million plus the time of the function.",
        ("component", *_titles(counts.runs)),
        _components(counts.runs, prices),
    )


def of_batches(counts: Counts, prices: Prices) -> Table:
    """Return the dollars of a million tasks in batches, by component."""
    return Table(
        "A million tasks in batches, by component",
        f"Dollars, for batches of {counts.batches[0].tasks} sources in the request. The caller "
        "reads the batch once, after its end, and then lists its tasks.",
        ("component", *_titles(counts.batches)),
        _components(counts.batches, prices),
    )


def beside_single(counts: Counts, prices: Prices) -> Table:
    """Return the difference between a million tasks in batches and single ones, by component."""
    picture = counts.runs[0].picture
    workflows = [run.workflow for run in counts.runs if run.picture == picture]
    columns = []
    for workflow in workflows:
        single = components(counts.run(workflow, picture), prices)
        batch = components(counts.batch(workflow, picture), prices)
        columns.append({name: round(batch[name], 2) - round(single[name], 2) for name in single})
    rows = [(name, *(f"{column[name]:+,.2f}" for column in columns)) for name in columns[0]]
    return Table(
        "Batches compared with single tasks",
        f"Dollars for a million tasks, {picture}: the table of batches minus that of single tasks.",
        ("component", *workflows),
        [*rows, (TOTAL, *(f"{sum(column.values()):+,.2f}" for column in columns))],
    )


def by_month(counts: Counts, prices: Prices) -> Table:
    """Return the dollars of a month without tasks."""
    amounts = fixed(counts, prices)
    rows = [(name, _dollars(amount)) for name, amount in amounts.items()]
    total = sum(round(amount, 2) for amount in amounts.values())
    return Table(
        "A month without tasks",
        "Dollars a month for the template of this version, with the custom metrics of a stack "
        "whose tasks succeed. A stack without tasks sends one metric.",
        ("what", "dollars"),
        [*rows, (TOTAL, _dollars(total))],
    )


def any_design(counts: Counts, prices: Prices) -> Table:
    """Return the dollars of a million results that every design pays."""
    runs = [run for run in counts.runs if run.workflow == "STANDARD"]
    columns = [in_any_design(run, prices) for run in runs]
    return Table(
        "A million results, in any design",
        "Dollars. They depend on the images, not on the design, so no other table includes them. "
        f"Results have {' and '.join(_megabytes(run) for run in runs)}.",
        ("what", *(run.picture for run in runs)),
        [(name, *(_dollars(column[name]) for column in columns)) for name in next(iter(columns))],
    )


def counted(counts: Counts) -> Table:
    """Return the calls of a single task of each run, in billed units."""
    return Table(
        "What a task calls",
        f"Counted in runs of {counts.runs[0].tasks} tasks, one after the other.",
        ("each task", *_titles(counts.runs)),
        _calls(counts.runs),
    )


def counted_in_batches(counts: Counts) -> Table:
    """Return the calls of a task of a batch, including its share of the batch."""
    checks = [f"{run.functions['Batch'].invocations}" for run in counts.batches]
    return Table(
        "What a task of a batch calls",
        f"Counted in one batch of {counts.batches[0].tasks} tasks each and divided by the tasks. "
        "The last row is the number of status checks of the batch's state machine.",
        ("each task", *_titles(counts.batches)),
        [*_calls(counts.batches), ("status checks of the batch, in total", *checks)],
    )


def durations(counts: Counts) -> Table:
    """Return the counted processor time and the assumed duration of each function."""
    run = counts.runs[0]
    batch = counts.batch(run.workflow, run.picture)
    rows: list[tuple[str, ...]] = [
        (
            name,
            f"{function.memory_mb}",
            f"{function.invocations / of.tasks:.2f}",
            f"{function.cpu_ms / function.invocations:.1f}",
            f"{milliseconds(name, function):.0f}",
        )
        for of in (run, batch)
        for name, function in of.functions.items()
        if of is run or name not in run.functions
    ]
    return Table(
        "Duration of functions",
        f"{run.picture}. The processor time was measured on {counts.machine}. The duration in AWS "
        f"is assumed from it, see above. So an execution takes {execution_seconds(run):.2f} s. "
        "Batch and Enter run for batches only.",
        ("function", "MB", "invocations per task", "processor, ms", "in AWS, ms"),
        rows,
    )


def beside_workers(counts: Counts, prices: Prices, months: tuple[int, ...] = MONTHS) -> Table:
    """Return the dollars of a month for numbers of tasks, in four designs."""
    designs = _designs(counts, prices)
    return Table(
        "A month, compared with a queue and workers",
        f"Dollars a month, {counts.runs[0].picture}, with all resources, but without the costs "
        "that every design has.",
        ("tasks a month", *designs),
        [(f"{n:,}", *(f"{month(n):,.0f}" for month in designs.values())) for n in months],
    )


def break_even(counts: Counts, prices: Prices) -> Table:
    """Return the number of tasks a month from which workers cost less."""
    designs = _designs(counts, prices)
    difference = designs["STANDARD"](MILLION) - designs["EXPRESS"](MILLION)
    theirs = (FARGATE.name, EC2.name)
    rows: list[tuple[str, ...]] = [
        (ours, *(_tasks(_crossing(designs[ours], designs[name])) for name in theirs))
        for ours in designs
        if ours not in theirs
    ]
    return Table(
        "When workers cost less",
        f"Tasks a month, {counts.runs[0].picture}. Below this number Darkroom costs less. STANDARD "
        f"costs ${NOTABLE} a month more than EXPRESS from "
        f"{round(NOTABLE / difference * MILLION):,} tasks on.",
        ("Darkroom", *theirs),
        rows,
    )


def price_list(prices: Prices) -> Table:
    """Return the price table with its sources."""
    return Table(
        "Prices",
        "List prices of us-east-1, from `darkroom/cost/prices.toml`. A price without a date was "
        "written from memory and not checked on the page.",
        ("price", "dollars", "for", "read", "source"),
        [
            (
                name,
                f"{line['usd']:.10f}".rstrip("0").rstrip("."),
                f"{line['per']:,}",
                "" if line["read"] == "memory" else str(line["read"]),
                line["source"],
            )
            for name, line in prices.lines.items()
        ],
    )


def million(run: Run, prices: Prices) -> float:
    """Return the dollars of a million tasks: the total of the table of components."""
    return sum(round(value, 2) for value in components(run, prices).values())


def _titles(runs: list[Run]) -> list[str]:
    return [f"{run.workflow}, {run.picture}" for run in runs]


def _components(runs: list[Run], prices: Prices) -> list[tuple[str, ...]]:
    """Return the rows of components. The total is the sum of the rounded rows."""
    columns = [components(run, prices) for run in runs]
    rows = [(name, *(_dollars(column[name]) for column in columns)) for name in columns[0]]
    return [*rows, (TOTAL, *(_dollars(million(run, prices)) for run in runs))]


def _calls(runs: list[Run]) -> list[tuple[str, ...]]:
    def row(name: str, value: Callable[[Run], float]) -> tuple[str, ...]:
        return (name, *(f"{value(run) / run.tasks:,.2f}" for run in runs))

    return [
        row("requests to the API", lambda run: run.requests),
        row("state transitions", billed_transitions),
        row("invocations", lambda run: sum(f.invocations for f in run.functions.values())),
        row("write units, task table", lambda run: run.writes["table"]),
        row("write units, list index", lambda run: run.writes["owner-createdAt"]),
        row("write units, index of active tasks", lambda run: run.writes["active"]),
        row("write units, index of batch tasks", lambda run: run.writes["batch"]),
        row("write units, batch table", _batch_writes),
        row("read units", lambda run: run.reads),
        row("messages", lambda run: run.messages),
        row("events", lambda run: run.events),
        row("bytes logged by functions", lambda run: run.log_bytes),
        row("bytes logged by executions", lambda run: run.execution_log_bytes),
        row("KB of work files", lambda run: run.work_bytes / 1000),
        row("KB of results", lambda run: run.result_bytes / 1000),
    ]


def _batch_writes(run: Run) -> int:
    return sum(units for index, units in run.writes.items() if index.startswith("batches "))


def _designs(counts: Counts, prices: Prices) -> dict[str, Callable[[float], float]]:
    picture = counts.runs[0].picture
    monthly = sum(fixed(counts, prices).values())
    standard, express = (counts.run(type_, picture) for type_ in ("STANDARD", "EXPRESS"))
    return {
        "STANDARD": lambda n: monthly + million(standard, prices) * n / MILLION,
        "EXPRESS": lambda n: monthly + million(express, prices) * n / MILLION,
        FARGATE.name: lambda n: FARGATE.month(n, standard, prices),
        EC2.name: lambda n: EC2.month(n, standard, prices),
    }


def _crossing(ours: Callable[[float], float], theirs: Callable[[float], float]) -> int | None:
    """Return the first number of tasks, in steps, where the second design costs less."""
    return next((n for n in range(0, MOST, STEP) if ours(n) > theirs(n)), None)


def _tasks(number: int | None) -> str:
    return f"never below {MOST:,}" if number is None else f"{number:,}"


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}"


def _megabytes(run: Run) -> str:
    return f"{run.result_bytes / run.tasks / MILLION:.2f} MB ({run.picture})"
