import json
import uuid
from typing import Any

import pytest
from api_caller import Answer, Api
from botocore.exceptions import EndpointConnectionError
from stand_in import STARTED

from darkroom.batches.model import INDEX_DELAY_SECONDS

URL = "https://example.com/a.jpg"
BODY = {"sources": [{"imageUrl": URL}, {"imageUrl": URL, "name": "second"}]}
MISSING = str(uuid.UUID(int=9))
UPLOAD = str(uuid.UUID(int=8))


@pytest.fixture
def started(api: Api, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What Step Functions is asked for: ("start", name, input) and ("stop", execution)."""
    calls: list[Any] = []
    machine = type(api.module.batch_machine)
    monkeypatch.setattr(machine, "start", lambda _, *call: calls.append(("start", *call)))
    monkeypatch.setattr(
        machine, "stop", lambda _, execution, *__: calls.append(("stop", execution))
    )
    return calls


def submit(api: Api, **body: Any) -> Answer:
    answer = api.post("/batches", body or BODY)
    assert answer.status == 202, answer.body
    return answer


def stored(api: Api, batch: dict[str, Any]) -> dict[str, Any]:
    item = api.aws.batches.get(batch["batchId"])
    assert item is not None
    return item


def enter(api: Api, batch: dict[str, Any], count: int) -> list[str]:
    """Tasks as Enter makes them; returns their ids."""
    ids = [str(uuid.uuid5(uuid.UUID(batch["batchId"]), str(n))) for n in range(count)]
    for number, task_id in enumerate(ids):
        place = {"batchId": batch["batchId"], "batchIndex": number}
        output = {"format": "auto", "quality": 90}
        api.aws.store.create(
            task_id, "me", {"source": {"imageUrl": URL}, "output": output, **place}
        )
    return ids


def test_a_batch_is_taken_and_its_execution_started(api: Api, started: list[Any]):
    answer = submit(api, **BODY, name="holiday", toleratedFailurePercentage=5)

    batch = answer.body
    assert answer.headers["Location"] == batch["links"]["self"] == f"/v1/batches/{batch['batchId']}"
    assert (batch["status"], batch["name"], batch["total"]) == ("RUNNING", "holiday", 2)
    assert batch["counts"]["PENDING"] == 2
    [(_, name, order)] = started
    assert name == f"{batch['batchId']}-1"
    assert batch["execution"]["arn"].endswith(name)
    assert (order["reader"], order["retry"], order["total"]) == ("lines", False, 2)


def test_its_sources_lie_in_the_bucket_an_entry_each(api: Api, started: list[Any]):
    submit(api, sources=[{"imageUrl": URL, "output": {"format": "png"}}, {"imageUrl": URL}])
    [(_, _, order)] = started
    entries = [json.loads(line) for line in api.aws.bucket.get(order["key"]).splitlines()]
    assert [entry["line"] for entry in entries] == [1, 2]
    assert [json.loads(entry["text"]) for entry in entries] == [
        {"imageUrl": URL, "output": {"format": "png"}},
        {"imageUrl": URL},
    ]


@pytest.mark.usefixtures("started")
def test_objects_are_read_where_they_lie(api: Api):
    batch = submit(api, s3Prefix="trip/").body
    assert batch["total"] is None
    assert stored(api, batch)["manifest"] == {"reader": "objects", "key": "imports/me/trip/"}


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_manifest_is_what_it_was_when_the_batch_was_accepted(
    api: Api, started: list[Any], form: str
):
    api.aws.bucket.put(f"uploads/me/{UPLOAD}", b"first", "text/csv")
    batch = submit(api, manifest={"uploadId": UPLOAD, "format": form}).body
    api.aws.bucket.put(f"uploads/me/{UPLOAD}", b"second", "text/csv")

    manifest = stored(api, batch)["manifest"]
    assert (manifest["reader"], manifest["format"]) == ("manifest", form)
    assert api.aws.bucket.get(manifest["uploaded"]) == b"first"
    [(_, _, order)] = started
    assert (order["reader"], order["key"]) == ("manifest", manifest["key"])
    assert order["key"] != manifest["uploaded"]


@pytest.mark.usefixtures("started")
def test_the_loser_of_a_race_with_one_key_does_not_replace_the_manifest(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    api.aws.bucket.put(f"uploads/me/{UPLOAD}", b"first", "text/csv")
    body = {"manifest": {"uploadId": UPLOAD, "format": "csv"}}
    key = {"Idempotency-Key": "one"}
    batch = api.post("/batches", body, headers=key).body
    api.aws.bucket.put(f"uploads/me/{UPLOAD}", b"second", "text/csv")
    looks: list[str] = []

    def get(store: Any, batch_id: str) -> Any:  # at the first look the other one is not stored yet
        looks.append(batch_id)
        return None if len(looks) == 1 else found(store, batch_id)

    found = type(api.module.batch_store).get
    monkeypatch.setattr(type(api.module.batch_store), "get", get)

    assert api.post("/batches", body, headers=key).body["batchId"] == batch["batchId"]

    assert api.aws.bucket.get(stored(api, batch)["manifest"]["uploaded"]) == b"first"


def test_a_manifest_that_was_never_sent_is_refused(api: Api, started: list[Any]):
    answer = api.post("/batches", {"manifest": {"uploadId": MISSING, "format": "csv"}})
    assert (answer.status, answer.error["code"]) == (404, "UploadNotFound")
    assert answer.error["field"] == "manifest.uploadId"
    assert started == []


@pytest.mark.usefixtures("started")
def test_a_batch_that_ended_unread_gets_a_total_when_nothing_can_enter_it_any_more(api: Api):
    batch = submit(api, s3Prefix="trip/")
    place = batch.body["links"]["self"]
    cancelled = api.aws.batches.end("cancel", stored(api, batch.body))
    waiting = api.get(place)
    api.aws.batches.settle(cancelled)
    settled = api.get(place)

    assert (waiting.body["total"], settled.body["total"]) == (None, 0)
    assert waiting.headers["ETag"] != settled.headers["ETag"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "sources"),
        (BODY | {"s3Prefix": "x/"}, "sources"),
        ({"sources": []}, "sources"),
        ({"sources": [{"imageUrl": URL}] * 1001}, "sources"),
        ({"sources": [{"imageUrl": URL}, {"imageUrl": "ftp://a.example/"}]}, "sources.1.imageUrl"),
        ({"sources": [{"imageUrl": "data:image/png;base64,AA=="}]}, "sources.0.imageUrl"),
        ({"sources": [{"imageUrl": URL, "uploadId": MISSING}]}, "sources.0"),
        ({"sources": [{"imageUrl": URL, "more": 1}]}, "sources.0.more"),
        ({"sources": [{"uploadId": "../x"}]}, "sources.0.uploadId"),
        ({"s3Prefix": ""}, "s3Prefix"),
        ({"manifest": {"uploadId": "x", "format": "csv"}}, "manifest.uploadId"),
        ({"manifest": {"uploadId": MISSING, "format": "xml"}}, "manifest.format"),
        (BODY | {"toleratedFailurePercentage": 101}, "toleratedFailurePercentage"),
        (BODY | {"output": {"quality": 0}}, "output.quality"),
        (BODY | {"nothing": 1}, "nothing"),
    ],
)
def test_a_wrong_batch_is_refused_whole_and_the_field_is_named(
    api: Api, started: list[Any], body: dict[str, Any], field: str
):
    answer = api.post("/batches", body)
    assert (answer.status, answer.error["field"]) == (400, field)
    assert started == []


def test_a_batch_takes_no_bytes_and_says_what_to_do(api: Api):
    sources = [{"imageUrl": "data:image/png;base64,AA=="}]
    assert "uploadId" in api.post("/batches", {"sources": sources}).error["message"]


@pytest.mark.usefixtures("started")
def test_the_same_key_gives_the_same_batch_and_never_a_task(api: Api):
    key = {"Idempotency-Key": "one"}
    first, second = (api.post("/batches", BODY, headers=key) for _ in range(2))
    task = api.post("/tasks", {"imageUrl": URL}, headers=key)

    assert second.body == first.body
    assert second.headers["Idempotent-Replayed"] == "true"
    assert task.body["taskId"] != first.body["batchId"]
    assert api.post("/batches", {"s3Prefix": "x"}, headers=key).error["code"] == (
        "IdempotencyConflict"
    )


def test_a_batch_whose_execution_cannot_be_started_is_taken_all_the_same(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://states")

    monkeypatch.setattr(type(api.module.batch_machine), "start", refuse)
    batch = submit(api).body
    assert stored(api, batch)["active"]  # reconcile will start it


@pytest.mark.usefixtures("started")
def test_a_batch_is_counted_when_it_is_shown(api: Api):
    batch = submit(api, **BODY).body
    ids = enter(api, batch, 1)
    api.aws.store.start(ids[0], 1, "arn", STARTED)

    answer = api.get(batch["links"]["self"])

    assert answer.body["counts"] == {
        "PENDING": 1,
        "RUNNING": 1,
        "COMPLETED": 0,
        "FAILED": 0,
        "CANCELLED": 0,
    }
    assert int(answer.headers["Retry-After"]) >= 0
    again = api.call(
        "GET", batch["links"]["self"], headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status, again.body) == (304, None)


@pytest.mark.usefixtures("started")
def test_its_tasks_are_listed_in_their_order(api: Api):
    batch = submit(api).body
    ids = enter(api, batch, 3)
    api.aws.store.cancel(ids[1], 1)
    place = batch["links"]["tasks"]

    first = api.get(place, limit="2").body
    rest = api.get(place, cursor=first["cursor"]).body

    assert [t["taskId"] for t in first["tasks"] + rest["tasks"]] == ids
    assert [t["taskId"] for t in api.get(place, status="CANCELLED").body["tasks"]] == [ids[1]]
    assert api.get(place, cursor="x").error["code"] == "InvalidCursor"
    assert api.get(place, limit="0").error["field"] == "limit"


def test_a_cancel_is_one_write_and_two_calls(api: Api, started: list[Any]):
    batch = submit(api).body

    answer = api.post(batch["links"]["cancel"])

    assert (answer.status, answer.body["status"]) == (202, "CANCELLED")
    assert answer.body["counts"]["CANCELLED"] == 2
    run = f"{batch['batchId']}-1"
    _, stop, cancel = started
    assert stop[1].endswith(run)
    assert cancel[1:] == (
        f"{run}-cancel",
        {"action": "cancel", "batchId": batch["batchId"], "run": 1, "total": 0},
    )
    assert api.post(batch["links"]["cancel"]).error["code"] == "NotCancellable"


def test_a_retry_is_a_run_of_its_own(api: Api, started: list[Any]):
    batch = submit(api).body
    assert api.post(f"{batch['links']['self']}/retry").error["code"] == "NotRetryable"
    ended = api.aws.batches.end("complete", stored(api, batch))
    assert ended is not None
    started.clear()

    answer = api.post(f"{batch['links']['self']}/retry")

    assert (answer.status, answer.body["status"]) == (202, "RUNNING")
    [(_, name, order)] = started
    assert name == f"{batch['batchId']}-2"
    assert (order["retry"], order["pause"]) == (True, 0)


def test_a_retry_of_what_is_still_being_cancelled_waits_for_the_index_alone(
    api: Api, started: list[Any]
):
    batch = submit(api).body
    api.post(batch["links"]["cancel"])
    started.clear()

    api.post(f"{batch['links']['self']}/retry")

    stop, start = started
    assert stop[1].endswith("-1-cancel")
    assert start[2]["pause"] == INDEX_DELAY_SECONDS


@pytest.mark.usefixtures("started")
def test_another_callers_batch_is_not_found(api: Api):
    batch = submit(api).body
    for path in (batch["links"]["self"], batch["links"]["tasks"], f"/batches/{MISSING}"):
        answer = api.get(path, caller="you")
        assert (answer.status, answer.error["code"]) == (404, "BatchNotFound")
    for action in ("retry", "cancel"):
        answer = api.post(f"{batch['links']['self']}/{action}", caller="you")
        assert answer.status == 404
    assert stored(api, batch)["status"] == "RUNNING"


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "text/csv"])
def test_a_manifest_can_be_uploaded(api: Api, content_type: str):
    assert api.post("/uploads", {"contentType": content_type}).status == 201


@pytest.mark.usefixtures("started")
def test_a_batch_that_has_ended_is_looked_at_again_until_none_of_its_tasks_is_open(api: Api):
    batch = submit(api).body
    place = batch["links"]["self"]
    task = {"batchId": batch["batchId"], "batchIndex": 0, "source": {}, "output": {}}
    api.aws.store.create(MISSING, "me", task)
    api.post(batch["links"]["cancel"])

    cancelling = api.get(place)
    api.aws.store.cancel(MISSING, 1)
    cancelled = api.get(place)

    assert (cancelling.body["status"], cancelling.body["counts"]["PENDING"]) == ("CANCELLED", 1)
    assert "Retry-After" in cancelling.headers
    assert cancelled.body["counts"]["CANCELLED"] == 2
    assert "Retry-After" not in cancelled.headers
    assert cancelled.headers["ETag"] != cancelling.headers["ETag"]
