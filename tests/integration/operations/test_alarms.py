"""Each alarm fires when its cause occurs, and clears when the cause is gone.

Alarms evaluate periods of minutes. A test cannot wait for minutes, so it shortens the periods of
the alarm. Its metric, threshold and actions stay as deployed.
"""

import json
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.cloud.minimal import listener
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import Sources
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy

pytestmark = pytest.mark.timeout(1200)

PERIOD = 5
"""Seconds; ten ends need more of them."""
# The fields of DescribeAlarms that PutMetricAlarm accepts.
SETTINGS = (
    "AlarmName", "AlarmDescription", "Namespace", "MetricName", "Dimensions", "Statistic",
    "EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "Threshold",
    "TreatMissingData", "AlarmActions", "OKActions",
)  # fmt: skip
# AWS emits these metrics and the local cloud does not, so the test sends them.
NOT_HERE = {
    "dead-letters": 1, "callback-dead-letters": 1, "queue-age": 3601, "quiet-queue-age": 61,
    "api-errors": 5,
}  # fmt: skip

Notified = Callable[[str, str], bool]


@pytest.fixture(scope="module")
def watched(cloud: LocalCloud) -> Iterator[Stack]:
    with Stack(cloud, deploy(cloud, "watched", {"RepairAfterSeconds": "1"})) as stack:
        yield stack


@pytest.fixture(scope="module")
def notified(watched: Stack) -> Notified:
    """Whether the topic was notified of a state of an alarm."""
    receive = listener(watched.cloud, watched.outputs["AlarmTopicArn"])
    seen: set[tuple[str, str]] = set()

    def is_notified(alarm: str, state: str) -> bool:
        seen.update((m["AlarmName"], m["NewStateValue"]) for m in receive())
        return (f"watched-{alarm}", state) in seen

    return is_notified


def described(stack: Stack, alarm: str) -> dict[str, Any]:
    watch = stack.cloud.client("cloudwatch")
    (found,) = watch.describe_alarms(AlarmNames=[f"watched-{alarm}"])["MetricAlarms"]
    return found


def shortened(stack: Stack, alarm: str, period: int) -> None:
    """Set the period of an alarm, in seconds."""
    deployed = described(stack, alarm)
    settings = {name: deployed[name] for name in SETTINGS if deployed.get(name) is not None}
    if "Metrics" in deployed:
        queries = json.loads(json.dumps(deployed["Metrics"]))
        for query in queries:
            if "MetricStat" in query:
                query["MetricStat"]["Period"] = period
        settings = {k: v for k, v in settings.items() if k != "Statistic"} | {"Metrics": queries}
    else:
        settings["Period"] = period
    stack.cloud.client("cloudwatch").put_metric_alarm(**settings)


def is_in(stack: Stack, alarm: str, state: str) -> bool:
    return bool(described(stack, alarm)["StateValue"] == state)


def fires(stack: Stack, notified: Notified, alarm: str, cause: Callable[[], object]) -> None:
    """Cause a problem repeatedly until its alarm has fired and its notification was sent."""
    shortened(stack, alarm, 3 * PERIOD if alarm == "failure-rate" else PERIOD)
    assert not is_in(stack, alarm, "ALARM")
    until(lambda: cause() or is_in(stack, alarm, "ALARM"), 90, f"{alarm} fires")
    until(lambda: notified(alarm, "ALARM"), 10, "its alarm is notified")


def clears(stack: Stack, notified: Notified, alarm: str) -> None:
    """Wait until an alarm clears after its cause is gone."""
    until(lambda: is_in(stack, alarm, "OK"), 90, f"{alarm} clears")
    until(lambda: notified(alarm, "OK"), 10, "its end is notified")


def test_failure_rate_because_sources_are_not_there(
    watched: Stack, notified: Notified, sources: Sources
):
    def ten_that_fail() -> None:
        tasks = [watched.submit(sources.url("/status/404")) for _ in range(10)]
        watched.all_ended((task["taskId"] for task in tasks), 60)

    fires(watched, notified, "failure-rate", ten_that_fail)
    clears(watched, notified, "failure-rate")


