"""Every completion of a task is reported: to the account as an event, to the caller as a
webhook."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.receivers import Receiver
from tests.support.fakes.sources import Sources
from tests.support.project import PROJECT

SCHEMA = PROJECT / "docs" / "event.schema.json"


@pytest.fixture(scope="module")
def receiver(standard: Stack) -> Iterator[Receiver]:
    answer = standard.http.get("/callback-secret")
    assert answer.status_code == 200, answer.text
    server = Receiver(answer.json()["secret"])
    yield server
    server.close()


def delivery(stack: Stack, task: dict[str, Any]) -> dict[str, Any] | None:
    return stack.task(task["taskId"])["callback"]["delivery"]


@pytest.fixture(scope="module")
def events(standard: Stack) -> Iterator[str]:
    """The URL of a queue that gets every event of the stack, by a rule of the operator."""
    sqs, bus = standard.sqs, standard.cloud.client("events")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    pattern = {"source": ["darkroom.task"], "detail": {"stack": ["standard"]}}
    bus.put_rule(Name="told", EventPattern=json.dumps(pattern))
    bus.put_targets(Rule="told", Targets=[{"Id": "1", "Arn": attributes["Attributes"]["QueueArn"]}])
    yield url
    bus.remove_targets(Rule="told", Ids=["1"])
    bus.delete_rule(Name="told")
    sqs.delete_queue(QueueUrl=url)


def test_every_end_is_an_event(standard: Stack, sources: Sources, events: str):
    completed = standard.submit(sources.url("/colour.jpg"), name="told")
    failed = standard.submit(sources.url("/status/404"))
    cancelled = standard.submit(sources.url("/held/told"))
    standard.http.post(f"/tasks/{cancelled['taskId']}/cancel")
    sources.held["/held/told"].set()
    wanted = {
        completed["taskId"]: ("TaskCompleted", "COMPLETED"),
        failed["taskId"]: ("TaskFailed", "FAILED"),
        cancelled["taskId"]: ("TaskCancelled", "CANCELLED"),
    }
    reported: dict[str, dict[str, Any]] = {}

    def all_reported() -> bool:
        for message in standard.sqs.receive_message(QueueUrl=events, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            event = json.loads(message["Body"])
            reported[event["detail"]["taskId"]] = event
        return wanted.keys() <= reported.keys()

    until(all_reported, 30, "all three ends are reported")
    schema = Draft202012Validator(json.loads(SCHEMA.read_text()))
    for task_id, (kind, status) in wanted.items():
        event = reported[task_id]
        schema.validate(event["detail"])
        assert (event["source"], event["detail-type"]) == ("darkroom.task", kind)
        assert event["detail"]["status"] == status
    task = standard.task(completed["taskId"])
    for field in ("name", "attempt", "createdAt", "completedAt"):
        assert reported[task["taskId"]]["detail"][field] == task[field]


@pytest.mark.timeout(1200)
def test_a_webhook_is_signed_tried_again_and_never_changes_the_task(
    standard: Stack, sources: Sources, receiver: Receiver
):
    def submit(path: str, source: str = "/colour.jpg") -> dict[str, Any]:
        return standard.submit(sources.url(source), callbackUrl=receiver.url(path))

    before = standard.depth("CallbackDeadLetterQueueUrl")
    silent, flaky, failed = submit("/silent/x"), submit("/flaky/2/x"), submit("/ok", "/status/404")
    quiet = standard.submit(sources.url("/colour.jpg"))

    until(lambda: delivery(standard, failed), 30, "the failure is reported")
    [event] = receiver.received["/ok"]
    assert event["type"] == "task.failed"
    assert event["data"]["failure"] == standard.task(failed["taskId"])["failure"]

    until(
        lambda: (delivery(standard, flaky) or {}).get("delivered"), 60, "the third try is accepted"
    )
    assert len(receiver.received["/flaky/2/x"]) == delivery(standard, flaky)["tries"] == 3
    assert receiver.ids["/flaky/2/x"] == {f"{flaky['taskId']}-1"}

    until(
        lambda: standard.depth("CallbackDeadLetterQueueUrl") == before + 1,
        120,
        "the undelivered webhook is a dead letter",
    )
    task = standard.task(silent["taskId"])
    assert task["status"] == "COMPLETED"
    assert task["callback"]["delivery"]["delivered"] is False
    assert task["callback"]["delivery"]["tries"] == 3
    assert standard.ended(quiet["taskId"])["callback"] is None


def test_each_attempt_is_reported_separately(standard: Stack, sources: Sources, receiver: Receiver):
    task = standard.submit(sources.url("/flaky/4/again"), callbackUrl=receiver.url("/again"))
    standard.http.post(f"/tasks/{task['taskId']}/cancel")
    until(lambda: receiver.received["/again"], 30, "the cancel is reported")
    again = standard.http.post(f"/tasks/{task['taskId']}/retry").json()
    assert again["callback"]["delivery"] is None

    until(lambda: len(receiver.received["/again"]) == 2, 60, "the second end is reported")
    assert [event["data"]["attempt"] for event in receiver.received["/again"]] == [1, 2]


def test_another_caller_has_another_secret(standard: Stack, another_key: str):
    mine = standard.http.get("/callback-secret").json()["secret"]
    theirs = standard.http.get("/callback-secret", headers={"x-api-key": another_key}).json()
    assert mine == standard.http.get("/callback-secret").json()["secret"]
    assert theirs["secret"] != mine


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "https://a:b@example.com/", "x", "", "https://", 1]
)
def test_a_callback_that_cannot_be_called_is_refused_at_once(standard: Stack, url: Any):
    body = {"imageUrl": "https://example.com/a.jpg", "callbackUrl": url}
    answer = standard.http.post("/tasks", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "callbackUrl"
