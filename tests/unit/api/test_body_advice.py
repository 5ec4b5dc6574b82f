"""A body that is not a JSON object: the answer says what it seems to be, and what to send."""

import pytest

from tests.support.api_caller import Api

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".decode(errors="replace")
GOOD = '{"imageUrl": "https://example.com/a.jpg"}'
SEND, FILE = "Send a JSON object with Content-Type: application/json.", "Send a file by POST /up"

NOT_JSON = {
    "nothing": ("", JSON, "The body is empty. Send"),
    "spaces": (" \n", JSON, "The body is empty. Send"),
    "a form": ("imageUrl=https%3A%2F%2Fa.example", FORM, "The body is a form, not JSON. Send"),
    "a form without a type": ("imageUrl=a", "", "The body is a form, not JSON."),
    "a form with a file": (f"--x\r\n\r\n{PNG}", "multipart/form-data; boundary=x", FILE),
    "a picture": (PNG, "image/png", "The body is a file (image/png), not JSON."),
    "a picture as bytes": (PNG, "application/octet-stream", FILE),
    "a picture that curl calls a form": (PNG, FORM, f"The body is a file, not JSON. {SEND} {FILE}"),
    "a picture called JSON": (PNG, JSON, "The body is a file, not JSON."),
    "XML": ('<?xml version="1.0"?><task/>', "application/xml", "The body is XML or HTML, not JSON"),
    "YAML": ("- imageUrl", "application/yaml", "The body is text, not JSON."),
    "a URL": ("https://example.com/a.jpg", "text/plain", "The body is only a URL, not JSON."),
    "UTF-16": (GOOD.encode("utf-16").decode(errors="replace"), JSON, "The body is not UTF-8"),
    "UTF-16 without a mark": ("\0".join(GOOD) + "\0", JSON, "The body is not UTF-8, the charset"),
    "cut short": (GOOD[:-1], JSON, "JSON: it ends within an object at line 1 column 40."),
    "a trailing comma": (GOOD[:-1] + ",}", JSON, "JSON: trailing comma at line 1 column 42."),
    "single quotes": (GOOD.replace('"', "'"), JSON, "Put names and texts in double quotes."),
    "one single quote": ("{\"imageUrl\": 'a'}", JSON, "Put names and texts in double quotes."),
    "quotes of a shell": (f"'{GOOD}'", FORM, "Put names and texts in double quotes."),
    "no quotes": ("{imageUrl: 1}", FORM, "Put the name of each field in double quotes."),
    "several lines": (
        f"{GOOD}\n{GOOD}",
        "application/x-ndjson",
        "at line 2 column 1. Send one obj",
    ),
}
NOT_AN_OBJECT = {
    "[]": 'not an array. For several sources send {"sources": […]} to POST /batches.',
    ' "https://a.example"': "not a string.",
    "null": "not null.",
    "true": "not a boolean.",
    "-1": "not a number.",
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_not_json_is_named_with_what_to_send(api: Api, name: str):
    body, content_type, said = NOT_JSON[name]
    answer = api.post("/tasks", body, headers={"Content-Type": content_type})
    assert (answer.status, answer.error["code"]) == (400, "MalformedJson")
    assert said in answer.error["message"]


@pytest.mark.parametrize("body", NOT_AN_OBJECT)
def test_json_that_is_no_object_is_named(api: Api, body: str):
    answer = api.post("/tasks", body)
    assert (answer.status, answer.error["code"]) == (400, "InvalidRequest")
    assert answer.error["message"].endswith(NOT_AN_OBJECT[body])


def test_a_byte_order_mark_before_json_is_ignored(api: Api):
    """Windows PowerShell writes one into each file (RFC 8259, 8.1)."""
    assert api.post("/tasks", "\ufeff" + GOOD).status == 202
