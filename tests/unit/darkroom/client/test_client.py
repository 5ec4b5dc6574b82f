import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from darkroom.client import ApiError, BrokenDownload, Darkroom

KEY = "the-key"
URL = {"imageUrl": "https://example.com/a.png"}


def a_task(task_id: str = "t1", status: str = "PENDING", **more: Any) -> dict[str, Any]:
    return {"taskId": task_id, "status": status, "createdAt": "2026-11-25T01:02:03.456Z", **more}


def test_a_submission_sends_what_was_given_and_nothing_else(
    client: Darkroom, httpserver: HTTPServer
) -> None:
    httpserver.expect_oneshot_request(
        "/dev/tasks",
        method="POST",
        json=URL,
        headers={"x-api-key": KEY},
    ).respond_with_json(a_task(), status=202)
    httpserver.expect_oneshot_request(
        "/dev/tasks",
        method="POST",
        json={"uploadId": "u1", "name": "n", "output": {"quality": 80}},
    ).respond_with_json(a_task("t2"), status=202)

    first = client.submit(URL)
    second = client.submit({"uploadId": "u1"}, "n", {"quality": 80})

    assert [first["taskId"], second["taskId"]] == ["t1", "t2"]


def test_a_refusal_keeps_its_code_message_and_field(
    client: Darkroom, httpserver: HTTPServer
) -> None:
    error = {"code": "InvalidSource", "message": "Give http or https.", "field": "imageUrl"}
    httpserver.expect_request("/dev/tasks").respond_with_json({"error": error}, status=400)

    with pytest.raises(ApiError, match=r"Give http or https\.") as caught:
        client.submit({"imageUrl": "ftp://example.com"})

    reported = caught.value
    assert (reported.status, reported.code, reported.field) == (400, "InvalidSource", "imageUrl")


