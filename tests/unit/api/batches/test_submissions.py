"""How a batch is accepted or refused, for each kind of source."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.support.api_batches import BODY, URL, stored, submit
from tests.support.api_caller import Api

MISSING = str(uuid.UUID(int=9))
UPLOAD = str(uuid.UUID(int=8))


def test_a_batch_is_accepted_and_its_execution_started(api: Api, started: list[Any]):
    answer = submit(api, **BODY, name="holiday", toleratedFailurePercentage=5)

    batch = answer.body
    assert answer.headers["Location"] == batch["links"]["self"] == f"/v1/batches/{batch['batchId']}"
    assert (batch["status"], batch["name"], batch["total"]) == ("RUNNING", "holiday", 2)
    assert batch["counts"]["PENDING"] == 2
    [(_, name, order)] = started
    assert name == f"{batch['batchId']}-1"
    assert batch["execution"]["arn"].endswith(name)
    assert (order["reader"], order["retry"], order["total"]) == ("lines", False, 2)


def test_its_sources_are_in_the_bucket_with_an_entry_each(api: Api, started: list[Any]):
    submit(api, sources=[{"imageUrl": URL, "output": {"format": "png"}}, {"imageUrl": URL}])
    [(_, _, order)] = started
    entries = [json.loads(line) for line in api.aws.bucket.get(order["key"]).splitlines()]
    assert [entry["line"] for entry in entries] == [1, 2]
    assert [json.loads(entry["text"]) for entry in entries] == [
        {"imageUrl": URL, "output": {"format": "png"}},
        {"imageUrl": URL},
    ]


@pytest.mark.usefixtures("started")
def test_objects_are_read_in_place(api: Api):
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
def test_the_losing_request_of_a_race_does_not_replace_the_manifest(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    api.aws.bucket.put(f"uploads/me/{UPLOAD}", b"first", "text/csv")
    body = {"manifest": {"uploadId": UPLOAD, "format": "csv"}}
    key = {"Idempotency-Key": "one"}
    batch = api.post("/batches", body, headers=key).body
    api.aws.bucket.put(f"uploads/me/{UPLOAD}", b"second", "text/csv")
    looks: list[str] = []

    def get(store: Any, batch_id: str) -> Any:
        # When it is first read, the other one is not stored yet.
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
def test_an_invalid_batch_is_refused_completely_and_the_field_is_named(
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


def test_a_batch_whose_execution_cannot_be_started_is_still_accepted(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://states")

    monkeypatch.setattr(type(api.module.views.batch_machine), "start", refuse)
    batch = submit(api).body
    assert stored(api, batch)["active"]  # reconcile will start it


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "text/csv"])
def test_a_manifest_can_be_uploaded(api: Api, content_type: str):
    assert api.post("/uploads", {"contentType": content_type}).status == 201
