import uuid
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from darkroom.aws.console_links import execution_url
from tests.support.api_caller import Api
from tests.support.fakes.aws import STARTED

URL = "https://example.com/a.jpg"
RESULT = {
    "key": "results/1.jpg", "contentType": "image/jpeg", "width": 4, "height": 3, "bytes": 9,
    "sha256": "9f",
}  # fmt: skip


def submit(api: Api, caller: str = "me", **more: Any) -> str:
    task_id: str = api.post("/tasks", {"imageUrl": URL, **more}, caller=caller).body["taskId"]
    return task_id


# ── One task ─────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "task_id",
    [
        "1b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d",
        "x",
        "..",
        "%2e%2e",
        "a" * 3000,
        "{5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d}",
    ],
)
@pytest.mark.parametrize("action", ["", "/retry", "/cancel"])
def test_a_task_that_is_not_there_is_not_found(api: Api, task_id: str, action: str) -> None:
    answer = api.call("POST" if action else "GET", f"/tasks/{task_id}{action}")

    assert (answer.status, answer.error["code"]) == (404, "TaskNotFound")


@pytest.mark.parametrize("action", ["", "/retry", "/cancel"])
def test_anothers_task_is_answered_like_one_that_is_not_there(api: Api, action: str) -> None:
    theirs, method = submit(api, caller="they"), "POST" if action else "GET"

    answer = api.call(method, f"/tasks/{theirs}{action}", caller="me")

    nothing = api.call(method, f"/tasks/{uuid.uuid4()}{action}", caller="me")
    assert (answer.status, answer.body) == (nothing.status, nothing.body)
    assert api.get(f"/tasks/{theirs}", caller="they").body["status"] == "PENDING"


def test_without_a_console_of_its_own_a_task_links_to_that_of_aws(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.module, "views", replace(api.module.views, console_url=""))
    arn = "arn:aws:states:eu-central-1:123456789012:express:tasks:n:6f2d"
    task_id = submit(api)
    api.aws.store.start(task_id, 1, arn, STARTED)

    url = api.get(f"/tasks/{task_id}").body["execution"]["consoleUrl"]

    assert url == execution_url(arn, STARTED)


def test_the_page_of_a_task_takes_the_place_of_a_console_but_a_batch_has_none(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = replace(api.module.views, console_url="http://127.0.0.1:1{task}")
    monkeypatch.setattr(api.module, "views", page)
    task_id = submit(api)
    api.aws.store.start(task_id, 1, "arn:e", STARTED)

    execution = api.get(f"/tasks/{task_id}").body["execution"]

    assert execution == {
        "arn": "arn:e",
        "consoleUrl": f"http://127.0.0.1:1/v1/#/tasks/{task_id}",
    }
    assert page._execution("arn:b", STARTED) == {"arn": "arn:b", "consoleUrl": None}


def test_an_execution_that_never_claimed_its_task_is_shown_from_before_it_began(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.module, "views", replace(api.module.views, console_url=""))
    arn = "arn:aws:states:eu-central-1:123456789012:express:tasks:n:6f2d"
    task_id = submit(api)
    api.aws.store.fail(task_id, 1, arn, {"step": "MarkRunning", "error": "X", "message": "m"})

    task = api.get(f"/tasks/{task_id}").body

    assert task["startedAt"] is None
    assert task["execution"]["consoleUrl"] == execution_url(arn, task["createdAt"])


def test_a_completed_task_has_a_link_to_its_result(api: Api) -> None:
    task_id = submit(api)
    api.aws.store.start(task_id, 1, "arn:e", STARTED)
    api.aws.store.complete(task_id, 1, "arn:e", RESULT)

    task = api.get(f"/tasks/{task_id}").body

    assert "results/1.jpg" in task["result"].pop("url")
    assert task["result"].pop("expiresAt") > task["completedAt"]
    assert task["result"] == {name: RESULT[name] for name in RESULT if name != "key"}
    assert task["execution"] == {"arn": "arn:e", "consoleUrl": "https://console.example/arn:e"}
    assert task["links"]["retry"] is task["links"]["cancel"] is None


def test_a_failed_task_says_at_which_step_and_why(api: Api) -> None:
    failure = {"step": "Download", "error": "SourceNotFound", "message": "answered 404"}
    task_id = submit(api)
    api.aws.store.fail(task_id, 1, "arn:e", failure)

    assert api.get(f"/tasks/{task_id}").body["failure"] == failure


# ── Many tasks ───────────────────────────────────────────────────────────────────────────────────
def test_a_list_has_the_callers_batches_newest_first_page_by_page(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(f"2026-11-25T00:00:0{n}.000Z" for n in range(9))
    monkeypatch.setattr("darkroom.tasks.store.timestamp", lambda: next(moments))
    ids = [submit(api) for _ in range(3)]
    submit(api, caller="they")

    first = api.get("/tasks", limit="2").body
    submit(api)
    second = api.get("/tasks", limit="2", cursor=first["cursor"]).body

    found = [task["taskId"] for task in first["tasks"] + second["tasks"]]
    assert found == ids[::-1]


def test_a_list_can_be_filtered(api: Api) -> None:
    cat, dog = submit(api, name="cat"), submit(api, name="dog")
    api.aws.store.start(dog, 1, "arn:e", STARTED)

    def found(**query: str) -> list[str]:
        return [task["taskId"] for task in api.get("/tasks", **query).body["tasks"]]

    assert found(name="cat") == [cat]
    assert found(status="RUNNING") == [dog]
    assert found(status="RUNNING", name="cat") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"limit": ["1", "2"]}, "limit"),
        ({"status": "DONE"}, "status"),
        ({"status": "running"}, "status"),
        ({"name": ""}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"colour": "gray"}, "colour"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "\ud800"}, "cursor"),
        ({"cursor": "x" * 501}, "cursor"),
        ({"cursor": "WyJcdWQ4MDAiLCAiYiJd"}, "cursor"),
    ],
    ids=str,
)
def test_an_invalid_query_is_refused_with_the_reason(
    api: Api, query: dict[str, Any], field: str
) -> None:
    answer = api.get("/tasks", **query)

    assert answer.status == 400
    assert answer.error["field"] == field


