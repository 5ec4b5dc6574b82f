"""Which quota ends at which rate of tasks, from what a task was counted to need."""

from collections.abc import Callable
from dataclasses import dataclass

from darkroom.cost.counts import Run
from darkroom.cost.model import milliseconds
from darkroom.cost.report import Table
from darkroom.tasks.model import ACTIVE_SHARDS
from tools.bench.scale.rules import Concurrency

RATES = (100, 1_000, 10_000)
STEP_FUNCTIONS = "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"
DYNAMODB = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"


@dataclass(frozen=True)
class Quota:
    """What a second may have of something.

    Attributes:
        name: of it.
        limit: by default, in us-east-1.
        task: how much of it a task needs.
        source: the page that has the limit.
        raised: whether AWS raises it when it is asked to.
        where: the type of workflow that it holds for; "" for both.
    """

    name: str
    limit: int
    task: Callable[[Run], float]
    source: str
    raised: bool = True
    where: str = ""


def functions(run: Run) -> float:
    """Return the functions that run at once for one task in a second."""
    seconds = sum(
        f.invocations * max(milliseconds(name, f) / 1000, Concurrency.SHORTEST)
        for name, f in run.functions.items()
    )
    return seconds / run.tasks


def _writes(index: str, partitions: int = 1) -> Callable[[Run], float]:
    return lambda run: run.writes[index] / run.tasks / partitions


QUOTAS = [
    Quota(
        "executions started",
        300,
        lambda _: 1,
        STEP_FUNCTIONS,
        where="STANDARD",
    ),
    Quota(
        "state transitions",
        5_000,
        lambda run: run.transitions / run.tasks,
        STEP_FUNCTIONS,
        where="STANDARD",
    ),
    Quota("executions started", 6_000, lambda _: 1, STEP_FUNCTIONS, where="EXPRESS"),
    Quota(
        "functions at once",
        1_000,
        functions,
        "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
    ),
    Quota(
        "requests to the API",
        10_000,
        lambda run: run.requests / run.tasks,
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html",
    ),
    Quota("write units of the table", 40_000, _writes("table"), f"{DYNAMODB}ServiceQuotas.html"),
    Quota(
        "write units of one shard of what is active",
        1_000,
        _writes("active", ACTIVE_SHARDS),
        f"{DYNAMODB}bp-partition-key-design.html",
        raised=False,
    ),
    Quota(
        "write units of one caller's list",
        1_000,
        _writes("owner-createdAt"),
        f"{DYNAMODB}bp-partition-key-design.html",
        raised=False,
    ),
    Quota(
        "events",
        10_000,
        lambda run: run.events / run.tasks,
        "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html",
    ),
]


def table(standard: Run, express: Run) -> Table:
    """Return the table of docs/scale.md: what each rate needs, and where a quota ends."""
    rows: list[tuple[str, ...]] = []
    for quota in QUOTAS:
        each = quota.task(express if quota.where == "EXPRESS" else standard)
        rows.append(
            (
                f"{quota.name}{f', {quota.where}' if quota.where else ''}",
                f"{quota.limit:,}" if quota.raised else f"{quota.limit:,}, fixed",
                *(_need(each * rate, quota.limit) for rate in RATES),
                f"{quota.limit / each:,.0f}",
                quota.source,
            )
        )
    return Table(
        "What a second needs",
        "Of each quota, by default and in us-east-1, what so many tasks in a second need, and the "
        "tasks a second at which it ends. Bold: more than there is. Functions are counted for a "
        "tenth of a second at least, since an environment answers ten requests a second at most.",
        (
            "quota",
            "by default",
            *(f"{rate:,} tasks/s" for rate in RATES),
            "ends at, tasks/s",
            "source",
        ),
        rows,
    )


def _need(amount: float, limit: int) -> str:
    return f"**{amount:,.0f}**" if amount > limit else f"{amount:,.0f}"
