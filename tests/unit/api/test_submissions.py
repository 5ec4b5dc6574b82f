import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.api_caller import Api

URL = "https://example.com/a.jpg"
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


# ── Taken ────────────────────────────────────────────────────────────────────────────────────────
def test_a_task_is_accepted_stored_and_queued(api: Api) -> None:
    answer = api.post("/tasks", {"imageUrl": URL, "name": "cat"})

    task = answer.body
    assert answer.status == 202
    assert answer.headers["Location"] == f"/v1/tasks/{task['taskId']}" == task["links"]["self"]
    assert {key: task[key] for key in ("name", "status", "attempt", "source", "output")} == {
        "name": "cat",
        "status": "PENDING",
        "attempt": 1,
        "source": {"imageUrl": URL},
        "output": {"format": "auto", "quality": 90},
    }
    assert api.queued == [
        {
            "taskId": task["taskId"],
            "attempt": 1,
            "source": {"imageUrl": URL},
            "output": {"format": "auto", "quality": 90},
        }
    ]
    assert api.get(task["links"]["self"]).body == task


def test_a_task_has_the_documented_fields(api: Api) -> None:
    task = api.post("/tasks", {"imageUrl": URL}).body

    assert list(task) == [
        "taskId", "name", "batchId", "status", "attempt", "source", "output", "createdAt",
        "startedAt", "completedAt", "result", "failure", "callback", "execution", "links",
    ]  # fmt: skip


def test_what_the_output_should_be_is_kept(api: Api) -> None:
    task = api.post("/tasks", {"imageUrl": URL, "output": {"format": "png", "quality": 1}}).body

    assert task["output"] == {"format": "png", "quality": 1}


def test_a_body_is_json_whatever_its_content_type(api: Api) -> None:
    answer = api.call(
        "POST", "/tasks", json.dumps({"imageUrl": URL}),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip

    assert answer.status == 202


def test_the_bytes_of_a_data_url_are_stored_in_the_bucket_and_not_returned(api: Api) -> None:
    task = api.post("/tasks", {"imageUrl": PNG}).body

    [order] = api.queued
    assert task["source"] == {"imageUrl": "data:image/png;base64,…"}
    assert order["source"]["object"].startswith("uploads/me/")
    assert api.aws.bucket.get(order["source"]["object"]) == b"\x89PNG"
    assert len(json.dumps(api.aws.store.get(task["taskId"]))) < 1000


@pytest.mark.parametrize("text", ["\ufeff", "é" * 200, "日本", "🐈", "\u202e", "' OR 1=1"])
def test_a_name_may_be_any_text(api: Api, text: str) -> None:
    task = api.post("/tasks", {"imageUrl": URL, "name": text}).body

    assert task["name"] == text
    assert [found["taskId"] for found in api.get("/tasks", name=text).body["tasks"]] == [
        task["taskId"]
    ]


# ── Refused ──────────────────────────────────────────────────────────────────────────────────────
BAD_BODIES = [
    ("", None),
    ("{", None),
    ("nonsense", None),
    ("[]", None),
    ("null", None),
    ('"text"', None),
    ("7", None),
    (deep(100_000), None),
    ('{"imageUrl": ' + deep(100_000) + "}", None),
    ("{}", None),
    (b"\xff\xfe{}", None),
    (b'{"imageUrl": "https://example.com/\xff"}', None),
    ('{"imageUrl": "https://example.com/\\ud800"}', None),
    ('{"imageUrl": "https://example.com/", "name": "\\udfff"}', None),
    ('{"imageUrl": NaN}', None),
    ({"imageUrl": URL, "colour": "gray"}, "colour"),
    ({"imageUrl": URL, "output": {"size": 1}}, "output.size"),
    ({"imageUrl": 7}, "imageUrl"),
    ({"imageUrl": [URL]}, "imageUrl"),
    ({"imageUrl": URL, "uploadId": "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d"}, None),
    ({"uploadId": "../results/1"}, "uploadId"),
    ({"uploadId": "{5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d}"}, "uploadId"),
    ({"imageUrl": URL, "name": 7}, "name"),
    ({"imageUrl": URL, "name": ""}, "name"),
    ({"imageUrl": URL, "name": "x" * 201}, "name"),
    ({"imageUrl": URL, "name": "x" * 1_000_000}, "name"),
    ({"imageUrl": URL, "output": "png"}, "output"),
    ({"imageUrl": URL, "output": None}, "output"),
    ({"imageUrl": URL, "output": {"format": "gif"}}, "output.format"),
    ({"imageUrl": URL, "output": {"format": "PNG"}}, "output.format"),
    ({"imageUrl": URL, "output": {"quality": 0}}, "output.quality"),
    ({"imageUrl": URL, "output": {"quality": 101}}, "output.quality"),
    ({"imageUrl": URL, "output": {"quality": -1}}, "output.quality"),
    ({"imageUrl": URL, "output": {"quality": 90.5}}, "output.quality"),
    ({"imageUrl": URL, "output": {"quality": "90"}}, "output.quality"),
    ({"imageUrl": URL, "output": {"quality": True}}, "output.quality"),
    ('{"imageUrl": "https://example.com/", "output": {"quality": 1' + "0" * 5000 + "}}", None),
]


@pytest.mark.parametrize(
    ("body", "field"), BAD_BODIES, ids=[str(body)[:60] for body, _ in BAD_BODIES]
)
def test_an_invalid_body_is_refused_with_the_reason_and_stores_nothing(
    api: Api, body: Any, field: str | None
) -> None:
    answer = api.post("/tasks", body)

    assert answer.status == 400
    if field:
        assert answer.error["field"] == field
        assert field in answer.error["message"]
    assert len(answer.error["message"]) < 500
    assert api.get("/tasks").body["tasks"] == []
    assert api.queued == []


@pytest.mark.parametrize("url", ["https://example.com/my photo.png", " https://example.com/a\n"])
def test_a_url_with_spaces_is_a_source_and_is_stored_as_it_was_given(api: Api, url: str) -> None:
    answer = api.post("/tasks", {"imageUrl": url})

    assert answer.status == 202
    assert answer.body["source"] == {"imageUrl": url}


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a.jpg", "file:///etc/passwd", "example.com", "", "https://", " ",
        "https://user:pass@example.com/", "https://exa mple.com/", "https://example.com/\x00",
        "https://example.com/" + "a" * 2048, "https://example.com:99999/", "javascript:1",
        "data:text/html;base64,AAAA", "data:image/png,AAAA", "data:image/png;base64,%%%",
        "data:image/png;base64,", "data:", "DATA:image/png;base64,A",
    ],
)  # fmt: skip
def test_a_url_that_is_not_a_source_is_refused_at_once(api: Api, url: str) -> None:
    answer = api.post("/tasks", {"imageUrl": url})

    assert answer.status == 400
    assert answer.error["code"] == "InvalidSource"
    assert answer.error["field"] == "imageUrl"


