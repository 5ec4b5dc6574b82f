"""CloudWatch: metrics that functions write as log lines, in the embedded metric format (EMF).

Differences from AWS: docs/aws-differences.md, "IAM, S3 and CloudWatch".
"""

import json
from collections.abc import Iterator
from typing import Any

from ministack.services import cloudwatch, lambda_svc

from tools.localcloud.emulator.replacing import Function, replaces

MARK = '"_aws"'


@replaces(lambda_svc, "_emit_lambda_logs", has="log_text: str,")
def extract_metrics_from_logs(
    original: Function,
    func: dict[str, Any],
    request_id: str,
    log_text: str,
    *rest: Any,
    **more: Any,
) -> None:
    """Store the metrics of log lines in the embedded metric format. ministack ignores them.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

    The output is searched for the mark once, so output without metrics costs almost nothing.
    """
    original(func, request_id, log_text, *rest, **more)
    if MARK in (log_text or ""):
        for line in log_text.splitlines():
            if MARK in line:
                _store(line)


def _store(line: str) -> None:
    """Store the metrics of one line. As on AWS, a malformed line has none."""
    try:
        points = list(_points(json.loads(line)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    for key, point in points:
        there = cloudwatch._metric_bucket(key)
        last = there[-1] if there else {}
        # Equal values of the same second become one point, because the whole store is written to
        # disk every two seconds and most values are a count of 0 or 1.
        if last.get("Value") == point["Value"] and 0 <= point["Timestamp"] - last["Timestamp"] < 1:
            last["Count"] = last.get("Count", 1.0) + 1
        else:
            there.append(point)


def _points(document: dict[str, Any]) -> Iterator[tuple[tuple[str, str, str], dict[str, Any]]]:
    """Yield each value of a document with the key under which ministack stores it."""
    seconds = document["_aws"]["Timestamp"] / 1000
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = {name: document[name] for name in names}
            if not all(isinstance(value, str) for value in dimensions.values()):
                raise TypeError("The value of a dimension must be text.")
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