def test_a_wrong_key_is_reported(client: Darkroom, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/dev/tasks/t1").respond_with_json({"message": "Forbidden"}, 403)

    with pytest.raises(ApiError, match=r"403 FORBIDDEN: Forbidden\. The API key is wrong"):
        client.task("t1")


def test_a_web_page_is_not_mistaken_for_the_api(client: Darkroom, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/dev/tasks/t1").respond_with_data("<html>")

    with pytest.raises(ApiError, match="is not a Darkroom"):
        client.task("t1")


def test_a_task_id_cannot_lead_to_another_path(client: Darkroom, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/dev/tasks/a/b").respond_with_json(a_task())

    client.task("a/b")

    assert httpserver.log[0][0].environ["REQUEST_URI"] == "/dev/tasks/a%2Fb"


def test_all_tasks_follow_the_cursor_to_the_end(client: Darkroom, httpserver: HTTPServer) -> None:
    httpserver.expect_request(
        "/dev/tasks", query_string={"status": "FAILED", "limit": "100"}
    ).respond_with_json({"tasks": [a_task("t3"), a_task("t2")], "cursor": "c1"})
    httpserver.expect_request(
        "/dev/tasks", query_string={"status": "FAILED", "limit": "100", "cursor": "c1"}
    ).respond_with_json({"tasks": [a_task("t1")], "cursor": None})

    found = client.all_tasks(status="FAILED")

    assert [task["taskId"] for task in found] == ["t3", "t2", "t1"]


def test_waiting_shows_each_status_once_and_never_backwards(
    client: Darkroom, httpserver: HTTPServer, naps: list[float]
) -> None:
    for status in ("PENDING", "RUNNING", "PENDING", "RUNNING", "COMPLETED"):
        httpserver.expect_ordered_request("/dev/tasks/t1").respond_with_json(a_task("t1", status))
    shown: list[str] = []

    ends = client.wait(["t1"], 60, lambda task: shown.append(task["status"]))

    assert shown == ["PENDING", "RUNNING", "COMPLETED"]
    assert ends["t1"]["status"] == "COMPLETED"
    assert naps == sorted(naps)
    assert len(naps) == 4


def test_polling_sends_the_etag_and_follows_retry_after(
    client: Darkroom, httpserver: HTTPServer, naps: list[float]
) -> None:
    young, old = {"ETag": 'W/"1"', "Retry-After": "1"}, {"ETag": 'W/"1"', "Retry-After": "7"}
    ask = httpserver.expect_ordered_request
    ask("/dev/tasks/t1").respond_with_json(a_task("t1", "RUNNING"), headers=young)
    known = {"If-None-Match": 'W/"1"'}
    ask("/dev/tasks/t1", headers=known).respond_with_data(status=304, headers=old)
    ask("/dev/tasks/t1", headers=known).respond_with_json(a_task("t1", "FAILED"))

    ends = client.wait(["t1"], 60)

    assert ends["t1"]["status"] == "FAILED"
    assert naps == [0.1, 7]


def test_a_young_task_is_asked_for_sooner_than_in_the_shortest_retry_after(
    client: Darkroom, httpserver: HTTPServer, naps: list[float]
) -> None:
    """Most tasks end within a second, and a header of whole seconds cannot express less than
    one."""
    ask = httpserver.expect_ordered_request
    for _ in range(3):
        ask("/dev/tasks/t1").respond_with_json(a_task("t1"), headers={"Retry-After": "1"})
    ask("/dev/tasks/t1").respond_with_json(a_task("t1", "COMPLETED"))

    client.wait(["t1"], 60)

    assert len(naps) == 3
    assert sum(naps) < 1


def test_one_request_asks_for_many_tasks(client: Darkroom, httpserver: HTTPServer) -> None:
    ids = [f"t{number}" for number in range(50)]
    httpserver.expect_request("/dev/tasks").respond_with_json(
        {"tasks": [a_task(task_id, "FAILED") for task_id in ids], "cursor": "more"}
    )

    ends = client.wait(ids, 60)

    assert ends.keys() == set(ids)
    assert len(httpserver.log) == 1


def test_a_task_that_the_list_does_not_show_is_asked_for_by_its_id(
    client: Darkroom, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/dev/tasks").respond_with_json(
        {"tasks": [a_task("t1", "COMPLETED"), a_task("other")], "cursor": None}
    )
    httpserver.expect_request("/dev/tasks/t2").respond_with_json(a_task("t2", "FAILED"))

    ends = client.wait(["t1", "t2"], 60)

    assert {task_id: task["status"] for task_id, task in ends.items()} == {
        "t1": "COMPLETED",
        "t2": "FAILED",
    }


def test_waiting_ends_at_the_deadline_with_what_is_known(
    client: Darkroom, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/dev/tasks/t1").respond_with_json(a_task("t1", "RUNNING"))

    ends = client.wait(["t1"], 0)

    assert ends["t1"]["status"] == "RUNNING"


def completed(httpserver: HTTPServer, promised: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(promised).hexdigest()
    return a_task(
        status="COMPLETED", result={"url": httpserver.url_for("/bucket/1.png"), "sha256": digest}
    )


def test_a_result_is_saved_and_the_key_stays_with_the_api(
    client: Darkroom, httpserver: HTTPServer, tmp_path: Path
) -> None:
    def serve(request: Request) -> Response:
        return Response(json.dumps("x-api-key" in request.headers))

    httpserver.expect_request("/bucket/1.png").respond_with_handler(serve)

    client.download(completed(httpserver, b"false"), tmp_path / "a.png")

    assert (tmp_path / "a.png").read_bytes() == b"false"


def test_a_broken_result_leaves_no_file(
    client: Darkroom, httpserver: HTTPServer, tmp_path: Path
) -> None:
    httpserver.expect_request("/bucket/1.png").respond_with_data(b"half an ima")

    with pytest.raises(BrokenDownload, match="is damaged or incomplete"):
        client.download(completed(httpserver, b"half an image"), tmp_path / "a.png")

    assert list(tmp_path.iterdir()) == []


def test_a_file_is_sent_again_completely_if_s3_broke_the_connection(
    client: Darkroom, httpserver: HTTPServer, tmp_path: Path
) -> None:
    (tmp_path / "a.gif").write_bytes(b"GIF89a" + bytes(500_000))
    form = {"uploadId": "u1", "url": httpserver.url_for("/bucket"), "fields": {"key": "uploads/u1"}}
    received: list[tuple[str, int, bool]] = []

    def take(request: Request) -> Response:
        sent = request.files["file"]
        received.append((request.form["key"], len(sent.read()), "x-api-key" in request.headers))
        return Response(status=503 if len(received) == 1 else 204)

    httpserver.expect_request("/dev/uploads", json={"contentType": "image/gif"}).respond_with_json(
        form, status=201
    )
    httpserver.expect_request("/bucket", method="POST").respond_with_handler(take)

    assert client.upload(tmp_path / "a.gif") == "u1"
    assert received == [("uploads/u1", 500_006, False)] * 2
