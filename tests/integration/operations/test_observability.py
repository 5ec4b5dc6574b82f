"""Logs and metrics of tasks: related lines, correct sums, and no secrets."""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from darkroom.cli import render
from darkroom.cli.operator import task_logs
from darkroom.cli.stack import from_description
from darkroom.runtime.log_lines import LogLine
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.receivers import Receiver
from tests.support.fakes.sources import JPEG, Sources
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy

pytestmark = pytest.mark.timeout(1200)

# This text is in the query of every URL that is sent here, where signatures are.
SIGNED = "X-Amz-Signature=5ec4e7"
# In the path of callbacks, and of sources that fail: whoever knows the path may post to a chat.
TOKEN = "T0KEN-0f-a-pa7h"  # noqa: S105 - of the test
WHOLE_EVENTS = ('"imageUrl"', '"Records"', "requestContext", '"source":', '"callbackUrl"')
ON_THE_WAY = {
    "app", "dispatch", "update_status", "download", "grayscale", "upload",
    "publish_events", "deliver_webhook",
}  # fmt: skip


@pytest.fixture(scope="module")
def seen(cloud: LocalCloud) -> Iterator[Stack]:
    settings = {"CallbackRetrySeconds": "1", "CallbackTries": "2"}
    with Stack(cloud, deploy(cloud, "seen", settings)) as stack:
        yield stack


@pytest.fixture(scope="module")
def receiver(seen: Stack) -> Iterator[Receiver]:
    server = Receiver(seen.http.get("/callback-secret").json()["secret"])
    yield server
    server.close()


@pytest.fixture(scope="module")
def run(seen: Stack, sources: Sources, receiver: Receiver) -> dict[str, dict[str, Any]]:
    """One task of each kind, ended: with and without failure, webhook, upload and data."""

    def submit(path: str, callback: str) -> dict[str, Any]:
        url = sources.url(f"{path}?{SIGNED}")
        return seen.submit(url, callbackUrl=receiver.url(f"{callback}?{SIGNED}"))

    form = seen.http.post("/uploads", json={"contentType": "image/jpeg"}).json()
    sent = httpx.post(form["url"], data=form["fields"], files={"file": JPEG})
    assert sent.is_success, sent.text
    uploaded = seen.http.post("/tasks", json={"uploadId": form["uploadId"]}).json()
    data = f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"
    tasks = {
        "completed": submit("/colour.jpg", "/ok"),
        "not found": submit(f"/status/404/{TOKEN}", f"/flaky/9/{TOKEN}"),
        "no image": submit("/text.jpg", "/ok"),
        "refused": seen.submit(f"http://127.0.0.1:1/{TOKEN}.jpg?{SIGNED}"),
        "uploaded": uploaded,
        "data": seen.submit(data),
        "cancelled": seen.submit(sources.url(f"/held/{TOKEN}?{SIGNED}")),
        **{
            reason: seen.submit(sources.url("/colour.jpg"), callbackUrl=f"{url}?{SIGNED}")
            for reason, url in unreachable(receiver).items()
        },
    }
    seen.http.post(f"/tasks/{tasks['cancelled']['taskId']}/cancel")
    seen.sqs.send_message(QueueUrl=seen.outputs["TaskQueueUrl"], MessageBody=f"no task, {SIGNED}")
    for url in (f"ftp://x/?{SIGNED}", f"https://me:{TOKEN}@x/", f"https://x y/{TOKEN}?{SIGNED}"):
        for field in ("imageUrl", "callbackUrl"):
            body = {"imageUrl": sources.url("/colour.jpg"), field: url}
            refused = seen.http.post("/tasks", json=body)
            assert refused.status_code == 400
            assert TOKEN not in refused.text
    ended = {name: seen.ended(task["taskId"]) for name, task in tasks.items()}
    for name, outcome in (("completed", "delivered"), ("not found", "not delivered")):
        until(
            lambda name=name, outcome=outcome: outcome in messages(seen, ended[name]),
            60,
            f"the webhook of {name} is {outcome}",
        )
    for name in unreachable(receiver):
        until(
            lambda name=name: messages(seen, ended[name]).count("not delivered") == 2,
            90,
            f"the webhook of {name} is given up",
        )
    until(
        lambda: seen.depth("DeadLetterQueueUrl"), 30, "the message without a task is a dead letter"
    )
    return {name: seen.task(task["taskId"]) for name, task in ended.items()} | {"form": form}


def unreachable(receiver: Receiver) -> dict[str, str]:
    """Webhooks that fail in different ways, by the message of their delivery."""
    return {
        "refused the connection": f"http://127.0.0.1:1/{TOKEN}",
        "did not answer within": receiver.url(f"/silent/{TOKEN}"),
        "TLS failed": receiver.url(f"/{TOKEN}").replace("http:", "https:"),
        "answered 307": receiver.url(f"/redirect/{TOKEN}"),
        "does not resolve": f"http://nowhere.invalid/{TOKEN}",
    }


def messages(stack: Stack, task: dict[str, Any]) -> list[str]:
    return [line.message for line in lines_of(stack, task)]


def lines_of(stack: Stack, task: dict[str, Any]) -> list[LogLine]:
    posted = render.moment(task["createdAt"])
    return task_logs.read(from_description(stack.description), task["taskId"], posted, None)


