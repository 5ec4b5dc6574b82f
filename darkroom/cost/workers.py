"""The design that Darkroom is compared with: an API and workers that run all day, with a queue.

It has the same task table with its list index, writes one result per task, and has no steps: a
retry starts from the beginning. Its machines are in two availability zones.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from darkroom.cost.counts import Run
from darkroom.cost.model import HOURS_OF_A_MONTH, MILLION, Prices

SECONDS_OF_A_MONTH = HOURS_OF_A_MONTH * 3600
PEAK = 3
"""Load of the busiest hour relative to the average; the workers are sized for it."""
BUSY = 0.6
"""Share of its processor that a worker uses in that hour."""
OTHER_CPU_MS = 5
"""Assumed for a task in addition to Download and Grayscale: messages and table writes."""
LOG_GB = 0.5
"""Assumed for a million tasks with two log lines each."""


@dataclass(frozen=True)
class Fleet:
    """Machines with an hourly price."""

    name: str  # of the design
    base: Mapping[str, float]  # what always runs: its number by the price's name
    worker: Mapping[str, float]  # the same for one more worker
    workers: int  # the number of workers in `base`
    processors: float  # of each worker

    def month(self, tasks: float, run: Run, prices: Prices) -> float:
        """Return the dollars of a month with a number of tasks like those of a run."""
        busiest = PEAK * tasks / SECONDS_OF_A_MONTH * processor_seconds(run)
        needed = math.ceil(busiest / (BUSY * self.processors))
        hours = _hours(self.base, prices)
        hours += max(0, needed - self.workers) * _hours(self.worker, prices)
        return hours + requests(run, prices) * tasks / MILLION


FARGATE = Fleet(
    "Fargate",
    # Two API tasks with a quarter of a processor, two workers with one, each with an address.
    base={
        "fargate-arm-vcpu-hour": 2.5,
        "fargate-arm-gb-hour": 5,
        "load-balancer-hour": 1,
        "public-ipv4-hour": 4,
    },
    worker={"fargate-arm-vcpu-hour": 1, "fargate-arm-gb-hour": 2, "public-ipv4-hour": 1},
    workers=2,
    processors=1,
)
EC2 = Fleet(
    "EC2",
    # API and workers share two machines.
    base={
        "ec2-m7g-large-hour": 2,
        "ebs-gp3-gb-month": 60 / HOURS_OF_A_MONTH,
        "load-balancer-hour": 1,
        "public-ipv4-hour": 2,
    },
    worker={
        "ec2-m7g-large-hour": 1,
        "ebs-gp3-gb-month": 30 / HOURS_OF_A_MONTH,
        "public-ipv4-hour": 1,
    },
    workers=2,
    processors=1.5,  # the rest is for the API
)


def processor_seconds(run: Run) -> float:
    """Return the processor seconds that a worker needs for a task like those of a run."""
    steps = sum(run.functions[name].cpu_ms for name in ("Download", "Grayscale")) / run.tasks
    return (steps + OTHER_CPU_MS) / 1000


def requests(run: Run, prices: Prices) -> float:
    """Return the dollars of a million tasks without the machines."""
    records = sum(units for index, units in run.writes.items() if index != "active")
    each = MILLION / run.tasks
    return (
        prices.of("s3-put", MILLION)
        + prices.of("sqs-request", 3 * MILLION)
        + prices.of("dynamodb-write-unit", records * each)
        + prices.of("dynamodb-read-unit", run.reads * each)
        + prices.of("logs-gb", LOG_GB)
    )


def _hours(machines: Mapping[str, float], prices: Prices) -> float:
    return sum(prices.of(name, n) for name, n in machines.items()) * HOURS_OF_A_MONTH
