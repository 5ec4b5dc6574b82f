import json
import uuid
from collections.abc import Callable
from threading import Barrier
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from darkroom.batches.groups import AT_ONCE
from darkroom.batches.model import task_id

BATCH = str(uuid.UUID(int=7))
URL = "https://example.com/a.jpg"
PNG = {"format": "png", "quality": 80}


@pytest.fixture
def enter(aws: Any, load: Callable[[str, str], ModuleType]) -> ModuleType:
    """Enter, and a RUNNING batch of lines whose items become PNG by default."""
    manifest = {"reader": "lines", "key": "k"}
    attributes = {"manifest": manifest, "output": PNG, "toleratedFailurePercentage": 100}
    aws.batches.create(BATCH, "me", attributes)
    return load("api", "ingest")


@pytest.fixture
def queued(enter: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """The orders of each request to SQS."""
    sent: list[list[Any]] = []

    def send_many(_: Any, orders: list[Any], groups: list[str]) -> int:
        assert groups == ["me/batch"] * len(orders)
        sent.append(orders)
        return 0

    monkeypatch.setattr(type(enter.queue), "send_many", send_many)
    return sent


def event(*items: Any, run: int = 1) -> dict[str, Any]:
    """Lines of a manifest that begins with an empty line."""
    return of(*(entry(line, json.dumps(item)) for line, item in enumerate(items, 2)), run=run)


def entry(line: int, text: str, **more: str) -> dict[str, Any]:
    return {"line": line, "text": text, **more}


def of(*items: dict[str, Any], reader: str = "lines", run: int = 1) -> dict[str, Any]:
    entries = [{"index": index, "item": item} for index, item in enumerate(items)]
    return {"batchId": BATCH, "run": run, "reader": reader, "items": entries}


def task(aws: Any, item: str) -> dict[str, Any]:
    found = aws.store.get(task_id(BATCH, item))
    assert found is not None
    return found


def test_items_become_tasks_that_are_queued_ten_at_a_time(aws, enter, queued):
    items = [{"imageUrl": f"{URL}?{number}"} for number in range(25)]

    assert enter.handler(event(*items), None) == {"entered": 25}

    assert [len(orders) for orders in queued] == [10, 10, 5]
    assert queued[2][4]["source"] == {"imageUrl": f"{URL}?24"}
    made = task(aws, "24")
    assert (made["status"], made["owner"], made["batchIndex"]) == ("PENDING", "me", 24)
    assert aws.counted(BATCH) == {"PENDING": 25}


def test_an_item_says_its_own_output_or_has_that_of_the_batch(aws, enter, queued):
    own = {"imageUrl": URL, "output": {"format": "webp"}, "name": "n", "callbackUrl": URL}
    enter.handler(event(own, {"imageUrl": URL}), None)
    first, second = task(aws, "0"), task(aws, "1")
    assert first["output"] == {"format": "webp", "quality": 90}
    assert (first["name"], first["callbackUrl"]) == ("n", URL)
    assert second["output"] == PNG
    assert "name" not in second
    assert len(queued) == 1


def test_an_item_is_ingested_once_and_an_ended_task_is_not_queued_again(aws, enter, queued):
    items = event({"imageUrl": URL}, {"imageUrl": URL})
    enter.handler(items, None)
    aws.store.cancel(task_id(BATCH, "0"), 1)
    queued.clear()

    assert enter.handler(items, None) == {"entered": 2}

    assert [order["taskId"] for order in queued[0]] == [task_id(BATCH, "1")]
    assert aws.counted(BATCH) == {"PENDING": 1, "CANCELLED": 1}


def test_the_tasks_of_several_items_are_created_at_the_same_time(
    aws, enter, queued, monkeypatch: pytest.MonkeyPatch
):
    together = Barrier(AT_ONCE)
    create = type(enter.store).create

    def wait_for_the_others(*call: Any) -> Any:
        together.wait(timeout=10)
        return create(*call)

    monkeypatch.setattr(type(enter.store), "create", wait_for_the_others)
    enter.handler(event(*[{"imageUrl": URL}] * (2 * AT_ONCE)), None)
    assert [len(orders) for orders in queued] == [10, 10]
    assert aws.counted(BATCH) == {"PENDING": 2 * AT_ONCE}


GOOD = f'"imageUrl": "{URL}"'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"imageUrl": "ftp://a.example/"}', "Line 7: imageUrl: Only http and https URLs"),
        ('{"imageUrl": "http://1.2.3.4.5/"}', "Line 7: imageUrl: "),
        (f'{{{GOOD}, "more": 1}}', "Line 7: There is no field more."),
        ('{"imageUrl": "data:image/png;base64,AA=="}', "Line 7: imageUrl: a batch takes no data:"),
        ("{}", "Line 7: Send either imageUrl or uploadId."),
        ('"text"', "Line 7 must be a JSON object."),
        ("[1, 2]", "Line 7 must be a JSON object."),
        ("null", "Line 7 must be a JSON object."),
        ("no JSON", "Line 7 is not valid JSON: expected ident, column 2."),
        (f"{{{GOOD}", "Line 7 is not valid JSON: EOF while parsing an object, column"),
        (f"{{{GOOD}}} {{}}", "Line 7 is not valid JSON: trailing characters, column"),
        (f'{{{GOOD}, "name": "\\ud800"}}', "Line 7 is not valid JSON: "),
        ('{"\\udfff": 1}', "Line 7 is not valid JSON: "),
        (f'{{{GOOD}, "name": "a\\u0000", "n\\u0000": 1}}', "Line 7: There is no field n\0."),
        ("[" * 3_000, "Line 7 is not valid JSON: recursion limit exceeded"),
        ('{"a":' * 6_000, "Line 7 is not valid JSON: "),
        (f'{{{GOOD}, "output": {{"quality": 1e400}}}}', "Line 7: output.quality: "),
        (f'{{{GOOD}, "output": {{"quality": NaN}}}}', "Line 7: output.quality: "),
        (f'{{{GOOD}, "output": {{"quality": {"9" * 5_000}}}}}', "Line 7 is not valid JSON: number"),
        (f'{{{GOOD}, "name": "{"n" * 10_000}"}}', "Line 7: name: String should have at most 200"),
        (f'{{{GOOD}, "name": 17}}', "Line 7: name: Input should be a valid string."),
        (f'{{{GOOD}, "output": []}}', "Line 7: output: Input should be an object."),
        ('{"imageUrl": null, "uploadId": true}', "Line 7: uploadId: Input should be a valid str"),
    ],
)
def test_a_line_without_a_valid_source_becomes_a_task_that_names_line_and_reason(
    aws, enter, queued, text: str, problem: str
):
    good = json.dumps({"imageUrl": URL})

    assert enter.handler(of(entry(6, good), entry(7, text), entry(8, good)), None)["entered"] == 3

    source = task(aws, "1")["source"]
    assert source["problem"].startswith(problem)
    assert (source["line"], source["lineNumber"]) == (text[:500], 7)
    assert queued[0][1]["source"] == source
    assert task(aws, "0")["source"] == task(aws, "2")["source"] == {"imageUrl": URL}