def test_one_id_leads_from_the_request_to_the_webhook(seen: Stack, run: dict[str, dict[str, Any]]):
    found = lines_of(seen, run["completed"])

    assert {line.function for line in found} == ON_THE_WAY
    assert [found[0].function, found[1].function] == ["app", "dispatch"]
    assert [line.time for line in found] == sorted(line.time for line in found)


def test_a_failure_is_logged_with_its_error_and_its_reason(
    seen: Stack, run: dict[str, dict[str, Any]]
):
    (failed,) = (line for line in lines_of(seen, run["not found"]) if line.message == "failed")

    assert (failed.function, failed.level) == ("download", "WARNING")
    assert failed.details["error"] == "SourceNotFound"
    assert failed.details["reason"].endswith("/… answered 404.")


def test_no_log_of_a_whole_run_holds_a_secret_or_an_event(
    seen: Stack, run: dict[str, dict[str, Any]]
):
    logs = seen.cloud.client("logs")
    groups = [seen.outputs["FunctionLogGroup"], seen.outputs["StateMachineLogGroup"]]
    pages = logs.get_paginator("filter_log_events")
    logged = [
        line["message"]
        for group in groups
        for page in pages.paginate(logGroupName=group)
        for line in page["events"]
    ]
    secret = seen.http.get("/callback-secret").json()["secret"]
    link = run["completed"]["result"]["url"]
    fields = run["form"]["fields"]
    forbidden = {
        "a source's query": SIGNED.partition("=")[2],
        "a path": TOKEN,
        "the API key": seen.description["apiKey"],
        "the webhook secret": secret.partition("_")[2],
        "the bytes of a data URL": base64.b64encode(JPEG).decode()[:40],
        "a presigned link": "X-Amz-Signature",
        "its signature": re.findall("X-Amz-Signature=([0-9a-f]+)", link)[0],
        "a form's signature": next(v for k, v in fields.items() if k.lower() == "x-amz-signature"),
        "a form's policy": fields["policy"][:40],
        "credentials": "SessionToken",
        **{f"a whole event: {part}": part for part in WHOLE_EVENTS},
    }
    text = "\n".join(logged)

    assert len(logged) > 50
    assert [what for what, secret in forbidden.items() if secret in text] == []
    # JSON by Powertools or by Lambda's runtime client, except the platform's three lines.
    plain = [line for line in logged if not line.startswith(("{", "START ", "END ", "REPORT "))]
    assert plain == []


def test_the_message_of_a_failure_has_no_path(receiver: Receiver, run: dict[str, dict[str, Any]]):
    for reason in unreachable(receiver):
        delivery = run[reason]["callback"]["delivery"]
        assert (delivery["delivered"], delivery["tries"]) == (False, 2)
        assert reason in delivery["message"]
        assert TOKEN not in delivery["message"]
    for name in ("not found", "refused"):
        assert TOKEN not in run[name]["failure"]["message"]


def total(stack: Stack, name: str, **dimensions: str) -> float:
    """The sum of one of our metrics since the stack exists."""
    wanted = {"service": stack.description["stackName"], **dimensions}
    found = stack.cloud.client("cloudwatch").get_metric_statistics(
        Namespace="Darkroom",
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in wanted.items()],
        StartTime="2020-01-01T00:00:00Z",
        EndTime="2100-01-01T00:00:00Z",
        Period=86400,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in found)


def test_the_metrics_add_up_to_the_outcomes_of_the_tasks(
    seen: Stack, run: dict[str, dict[str, Any]]
):
    tasks = [task for name, task in run.items() if name != "form"]
    ends = Counter(task["status"] for task in tasks)
    until(
        lambda: sum(total(seen, n) for n in ("Completed", "Failed", "Cancelled")) >= len(tasks),
        30,
        "all ends are counted",
    )

    assert total(seen, "Completed") == ends["COMPLETED"] == 8
    assert total(seen, "Failed") == ends["FAILED"] == 3
    assert total(seen, "Cancelled") == ends["CANCELLED"] == 1
    assert total(seen, "Faults") == 0
    for name in ("not found", "no image", "refused"):
        error = run[name]["failure"]["error"]
        assert total(seen, "Failed", error=error) == 1
    completed = [task for task in tasks if task["status"] == "COMPLETED"]
    assert total(seen, "BytesOut") == sum(task["result"]["bytes"] for task in completed)
    assert total(seen, "BytesIn", step="Download") >= 8 * len(JPEG)
    assert total(seen, "TaskSeconds") > total(seen, "StepSeconds", step="Grayscale") > 0
    # The last try of a webhook comes seconds after the completion that it reports.
    for outcome, count in (("Delivered", 2), ("GivenUp", 6)):
        until(
            lambda outcome=outcome, count=count: total(seen, "Webhooks", outcome=outcome) == count,
            30,
            f"the webhooks that were {outcome} are counted",
        )


def test_the_dashboard_is_there_and_names_this_stack(seen: Stack):
    found = seen.cloud.client("cloudwatch").get_dashboard(DashboardName="seen-us-east-1")
    body = json.loads(found["DashboardBody"])

    assert "${" not in found["DashboardBody"]
    (alarms,) = (w["properties"]["alarms"] for w in body["widgets"] if w["type"] == "alarm")
    described = seen.cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix="seen-")
    for_people = [a for a in described["MetricAlarms"] if a["AlarmActions"]]
    assert set(alarms) == {alarm["AlarmArn"] for alarm in for_people}
