"""CloudWatch: metrics of log lines in the embedded metric format (EMF), and alarms.

Differences from AWS: docs/aws-differences.md, "IAM, S3 and CloudWatch".
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import cloudwatch, lambda_svc
from ministack.services.cloudformation import provisioners

from tools.localcloud.emulator.metric_math import Value, evaluate
from tools.localcloud.emulator.replacing import Function, Patch, replaces

# What each line in the embedded metric format contains.
MARK = '"_aws"'
# Seconds between two evaluations of all alarms. DescribeAlarms evaluates them, too.
INTERVAL = 60.0
# Points are stored in the order of their arrival. A late point is found if it arrived within so
# many seconds.
LATE = 3600.0

OVER: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}

_evaluating = threading.Lock()


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


@replaces(cloudwatch, "_evaluate_alarm", has="recent = [p for p in all_pts")
def evaluate_period_by_period(_original: Function, alarm: dict[str, Any]) -> None:
    """Evaluate dimensions, `EvaluationPeriods`, `DatapointsToAlarm` and `TreatMissingData`.

    ministack merges all metrics of one name and all periods. It never clears an alarm whose metric
    gets no more data.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    """
    with _evaluating:
        values = _values(alarm, time.time())
        state = _state(alarm, values)
        if state is not None and state != alarm["StateValue"]:
            _change(alarm, state, values)


@Patch
def evaluate_every_minute() -> None:
    """Evaluate alarms every minute. ministack does so only when PutMetricData is called.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    """

    def forever() -> None:
        while True:
            time.sleep(INTERVAL)
            cloudwatch._evaluate_all_alarms()

    threading.Thread(target=forever, daemon=True, name="darkroom-alarms").start()


@replaces(cloudwatch, "_describe_alarms", has='"MetricAlarm" in alarm_types')
def evaluate_before_describing(original: Function, *args: Any, **more: Any) -> Any:
    """Evaluate alarms before DescribeAlarms answers, so that nobody waits for the next minute."""
    cloudwatch._evaluate_all_alarms()
    return original(*args, **more)


@replaces(provisioners, "_cw_metric_alarm_record", has='if props.get("Metrics"):')
def support_metric_math(
    original: Function, name: str, properties: dict[str, Any]
) -> dict[str, Any]:
    """Support metric math in `Metrics`. ministack refuses it in CloudFormation.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
    """
    metrics = properties.get("Metrics")
    if not metrics:
        return dict(original(name, properties))
    plain = {key: value for key, value in properties.items() if key != "Metrics"}
    alarm = original(name, plain | {"MetricName": "-", "Namespace": "-"})
    return {**alarm, "MetricName": None, "Namespace": None, "Metrics": metrics}


@replaces(cloudwatch, "_put_metric_alarm", has='"MetricName": cbor_data.get("MetricName")')
def keep_the_metric_math_of_a_request(
    original: Function, params: Any, sent: dict[str, Any], *rest: Any
) -> Any:
    """Store `Metrics`, which ministack drops in PutMetricAlarm."""
    answer = original(params, sent, *rest)
    if sent.get("Metrics") and sent["AlarmName"] in cloudwatch._alarms:
        cloudwatch._alarms[sent["AlarmName"]]["Metrics"] = sent["Metrics"]
    return answer


def _values(alarm: dict[str, Any], now: float) -> list[Value]:
    """Return an alarm's value for each of its periods, the newest first."""
    count = alarm["EvaluationPeriods"]
    queries = alarm.get("Metrics")
    if not queries:
        return _series(
            alarm | {"Stat": alarm.get("ExtendedStatistic") or alarm["Statistic"]}, now, count
        )
    measured = {
        query["Id"]: _series({**query["MetricStat"], **query["MetricStat"]["Metric"]}, now, count)
        for query in queries
        if "MetricStat" in query
    }
    (expression,) = (query["Expression"] for query in queries if "Expression" in query)
    return [
        evaluate(expression, {name: values[n] for name, values in measured.items()})
        for n in range(count)
    ]


def _series(metric: dict[str, Any], now: float, count: int) -> list[Value]:
    """Return one metric's statistic for each of the last `count` periods, the newest first."""
    dimensions = {d["Name"]: d["Value"] for d in metric.get("Dimensions") or []}
    key = (metric["Namespace"], metric["MetricName"], cloudwatch._dims_key(dimensions))
    period = int(metric["Period"])
    periods: list[list[Any]] = [[] for _ in range(count)]
    for point in reversed(cloudwatch._metrics.get(key) or []):
        age = now - point["Timestamp"]
        if age > count * period + LATE:
            break
        if 0 <= age < count * period:
            periods[int(age // period)].append(point)
    return [
        cloudwatch._stat_value(cloudwatch._calc_stats(points), metric["Stat"], points)
        if points
        else None
        for points in periods
    ]


def _state(alarm: dict[str, Any], values: list[Value]) -> str | None:
    """Return the state that follows from the values of all periods; None if it does not change."""
    missing = alarm.get("TreatMissingData") or "missing"
    over, threshold = OVER[alarm["ComparisonOperator"]], alarm["Threshold"]
    verdicts = [
        missing == "breaching" if value is None else over(value, threshold)
        for value in values
        if value is not None or missing in {"breaching", "notBreaching"}
    ]
    if not verdicts:
        return None if missing == "ignore" else "INSUFFICIENT_DATA"
    needed = alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]
    return "ALARM" if sum(verdicts) >= min(needed, len(verdicts)) else "OK"


def _change(alarm: dict[str, Any], state: str, values: list[Value]) -> None:
    """Change the state of an alarm and run its actions."""
    before = alarm["StateValue"]
    reason = f"{alarm['ComparisonOperator']} {alarm['Threshold']:g}: the newest first, {values}"
    alarm["StateValue"], alarm["StateReason"] = state, reason
    alarm["StateUpdatedTimestamp"] = int(time.time())
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)
