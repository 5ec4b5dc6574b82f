"""After a deletion nothing of a task is left in the table, the bucket, the lists or behind a
link."""

import json
import uuid
from typing import Any

import httpx
import pytest

from tests.support.cloud.batches import Batches
from tests.support.cloud.stacks import Stack, error_of, until
from tests.support.fakes.receivers import Receiver
from tests.support.fakes.sources import FILES, Sources


def traces(stack: Stack, *texts: str) -> list[str]:
    """The places in the tables and the bucket that contain these texts."""
    found = []
    for output in ("TableName", "BatchTableName"):
        for page in (
            stack.cloud.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=stack.outputs[output], ConsistentRead=True)
        ):
            found += [json.dumps(item) for item in page["Items"]]
    pages = stack.cloud.client("s3").get_paginator("list_object_versions")
    for page in pages.paginate(Bucket=stack.outputs["BucketName"]):
        for kind in ("Versions", "DeleteMarkers"):
            found += [version["Key"] for version in page.get(kind, [])]
    return [each for each in found if any(text in each for text in texts)]


def delete(stack: Stack, task_id: str) -> httpx.Response:
    return stack.http.delete(f"/tasks/{task_id}")


def test_nothing_is_left_of_a_task(standard: Stack):
    stack = standard
    upload = Batches(stack).upload(FILES["/colour.png"], "image/png")
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"uploadId": upload, "name": "to be deleted"}
    first = stack.http.post("/tasks", json=body, headers=key).json()
    second = stack.http.post("/tasks", json=body).json()
    task, other = (stack.ended(each["taskId"]) for each in (first, second))
    assert httpx.get(task["result"]["url"]).status_code == 200

    answer = delete(stack, task["taskId"])

    assert (answer.status_code, answer.content) == (204, b"")
    assert traces(stack, task["taskId"]) == []
    assert httpx.get(task["result"]["url"]).status_code in {403, 404}
    assert error_of(stack.http.get(f"/tasks/{task['taskId']}"), 404)
    assert task["taskId"] not in {each["taskId"] for each in stack.tasks(name="to be deleted")}
    assert error_of(delete(stack, task["taskId"]), 404)["code"] == "TaskNotFound"
    again = stack.http.post("/tasks", json=body, headers=key)
    assert error_of(again, 409)["code"] == "AlreadyDeleted"
    assert traces(stack, task["taskId"]) == []

    assert traces(stack, f"uploads/{stack.outputs['ApiKeyId']}/{upload}")  # the other one needs it
    assert delete(stack, other["taskId"]).status_code == 204
    assert traces(stack, other["taskId"], upload) == []


def test_what_is_open_or_belongs_to_another_caller_is_not_deleted(
    standard: Stack, sources: Sources, another_key: str
):
    task = standard.submit(sources.url("/held/open"))
    theirs = standard.http.delete(f"/tasks/{task['taskId']}", headers={"x-api-key": another_key})

    assert error_of(theirs, 404)["code"] == "TaskNotFound"
    assert error_of(delete(standard, task["taskId"]), 409)["code"] == "NotDeletable"
    sources.held["/held/open"].set()
    assert standard.ended(task["taskId"])["status"] == "COMPLETED"


def test_what_a_step_writes_after_the_deletion_is_deleted_as_well(stack: Stack, sources: Sources):
    """The download of a cancelled task continues, and an Express execution runs to its end.

    Reconcile checks its files once more.
    """
    path = f"/held/late/{stack.workflow_type}"
    task = stack.submit(sources.url(path))
    until(lambda: stack.task(task["taskId"])["status"] == "RUNNING", 20, "it is RUNNING")
    until(lambda: sources.requests[path], 20, "the download has begun")
    stack.http.post(f"/tasks/{task['taskId']}/cancel")
    assert delete(stack, task["taskId"]).status_code == 204

    sources.held[path].set()
    last = "results" if stack.workflow_type == "EXPRESS" else "work"
    late = f"{last}/{task['taskId']}/1"

    def written() -> list[str]:
        return [key for key in traces(stack, task["taskId"]) if key.startswith(late)]

    until(written, 60, "the execution writes a file")
    table = stack.table()
    [mark] = [each for each in table.scan()["Items"] if task["taskId"] in str(each)]
    # As if the time in which a step may write had passed.
    table.update_item(
        Key={"taskId": mark["taskId"]},
        UpdateExpression="SET updatedAt = :past, quietAt = :past",
        ExpressionAttributeValues={":past": "2026-01-01T00:00:00.000Z"},
    )
    stack.cloud.client("lambda").invoke(
        FunctionName=stack.physical("ReconcileFunction"), Payload=b"{}"
    )

    until(lambda: not traces(stack, task["taskId"]), 30, "nothing is left")


