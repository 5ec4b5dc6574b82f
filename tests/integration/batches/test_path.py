"""A batch from its submission to its results, for each kind of manifest."""

import json

import pytest

from tests.support.cloud.batches import Batches
from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import FILES, Sources

pytestmark = pytest.mark.timeout(1200)


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


def test_one_source_is_also_a_batch(batches: Batches, sources: Sources):
    assert batches.ended(batches.submit([sources.url("/colour.png")]))["status"] == "COMPLETED"


GOOD = "GOOD"
LINES: list[tuple[bytes, str]] = [
    (b"", ""),
    (b'{"imageUrl": GOOD, "name": "first", "output": {"format": "jpeg"}}\r', GOOD),
    (b'{"imageUrl": "ftp://a.example/b.png"}', "Line 3: imageUrl: Only http and https"),
    (b'{"imageUrl": GOOD, "nothing": 1}', "Line 4: There is no field nothing."),
    (b'{"imageUrl": GOOD, "name": "\\ud800"}', "Line 5 is not valid JSON: "),
    (b"[" * 3_000, "Line 6 is not valid JSON: recursion limit exceeded"),
    (b"[" * 100_000, "Line 7 is longer than 32768 bytes."),
    (b'{"imageUrl": GOOD}', GOOD),
    (b'{"imageUrl": GOOD, "name": "\xff"}', "Line 9 is not UTF-8, from byte "),
    (b'{"imageUrl": GOOD, "name": "\0"}', "Line 10 has control characters in it."),
    (b"no JSON", "Line 11 is not valid JSON: "),
    (b'{"imageUrl": GOOD, "output": {"quality": 1e400}}', "Line 12: output.quality: "),
    (b'{"imageUrl": GOOD, "output": {"quality": NaN}}', "Line 13: output.quality: "),
    (b'{"imageUrl": GOOD, "name": "%s"}' % (b"n" * 10_000), "Line 14: name: String should"),
    (b'{"imageUrl": GOOD, "callbackUrl": "http://x%zz.example/"}', "Line 15: callbackUrl: "),
    (b"x" * 262_144, "Line 16 is longer than 32768 bytes."),
    (b'{"imageUrl": GOOD}, {"imageUrl": GOOD}', "Line 17 is not valid JSON: trailing"),
    (b"null", "Line 18 must be a JSON object."),
    ('{"imageUrl": GOOD, "name": "\u2028\u2029\x85"}'.encode(), GOOD),
    (b'{"imageUrl": GOOD, "name": "last"}', GOOD),
]
ROWS: list[tuple[bytes, str]] = [
    (b"\xef\xbb\xbfimageUrl,name\r", ""),
    (b"GOOD,one\r", GOOD),
    (b'GOOD,"open', "Line 3 is not a row of this table: unexpected end of data."),
    (b"\r", ""),
    (b"GOOD,a,b", "Line 5 is not a row of this table: it has 3 values"),
    (b"GOOD,\xfc", "Line 6 is not UTF-8, from byte "),
    (b'GOOD,"%s"' % (b"n" * 200_000), "Line 7 is longer than 32768 bytes."),
    (b",name", "Line 8: Send either imageUrl or uploadId."),
    (b'"GOOD",', GOOD),
]


@pytest.mark.parametrize(
    ("manifest", "form", "media_type"),
    [(LINES, "jsonl", "application/x-ndjson"), (ROWS, "csv", "text/csv")],
    ids=["jsonl", "csv"],
)
def test_each_wrong_line_of_a_manifest_is_a_task_that_failed_and_no_other_is(
    batches: Batches,
    sources: Sources,
    manifest: list[tuple[bytes, str]],
    form: str,
    media_type: str,
):
    url = sources.url("/colour.png")
    good = (url if form == "csv" else json.dumps(url)).encode()
    data = b"\n".join(line.replace(b"GOOD", good) for line, _ in manifest)
    upload = {"uploadId": batches.upload(data, media_type), "format": form}

    ended = batches.ended(batches.submit(manifest=upload))

    expected = [(number, end) for number, (_, end) in enumerate(manifest, 1) if end]
    assert (ended["status"], ended["total"]) == ("COMPLETED", len(expected))
    for task, (number, end) in zip(batches.tasks(ended), expected, strict=True):
        if end == GOOD:
            assert (task["status"], task["source"]) == ("COMPLETED", {"imageUrl": url})
        else:
            failure = task["failure"]
            assert (failure["step"], failure["error"]) == ("Download", "NoSource"), failure
            assert failure["message"].startswith(end)
            assert task["source"]["lineNumber"] == number


def test_what_a_line_says_of_its_task_counts(batches: Batches, sources: Sources):
    own = {"imageUrl": sources.url("/colour.png"), "name": "first", "output": {"format": "jpeg"}}
    upload = batches.upload(json.dumps(own).encode(), "application/x-ndjson")

    ended = batches.ended(batches.submit(manifest={"uploadId": upload, "format": "jsonl"}))

    [task] = batches.tasks(ended)
    assert (task["name"], task["result"]["contentType"]) == ("first", "image/jpeg")


def test_a_manifest_that_is_sent_again_changes_nothing_of_its_batch(
    batches: Batches, sources: Sources
):
    slow = json.dumps({"imageUrl": sources.url("/held/manifest")}).encode()
    form = batches.form("application/x-ndjson")
    batches.send(form, slow)
    batch = batches.submit(manifest={"uploadId": form["uploadId"], "format": "jsonl"})
    batches.send(form, b"\n".join([slow] * 125))
    # Before the run has recorded that all items are ingested, so it reads again.
    batches.act(batch, "cancel")
    batches.ended(batch)
    sources.held["/held/manifest"].set()

    assert batches.act(batch, "retry").status_code == 202

    assert batches.ended(batch)["total"] == 1
    assert len(batches.tasks(batch)) == 1


def test_rows_of_csv_are_accepted(batches: Batches, sources: Sources):
    text = f"imageUrl,name\n{sources.url('/colour.png')},one\n{sources.url('/colour.jpg')},\n"
    manifest = {"uploadId": batches.upload(text.encode(), "text/csv"), "format": "csv"}

    ended = batches.ended(batches.submit(manifest=manifest))

    assert [task["name"] for task in batches.tasks(ended)] == ["one", None]
    assert ended["counts"]["COMPLETED"] == 2


def test_only_objects_under_the_prefix_become_tasks(batches: Batches):
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


def test_a_manifest_that_is_empty_fails_the_batch_and_its_execution(batches: Batches):
    manifest = {"uploadId": batches.upload(b"\n", "application/x-ndjson"), "format": "jsonl"}

    ended = batches.ended(batches.submit(manifest=manifest))

    assert (ended["status"], ended["failure"]["error"]) == ("FAILED", "EmptyBatch")
    execution = batches.execution(ended)
    assert (execution["status"], execution["error"]) == ("FAILED", "EmptyBatch")


def test_a_manifest_that_was_never_sent_is_refused(batches: Batches):
    manifest = {"uploadId": batches.form("text/csv")["uploadId"], "format": "csv"}
    answer = batches.stack.http.post("/batches", json={"manifest": manifest})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "UploadNotFound")


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


def test_an_unchanged_response_has_no_body(batches: Batches, sources: Sources):
    ended = batches.ended(batches.submit([sources.url("/colour.png")]))
    place = batches.stack.url(ended["links"]["self"])
    answer = batches.stack.http.get(place)
    again = batches.stack.http.get(place, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert "Retry-After" not in again.headers
