"""`GET /batches`: the caller's batches, newest first, page by page."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.support.api_batches import enter, stored, submit
from tests.support.api_caller import Api

pytestmark = pytest.mark.usefixtures("started")


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no two batches be accepted in the same millisecond."""
    moments: Iterator[str] = iter(f"2026-11-25T00:00:{n:02}.000Z" for n in range(60))
    monkeypatch.setattr("darkroom.batches.store.timestamp", lambda: next(moments))


def ids(answer_body: dict[str, list[dict[str, str]]]) -> list[str]:
    return [batch["batchId"] for batch in answer_body["batches"]]


@pytest.mark.usefixtures("moments")
def test_a_list_has_the_callers_batches_newest_first_page_by_page(api: Api):
    batches = [submit(api).body["batchId"] for _ in range(3)]
    theirs = api.post("/batches", {"s3Prefix": "a/"}, caller="they").body["batchId"]

    first = api.get("/batches", limit="2").body
    submit(api)
    second = api.get("/batches", limit="2", cursor=first["cursor"]).body

    assert ids(first) + ids(second) == batches[::-1]
    assert second["cursor"] is None
    assert ids(api.get("/batches", caller="they").body) == [theirs]


def test_a_list_can_be_filtered_by_status(api: Api):
    running, ended = submit(api), submit(api)
    api.post(ended.body["links"]["cancel"])

    def found(status: str) -> list[str]:
        return ids(api.get("/batches", status=status).body)

    assert found("RUNNING") == [running.body["batchId"]]
    assert found("CANCELLED") == [ended.body["batchId"]]
    assert found("COMPLETED") == []
    assert api.get("/batches", status="PENDING").error["field"] == "status"


def test_a_batch_in_a_list_is_the_batch_without_its_counts(api: Api):
    batch = submit(api).body
    enter(api, batch, 2)

    [listed] = api.get("/batches").body["batches"]

    shown = api.get(batch["links"]["self"]).body
    assert listed == {name: value for name, value in shown.items() if name != "counts"}


def test_a_list_reads_no_task(api: Api, monkeypatch: pytest.MonkeyPatch):
    """A list of 100 batches costs one query, however many tasks they have."""
    submit(api)
    monkeypatch.setattr(type(api.module.batch_tasks), "count", None)
    assert api.get("/batches").status == 200


@pytest.mark.usefixtures("moments")
def test_a_change_of_a_batch_is_a_new_version_of_the_list(api: Api):
    batch = submit(api).body
    known = api.get("/batches")
    same = {"If-None-Match": known.headers["ETag"]}

    assert api.call("GET", "/batches", headers=same).status == 304
    assert int(known.headers["Retry-After"]) >= 1
    api.post(batch["links"]["cancel"])
    changed = api.call("GET", "/batches", headers=same)
    assert changed.status == 200
    assert "Retry-After" not in changed.headers


def test_the_cursor_of_another_list_or_garbage_is_refused(api: Api):
    batch = submit(api).body
    enter(api, batch, 2)
    cursor = api.get(batch["links"]["tasks"], limit="1").body["cursor"]

    for wrong in (cursor, "x"):
        assert api.get("/batches", cursor=wrong).error["code"] == "InvalidCursor"


@pytest.mark.parametrize(
    "reason",
    [
        "The table does not have the specified index: owner-createdAt",
        "Cannot read from backfilling global secondary index: owner-createdAt",
    ],
)
def test_while_an_upgrade_makes_the_index_a_list_is_to_be_asked_for_again(
    api: Api, monkeypatch: pytest.MonkeyPatch, reason: str
):
    """CloudFormation does not wait for an index that it adds to a table with items."""

    def refuse(*_: object, **__: object) -> None:
        error = {"Error": {"Code": "ValidationException", "Message": reason}}
        raise ClientError(error, "Query")

    monkeypatch.setattr(type(api.module.batch_store), "of_owner", refuse)

    answer = api.get("/batches")

    assert (answer.status, answer.error["code"]) == (503, "ServiceUnavailable")
    assert answer.headers["Retry-After"] == "1"


def test_a_task_names_its_batch(api: Api):
    batch = submit(api).body
    [task_id] = enter(api, batch, 1)
    alone = api.post("/tasks", {"imageUrl": "https://example.com/a.jpg"}).body

    shown = api.get(f"/tasks/{task_id}").body
    listed = {task["taskId"]: task["batchId"] for task in api.get("/tasks").body["tasks"]}

    assert shown["batchId"] == batch["batchId"]
    assert alone["batchId"] is None
    assert listed == {task_id: batch["batchId"], alone["taskId"]: None}


def test_an_expired_batch_is_not_listed(api: Api):
    batch = stored(api, submit(api).body)
    api.aws.batches._table.change(
        {"batchId": batch["batchId"]},
        {"expiresAt": 1},
        "#status = :running",
        {":running": "RUNNING"},
    )
    assert api.get("/batches").body == {"batches": [], "cursor": None}
