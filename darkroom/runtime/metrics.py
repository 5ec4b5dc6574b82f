"""What Darkroom counts beside what AWS counts by itself: CloudWatch metrics of its own.

Powertools writes them as log lines of which CloudWatch makes metrics (EMF): no call, no waiting.
Each has the dimension `service`, which is the stack's name.

| metric | unit | also by | is | of |
|---|---|---|---|---|
| `Completed`, `Failed`, `Cancelled` | count | | 1 or 0 for each end of a task | Announce |
| `Failed` | count | `error` | 1 for each task that failed with it | Announce |
| `Faults` | count | | 1 or 0 for each end: neither source nor image was to blame | Announce |
| `UnpublishedEvents` | count | | 1 for each event that cannot be published | Announce |
| `TaskSeconds` | seconds | | from POST to COMPLETED, if the first attempt got there | Announce |
| `BytesOut` | bytes | | of a result | Announce |
| `StepSeconds` | seconds | `step` | of a step that went well | the three steps that work |
| `BytesIn` | bytes | `step` | of a source | Download |
| `Webhooks` | count | `outcome` | 1 for each try: Delivered, Retried or GivenUp | Callback |
| `Repairs` | count | | what a run of reconcile set right, 0 too | Reconcile |

An end is counted where it is told, from the table's stream: once, whoever wrote it.
"""

import datetime
import functools
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aws_lambda_powertools import Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from darkroom import errors

NAMESPACE = "Darkroom"
ENDS = {"Completed": "COMPLETED", "Failed": "FAILED", "Cancelled": "CANCELLED"}
"""The metric of each status that a task ends in."""

metrics = Metrics(namespace=NAMESPACE)

Step = Callable[[dict[str, Any]], dict[str, Any]]


def measured(name: str) -> Callable[[Step], Step]:
    """Wrap a step: its seconds are counted, and what else it has added to `metrics`."""

    def wrap(handler: Step) -> Step:
        @functools.wraps(handler)
        def wrapper(event: dict[str, Any]) -> dict[str, Any]:
            started = time.monotonic()
            answer = handler(event)
            metrics.add_dimension("step", name)
            metrics.add_metric("StepSeconds", MetricUnit.Seconds, time.monotonic() - started)
            metrics.flush_metrics()
            return answer

        return wrapper

    return wrap


def count_ended_tasks(ended: Iterable[Mapping[str, Any]]) -> None:
    """Count items of tasks that have ended."""
    for item in ended:
        for name, status in ENDS.items():
            metrics.add_metric(name, MetricUnit.Count, item["status"] == status)
        error = item["failure"]["error"] if item["status"] == "FAILED" else None
        metrics.add_metric("Faults", MetricUnit.Count, error is not None and is_fault(error))
        if error:
            _count("Failed", error=error)
        if item["status"] == "COMPLETED":
            metrics.add_metric("BytesOut", MetricUnit.Bytes, int(item["result"]["bytes"]))
            if item["attempt"] == 1:  # a later one began when somebody asked for it
                metrics.add_metric("TaskSeconds", MetricUnit.Seconds, _seconds(item))
    metrics.flush_metrics()


def count_unpublished() -> None:
    """Count a change that cannot be published as an event."""
    metrics.add_metric("UnpublishedEvents", MetricUnit.Count, 1)
    metrics.flush_metrics()


def count_webhook(outcome: str) -> None:
    """Count one try to deliver a webhook: `Delivered`, `Retried` or `GivenUp`."""
    _count("Webhooks", outcome=outcome)


def count_repairs(number: int) -> None:
    """Count what a run of reconcile set right.

    A zero too: an alarm must be able to tell "none" from "not run".
    """
    metrics.add_metric("Repairs", MetricUnit.Count, number)
    metrics.flush_metrics()


def is_fault(error: str) -> bool:
    """Whether a failure is Darkroom's or AWS's to mend, and not the source's or the image's."""
    known = getattr(errors, error, None)
    return known is None or not issubclass(known, errors.SourceError | errors.ImageError)


def _count(name: str, **dimensions: str) -> None:
    with single_metric(name, MetricUnit.Count, 1, namespace=NAMESPACE) as metric:
        for dimension, value in dimensions.items():
            metric.add_dimension(dimension, value)


def _seconds(item: Mapping[str, Any]) -> float:
    begun, ended = (
        datetime.datetime.fromisoformat(item[name]) for name in ("createdAt", "completedAt")
    )
    return (ended - begun).total_seconds()
