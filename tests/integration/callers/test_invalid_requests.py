"""The responses of the API to invalid requests, over HTTP and through the gateway."""

import json
from typing import Any

import httpx
import pytest

from darkroom.client.transport import MOST_BYTES, fits
from tests.support.cloud.stacks import Stack, error_of
from tests.support.fakes.sources import FILES, Sources

UNKNOWN = "00000000-0000-4000-8000-000000000000"
GOOD = '{"imageUrl": "https://example.com/a.jpg"}'

BAD_BODIES = {
    "malformed": ("{", "MalformedJson", None),
    "nothing": ("", "MalformedJson", None),
    "not an object": ("[]", "InvalidRequest", None),
    "null": ("null", "InvalidRequest", None),
    "missing field": ("{}", "InvalidRequest", "imageUrl"),
    "wrong type": ('{"imageUrl": 5}', "InvalidSource", "imageUrl"),
    "unknown field": (GOOD.replace("}", ', "colour": 1}'), "InvalidRequest", "colour"),
    "unknown output": (
        GOOD.replace("}", ', "output": {"dpi": 1}}'),
        "InvalidRequest",
        "output.dpi",
    ),
    "bad quality": (
        GOOD.replace("}", ', "output": {"quality": 0}}'),
        "InvalidRequest",
        "output.quality",
    ),
    "more fields than memory": (
        GOOD.replace("}", ', "a": 1' * 550_000 + "}"),
        "InvalidRequest",
        None,
    ),
    "empty name": (GOOD.replace("}", ', "name": ""}'), "InvalidRequest", "name"),
    "file": ('{"imageUrl": "file:///etc/passwd"}', "InvalidSource", "imageUrl"),
    "credentials": ('{"imageUrl": "http://a:b@example.com/"}', "InvalidSource", "imageUrl"),
    "no host": ('{"imageUrl": "https://"}', "InvalidSource", "imageUrl"),
    "text as data": ('{"imageUrl": "data:text/plain,hello"}', "InvalidSource", "imageUrl"),
    "bad base64": ('{"imageUrl": "data:image/png;base64,%%"}', "InvalidSource", "imageUrl"),
}


@pytest.mark.parametrize("path", ["/tasks", f"/tasks/{UNKNOWN}"])
@pytest.mark.parametrize("key", [None, "wrong"])
def test_without_a_valid_key_nothing_is_disclosed(standard: Stack, path: str, key: str | None):
    headers = {"x-api-key": key} if key else {}
    answer = httpx.get(standard.description["apiUrl"] + path, headers=headers)
    assert error_of(answer, 403)["code"] == "Forbidden"


def test_health_needs_neither_key_nor_function(standard: Stack):
    url = standard.description["apiUrl"] + "/health"
    answer = httpx.get(url)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["Content-Type"] == "application/json"
    assert httpx.head(url).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/page/x/main.js", "/health"])
def test_what_needs_no_key_can_only_be_read(standard: Stack, path: str, method: str):
    answer = httpx.request(method, standard.description["apiUrl"] + path)
    assert error_of(answer, 405)["code"] == "MethodNotAllowed"
    assert answer.headers["Allow"] == "GET, HEAD"


def test_a_form_sent_to_an_open_route_is_refused_like_json(standard: Stack):
    answer = httpx.post(standard.description["apiUrl"] + "/health", data={"a": "1"})
    assert error_of(answer, 405)["code"] == "MethodNotAllowed"


@pytest.mark.parametrize("kind", ["text/html", "*/*", ";", "image/png"])
def test_a_type_that_api_gateway_refuses_has_our_error_form(standard: Stack, kind: str):
    url = standard.description["apiUrl"] + "/health"
    answer = httpx.get(url, headers={"Content-Type": kind})
    error = error_of(answer, 400)
    assert error["code"] == "BadRequest"
    assert error["message"].endswith("or send application/json.")


