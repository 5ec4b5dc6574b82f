"""What HTTP clients rely on: HEAD beside GET, and the charset of a body."""

import json
import re
from typing import Any

import pytest

from tests.support.api_caller import Api

BODY = {"imageUrl": "https://example.com/a.jpg", "name": "Zoë"}


def shape(body: Any) -> str:
    """A body without the times and signatures of its links."""
    return re.sub(r'https://[^"]+', "link", json.dumps(body))


@pytest.fixture
def place(api: Api) -> str:
    """The path of a task."""
    return str(api.post("/tasks", BODY).body["links"]["self"])


@pytest.mark.parametrize("path", ["/tasks", "/batches", "/tasks/{}", "/nothing-of-the-caller"])
def test_head_is_answered_as_get_and_the_gateway_leaves_out_the_body(
    api: Api, place: str, path: str
):
    path = {"/tasks/{}": place, "/nothing-of-the-caller": f"{place[:-1]}x"}.get(path, path)

    get, head = api.get(path), api.call("HEAD", path)

    assert (head.status, head.headers) == (get.status, get.headers)
    assert get.body
    assert shape(head.body) == shape(get.body)


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/tasks", "status, name, limit, cursor"),
        ("/batches", "status, limit, cursor"),
        ("/tasks/{}/history", "attempt"),
    ],
)
def test_an_unknown_parameter_is_answered_with_those_that_exist(
    api: Api, place: str, path: str, known: str
):
    path = {"/tasks/{}/history": f"{place}/history"}.get(path, path)
    error = api.get(path, page="2").error
    assert (error["code"], error["field"]) == ("InvalidRequest", "page")
    assert error["message"] == f"There is no parameter page. There are: {known}."


@pytest.mark.parametrize("kind", ["text/plain", "IMAGE", "image/*", ""])
def test_a_type_of_upload_that_is_refused_is_answered_with_examples(api: Api, kind: str):
    error = api.post("/uploads", {"contentType": kind}).error
    assert error["message"].startswith("contentType: Use the type of an image, such as image/png")


def test_head_is_304_while_nothing_has_changed(api: Api, place: str):
    version = {"If-None-Match": api.call("HEAD", place).headers["ETag"]}
    assert api.call("HEAD", place, headers=version).status == 304


def test_head_of_a_path_without_get_is_405(api: Api, place: str):
    answer = api.call("HEAD", f"{place}/cancel")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/tasks", "private, no-cache"),
        ("/tasks/{}", "private, no-cache"),
        ("/batches", "private, no-cache"),
        ("/tasks/{}/history", "no-store"),
        ("/callback-secret", "no-store"),
        ("/tasks/nothing", "no-store"),
        ("/tasks/{}/cancel", "no-store"),
    ],
)
def test_no_cache_shows_a_response_to_another_caller_or_keeps_a_secret_or_an_error(
    api: Api, place: str, path: str, said: str
):
    response = api.get(path.replace("/tasks/{}", place))
    assert response.headers["Cache-Control"] == said


@pytest.mark.parametrize("action", ["", "/history", "/cancel"])
def test_an_id_is_found_in_any_case(api: Api, place: str, action: str):
    """Some languages write UUIDs in upper case (RFC 9562, 4: the case is ignored on input)."""
    name, task_id = place.rsplit("/", 1)
    path = f"{name}/{task_id.upper()}{action}"
    answer = api.call("POST" if action == "/cancel" else "GET", path)
    assert answer.body["taskId"] == task_id


def test_the_id_of_an_upload_is_stored_in_lower_case(api: Api):
    upload_id = "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d"
    task = api.post("/tasks", {"uploadId": upload_id.upper()}).body
    assert task["source"] == {"uploadId": upload_id}


def test_a_response_has_a_vary_header_for_compression(api: Api, place: str):
    assert api.get(place).headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "text/plain; Charset=us-ascii",
        "application/json; profile=a; charset=utf8",
        "multipart/form-data; boundary=charset",
    ],
)
def test_a_body_in_utf_8_is_accepted_however_its_type_says_so(api: Api, content_type: str):
    answer = api.post("/tasks", BODY, headers={"Content-Type": content_type})
    assert (answer.status, answer.body["name"]) == (202, "Zoë")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=iso-8859-1",
        "text/plain;charset=windows-1252",
        'application/json; charset="utf-16"',
        "application/json; charset=utf-8; charset=utf-16",
        "application/json; charset=",
    ],
)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tasks", BODY),
        ("/batches", {"sources": [BODY]}),
        ("/uploads", {"contentType": "image/png"}),
        ("retry", {"attempt": 1}),
    ],
)
def test_a_body_in_another_charset_is_refused_and_nothing_is_stored(
    api: Api, place: str, path: str, body: Any, content_type: str
):
    path = f"{place}/retry" if path == "retry" else path
    before = api.get("/tasks").body

    answer = api.post(path, json.dumps(body), headers={"Content-Type": content_type})

    assert (answer.status, answer.error["code"]) == (415, "UnsupportedCharset")
    assert answer.error["field"] == "Content-Type"
    assert api.get("/tasks").body == before
