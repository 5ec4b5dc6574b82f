"""Darkroom's own CloudWatch metrics, in addition to those of AWS.

Powertools writes them as log lines in the embedded metric format (EMF), from which CloudWatch
extracts the metrics: no call is made. All have the dimension `service`, the name of the stack.

| metric | unit | dimension | value | function |
|---|---|---|---|---|
| `Completed`, `Failed`, `Cancelled` | count | | 1 or 0 for each task that has ended | Announce |
| `Failed` | count | `error` | 1 for each task that failed with this error | Announce |
| `Faults` | count | | 1 if a task failed and not because of source or image, else 0 | Announce |
| `UnpublishedEvents` | count | | 1 for each event that cannot be published | Announce |
| `TaskSeconds` | seconds | | from POST to COMPLETED, if the first attempt succeeded | Announce |
| `BytesOut` | bytes | | size of a result | Announce |
| `StepSeconds` | seconds | `step` | duration of a successful step | Download, Grayscale, Upload |
| `BytesIn` | bytes | `step` | size of a source | Download |
| `Webhooks` | count | `outcome` | 1 for each try: Delivered, Retried or GivenUp | Callback |
| `Repairs` | count | | repairs of one run of reconcile, 0 included | Reconcile |

Tasks that have ended are counted from the table's stream: once, whichever component wrote the end.
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
STATUS_METRICS = {"Completed": "COMPLETED", "Failed": "FAILED", "Cancelled": "CANCELLED"}
"""The metric of each terminal status."""

metrics = Metrics(namespace=NAMESPACE)

Step = Callable[[dict[str, Any]], dict[str, Any]]


def measured(name: str) -> Callable[[Step], Step]:
    """Write the duration of a successful step, and all that the step has added to `metrics`."""

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
    """Write the metrics of tasks that have ended, from their items."""
    for item in ended:
        for name, status in STATUS_METRICS.items():
            metrics.add_metric(name, MetricUnit.Count, item["status"] == status)
        error = item["failure"]["error"] if item["status"] == "FAILED" else None
        metrics.add_metric("Faults", MetricUnit.Count, error is not None and is_fault(error))
        if error:
            _count("Failed", error=error)
        if item["status"] == "COMPLETED":
            metrics.add_metric("BytesOut", MetricUnit.Bytes, int(item["result"]["bytes"]))
            if item["attempt"] == 1:  # a later one would include the time until the retry request
                metrics.add_metric("TaskSeconds", MetricUnit.Seconds, _seconds(item))
    metrics.flush_metrics()


def count_unpublished() -> None:
    """Count an event that cannot be published."""
    metrics.add_metric("UnpublishedEvents", MetricUnit.Count, 1)
    metrics.flush_metrics()


def count_webhook(outcome: str) -> None:
    """Count one try to deliver a webhook: `Delivered`, `Retried` or `GivenUp`."""
    _count("Webhooks", outcome=outcome)


def count_repairs(number: int) -> None:
    """Count the repairs of one run of reconcile.

    Zero is also counted, so that an alarm can distinguish "no repairs" from "did not run".
    """
    metrics.add_metric("Repairs", MetricUnit.Count, number)
    metrics.flush_metrics()


def is_fault(error: str) -> bool:
    """Whether a failure is caused by Darkroom or AWS, and not by the source or the image."""
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