def test_an_unreadable_line_also_becomes_a_failed_task(aws, enter, queued):
    enter.handler(of(entry(9, "\ufffdPNG", problem="is not UTF-8, from byte 1 on")), None)
    assert task(aws, "0")["source"] == {
        "line": "\ufffdPNG",
        "lineNumber": 9,
        "problem": "Line 9 is not UTF-8, from byte 1 on.",
    }
    assert queued


def test_an_upload_is_looked_for_among_those_of_the_batchs_owner(enter, queued):
    upload = str(uuid.UUID(int=9))
    enter.handler(of(entry(1, json.dumps({"uploadId": upload}))), None)
    assert queued[0][0]["source"] == {"object": f"uploads/me/{upload}"}


def test_objects_are_identified_by_their_key_and_folders_are_skipped(aws, enter, queued):
    keys = ["imports/me/trip/a.jpg", "imports/me/trip/", f"imports/me/{'x' * 300}.jpg"]
    listed = [{"Key": key, "Size": 1} for key in keys]

    assert enter.handler(of(*listed, reader="objects"), None) == {"entered": 2}

    first = task(aws, keys[0])
    assert (first["source"], first["name"]) == ({"object": keys[0]}, "trip/a.jpg")
    assert len(task(aws, keys[2])["name"]) == 200
    assert len(queued[0]) == 2


def test_no_item_is_ingested_after_the_end_or_in_another_run(aws, enter, queued):
    assert enter.handler(event({"imageUrl": URL}, run=2), None) == {"entered": 0}
    aws.batches.end("cancel", aws.batches.get(BATCH))
    assert enter.handler(event({"imageUrl": URL}), None) == {"entered": 0}
    assert enter.handler(event({"imageUrl": URL}) | {"batchId": "gone"}, None) == {"entered": 0}
    assert queued == []


@pytest.mark.parametrize("refused", [1, None])
def test_a_task_that_is_not_queued_is_still_ingested(
    aws, enter, monkeypatch: pytest.MonkeyPatch, refused: int | None
):
    def send_many(*_: Any) -> int:
        if refused is None:
            raise EndpointConnectionError(endpoint_url="https://sqs")
        return refused

    monkeypatch.setattr(type(enter.queue), "send_many", send_many)
    assert enter.handler(event({"imageUrl": URL}), None) == {"entered": 1}
    assert task(aws, "0")["active"]  # reconcile will queue it


def test_an_item_that_its_caller_has_deleted_is_not_created_again(
    aws: Any, enter: ModuleType, queued: list[list[Any]]
):
    """A retry of a batch reads the rest of its manifest, and passes the tasks of the beginning
    again."""
    enter.handler(event({"imageUrl": URL}, {"imageUrl": URL}), None)
    aws.eraser.erase(aws.store.cancel(task(aws, "0")["taskId"], 1))
    batch = aws.batches.get(BATCH)
    aws.batches._table.transact(
        [aws.batches._table.add_of({"batchId": BATCH}, "deleted", 1, "#run = :run", run=1)]
    )
    queued.clear()

    assert enter.handler(event({"imageUrl": URL}, {"imageUrl": URL}), None) == {"entered": 2}

    assert batch["status"] == "RUNNING"
    assert aws.store.get(task_id(BATCH, "0")) is None
    assert [len(orders) for orders in queued] == [1]


def test_an_item_that_is_ingested_twice_uses_its_upload_once(
    aws: Any, enter: ModuleType, queued: list[list[Any]]
):
    upload = {"uploadId": "9a6a1f6e-0000-4000-8000-000000000000"}
    for _ in range(2):
        enter.handler(event(upload), None)

    [uses] = [each for each in aws.table.scan()["Items"] if "uses" in each]
    assert uses["uses"] == 1
    assert len(queued) == 2
