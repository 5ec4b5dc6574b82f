"""Metrics from log lines, and alarms on them, as in CloudWatch."""

import datetime
import json
import time
from typing import Any

import pytest

from tests.support.cloud.minimal import eventually, function, invoke, listener
from tools.localcloud.cloud import LocalCloud

PRINTING = "def handler(event, context):\n    print(event['line'])\n"


@pytest.fixture(scope="module")
def printer(cloud: LocalCloud) -> str:
    """A function that prints its event."""
    return function(cloud, PRINTING)


@pytest.fixture
def watch(cloud: LocalCloud) -> Any:
    return cloud.client("cloudwatch")


def emf(namespace: str, **metrics: Any) -> str:
    directive = {
        "Namespace": namespace,
        "Dimensions": [["service"], ["service", "step"]],
        "Metrics": [{"Name": name, "Unit": "Count"} for name in metrics],
    }
    moment = int(time.time() * 1000)
    head = {"Timestamp": moment, "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": head, "service": "s", "step": "Download", **metrics})


def statistics(watch: Any, namespace: str, name: str, **dimensions: str) -> dict[str, float]:
    now = datetime.datetime.now(datetime.UTC)
    minute = datetime.timedelta(minutes=1)
    found = watch.get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - minute,
        EndTime=now + minute,
        Period=3600,
        Statistics=["Sum", "SampleCount", "Maximum"],
    )["Datapoints"]
    return {name: sum(point[name] for point in found) for name in ("Sum", "SampleCount")} | {
        "Maximum": max((point["Maximum"] for point in found), default=0.0)
    }


def test_a_line_with_metrics_is_counted_for_each_set_of_its_dimensions(
    cloud: LocalCloud, printer: str, watch: Any
):
    line = emf("Lines", Tried=1, Seconds=[0.5, 0.5, 2])

    invoke(cloud, printer, {"line": f"hello\n{line}\n{line}"})

    for dimensions in ({"service": "s"}, {"service": "s", "step": "Download"}):
        tried = statistics(watch, "Lines", "Tried", **dimensions)
        assert (tried["Sum"], tried["SampleCount"]) == (2, 2)
        seconds = statistics(watch, "Lines", "Seconds", **dimensions)
        assert (seconds["Sum"], seconds["SampleCount"], seconds["Maximum"]) == (6, 6, 2)
    assert statistics(watch, "Lines", "Tried", step="Download")["SampleCount"] == 0


@pytest.mark.parametrize(
    "line",
    [
        '{"_aws": 1}',
        '"_aws"',
        '{"_aws": {"Timestamp": 1}',
        emf("Broken", Tried="many"),
        emf("Broken", Tried=1).replace('"service": "s", ', ""),
        emf("Broken", Tried=1).replace('"service": "s"', '"service": 1'),
    ],
)
def test_a_line_that_resembles_metrics_adds_no_metric(
    cloud: LocalCloud, printer: str, watch: Any, line: str
):
    assert invoke(cloud, printer, {"line": line}) is None

    assert watch.list_metrics(Namespace="Broken")["Metrics"] == []


def put(watch: Any, namespace: str, name: str, value: float, **dimensions: str) -> None:
    datum = {
        "MetricName": name,
        "Value": value,
        "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
    }
    watch.put_metric_data(Namespace=namespace, MetricData=[datum])


def alarm(watch: Any, name: str, **settings: Any) -> None:
    watch.put_metric_alarm(
        AlarmName=name,
        **{
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            **settings,
        },
    )


def state(watch: Any, name: str) -> str:
    (found,) = watch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(found["StateValue"])


def test_an_alarm_matches_its_dimensions_and_clears_when_its_metric_stops(
    watch: Any,
):
    settings = {"MetricName": "Lost", "Namespace": "Alarms", "Statistic": "Sum", "Period": 5}
    for queue in ("a", "b"):
        dimensions = [{"Name": "Queue", "Value": queue}]
        alarm(watch, f"lost-{queue}", **settings, Dimensions=dimensions)

    put(watch, "Alarms", "Lost", 1, Queue="a")

    assert (state(watch, "lost-a"), state(watch, "lost-b")) == ("ALARM", "OK")
    eventually(lambda: state(watch, "lost-a") == "OK")


def test_an_alarm_waits_for_as_many_periods_as_it_says(watch: Any):
    settings = {"MetricName": "Slow", "Namespace": "Alarms", "Statistic": "Maximum", "Period": 1}
    alarm(watch, "slow", **settings, EvaluationPeriods=3, DatapointsToAlarm=2)

    put(watch, "Alarms", "Slow", 1)
    assert state(watch, "slow") == "OK"

    def fired() -> bool:
        put(watch, "Alarms", "Slow", 1)
        return state(watch, "slow") == "ALARM"

    eventually(fired)


def test_silence_is_what_the_alarm_says_it_is(watch: Any):
    settings = {"MetricName": "Silent", "Namespace": "Alarms", "Statistic": "Sum", "Period": 60}
    silence = {"breaching": "ALARM", "notBreaching": "OK", "missing": "INSUFFICIENT_DATA"}
    for meaning in silence:
        alarm(watch, meaning, **settings, TreatMissingData=meaning)

    assert {meaning: state(watch, meaning) for meaning in silence} == silence


def test_an_alarm_watches_an_expression_and_notifies_its_topic(cloud: LocalCloud, watch: Any):
    topic = cloud.client("sns").create_topic(Name="alarms")["TopicArn"]
    reported = listener(cloud, topic)
    queries = [
        {
            "Id": name.lower(),
            "MetricStat": {
                "Metric": {"Namespace": "Math", "MetricName": name},
                "Period": 60,
                "Stat": "Sum",
            },
            "ReturnData": False,
        }
        for name in ("Failed", "Done")
    ]
    expression = "IF(done + failed >= 4, 100 * failed / (done + failed), 0)"
    queries.append({"Id": "rate", "Expression": expression})
    alarm(watch, "rate", Metrics=queries, Threshold=50, AlarmActions=[topic])

    put(watch, "Math", "Done", 1)
    put(watch, "Math", "Failed", 2)
    assert state(watch, "rate") == "OK"  # too few to judge by
    put(watch, "Math", "Failed", 1)

    assert state(watch, "rate") == "ALARM"
    (message,) = reported()
    assert (message["AlarmName"], message["NewStateValue"]) == ("rate", "ALARM")


def test_a_template_may_have_an_alarm_on_an_expression(cloud: LocalCloud, watch: Any):
    metric = {
        "Id": "m",
        "MetricStat": {
            "Metric": {"Namespace": "Template", "MetricName": "Lost"},
            "Period": 60,
            "Stat": "Sum",
        },
        "ReturnData": False,
    }
    properties = {
        "AlarmName": "of-a-template",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": 10,
        "Metrics": [metric, {"Id": "e", "Expression": "m * 10"}],
    }
    resource = {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}
    body = json.dumps({"Resources": {"Lost": resource}})
    formation = cloud.client("cloudformation")
    formation.create_stack(StackName="an-alarm", TemplateBody=body)
    formation.get_waiter("stack_create_complete").wait(
        StackName="an-alarm", WaiterConfig={"Delay": 1}
    )

    put(watch, "Template", "Lost", 2)

    assert state(watch, "of-a-template") == "ALARM"
