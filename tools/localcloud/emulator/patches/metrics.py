"""Metrics that functions write as log lines: the embedded metric format (EMF)."""

import json
from collections.abc import Iterator
from typing import Any

from ministack.services import cloudwatch, lambda_svc

from tools.localcloud.emulator.patches.replacing import Function, replace

MARK = '"_aws"'


def apply() -> None:
    """Apply the patches of this module."""
    take_metrics_out_of_logs()


def take_metrics_out_of_logs() -> None:
    """Make metrics of the lines that say so; ministack keeps them as lines.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

    A function's output is looked through once for the mark, so one without metrics costs nothing.
    """

    def emit(original: Function) -> Function:
        def and_count(
            func: dict[str, Any], request_id: str, log_text: str, *rest: Any, **more: Any
        ) -> None:
            original(func, request_id, log_text, *rest, **more)
            if MARK in (log_text or ""):
                for line in log_text.splitlines():
                    if MARK in line:
                        _take(line)

        return and_count

    replace(lambda_svc, "_emit_lambda_logs", emit, has="log_text: str,")


def _take(line: str) -> None:
    """Keep the metrics of one line. One that is not well formed has none, as on AWS."""
    try:
        points = list(_points(json.loads(line)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    for key, point in points:
        there = cloudwatch._metric_bucket(key)
        last = there[-1] if there else {}
        # One point for equal ones of the same second: a count of ends is mostly 0 or 1, and the
        # whole store is written to disk every other second.
        if last.get("Value") == point["Value"] and 0 <= point["Timestamp"] - last["Timestamp"] < 1:
            last["Count"] = last.get("Count", 1.0) + 1
        else:
            there.append(point)


def _points(document: dict[str, Any]) -> Iterator[tuple[tuple[str, str, str], dict[str, Any]]]:
    """Give each value of a document with the key that ministack keeps it under."""
    seconds = document["_aws"]["Timestamp"] / 1000
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = {name: document[name] for name in names}
            if not all(isinstance(value, str) for value in dimensions.values()):
                raise TypeError("A dimension is a text.")
            for metric in directive["Metrics"]:
                name, values = metric["Name"], document[metric["Name"]]
                key = (directive["Namespace"], name, cloudwatch._dims_key(dimensions))
                for value in values if isinstance(values, list) else [values]:
                    yield (
                        key,
                        {
                            "Timestamp": seconds,
                            "Value": float(value),
                            "Unit": metric.get("Unit", "None"),
                            "Dimensions": dimensions,
                        },
                    )
