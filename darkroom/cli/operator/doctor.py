"""Checks of `darkroom doctor`: each is read-only and says what to do about what it finds."""

import datetime
import email.utils
from collections.abc import Iterator
from http import HTTPStatus

import httpx

from darkroom.cli import aws
from darkroom.cli.callers.check import callers
from darkroom.cli.operator.deployment import FAIL, OK, WARN, Deployment, Finding
from darkroom.cli.operator.drift import functions, permissions, state_machine
from darkroom.cli.operator.tables import tables
from darkroom.runtime.clock import timestamp
from darkroom.tasks.model import ACTIVE_SHARDS
from darkroom.tasks.queries import ACTIVE_INDEX

CLOCK_WARN, CLOCK_FAIL = 30, 300
"""Seconds of difference. AWS refuses a request whose signature is five minutes old."""
RECONCILE_MINUTES = 5
DELETION_OF_A_TASK = datetime.timedelta(minutes=15)
DELETION_OF_A_BATCH = datetime.timedelta(days=1)
"""After this time a deletion is reported. Of a task, it counts from the end of all its steps."""
API_ERRORS = 'See "The API answers 5xx" in docs/operate.md.'


def examine(deployment: Deployment) -> Iterator[Finding]:
    """Run all checks. A check without permission or without an answer is itself a finding."""
    from_outside = list(api(deployment))
    yield from from_outside
    if deployment.stack.is_local and len(from_outside) == 1:
        return  # if the API of a local cloud does not answer, neither do its other services
    if not deployment.stack.stack_name:
        advice = "Use --stack to name the stack, so that the rest can be checked."
        yield Finding(WARN, "cloud", "only the API was checked", advice)
        return
    for check in (
        callers, queues, alarms, reconcile, deletions, tables,
        permissions, functions, state_machine,
    ):  # fmt: skip
        try:
            yield from check(deployment)
        except aws.AwsError as error:
            subject = check.__name__.replace("_", " ")
            advice = "Use credentials with more permissions."
            yield Finding(WARN, subject, f"could not be checked: {error}", advice)


def api(deployment: Deployment) -> Iterator[Finding]:
    """Check that the API answers, accepts the key, and has the same time as this machine."""
    stack = deployment.stack
    with stack.http(timeout=10) as http:
        try:
            health = http.get(f"{stack.api_url}/health")
            tasks = http.get(
                f"{stack.api_url}/tasks", params={"limit": 1}, headers={"x-api-key": stack.api_key}
            )
        except httpx.HTTPError as error:
            advice = "Run `make up`." if stack.is_local else "Check the network and the address."
            yield Finding(FAIL, "API", f"{stack.api_url} does not answer: {error}", advice)
            return
    if health.is_success:
        milliseconds = health.elapsed.total_seconds() * 1000
        yield Finding(OK, "API", f"answers in {milliseconds:.0f} ms")
    else:
        yield Finding(FAIL, "API", f"GET /health returned {health.status_code}", API_ERRORS)
    yield _key(tasks, stack.command("callers list"))
    if "date" in health.headers:
        yield _clock(health.headers["date"])


def _key(answer: httpx.Response, all_keys: str) -> Finding:
    if answer.is_success:
        return Finding(OK, "key", "is accepted")
    if answer.status_code == HTTPStatus.FORBIDDEN:
        advice = f"See the state of each key: `{all_keys}`."
        return Finding(FAIL, "key", "is refused", advice)
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        advice = "Wait, or raise RequestsPerSecond or RequestsPerDay."
        return Finding(WARN, "key", "has reached its limit of requests", advice)
    return Finding(FAIL, "key", f"GET /tasks returned {answer.status_code}", API_ERRORS)


def _clock(date: str) -> Finding:
    there = email.utils.parsedate_to_datetime(date)
    difference = abs((datetime.datetime.now(datetime.UTC) - there).total_seconds())
    if difference <= CLOCK_WARN:  # the header has whole seconds
        return Finding(OK, "clock", "is right")
    level = FAIL if difference > CLOCK_FAIL else WARN
    advice = (
        "Set the clock of this machine. AWS refuses requests that are signed with a wrong time."
    )
    return Finding(level, "clock", f"differs by {difference:.0f} s", advice)


