"""Is a deployment well? Each check looks, changes nothing, and says what to do."""

import datetime
import email.utils
from collections.abc import Iterator

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from darkroom.cli.operator.deployed import functions, permissions, state_machine
from darkroom.cli.operator.findings import FAIL, OK, WARN, Finding, Patient

CLOCK_WARN, CLOCK_FAIL = 30, 300
"""Seconds. AWS refuses a request that was signed five minutes ago."""
RECONCILE_MINUTES = 5
FORBIDDEN, TOO_MANY = 403, 429


def examine(patient: Patient) -> Iterator[Finding]:
    """Make all checks; one that is not allowed to look, or gets no answer, says so."""
    from_outside = list(api(patient))
    yield from from_outside
    if patient.stack.endpoint_url and len(from_outside) == 1:
        return  # where a local cloud's API is silent, so is the rest of it
    if not patient.stack.stack_name:
        advice = "Name the stack with --stack, for the rest to be looked at."
        yield Finding(WARN, "cloud", "only the API was looked at", advice)
        return
    for check in (queues, alarms, reconcile, permissions, functions, state_machine):
        try:
            yield from check(patient)
        except (BotoCoreError, ClientError) as error:
            about = check.__name__.replace("_", " ")
            yield Finding(WARN, about, f"cannot be asked: {error}", "Ask with more permissions.")


def api(patient: Patient) -> Iterator[Finding]:
    """The API answers, to this key, and by the same clock."""
    stack = patient.stack
    with httpx.Client(timeout=10, trust_env=stack.endpoint_url is None) as http:
        try:
            health = http.get(f"{stack.api_url}/health")
            tasks = http.get(
                f"{stack.api_url}/tasks", params={"limit": 1}, headers={"x-api-key": stack.api_key}
            )
        except httpx.HTTPError as error:
            advice = "Start it: make up." if stack.endpoint_url else "Is it there? Is the net?"
            yield Finding(FAIL, "API", f"{stack.api_url} does not answer: {error}", advice)
            return
    if health.is_success:
        milliseconds = health.elapsed.total_seconds() * 1000
        yield Finding(OK, "API", f"answers in {milliseconds:.0f} ms")
    else:
        advice = 'See "The API answers 5xx" in docs/operate.md.'
        yield Finding(FAIL, "API", f"GET /health was answered {health.status_code}", advice)
    yield _key(tasks)
    if "date" in health.headers:
        yield _clock(health.headers["date"])


def _key(answer: httpx.Response) -> Finding:
    if answer.is_success:
        return Finding(OK, "key", "is taken")
    if answer.status_code == FORBIDDEN:
        return Finding(
            FAIL, "key", "is refused", "Take the key of output ApiKeyId, in the stack's usage plan."
        )
    if answer.status_code == TOO_MANY:
        advice = "Wait, or raise RequestsPerSecond or RequestsPerDay."
        return Finding(WARN, "key", "has used up what it may ask for", advice)
    advice = 'See "The API answers 5xx" in docs/operate.md.'
    return Finding(FAIL, "key", f"GET /tasks was answered {answer.status_code}", advice)


def _clock(date: str) -> Finding:
    there = email.utils.parsedate_to_datetime(date)
    off = abs((datetime.datetime.now(datetime.UTC) - there).total_seconds())
    level = FAIL if off > CLOCK_FAIL else WARN if off > CLOCK_WARN else OK
    advice = "Set this machine's clock; AWS refuses requests that are signed by a wrong one."
    # The header has whole seconds.
    found = "is right" if level == OK else f"differs by {off:.0f} s"
    return Finding(level, "clock", found, "" if level == OK else advice)


def queues(patient: Patient) -> Iterator[Finding]:
    """Nothing waits for long, and nothing is a dead letter."""
    waiting = _depth(patient, "TaskQueueUrl")
    age = _last(
        patient,
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        "Maximum",
        QueueName=patient.stack.outputs["TaskQueueUrl"].rpartition("/")[2],
    )
    old = f", the oldest for {age:.0f} s" if age and waiting else ""
    yield Finding(
        WARN if waiting else OK,
        "queue",
        f"{waiting} tasks wait{old}" if waiting else "is empty",
        'Look again in a minute. If it grows: "Tasks wait" in docs/operate.md.' if waiting else "",
    )
    dead = _depth(patient, "DeadLetterQueueUrl")
    yield Finding(
        FAIL if dead else OK,
        "dead letters",
        f"{dead} lie there" if dead else "none",
        "Look at them: darkroom redrive-dlq --dry-run." if dead else "",
    )
    untold = _depth(patient, "CallbackDeadLetterQueueUrl")
    yield Finding(
        WARN if untold else OK,
        "webhooks",
        f"{untold} were taken by nobody" if untold else "none is a dead letter",
        '"Dead letters" in docs/operate.md.' if untold else "",
    )


def alarms(patient: Patient) -> Iterator[Finding]:
    """No alarm of the stack is on."""
    names = set(patient.of_type("AWS::CloudWatch::Alarm").values())
    pages = patient.stack.client("cloudwatch").get_paginator("describe_alarms")
    found = pages.paginate(AlarmNamePrefix=patient.stack.stack_name).search("MetricAlarms[]")
    on = [a for a in found if a["AlarmName"] in names and a["StateValue"] == "ALARM"]
    for alarm in on:
        yield Finding(FAIL, "alarm", f"{alarm['AlarmName']} is on", alarm["AlarmDescription"])
    if not on:
        yield Finding(OK, "alarms", f"all {len(names)} are quiet")


def reconcile(patient: Patient) -> Iterator[Finding]:
    """Reconcile has run: it counts its repairs each minute, zero or not."""
    service = patient.stack.stack_name
    runs = _last(patient, ("Darkroom", "Repairs"), "SampleCount", service=service)
    (stack,) = patient.stack.client("cloudformation").describe_stacks(
        StackName=patient.stack.stack_name
    )["Stacks"]
    now = datetime.datetime.now(datetime.UTC)
    if runs:
        yield Finding(OK, "reconcile", f"ran in the last {RECONCILE_MINUTES} minutes")
    elif now - stack["CreationTime"] < datetime.timedelta(minutes=RECONCILE_MINUTES):
        yield Finding(OK, "reconcile", "has not run yet; the stack is new")
    else:
        yield Finding(
            # A local cloud that was started a moment ago is no fault.
            WARN if patient.stack.endpoint_url else FAIL,
            "reconcile",
            f"did not run in the last {RECONCILE_MINUTES} minutes",
            "Look again in a minute. Is its rule in EventBridge enabled? What does its log say?",
        )


def _depth(patient: Patient, output: str) -> int:
    """Count the messages that wait in a queue."""
    name = "ApproximateNumberOfMessages"
    answer = patient.stack.client("sqs").get_queue_attributes(
        QueueUrl=patient.stack.outputs[output], AttributeNames=[name]
    )
    return int(answer["Attributes"][name])


def _last(patient: Patient, metric: tuple[str, str], statistic: str, **dimensions: str) -> float:
    """Return the largest value of a metric's statistic in the last minutes; 0 without data."""
    namespace, name = metric
    now = datetime.datetime.now(datetime.UTC)
    points = patient.stack.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - datetime.timedelta(minutes=RECONCILE_MINUTES),
        EndTime=now,
        Period=60,
        Statistics=[statistic],
    )["Datapoints"]
    return max((float(point[statistic]) for point in points), default=0.0)
