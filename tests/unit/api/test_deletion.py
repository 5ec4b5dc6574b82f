"""DELETE of tasks and batches, rotation of a secret, and a webhook that is sent again."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from darkroom.aws.kms import Secrets
from darkroom.aws.s3 import Bucket
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.store import BatchStore
from darkroom.tasks.store import TaskStore
from tests.support.api_batches import enter, stored, submit
from tests.support.api_caller import Answer, Api
from tests.support.fakes.aws import BUCKET, STARTED

URL = "https://example.com/a.jpg"
DATA_URL = "data:image/png;base64,AAAA"
UPLOAD = "9a6a1f6e-0000-4000-8000-000000000000"


def delete(api: Api, path: str, caller: str = "me") -> Answer:
    return api.call("DELETE", path, caller=caller)


def ended(api: Api, **body: Any) -> str:
    """A task that was cancelled before an execution claimed it."""
    task_id: str = api.post("/tasks", body or {"imageUrl": URL}).body["taskId"]
    api.aws.store.cancel(task_id, 1)
    return task_id


def files(api: Api) -> list[str]:
    return [each["Key"] for each in api.aws._s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def unreachable(*_: object, **__: object) -> None:
    raise EndpointConnectionError(endpoint_url="https://s3.example")


def test_a_deleted_task_is_gone_and_a_second_delete_says_so(api: Api) -> None:
    task_id = ended(api, imageUrl=DATA_URL)
    assert len(files(api)) == 1

    answer = delete(api, f"/tasks/{task_id}")

    assert (answer.status, answer.body) == (204, None)
    [mark] = api.aws.table.scan()["Items"]
    assert set(mark) == {"taskId", "expiresAt"}
    assert files(api) == []
    assert api.get("/tasks").body["tasks"] == []
    assert delete(api, f"/tasks/{task_id}").error["code"] == "TaskNotFound"


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_an_open_task_must_be_cancelled_first(api: Api, status: str) -> None:
    task_id = api.post("/tasks", {"imageUrl": URL}).body["taskId"]
    if status == "RUNNING":
        api.aws.store.start(task_id, 1, "arn:e", STARTED)

    answer = delete(api, f"/tasks/{task_id}")

    assert (answer.status, answer.error["code"]) == (409, "NotDeletable")
    assert status in answer.error["message"]
    assert api.aws.store.get(task_id)


def test_nobody_deletes_the_task_or_batch_of_another_caller(api: Api) -> None:
    task_id = ended(api)
    place = submit(api).body["links"]["self"]
    assert delete(api, f"/tasks/{task_id}", "another").error["code"] == "TaskNotFound"
    assert delete(api, place, "another").error["code"] == "BatchNotFound"
    assert api.aws.store.get(task_id)


def test_a_delete_that_broke_off_can_be_repeated_by_its_caller(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = ended(api, imageUrl=DATA_URL)
    with monkeypatch.context() as broken:
        broken.setattr(Bucket, "erase", unreachable)
        assert delete(api, f"/tasks/{task_id}").error["code"] == "ServiceUnavailable"

    assert delete(api, f"/tasks/{task_id}", "another").status == 404
    assert delete(api, f"/tasks/{task_id}").status == 204
    assert files(api) == []


def test_a_cancelled_execution_is_stopped_again_before_its_task_is_deleted(
    api: Api, started: list[Any]
) -> None:
    task_id = api.post("/tasks", {"imageUrl": URL}).body["taskId"]
    api.aws.store.start(task_id, 1, "arn:e", STARTED)
    api.aws.store.cancel(task_id, 1)

    assert delete(api, f"/tasks/{task_id}").status == 204

    assert started == [("stop", "arn:e")]


def test_a_task_that_is_retried_at_the_same_moment_stays(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = ended(api)
    get = TaskStore.get

    def get_just_before_a_retry(self: TaskStore, wanted: str) -> Any:
        item = get(self, wanted)
        monkeypatch.undo()
        api.aws.store.retry(task_id, 1)
        return item

    monkeypatch.setattr(TaskStore, "get", get_just_before_a_retry)

    assert delete(api, f"/tasks/{task_id}").error["code"] == "NotDeletable"
    assert api.get(f"/tasks/{task_id}").body["status"] == "PENDING"


@pytest.mark.parametrize("body", [{"imageUrl": DATA_URL}, {"uploadId": UPLOAD}])
def test_a_late_duplicate_of_a_request_does_not_bring_a_deleted_task_back(
    api: Api, body: dict[str, str]
) -> None:
    key = {"Idempotency-Key": "k"}
    task_id = api.post("/tasks", body, headers=key).body["taskId"]
    api.aws.store.cancel(task_id, 1)
    delete(api, f"/tasks/{task_id}")
    api.queued.clear()

    answer = api.post("/tasks", body, headers=key)

    assert (answer.status, answer.error["code"]) == (409, "AlreadyDeleted")
    assert api.queued == []
    [mark] = api.aws.table.scan()["Items"]
    assert set(mark) == {"taskId", "expiresAt"}
    assert files(api) == []


def test_the_losing_request_of_two_with_the_same_key_leaves_no_file(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"Idempotency-Key": "k"}
    api.post("/tasks", {"imageUrl": DATA_URL}, headers=key)
    get = TaskStore.get
    # It was sent before the first one was stored.
    monkeypatch.setattr(TaskStore, "get", lambda *_: None)

    answer = api.post("/tasks", {"imageUrl": DATA_URL}, headers=key)

    monkeypatch.setattr(TaskStore, "get", get)
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert len(files(api)) == 1


@pytest.mark.usefixtures("started")
def test_an_item_of_a_batch_is_deleted_when_nothing_of_the_batch_is_open(api: Api) -> None:
    batch = submit(api).body
    ids = enter(api, batch, 2)
    for task_id in ids:
        api.aws.store.cancel(task_id, 1)
    item = stored(api, batch)
    api.aws.batches.record_total(item, 2)
    running = delete(api, f"/tasks/{ids[0]}")
    cancelled = api.aws.batches.end("cancel", item)
    unsettled = delete(api, f"/tasks/{ids[0]}")
    api.aws.batches.settle(cancelled)

    assert delete(api, f"/tasks/{ids[0]}").status == 204

    assert {running.error["code"], unsettled.error["code"]} == {"BatchNotEnded"}
    shown = api.get(batch["links"]["self"]).body
    assert (shown["total"], shown["deleted"], shown["counts"]["CANCELLED"]) == (1, 1, 1)


def test_a_batch_is_deleted_by_an_execution_once(api: Api, started: list[Any]) -> None:
    batch = submit(api).body
    place = batch["links"]["self"]
    assert delete(api, place).error["code"] == "NotDeletable"
    api.aws.batches.end("complete", stored(api, batch))
    started.clear()

    first, second = delete(api, place), delete(api, place)

    name = f"{batch['batchId']}-1-delete1"
    order = {"action": "delete", "batchId": batch["batchId"], "run": 1, "pause": 0, "total": 0}
    assert started == [("start", name, order)]
    assert (first.status, second.status) == (202, 202)
    assert first.body["deletionRequestedAt"] == second.body["deletionRequestedAt"]
    assert first.body["links"]["retry"] is None
    refused = api.post(f"{place}/retry").error
    assert refused["code"] == "NotRetryable"
    assert refused["message"] == "This batch is being deleted, so it cannot be retried."
    assert int(api.get(place).headers["Retry-After"]) >= 1
    api.aws.batches.forget(stored(api, batch))
    assert api.get(place).status == 404


def test_two_deletes_of_a_batch_at_the_same_time_start_one_execution(
    api: Api, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = submit(api).body
    api.aws.batches.end("complete", stored(api, batch))
    started.clear()
    get = BatchStore.get

    def get_just_before_the_other(self: BatchStore, batch_id: str) -> Any:
        item = get(self, batch_id)
        monkeypatch.setattr(BatchStore, "get", get)
        assert delete(api, batch["links"]["self"]).status == 202
        return item

    monkeypatch.setattr(BatchStore, "get", get_just_before_the_other)

    assert delete(api, batch["links"]["self"]).status == 202
    assert len(started) == 1


@pytest.mark.usefixtures("started")
def test_a_late_duplicate_of_a_request_does_not_bring_a_deleted_batch_back(api: Api) -> None:
    key = {"Idempotency-Key": "k"}
    body = {"sources": [{"imageUrl": URL}]}
    batch = api.post("/batches", body, headers=key).body
    api.aws.batches.end("complete", stored(api, batch))
    delete(api, batch["links"]["self"])
    api.aws.batches.forget(stored(api, batch))
    api.aws.bucket.erase(["batches/"])

    assert api.post("/batches", body, headers=key).error["code"] == "AlreadyDeleted"
    assert api.aws.batches.get(batch["batchId"]) is None
    assert files(api) == []


def test_a_batch_whose_deletion_cannot_start_is_accepted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reconcile starts it."""
    monkeypatch.setattr(StateMachine, "start", unreachable)
    batch = submit(api).body
    api.aws.batches.end("complete", stored(api, batch))
    assert delete(api, batch["links"]["self"]).status == 202
    assert stored(api, batch)["active"]


def test_a_webhook_is_queued_again_for_its_attempt(api: Api) -> None:
    task_id = ended(api, imageUrl=URL, callbackUrl="https://example.com/hook")
    api.queued.clear()

    answer = api.post(f"/tasks/{task_id}/callback")

    assert (answer.status, answer.body["taskId"]) == (202, task_id)
    assert api.queued == [{"detail": {"taskId": task_id, "attempt": 1}}]
    assert api.groups[-1] == "me"
    assert api.post(f"/tasks/{uuid.uuid4()}/callback").status == 404


def test_a_rotated_secret_is_another_one_and_says_until_when_the_earlier_one_signs(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Secrets, "of", lambda _, owner, version: f"{owner} {version}".encode())
    before = api.get("/callback-secret").body

    after = api.post("/callback-secret/rotate")

    assert after.status == 200
    assert before["previousExpiresAt"] is None
    assert after.body["previousExpiresAt"]
    assert after.body["secret"] != before["secret"]
    assert api.get("/callback-secret").body == after.body
    assert api.get("/callback-secret", caller="another").body["previousExpiresAt"] is None