def queues(deployment: Deployment) -> Iterator[Finding]:
    """Check that no task or webhook waits and that the dead-letter queues are empty."""
    waiting = _depth(deployment, "TaskQueueUrl")
    age = _last(
        deployment,
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        "Maximum",
        QueueName=deployment.stack.outputs["TaskQueueUrl"].rpartition("/")[2],
    )
    if waiting:
        old = f", the oldest for {age:.0f} s" if age else ""
        advice = 'Check again in a minute. If it grows, see "Tasks wait" in docs/operate.md.'
        yield Finding(WARN, "queue", f"{waiting} tasks wait{old}", advice)
    else:
        yield Finding(OK, "queue", "is empty")
    if dead := _depth(deployment, "DeadLetterQueueUrl"):
        advice = f"Run `{deployment.stack.command('redrive-dlq --dry-run')}` to see them."
        yield Finding(FAIL, "dead letters", f"{dead} in the queue", advice)
    else:
        yield Finding(OK, "dead letters", "none")
    if undelivered := _depth(deployment, "CallbackDeadLetterQueueUrl"):
        advice = 'See "Dead letters" in docs/operate.md.'
        yield Finding(WARN, "webhooks", f"{undelivered} could not be delivered", advice)
    else:
        yield Finding(OK, "webhooks", "none is a dead letter")
    if again := _depth(deployment, "CallbackQueueUrl", "Delayed"):
        advice = f"`{deployment.stack.command('status TASK')}` says why one was not delivered."
        yield Finding(WARN, "webhooks", f"{again} wait until they are tried again", advice)


def alarms(deployment: Deployment) -> Iterator[Finding]:
    """Check that no alarm of the stack is on."""
    names = set(deployment.of_type("AWS::CloudWatch::Alarm").values())
    pages = deployment.stack.client("cloudwatch").get_paginator("describe_alarms")
    found = pages.paginate(AlarmNamePrefix=deployment.stack.stack_name).search("MetricAlarms[]")
    on = [a for a in found if a["AlarmName"] in names and a["StateValue"] == "ALARM"]
    for alarm in on:
        yield Finding(FAIL, "alarm", f"{alarm['AlarmName']} is on", alarm["AlarmDescription"])
    if not on:
        yield Finding(OK, "alarms", f"all {len(names)} are off")


def reconcile(deployment: Deployment) -> Iterator[Finding]:
    """Check that `reconcile` runs: it emits a metric every minute, also without a repair."""
    service = deployment.stack.stack_name
    runs = _last(deployment, ("Darkroom", "Repairs"), "SampleCount", service=service)
    (stack,) = deployment.stack.client("cloudformation").describe_stacks(
        StackName=deployment.stack.stack_name
    )["Stacks"]
    now = datetime.datetime.now(datetime.UTC)
    if runs:
        yield Finding(OK, "reconcile", f"ran in the last {RECONCILE_MINUTES} minutes")
    elif now - stack["CreationTime"] < datetime.timedelta(minutes=RECONCILE_MINUTES):
        yield Finding(OK, "reconcile", "has not run yet, because the stack is new")
    else:
        yield Finding(
            # A local cloud may have been started a moment ago.
            WARN if deployment.stack.is_local else FAIL,
            "reconcile",
            f"did not run in the last {RECONCILE_MINUTES} minutes",
            "Check again in a minute. If it still does not run, check its rule and its log.",
        )


def deletions(deployment: Deployment) -> Iterator[Finding]:
    """Check that every deletion is finished soon: of a task in minutes, of a batch in a day."""
    now = datetime.datetime.now(datetime.UTC)
    late = 0
    for output, since, limit in (
        ("TableName", "quietAt", DELETION_OF_A_TASK),
        ("BatchTableName", "deletionRequestedAt", DELETION_OF_A_BATCH),
    ):
        for shard in range(ACTIVE_SHARDS):
            pages = deployment.stack.client("dynamodb").get_paginator("query")
            found = pages.paginate(
                TableName=deployment.stack.outputs[output],
                IndexName=ACTIVE_INDEX,
                KeyConditionExpression="#active = :shard",
                FilterExpression="#since < :before",
                ExpressionAttributeNames={"#active": "active", "#since": since},
                ExpressionAttributeValues={
                    ":shard": {"S": str(shard)},
                    ":before": {"S": timestamp(now - limit)},
                },
                Select="COUNT",
            )
            late += sum(page["Count"] for page in found)
    if late:
        advice = "Look for `files were not deleted` and `deletion started` in the log of reconcile."
        yield Finding(WARN, "deletions", f"{late} are not finished", advice)
    else:
        yield Finding(OK, "deletions", "none is late")


def _depth(deployment: Deployment, output: str, kind: str = "") -> int:
    """Return the number of messages in a queue: those that can be received, or are `Delayed`."""
    name = f"ApproximateNumberOfMessages{kind}"
    answer = deployment.stack.client("sqs").get_queue_attributes(
        QueueUrl=deployment.stack.outputs[output], AttributeNames=[name]
    )
    return int(answer["Attributes"][name])


def _last(
    deployment: Deployment, metric: tuple[str, str], statistic: str, **dimensions: str
) -> float:
    """Return the maximum of a metric's statistic in the last minutes; 0 without data."""
    namespace, name = metric
    now = datetime.datetime.now(datetime.UTC)
    points = deployment.stack.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - datetime.timedelta(minutes=RECONCILE_MINUTES),
        EndTime=now,
        Period=60,
        Statistics=[statistic],
    )["Datapoints"]
    return max((float(point[statistic]) for point in points), default=0.0)
