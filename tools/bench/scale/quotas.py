"""What each rate of tasks needs of AWS's quotas."""

from collections.abc import Callable
from dataclasses import dataclass

from darkroom.cost.counts import Run
from darkroom.cost.model import milliseconds
from darkroom.cost.report import Table
from darkroom.tasks.model import ACTIVE_SHARDS
from tools.bench.scale.rules import Concurrency

RATES = (100, 1_000, 10_000)
STEP_FUNCTIONS = "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"
LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
API_GATEWAY = "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"
EVENTBRIDGE = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"
DYNAMODB = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
PARTITIONS = f"{DYNAMODB}bp-partition-key-design.html"


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