@pytest.mark.parametrize("path", ["/docs", "/page/x/main.js"])
def test_many_requests_without_a_key_are_throttled(standard: Stack, path: str):
    url = standard.description["apiUrl"] + path
    with httpx.Client() as client:
        answers = [client.head(url) for _ in range(60)]
    assert {answer.status_code for answer in answers} == {200, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["Retry-After"] == "1"


def test_the_page_needs_no_key(standard: Stack):
    answer = httpx.get(standard.description["apiUrl"] + "/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_is_wrong_is_a_400_that_names_what(standard: Stack, name: str):
    body, code, field = BAD_BODIES[name]
    answer = standard.http.post("/tasks", content=body)
    error = error_of(answer, 400)
    assert (error["code"], error.get("field")) == (code, field)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({"data": {"imageUrl": "https://example.com/a.jpg"}}, "a form"),
        ({"files": {"file": FILES["/colour.png"]}}, "a form (multipart/form-data)"),
        ({"content": FILES["/colour.png"]}, "a file"),
        ({"content": GOOD.encode("utf-16")}, "not UTF-8"),
    ],
    ids=["form", "form with a file", "picture", "UTF-16"],
)
def test_a_body_that_is_something_else_is_named(standard: Stack, sent: dict[str, Any], found: str):
    """Through the gateway, which passes a body on as text."""
    error = error_of(standard.http.post("/tasks", **sent), 400)
    assert error["message"].startswith(f"The body is {found}, ")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=DONE", "status"),
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("limit=101", "limit"),
        ("cursor=x", "cursor"),
        ("colour=red", "colour"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_a_query_that_is_wrong_is_a_400_that_names_what(standard: Stack, query: str, field: str):
    answer = standard.http.get(f"/tasks?{query}")
    assert error_of(answer, 400)["field"] == field


@pytest.mark.parametrize("task_id", [UNKNOWN, "x", "%2e%2e", "%00", "a" * 1000])
def test_an_unknown_task_is_a_404(standard: Stack, task_id: str):
    assert error_of(standard.http.get(f"/tasks/{task_id}"), 404)["code"]


def test_an_unknown_path_is_a_404(standard: Stack):
    assert error_of(standard.http.get("/nothing"), 404)["code"] == "NotFound"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/tasks"),
        ("PUT", "/tasks"),
        ("POST", f"/tasks/{UNKNOWN}"),
        ("PATCH", f"/tasks/{UNKNOWN}"),
        ("GET", "/uploads"),
        ("GET", f"/tasks/{UNKNOWN}/retry"),
    ],
)
def test_a_wrong_method_is_a_405_that_says_which_are_right(standard: Stack, method: str, path: str):
    answer = standard.http.request(method, path)
    assert error_of(answer, 405)["code"] == "MethodNotAllowed"
    assert answer.headers["Allow"]


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain"]
)
def test_json_is_accepted_with_any_content_type_of_curl(
    standard: Stack, sources: Sources, content_type: str
):
    answer = standard.http.post(
        "/tasks",
        content=f'{{"imageUrl": "{sources.url("/colour.png")}"}}',
        headers={"Content-Type": content_type},
    )
    assert answer.status_code == 202


def test_a_list_is_newest_first_and_its_pages_hold_while_tasks_arrive(
    standard: Stack, sources: Sources
):
    url = sources.url("/status/404/list")
    ids = [standard.submit(url, name="paged")["taskId"] for _ in range(5)]

    first = standard.http.get("/tasks", params={"name": "paged", "limit": 2}).json()
    standard.submit(url, name="paged")
    second = standard.http.get(
        "/tasks", params={"name": "paged", "limit": 3, "cursor": first["cursor"]}
    ).json()

    listed = [task["taskId"] for task in first["tasks"] + second["tasks"]]
    assert listed == ids[::-1]


def test_a_list_can_be_of_one_status(standard: Stack, sources: Sources):
    failed = standard.submit(sources.url("/status/404/status"), name="by status")["taskId"]
    standard.ended(failed)
    assert [t["taskId"] for t in standard.tasks(status="FAILED", name="by status")] == [failed]
    assert standard.tasks(status="COMPLETED", name="by status") == []


def test_a_caller_sees_its_own_tasks_only(standard: Stack, sources: Sources, another_key: str):
    mine = standard.submit(sources.url("/colour.png"))["taskId"]
    headers = {"x-api-key": another_key}
    assert error_of(standard.http.get(f"/tasks/{mine}", headers=headers), 404)
    listed = standard.http.get("/tasks", headers=headers, params={"limit": 100}).json()["tasks"]
    assert mine not in [task["taskId"] for task in listed]


@pytest.mark.parametrize("body", ["A" * 6_400_000, '"' * 3_200_000], ids=["long", "escaped"])
def test_a_request_over_the_payload_limit_is_refused_as_too_large(standard: Stack, body: str):
    """The limit is Lambda's, for the whole event, in which the body is a string of JSON."""
    answer = standard.http.post("/tasks", content=body)
    assert error_of(answer, 413)["code"] == "RequestTooLarge"


def test_what_the_client_library_does_not_refuse_reaches_the_function(standard: Stack):
    around = len(json.dumps(json.dumps({"imageUrl": ""})))
    body = {"imageUrl": "x" * (MOST_BYTES - around)}
    assert fits(body)
    answer = standard.http.post("/tasks", json=body, headers={"x-filler": "f" * 8000})
    assert error_of(answer, 400)["code"] in {"InvalidSource", "InvalidRequest"}


def test_a_task_that_has_expired_is_gone_before_it_is_deleted(standard: Stack, sources: Sources):
    task_id = standard.ended(standard.submit(sources.url("/missing"), name="old")["taskId"])[
        "taskId"
    ]
    assert standard.tasks(name="old")

    standard.cloud.client("dynamodb").update_item(
        TableName=standard.outputs["TableName"],
        Key={"taskId": {"S": task_id}},
        UpdateExpression="SET expiresAt = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )

    assert error_of(standard.http.get(f"/tasks/{task_id}"), 404)["code"] == "TaskNotFound"
    assert error_of(standard.http.post(f"/tasks/{task_id}/retry"), 404)["code"] == "TaskNotFound"
    assert standard.tasks(name="old") == []
