import json
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from darkroom.client import ApiError, Darkroom
from darkroom.client.views import Batch

ITEMS = [{"imageUrl": "https://x/a.png"}, {"uploadId": "u1", "name": "b"}]


def a_batch(status: str = "RUNNING", **counts: int) -> dict[str, Any]:
    return {"batchId": "b1", "status": status, "counts": counts}


def a_task(number: int, status: str = "COMPLETED", attempt: int = 1) -> dict[str, Any]:
    return {"taskId": f"t{number}", "status": status, "attempt": attempt}


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture
def client(httpserver: HTTPServer, naps: list[float]) -> Iterator[Darkroom]:
    with Darkroom(httpserver.url_for("/dev"), "k", proxies=False, sleep=naps.append) as client:
        yield client


def test_a_batch_says_only_what_was_given(client: Darkroom, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(
        "/dev/batches", method="POST", json={"sources": ITEMS}
    ).respond_with_json(a_batch(), 202)
    body = {"s3Prefix": "a/", "name": "n", "output": {"quality": 5}}
    httpserver.expect_oneshot_request(
        "/dev/batches",
        method="POST",
        json=body | {"toleratedFailurePercentage": 0},
        headers={"Idempotency-Key": "k1"},
    ).respond_with_json(a_batch(), 202)

    client.batches.submit(client.batches.source(ITEMS))
    client.batches.submit({"s3Prefix": "a/"}, "n", {"quality": 5}, 0, "k1")

    httpserver.check()
    assert httpserver.log[0][0].headers["Idempotency-Key"]


def test_a_batch_whose_answer_was_lost_is_sent_again_with_the_same_key(
    client: Darkroom, httpserver: HTTPServer
) -> None:
    httpserver.expect_oneshot_request("/dev/batches").respond_with_data(status=502)
    httpserver.expect_oneshot_request("/dev/batches").respond_with_json(a_batch(), 202)

    assert client.batches.submit({"sources": ITEMS})["batchId"] == "b1"
    first, second = (request.headers["Idempotency-Key"] for request, _ in httpserver.log)
    assert first == second


def test_more_items_than_one_request_takes_are_a_manifest(
    client: Darkroom, httpserver: HTTPServer
) -> None:
    form = {"uploadId": "u1", "url": httpserver.url_for("/bucket"), "fields": {}}
    httpserver.expect_request(
        "/dev/uploads", json={"contentType": "application/x-ndjson"}
    ).respond_with_json(form, 201)
    received: list[bytes] = []

    def take(request: Request) -> Response:
        received.append(request.files["file"].read())
        return Response(status=503 if len(received) == 1 else 204)

    httpserver.expect_request("/bucket").respond_with_handler(take)
    items = [{"imageUrl": f"https://x/ü\n{number}"} for number in range(1001)]

    source = client.batches.source(items)

    assert source == {"manifest": {"uploadId": "u1", "format": "jsonl"}}
    for lines in received:
        assert [json.loads(line) for line in lines.splitlines()] == items
    assert len(received) == 2


def test_tasks_follow_the_cursor_in_the_order_of_the_batch(
    client: Darkroom, httpserver: HTTPServer
) -> None:
    for cursor, page in {
        None: {"tasks": [a_task(0)], "cursor": "c"},
        "c": {"tasks": [a_task(1)], "cursor": None},
    }.items():
        query = {"limit": "100", "status": "COMPLETED"} | ({"cursor": cursor} if cursor else {})
        httpserver.expect_request("/dev/batches/b1/tasks", query_string=query).respond_with_json(
            page
        )

    found = client.batches.tasks("b1", "COMPLETED")

    assert [task["taskId"] for task in found] == ["t0", "t1"]


def test_waiting_lasts_until_the_tasks_have_ended_too(
    client: Darkroom, httpserver: HTTPServer, naps: list[float]
) -> None:
    ask = httpserver.expect_ordered_request
    ask("/dev/batches/b1").respond_with_json(a_batch(), headers={"ETag": '"1"', "Retry-After": "7"})
    ask("/dev/batches/b1", headers={"If-None-Match": '"1"'}).respond_with_data(status=304)
    ask("/dev/batches/b1").respond_with_json(a_batch("CANCELLED", RUNNING=1))
    ask("/dev/batches/b1").respond_with_json(a_batch("CANCELLED", RUNNING=0, CANCELLED=1))

    batch = client.batches.wait("b1")

    assert batch["counts"]["CANCELLED"] == 1
    assert len(naps) == 3
    assert naps[0] == 7


def test_waiting_ends_at_the_deadline(client: Darkroom, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/dev/batches/b1").respond_with_json(a_batch())

    assert client.batches.wait("b1", 0)["status"] == "RUNNING"


class Rounds:
    """A batch of 250 items; for each time it is read, `rounds` says which tasks exist and have
    ended."""

    def __init__(self, server: HTTPServer, rounds: list[tuple[set[int], set[int]]]) -> None:
        self.rounds, self.number = rounds, -1
        self.asked: list[tuple[int, str]] = []
        server.expect_request("/dev/batches/b1").respond_with_handler(self.batch)
        server.expect_request("/dev/batches/b1/tasks").respond_with_handler(self.page)

    def batch(self, _: Request) -> Response:
        self.number += 1
        last = self.number == len(self.rounds) - 1
        return self.json(a_batch("COMPLETED" if last else "RUNNING", round=self.number))

    def page(self, request: Request) -> Response:
        first = int(request.args.get("cursor", "0"))
        self.asked.append((self.number, str(first)))
        there, over = self.rounds[self.number]
        numbers = [number for number in sorted(there) if number >= first][:100]
        tasks = [a_task(n, "COMPLETED" if n in over else "RUNNING") for n in numbers]
        more = bool(numbers) and max(there) > numbers[-1]
        return self.json({"tasks": tasks, "cursor": str(numbers[-1] + 1) if more else None})

    @staticmethod
    def json(body: Any) -> Response:
        return Response(json.dumps(body), content_type="application/json")


def test_each_task_is_given_once_when_it_has_ended(
    client: Darkroom, httpserver: HTTPServer
) -> None:
    every = set(range(250))
    late = every - {5}
    rounds = Rounds(
        httpserver,
        [
            (late, set()),
            (late, set(range(150)) - {5}),
            (every, set(range(200)) - {5}),
            (every, every),
        ],
    )
    seen: list[Batch] = []

    given = [task["taskId"] for task in client.batches.as_ended("b1", seen.append)]

    assert sorted(given) == sorted(f"t{number}" for number in range(250))
    assert given[-51:] == ["t5", *(f"t{number}" for number in range(200, 250))]
    assert [batch["counts"]["round"] for batch in seen] == [0, 1, 2, 3]
    # Nothing ended: the first page says so. All of the first page ended: the next round begins
    # after it. The last round reads all tasks, and finds the one that was ingested late.
    assert [[first for n, first in rounds.asked if n == number] for number in range(4)] == [
        ["0"],
        ["0", "101", "201"],
        ["101", "201"],
        ["0", "100", "200"],
    ]


def test_a_task_that_was_tried_again_is_given_again(
    client: Darkroom, httpserver: HTTPServer
) -> None:
    ask = httpserver.expect_ordered_request
    for status, attempt in (("RUNNING", 1), ("COMPLETED", 2)):
        ask("/dev/batches/b1").respond_with_json(a_batch(status))
        page = {"tasks": [a_task(0, "FAILED", attempt)], "cursor": None}
        ask("/dev/batches/b1/tasks").respond_with_json(page)

    assert [task["attempt"] for task in client.batches.as_ended("b1")] == [1, 2]


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_an_action_is_sent_once_and_its_refusal_reported(
    client: Darkroom, httpserver: HTTPServer, action: str
) -> None:
    error = {"error": {"code": "NotNow", "message": "It has not ended."}}
    place = f"/dev/batches/b%2F1/{action}"
    httpserver.expect_oneshot_request(place.replace("%2F", "/"), method="POST").respond_with_json(
        error, 409
    )

    with pytest.raises(ApiError, match="It has not ended"):
        getattr(client.batches, action)("b/1")

    assert httpserver.log[0][0].environ["REQUEST_URI"] == place


def test_a_batch_that_does_not_exist_is_reported(client: Darkroom, httpserver: HTTPServer) -> None:
    error = {"error": {"code": "BatchNotFound", "message": "There is no such batch."}}
    httpserver.expect_request("/dev/batches/b1").respond_with_json(error, 404)

    with pytest.raises(ApiError, match="There is no such batch"):
        client.batches.get("b1")


def test_all_batches_are_read_page_by_page_when_they_are_needed(
    client: Darkroom, httpserver: HTTPServer
) -> None:
    first = {"batches": [a_batch() | {"batchId": "b2"}], "cursor": "more"}
    last = {"batches": [a_batch() | {"batchId": "b1"}], "cursor": None}
    ask = httpserver.expect_ordered_request
    query = {"limit": "1", "status": "RUNNING"}
    ask("/dev/batches", method="GET", query_string=query).respond_with_json(first)
    ask("/dev/batches", query_string=query | {"cursor": "more"}).respond_with_json(last)

    found = client.batches.all("RUNNING", page=1)

    assert next(found)["batchId"] == "b2"
    assert len(httpserver.log) == 1
    assert [batch["batchId"] for batch in found] == ["b1"]
