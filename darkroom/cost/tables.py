"""What `darkroom cost` and docs/cost.md show."""

from collections.abc import Callable

from darkroom.cost.counts import Counts, Run
from darkroom.cost.model import (
    MILLION,
    components,
    everywhere,
    execution_seconds,
    fixed,
    milliseconds,
)
from darkroom.cost.prices import Prices
from darkroom.cost.report import Table
from darkroom.cost.workers import EC2, FARGATE

MONTHS = (10_000, 100_000, 1_000_000, 10_000_000)
MOST = 100_000_000
STEP = 10_000
TOTAL = "together"
DEARER = 100
"""Dollars a month at which somebody might think about it."""


def by_component(counts: Counts, prices: Prices) -> Table:
    """Return the dollars of a million single tasks: a row for each component, a column each run."""
    return Table(
        "A million tasks, by component",
        "Dollars, for what each task calls. A task is asked for once, at its end, and nobody wants "
        "a webhook; each further request costs $3.50 a million and the function's time.",
        ("component", *_titles(counts.runs)),
        _components(counts.runs, prices),
    )


def of_batches(counts: Counts, prices: Prices) -> Table:
    """Return the dollars of a million tasks that come in batches, by component."""
    return Table(
        "A million tasks in batches, by component",
        f"Dollars, in batches of {counts.batches[0].tasks} sources that are sent with the request. "
        "A batch is asked for once, at its end, and then its tasks are listed.",
        ("component", *_titles(counts.batches)),
        _components(counts.batches, prices),
    )


def beside_single(counts: Counts, prices: Prices) -> Table:
    """Return what a million tasks of batches cost more than single ones, by component."""
    picture = counts.runs[0].picture
    workflows = [run.workflow for run in counts.runs if run.picture == picture]
    columns = []
    for workflow in workflows:
        single = components(counts.run(workflow, picture), prices)
        batch = components(counts.batch(workflow, picture), prices)
        columns.append({name: round(batch[name], 2) - round(single[name], 2) for name in single})
    rows = [(name, *(f"{column[name]:+,.2f}" for column in columns)) for name in columns[0]]
    return Table(
        "What a batch adds, and what it saves",
        f"Dollars a million tasks, {picture}: the table of batches less the one of single tasks.",
        ("component", *workflows),
        [*rows, (TOTAL, *(f"{sum(column.values()):+,.2f}" for column in columns))],
    )


def by_month(counts: Counts, prices: Prices) -> Table:
    """Return what is paid where there is no task at all."""
    amounts = fixed(counts, prices)
    rows = [(name, _dollars(amount)) for name, amount in amounts.items()]
    total = sum(round(amount, 2) for amount in amounts.values())
    return Table(
        "A month, whatever the tasks",
        "Dollars a month, in this version's template, with the metrics of ours that a stack sends "
        "where tasks end well; a stack without tasks sends one.",
        ("what", "dollars"),
        [*rows, (TOTAL, _dollars(total))],
    )


def any_design(counts: Counts, prices: Prices) -> Table:
    """Return what a million results cost wherever they come from."""
    runs = [run for run in counts.runs if run.workflow == "STANDARD"]
    columns = [everywhere(run, prices) for run in runs]
    return Table(
        "A million results, in any design",
        "Dollars, in no other table: they depend on the pictures, not on what made them gray. "
        f"Results have {' and '.join(_megabytes(run) for run in runs)}.",
        ("what", *(run.picture for run in runs)),
        [(name, *(_dollars(column[name]) for column in columns)) for name in next(iter(columns))],
    )


def counted(counts: Counts) -> Table:
    """Return what a single task of each run called, in the units that are billed."""
    return Table(
        "What a task calls",
        f"Counted in {counts.runs[0].tasks} tasks each, one after the other.",
        ("each task", *_titles(counts.runs)),
        _calls(counts.runs),
    )


def counted_in_batches(counts: Counts) -> Table:
    """Return what a task of a batch called, its share of the batch included."""
    rounds = [f"{run.functions['Batch'].invocations}" for run in counts.batches]
    return Table(
        "What a task of a batch calls",
        f"Counted in one batch of {counts.batches[0].tasks} each, all of which is shared out. Its "
        "machine looked at it as often as the last row says.",
        ("each task", *_titles(counts.batches)),
        [*_calls(counts.batches), ("looks at the batch, in all", *rounds)],
    )