def test_a_webhook_that_waits_is_dropped(standard: Stack, sources: Sources):
    receiver = Receiver(standard.http.get("/callback-secret").json()["secret"])
    try:
        url = receiver.url("/flaky/9/deleted")
        task = standard.submit(sources.url("/colour.png"), callbackUrl=url)
        until(lambda: receiver.received["/flaky/9/deleted"], 30, "the first try")
        assert delete(standard, task["taskId"]).status_code == 204
        until(lambda: standard.depth("CallbackQueueUrl") == 0, 60, "no message is left")
        assert traces(standard, task["taskId"]) == []
        assert len(receiver.received["/flaky/9/deleted"]) <= 2
    finally:
        receiver.close()


@pytest.mark.timeout(600)
def test_a_batch_is_deleted_with_its_tasks(standard: Stack, sources: Sources):
    batches = Batches(standard)
    urls = [sources.url(path) for path in ("/colour.png", "/colour.jpg", "/status/404")]
    lines = "\n".join(json.dumps({"imageUrl": url}) for url in urls)
    manifest = {"uploadId": batches.upload(lines.encode(), "application/x-ndjson")}
    batch = batches.submit(manifest={**manifest, "format": "jsonl"})
    refused = standard.http.delete(standard.url(batch["links"]["self"]))
    assert error_of(refused, 409)["code"] == "NotDeletable"
    batches.ended(batch)
    first, *rest = batches.tasks(batch)
    assert delete(standard, first["taskId"]).status_code == 204
    shown = batches.until(batch, lambda shown: sum(shown["counts"].values()) == 2, 20)
    assert (shown["total"], shown["deleted"]) == (2, 1)

    answer = standard.http.delete(standard.url(batch["links"]["self"]))

    assert answer.status_code == 202, answer.text
    assert answer.json()["deletionRequestedAt"]
    gone = standard.url(batch["links"]["self"])
    until(lambda: standard.http.get(gone).status_code == 404, 120, "the batch is gone")
    ids = [batch["batchId"], manifest["uploadId"], *(task["taskId"] for task in rest)]
    assert traces(standard, *ids) == []
    assert error_of(standard.http.get(f"/tasks/{rest[0]['taskId']}"), 404)


def secret(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_rotated_secret_signs_with_the_earlier_one_for_a_day_and_a_webhook_can_be_sent_again(
    standard: Stack, sources: Sources
):
    key = {"x-api-key": standard.new_key("rotates")}
    before = secret(standard.http.get("/callback-secret", headers=key))
    assert before["previousExpiresAt"] is None
    old = Receiver(before["secret"])
    after = secret(standard.http.post("/callback-secret/rotate", headers=key))
    new = Receiver(after["secret"])
    assert after["secret"] != before["secret"]
    assert after == secret(standard.http.get("/callback-secret", headers=key))
    try:
        tasks = {}
        for receiver in (old, new):
            body = {"imageUrl": sources.url("/colour.png"), "callbackUrl": receiver.url("/told")}
            tasks[receiver] = standard.http.post("/tasks", json=body, headers=key).json()["taskId"]
        until(lambda: old.received["/told"] and new.received["/told"], 60, "both are verified")

        # As if the day had passed.
        owner = standard.item(tasks[old])["owner"]
        record = {"taskId": f"webhook secret {owner}"}
        standard.table().update_item(
            Key=record,
            UpdateExpression="SET previous[0].#until = :past",
            ExpressionAttributeNames={"#until": "until"},
            ExpressionAttributeValues={":past": "2026-01-01T00:00:00.000Z"},
        )
        for task_id in tasks.values():
            answer = standard.http.post(f"/tasks/{task_id}/callback", headers=key)
            assert answer.status_code == 202, answer.text
        until(lambda: len(new.received["/told"]) == 2, 60, "the new secret verifies it")
        assert new.ids["/told"] == {f"{tasks[new]}-1"}  # the same id as before

        def delivery() -> dict[str, Any]:
            shown = standard.http.get(f"/tasks/{tasks[old]}", headers=key).json()
            found: dict[str, Any] = shown["callback"]["delivery"]
            return found

        until(lambda: not delivery()["delivered"], 60, "the old secret verifies nothing")
        assert len(old.received["/told"]) == 1
        # Otherwise its next tries would end in the queue that other tests read.
        assert standard.http.delete(f"/tasks/{tasks[old]}", headers=key).status_code == 204
    finally:
        old.close()
        new.close()