def test_a_data_url_over_the_limit_is_too_large(api: Api) -> None:
    data = base64.b64encode(b"x" * 1001).decode()

    answer = api.post("/tasks", {"imageUrl": f"data:image/png;base64,{data}"})

    assert (answer.status, answer.error["code"]) == (413, "SourceTooLarge")
    assert api.get("/tasks").body["tasks"] == []


def test_a_nul_in_a_name_is_accepted_or_refused_without_an_error(api: Api) -> None:
    assert api.post("/tasks", {"imageUrl": URL, "name": "a\0b"}).status in {202, 400}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/tasks", "GET, HEAD, POST"),
        ("PUT", "/tasks", "GET, HEAD, POST"),
        ("POST", "/tasks/{taskId}", "GET, HEAD, DELETE"),
        ("GET", "/uploads", "POST"),
        ("GET", "/tasks/{taskId}/cancel", "POST"),
    ],
)
def test_the_response_to_a_wrong_method_names_the_allowed_ones(
    api: Api, method: str, path: str, allowed: str
) -> None:
    answer = api.call(method, path, resource=path)

    assert (answer.status, answer.error["code"]) == (405, "MethodNotAllowed")
    assert {m.strip() for m in answer.headers["Allow"].split(",")} == set(allowed.split(", "))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.just(URL)
    | st.just(PNG),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["imageUrl", "uploadId", "name", "output", "format", "quality"])
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON | st.dictionaries(st.just("imageUrl"), JSON, min_size=1) | st.binary())
def test_no_body_causes_a_server_error(api: Api, body: Any) -> None:
    answer = api.post("/tasks", body)

    assert answer.status in {202, 400, 413}
    if answer.status != 202:
        assert answer.error["message"]