def test_a_huge_well_formed_cursor_causes_no_server_error(api: Api) -> None:
    answer = api.get("/tasks", cursor="WyJhIiwiYiJd")

    assert answer.body == {"tasks": [], "cursor": None}


# ── When a service does not answer ───────────────────────────────────────────────────────────────
def no_answer(*_: Any, **__: Any) -> Any:
    raise EndpointConnectionError(endpoint_url="https://service")


def throttled(*_: Any, **__: Any) -> Any:
    raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "GetItem")


@pytest.mark.parametrize("trouble", [no_answer, throttled])
@pytest.mark.parametrize(
    ("call", "request_line"),
    [
        ("store.get", "GET /tasks/5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d"),
        ("store.get", "POST /tasks/5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d/retry"),
        ("store.get", "POST /tasks/5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d/cancel"),
        ("index.of_owner", "GET /tasks"),
        ("store.create", "POST /tasks"),
        ("bucket.put", "POST /tasks"),
        ("bucket.upload_form", "POST /uploads"),
    ],
)
def test_a_failing_service_is_reported_as_temporary(
    api: Api, monkeypatch: pytest.MonkeyPatch, trouble: Any, call: str, request_line: str
) -> None:
    service, name = call.split(".")
    monkeypatch.setattr(type(getattr(api.module, service)), name, trouble)
    method, path = request_line.split()
    bodies = {
        "/tasks": '{"imageUrl": "data:image/png;base64,AAAA"}',
        "/uploads": '{"contentType": "image/png"}',
    }

    answer = api.call(method, path, bodies.get(path) if method == "POST" else None)

    assert (answer.status, answer.error["code"]) == (503, "ServiceUnavailable")
    assert answer.headers["Retry-After"] == "1"
    assert api.queued == []


def test_a_task_that_could_not_be_queued_is_accepted_and_left_to_reconcile(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(api.module.task_service.queue), "send", no_answer)

    answer = api.post("/tasks", {"imageUrl": URL})

    assert answer.status == 202
    [waiting] = api.aws.table.scan(IndexName="active")["Items"]
    assert (waiting["taskId"], waiting["status"]) == (answer.body["taskId"], "PENDING")


def test_a_bug_of_ours_is_reported_without_its_traceback(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise KeyError("secret detail")

    monkeypatch.setattr(type(api.module.store), "create", broken)

    answer = api.post("/tasks", {"imageUrl": URL})

    assert (answer.status, answer.error["code"]) == (500, "InternalError")
    assert answer.headers["Retry-After"] == "1"
    assert "secret" not in answer.error["message"]
