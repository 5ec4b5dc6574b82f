import json
import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from darkroom.batches import task_id

BATCH = str(uuid.UUID(int=7))
URL = "https://example.com/a.jpg"
PNG = {"format": "png", "quality": 80}


@pytest.fixture
def enter(aws: Any, load: Callable[[str, str], ModuleType]) -> ModuleType:
    """Enter, and a RUNNING batch of lines whose items become PNG by default."""
    manifest = {"reader": "lines", "key": "k"}
    attributes = {"manifest": manifest, "output": PNG, "toleratedFailurePercentage": 100}
    aws.batches.create(BATCH, "me", attributes)
    return load("api", "enter")


@pytest.fixture
def queued(enter: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """The orders of each request to SQS."""
    sent: list[list[Any]] = []

    def send_many(_: Any, orders: list[Any]) -> int:
        sent.append(orders)
        return 0

    monkeypatch.setattr(type(enter.queue), "send_many", send_many)
    return sent


def event(*items: Any, reader: str = "lines", run: int = 1) -> dict[str, Any]:
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
    assert aws.members.counts(BATCH) == {"PENDING": 25}


def test_an_item_says_its_own_output_or_has_that_of_the_batch(aws, enter, queued):
    own = {"imageUrl": URL, "output": {"format": "webp"}, "name": "n", "callbackUrl": URL}
    enter.handler(event(own, {"imageUrl": URL}), None)
    first, second = task(aws, "0"), task(aws, "1")
    assert first["output"] == {"format": "webp", "quality": 90}
    assert (first["name"], first["callbackUrl"]) == ("n", URL)
    assert second["output"] == PNG
    assert "name" not in second
    assert len(queued) == 1


def test_entered_twice_is_entered_once_and_what_has_ended_is_not_queued_again(aws, enter, queued):
    items = event({"imageUrl": URL}, {"imageUrl": URL})
    enter.handler(items, None)
    aws.store.cancel(task_id(BATCH, "0"), 1)
    queued.clear()

    assert enter.handler(items, None) == {"entered": 2}

    assert [order["taskId"] for order in queued[0]] == [task_id(BATCH, "1")]
    assert aws.members.counts(BATCH) == {"PENDING": 1, "CANCELLED": 1}


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ({"imageUrl": "ftp://a.example/"}, "http"),
        ({"imageUrl": URL, "more": 1}, "more"),
        ({"imageUrl": "data:image/png;base64,AA=="}, "uploadId"),
        ({}, "imageUrl"),
        ("text", "JSON object"),
        ([1, 2], "JSON object"),
        (None, "JSON object"),
    ],
)
def test_a_line_that_is_no_source_is_a_task_that_will_say_why(
    aws, enter, queued, line: Any, named: str
):
    enter.handler(event(line), None)
    source = task(aws, "0")["source"]
    assert named in source["problem"]
    assert json.loads(source["line"]) == line
    assert queued[0][0]["source"] == source


def test_what_a_row_leaves_empty_it_does_not_say(aws, enter, queued):
    row = {"imageUrl": URL, "name": "", "uploadId": ""}
    enter.handler(event(row, reader="rows"), None)
    assert task(aws, "0")["source"] == {"imageUrl": URL}
    assert "name" not in task(aws, "0")
    assert queued


def test_objects_are_known_by_their_key_and_folders_are_none(aws, enter, queued):
    keys = ["imports/me/trip/a.jpg", "imports/me/trip/", f"imports/me/{'x' * 300}.jpg"]
    listed = [{"Key": key, "Size": 1} for key in keys]

    assert enter.handler(event(*listed, reader="objects"), None) == {"entered": 2}

    first = task(aws, keys[0])
    assert (first["source"], first["name"]) == ({"object": keys[0]}, "trip/a.jpg")
    assert len(task(aws, keys[2])["name"]) == 200
    assert len(queued[0]) == 2


def test_nothing_enters_a_batch_that_was_ended_or_another_run(aws, enter, queued):
    assert enter.handler(event({"imageUrl": URL}, run=2), None) == {"entered": 0}
    aws.batches.end("cancel", aws.batches.get(BATCH))
    assert enter.handler(event({"imageUrl": URL}), None) == {"entered": 0}
    assert enter.handler(event({"imageUrl": URL}) | {"batchId": "gone"}, None) == {"entered": 0}
    assert queued == []


@pytest.mark.parametrize("refused", [1, None])
def test_a_task_that_is_not_queued_is_entered_all_the_same(
    aws, enter, monkeypatch: pytest.MonkeyPatch, refused: int | None
):
    def send_many(*_: Any) -> int:
        if refused is None:
            raise EndpointConnectionError(endpoint_url="https://sqs")
        return refused

    monkeypatch.setattr(type(enter.queue), "send_many", send_many)
    assert enter.handler(event({"imageUrl": URL}), None) == {"entered": 1}
    assert task(aws, "0")["active"]  # reconcile will queue it