def test_executions_because_one_was_stopped_by_hand(
    watched: Stack, notified: Notified, sources: Sources
):
    path = "/held/by-hand"
    task_id = watched.submit(sources.url(path))["taskId"]
    until(lambda: sources.requests[path], 30, "the source is requested")
    arn = watched.task(task_id)["execution"]["arn"]

    fires(watched, notified, "executions", lambda: stop(watched, arn))
    sources.held[path].set()
    clears(watched, notified, "executions")


def stop(stack: Stack, arn: str) -> None:
    stack.states.stop_execution(executionArn=arn)


def test_faults_because_a_function_lost_its_permission(
    watched: Stack, notified: Notified, sources: Sources
):
    def five_that_cannot_be_stored() -> None:
        for _ in range(5):
            watched.submit(sources.url("/colour.jpg"))

    with watched.without_policy("Upload"):
        fires(watched, notified, "faults", five_that_cannot_be_stored)
    clears(watched, notified, "faults")


def test_function_errors_because_reconcile_lost_its_permissions(watched: Stack, notified: Notified):
    """The test calls the function, because scheduled invocations have no metrics on the local
    cloud."""
    name = watched.physical("ReconcileFunction")

    def run() -> None:
        answer = watched.cloud.client("lambda").invoke(FunctionName=name, Payload=b"{}")
        assert "AccessDenied" in answer["Payload"].read().decode()

    with watched.without_policy("Reconcile"):
        fires(watched, notified, "function-errors", run)
    clears(watched, notified, "function-errors")


def test_throttles_because_a_function_may_not_run(watched: Stack, notified: Notified):
    name = watched.physical("DownloadFunction")
    lambdas = watched.cloud.client("lambda")

    def calls() -> None:
        for _ in range(20):
            with pytest.raises(lambdas.exceptions.TooManyRequestsException):
                lambdas.invoke(FunctionName=name, Payload=b"{}")

    lambdas.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        fires(watched, notified, "throttles", calls)
    finally:
        lambdas.delete_function_concurrency(FunctionName=name)
    clears(watched, notified, "throttles")


def test_repairs_because_five_messages_were_lost(
    watched: Stack, notified: Notified, sources: Sources
):
    def lost() -> dict[str, Any]:
        task_id = str(uuid.uuid4())
        old = "2026-01-01T00:00:00.000Z"
        item = {
            "taskId": {"S": task_id},
            "owner": {"S": "nobody"},
            "attempt": {"N": "1"},
            "status": {"S": "PENDING"},
            "active": {"S": str(zlib.crc32(task_id.encode()) % 8)},
            "createdAt": {"S": old},
            "updatedAt": {"S": old},
            "source": {"M": {"imageUrl": {"S": sources.url("/colour.png")}}},
            "output": {"M": {"format": {"S": "auto"}, "quality": {"N": "90"}}},
        }
        return {"TableName": watched.outputs["TableName"], "Item": item}

    def lose_and_look() -> None:
        for _ in range(5):
            watched.cloud.client("dynamodb").put_item(**lost())
        watched.cloud.client("lambda").invoke(
            FunctionName=watched.physical("ReconcileFunction"), Payload=b"{}"
        )

    fires(watched, notified, "repairs", lose_and_look)
    clears(watched, notified, "repairs")


@pytest.mark.parametrize("alarm", NOT_HERE)
def test_an_alarm_on_a_metric_that_only_aws_has_watches_it_as_deployed(
    watched: Stack, notified: Notified, alarm: str
):
    deployed = described(watched, alarm)

    def aws_would_say(value: float) -> None:
        watched.cloud.client("cloudwatch").put_metric_data(
            Namespace=deployed["Namespace"],
            MetricData=[
                {
                    "MetricName": deployed["MetricName"],
                    "Dimensions": deployed["Dimensions"],
                    "Value": value,
                    "Timestamp": time.time(),
                }
            ],
        )

    fires(watched, notified, alarm, lambda: aws_would_say(NOT_HERE[alarm]))
    # More than once, because the first may be in a period that also contains the cause.
    until(lambda: aws_would_say(0) or is_in(watched, alarm, "OK"), 90, f"{alarm} clears")
    clears(watched, notified, alarm)
