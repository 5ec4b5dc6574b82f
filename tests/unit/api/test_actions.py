import json
from typing import Any

import pytest

from tests.support.api_caller import Api
from tests.support.fakes.aws import STARTED

URL = "https://example.com/a.jpg"
FAILURE = {"step": "Download", "error": "SourceNotFound", "message": "answered 404"}


@pytest.fixture
def stopped(api: Api, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    executions: list[str] = []
    machine = type(api.module.task_service.machine)
    monkeypatch.setattr(machine, "stop", lambda _, execution, __: executions.append(execution))
    return executions


def task_in(api: Api, status: str) -> str:
    task_id: str = api.post("/tasks", {"imageUrl": URL}).body["taskId"]
    if status != "PENDING":
        api.aws.store.start(task_id, 1, "arn:e", STARTED)
    match status:
        case "COMPLETED":
            api.aws.store.complete(task_id, 1, "arn:e", {"key": "results/1.jpg"})
        case "FAILED":
            api.aws.store.fail(task_id, 1, "arn:e", FAILURE)
        case "CANCELLED":
            api.aws.store.cancel(task_id, 1)
    api.queued.clear()
    return task_id


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_an_unfinished_task_can_be_cancelled(api: Api, stopped: list[str], status: str) -> None:
    task_id = task_in(api, status)

    answer = api.post(f"/tasks/{task_id}/cancel")

    assert (answer.status, answer.body["status"]) == (202, "CANCELLED")
    assert answer.body["completedAt"]
    assert len(stopped) == 1
    assert stopped[0] == "arn:e" if status == "RUNNING" else stopped[0].endswith(f":{task_id}-1")


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "CANCELLED"])
def test_a_task_that_has_ended_cannot_be_cancelled(
    api: Api, stopped: list[str], status: str
) -> None:
    task_id = task_in(api, status)

    answer = api.post(f"/tasks/{task_id}/cancel")

    assert (answer.status, answer.error["code"]) == (409, "NotCancellable")
    assert status in answer.error["message"]
    assert stopped == []


@pytest.mark.parametrize("again", [False, True])
def test_a_change_that_came_too_late_says_the_present_status(
    api: Api, stopped: list[str], monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    task_id = task_in(api, "RUNNING")
    get = api.module.store.get

    def get_just_before_its_end(task_id: str) -> Any:
        item = get(task_id)
        api.aws.store.fail(task_id, 1, "arn:e", FAILURE)
        if again:
            api.aws.store.retry(task_id, 1)
        return item

    monkeypatch.setattr(api.module.store, "get", get_just_before_its_end)
    answer = api.post(f"/tasks/{task_id}/cancel")

    assert (answer.status, answer.error["code"]) == (409, "NotCancellable")
    assert answer.error["message"] == (
        "Attempt 2 has begun in the meantime. GET the task again."
        if again
        else "Only a PENDING or RUNNING task can be cancelled; this one is FAILED."
    )
    assert stopped == []


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
def test_a_failed_task_can_be_tried_again(api: Api, status: str) -> None:
    task_id = task_in(api, status)

    answer = api.post(f"/tasks/{task_id}/retry")

    task = answer.body
    assert (answer.status, task["status"], task["attempt"]) == (202, "PENDING", 2)
    assert task["failure"] is task["completedAt"] is task["startedAt"] is task["execution"] is None
    assert [(order["taskId"], order["attempt"]) for order in api.queued] == [(task_id, 2)]


def test_the_orders_of_a_caller_are_in_its_group_and_those_of_its_batches_in_another(
    api: Api,
) -> None:
    single, item = task_in(api, "FAILED"), task_in(api, "FAILED")
    membership = {"Key": {"taskId": item}, "UpdateExpression": "SET batchId = :id"}
    api.aws.table.update_item(**membership, ExpressionAttributeValues={":id": "7d1c"})
    api.groups.clear()

    api.post(f"/tasks/{single}/retry")
    api.post(f"/tasks/{item}/retry")
    api.post("/tasks", {"imageUrl": URL}, caller="another")

    assert api.groups == ["me", "me/batch", "another"]


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "COMPLETED"])
def test_another_task_cannot_be_tried_again(api: Api, status: str) -> None:
    task_id = task_in(api, status)

    answer = api.post(f"/tasks/{task_id}/retry")

    assert (answer.status, answer.error["code"]) == (409, "NotRetryable")
    assert api.queued == []


def test_a_retry_that_names_an_attempt_retries_no_other_one(api: Api) -> None:
    task_id = task_in(api, "FAILED")
    place = f"/tasks/{task_id}/retry"

    assert api.post(place, {"attempt": 1}).body["attempt"] == 2
    api.aws.store.fail(task_id, 2, "arn:e", {"step": "Download"})
    late = api.post(place, {"attempt": 1})

    assert (late.status, late.error["code"]) == (409, "NotRetryable")
    assert api.post(place, {"attempt": 2.0}).body["attempt"] == 3


@pytest.mark.parametrize("body", ['{"attempt": "1"}', '{"attempt": 0}', '{"a": 1}', "[]", "x"])
def test_a_retry_takes_no_other_body(api: Api, body: str) -> None:
    assert api.post(f"/tasks/{task_in(api, 'FAILED')}/retry", body).status == 400


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"])
def test_the_links_are_what_the_task_may_do(api: Api, stopped: list[str], status: str) -> None:
    task_id = task_in(api, status)
    links = api.get(f"/tasks/{task_id}").body["links"]

    for action in ("cancel", "retry"):
        taken = api.post(f"/tasks/{task_id}/{action}").status == 202
        assert taken == (links[action] is not None)
        if taken:
            break
    assert len(stopped) <= 1


# ── Uploads ──────────────────────────────────────────────────────────────────────────────────────
def test_an_upload_gets_a_form_and_its_id_makes_a_task(api: Api) -> None:
    answer = api.post("/uploads", {"contentType": "image/png"})

    assert answer.status == 201
    assert answer.body["fields"]["key"] == f"uploads/me/{answer.body['uploadId']}"
    task = api.post("/tasks", {"uploadId": answer.body["uploadId"]})
    assert (task.status, task.body["source"]) == (202, {"uploadId": answer.body["uploadId"]})
    assert api.queued[0]["source"] == {"object": answer.body["fields"]["key"]}


def test_an_upload_of_another_caller_does_not_exist_for_the_caller(api: Api) -> None:
    mine = api.post("/uploads", {"contentType": "image/png"}).body

    task = api.post("/tasks", {"uploadId": mine["uploadId"]}, caller="they").body

    [order] = api.queued
    assert order["source"]["object"] == f"uploads/they/{mine['uploadId']}" != mine["fields"]["key"]
    assert "me" not in json.dumps(task).split('"')


@pytest.mark.parametrize(
    "body",
    [{}, {"contentType": "text/html"}, {"contentType": "image/"}, {"contentType": "image/png\n"},
     {"contentType": "image/" + "x" * 100}, {"contentType": "image/png", "size": 1}, [], "x"],
    ids=str,
)  # fmt: skip
def test_only_an_image_can_be_uploaded(api: Api, body: Any) -> None:
    answer = api.post("/uploads", body)

    assert answer.status == 400
    assert answer.error["code"] in {"InvalidRequest", "MalformedJson"}
