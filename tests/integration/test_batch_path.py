"""A batch goes the whole way, whatever its sources come from."""

import json

import pytest

from batches import Batches
from sources import FILES, Sources
from stacks import Stack

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def batches(standard: Stack) -> Batches:
    return Batches(standard)


def test_sources_in_the_request_become_tasks_in_their_order(batches: Batches, sources: Sources):
    urls = [sources.url(f"/flaky/0/{number}") for number in range(30)]
    batch = batches.submit(urls, name="holiday", output={"format": "png"})
    assert (batch["name"], batch["status"], batch["total"]) == ("holiday", "RUNNING", 30)

    ended = batches.ended(batch)

    assert (ended["status"], ended["counts"]["COMPLETED"]) == ("COMPLETED", 30)
    tasks = batches.tasks(ended)
    assert [task["source"]["imageUrl"] for task in tasks] == urls
    assert {task["result"]["contentType"] for task in tasks} == {"image/png"}
    assert batches.execution(ended)["status"] == "SUCCEEDED"


def test_one_source_is_a_batch_too(batches: Batches, sources: Sources):
    assert batches.ended(batches.submit([sources.url("/colour.png")]))["status"] == "COMPLETED"


def test_json_lines_are_taken_and_a_wrong_line_is_a_task_that_failed(
    batches: Batches, sources: Sources
):
    lines = [
        {"imageUrl": sources.url("/colour.png"), "name": "first", "output": {"format": "jpeg"}},
        {"imageUrl": "ftp://a.example/b.png"},
        {"imageUrl": sources.url("/colour.jpg"), "nothing": 1},
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    manifest = {"uploadId": batches.upload(text, "application/x-ndjson"), "format": "jsonl"}

    ended = batches.ended(batches.submit(manifest=manifest))

    assert (ended["status"], ended["total"]) == ("COMPLETED", 3)
    first, second, third = batches.tasks(ended)
    assert (first["name"], first["result"]["contentType"]) == ("first", "image/jpeg")
    assert (second["failure"]["step"], second["failure"]["error"]) == ("Download", "NoSource")
    assert "http" in second["failure"]["message"]
    assert json.loads(second["source"]["line"]) == lines[1]
    assert "nothing" in third["failure"]["message"]


def test_rows_of_csv_are_taken(batches: Batches, sources: Sources):
    text = f"imageUrl,name\n{sources.url('/colour.png')},one\n{sources.url('/colour.jpg')},\n"
    manifest = {"uploadId": batches.upload(text, "text/csv"), "format": "csv"}

    ended = batches.ended(batches.submit(manifest=manifest))

    assert [task["name"] for task in batches.tasks(ended)] == ["one", None]
    assert ended["counts"]["COMPLETED"] == 2


def test_objects_under_a_prefix_are_taken_and_no_others(batches: Batches):
    for name in ("trip/1.png", "trip/sub/2.png", "other/3.png"):
        batches.bring(name, FILES["/colour.png"])
    batches.bring("trip/", b"")  # a folder, as the console makes it

    ended = batches.ended(batches.submit(s3Prefix="trip/"))

    assert (ended["status"], ended["total"]) == ("COMPLETED", 2)
    shown = [(task["name"], task["source"]) for task in batches.tasks(ended)]
    assert shown == [
        ("trip/1.png", {"object": "trip/1.png"}),
        ("trip/sub/2.png", {"object": "trip/sub/2.png"}),
    ]


def test_a_manifest_that_is_empty_fails_the_batch(batches: Batches):
    manifest = {"uploadId": batches.upload("\n", "application/x-ndjson"), "format": "jsonl"}
    ended = batches.ended(batches.submit(manifest=manifest))
    assert (ended["status"], ended["failure"]["error"]) == ("FAILED", "EmptyBatch")


def test_a_manifest_that_cannot_be_read_fails_the_batch_and_its_execution(batches: Batches):
    manifest = {"uploadId": batches.upload("no json\n", "application/x-ndjson"), "format": "jsonl"}

    ended = batches.ended(batches.submit(manifest=manifest))

    assert (ended["status"], ended["failure"]["error"]) == ("FAILED", "States.ItemReaderFailed")
    execution = batches.execution(ended)
    assert (execution["status"], execution["error"]) == ("FAILED", "States.ItemReaderFailed")


def test_a_manifest_that_was_never_sent_fails_the_batch(batches: Batches):
    missing = "00000000-0000-4000-8000-000000000000"

    ended = batches.ended(batches.submit(manifest={"uploadId": missing, "format": "csv"}))

    assert ended["failure"]["error"] == "States.ItemReaderFailed"


def test_the_same_key_and_body_again_give_the_same_batch(batches: Batches, sources: Sources):
    body = {"sources": [{"imageUrl": sources.url("/colour.png")}]}
    key = {"Idempotency-Key": "batch"}
    first, second = (batches.stack.http.post("/batches", json=body, headers=key) for _ in range(2))
    other = batches.stack.http.post("/batches", json=body | {"name": "x"}, headers=key)

    assert first.json()["batchId"] == second.json()["batchId"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert other.status_code == 409


def test_another_callers_batch_is_not_found(batches: Batches, sources: Sources, another_key: str):
    batch = batches.submit([sources.url("/colour.png")])
    theirs = {"x-api-key": another_key}
    ask = batches.stack.http.request
    for method, path in (
        ("GET", batch["links"]["self"]),
        ("GET", batch["links"]["tasks"]),
        ("POST", batch["links"]["cancel"]),
        ("POST", batch["links"]["self"] + "/retry"),
    ):
        answer = ask(method, batches.stack.url(path), headers=theirs)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "BatchNotFound")


def test_what_has_not_changed_is_told_without_a_body(batches: Batches, sources: Sources):
    ended = batches.ended(batches.submit([sources.url("/colour.png")]))
    place = batches.stack.url(ended["links"]["self"])
    answer = batches.stack.http.get(place)
    again = batches.stack.http.get(place, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert "Retry-After" not in again.headers