def durations(counts: Counts) -> Table:
    """Return how long each function runs, counted and assumed."""
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
        "How long functions run",
        f"{run.picture}. The processor time was counted here, on {counts.machine}; the time in AWS "
        f"is assumed from it, see above. An execution takes {execution_seconds(run):.2f} s then. "
        "Batch and Enter work for batches only.",
        ("function", "MB", "invocations a task", "processor, ms", "in AWS, ms"),
        rows,
    )


def beside_workers(counts: Counts, prices: Prices, months: tuple[int, ...] = MONTHS) -> Table:
    """Return the dollars of months of so many tasks, in four designs."""
    designs = _designs(counts, prices)
    return Table(
        "A month, beside a queue and workers",
        f"Dollars a month, {counts.runs[0].picture}, all that runs included, without what any "
        "design pays.",
        ("tasks a month", *designs),
        [(f"{n:,}", *(f"{month(n):,.0f}" for month in designs.values())) for n in months],
    )


def break_even(counts: Counts, prices: Prices) -> Table:
    """Return from how many tasks a month on workers cost less."""
    designs = _designs(counts, prices)
    theirs = (FARGATE.name, EC2.name)
    rows: list[tuple[str, ...]] = [
        (ours, *(_tasks(_crossing(designs[ours], designs[name])) for name in theirs))
        for ours in designs
        if ours not in theirs
    ]
    return Table(
        "Where workers begin to cost less",
        f"Tasks a month, {counts.runs[0].picture}. Below it Darkroom costs less. Of its own two "
        f"types, STANDARD is ${DEARER} a month dearer from {_dearer(counts, prices):,} tasks on.",
        ("Darkroom", *theirs),
        rows,
    )


def price_list(prices: Prices) -> Table:
    """Return the price table with its sources."""
    return Table(
        "Prices",
        "List prices of us-east-1, from `darkroom/cost/prices.yaml`. A price without a date is "
        "written down from memory and was not read on the page.",
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
    """Return the dollars of a million tasks, as the table of components adds them up."""
    return sum(round(value, 2) for value in components(run, prices).values())


def _titles(runs: list[Run]) -> list[str]:
    return [f"{run.workflow}, {run.picture}" for run in runs]


def _components(runs: list[Run], prices: Prices) -> list[tuple[str, ...]]:
    """Return the rows of runs' components. What is shown adds up: the sum is of rounded rows."""
    columns = [components(run, prices) for run in runs]
    rows = [(name, *(_dollars(column[name]) for column in columns)) for name in columns[0]]
    return [*rows, (TOTAL, *(_dollars(million(run, prices)) for run in runs))]


def _calls(runs: list[Run]) -> list[tuple[str, ...]]:
    def row(name: str, value: Callable[[Run], float]) -> tuple[str, ...]:
        return (name, *(f"{value(run) / run.tasks:,.2f}" for run in runs))

    return [
        row("requests to the API", lambda run: run.requests),
        row("state transitions", lambda run: run.transitions + run.children),
        row("invocations", lambda run: sum(f.invocations for f in run.functions.values())),
        row("write units, of the table", lambda run: run.writes["table"]),
        row("write units, of the list", lambda run: run.writes["owner-createdAt"]),
        row("write units, of what is active", lambda run: run.writes["active"]),
        row("write units, of the batch's tasks", lambda run: run.writes["batch"]),
        row("write units, of batches", _of_the_batch),
        row("read units", lambda run: run.reads),
        row("messages", lambda run: run.messages),
        row("events", lambda run: run.events),
        row("bytes that functions log", lambda run: run.log_bytes),
        row("bytes that executions log", lambda run: run.execution_log_bytes),
        row("KB of files for a day", lambda run: run.work_bytes / 1000),
        row("KB of the result", lambda run: run.result_bytes / 1000),
    ]


def _of_the_batch(run: Run) -> int:
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


def _dearer(counts: Counts, prices: Prices) -> int:
    """Return the tasks a month that cost `DEARER` dollars more as STANDARD than as EXPRESS."""
    picture = counts.runs[0].picture
    standard, express = (
        million(counts.run(type_, picture), prices) for type_ in ("STANDARD", "EXPRESS")
    )
    return round(DEARER / (standard - express) * MILLION)


def _crossing(ours: Callable[[float], float], theirs: Callable[[float], float]) -> int | None:
    """Return the first number of tasks, in steps, where the second costs less."""
    return next((n for n in range(0, MOST, STEP) if ours(n) > theirs(n)), None)


def _tasks(number: int | None) -> str:
    return f"never below {MOST:,}" if number is None else f"{number:,}"


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}"


def _megabytes(run: Run) -> str:
    return f"{run.result_bytes / run.tasks / MILLION:.2f} MB ({run.picture})"
