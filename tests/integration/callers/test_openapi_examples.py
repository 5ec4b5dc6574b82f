"""Every request in the examples of `GET /openapi.json` is sent, and its response is as
documented."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.support.cloud.batches import Batches
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.receivers import Receiver
from tests.support.fakes.sources import FILES, Sources
from tests.support.project import PROJECT

DOCUMENT = json.loads((PROJECT / "docs" / "openapi.json").read_text("utf-8"))
METHODS = {"get", "post", "put", "patch", "delete"}
SHOWN_ID = "00ebb763-6783-4f6d-ad5a-ac1fcc3b8807"


def requests() -> list[Any]:
    """Each operation with each example of its body, or without a body: path, method, body."""
    found = []
    for path, item in DOCUMENT["paths"].items():
        for method in (name for name in item if name in METHODS):
            content = item[method].get("requestBody", {}).get("content", {})
            given = content.get("application/json", {"example": None})
            named = {n: e["value"] for n, e in given.get("examples", {}).items()}
            for name, body in (named or {"": given.get("example")}).items():
                found.append(pytest.param((path, method, body), id=f"{method} {path} {name}"))
    return found


@pytest.fixture(scope="module")
def receiver(standard: Stack) -> Iterator[Receiver]:
    server = Receiver(standard.http.get("/callback-secret").json()["secret"])
    yield server
    server.close()


@pytest.fixture
def real(standard: Stack, sources: Sources, receiver: Receiver) -> Any:
    """Replaces the servers and files of an example by those of the test."""
    image = sources.files["/card.png"] = FILES["/colour.png"]
    manifest = json.dumps({"imageUrl": sources.url("/card.png")}).encode()
    Batches(standard).bring("holiday/2026/card.png", image)

    def upload(content_type: str, file: bytes) -> str:
        form = standard.http.post("/uploads", json={"contentType": content_type}).json()
        sent = httpx.post(form["url"], data=form["fields"], files={"file": file})
        assert sent.is_success, sent.text
        return str(form["uploadId"])

    def real(body: Any) -> Any:
        text = json.dumps(body)
        if SHOWN_ID in text:
            lists = "manifest" in body
            sent = upload("application/x-ndjson", manifest) if lists else upload("image/png", image)
            text = text.replace(SHOWN_ID, sent)
        text = text.replace("https://example.com/hook", receiver.url("/shown"))
        return json.loads(text.replace("https://example.com", sources.url("")))

    return real


@pytest.fixture
def place(
    standard: Stack, sources: Sources, receiver: Receiver
) -> Iterator[Callable[[str, str], str]]:
    """Puts the id of a suitable task, batch or upload into a path, and keeps it until the test
    ends."""
    held = f"/held/{uuid.uuid4()}.png"

    def place(path: str, method: str) -> str:
        if "{" not in path:
            return path
        if "{taskId}" in path:
            reported = {"callbackUrl": receiver.url("/again")} if "/callback" in path else {}
            made = standard.submit(sources.url(held), **reported)
        else:
            made = Batches(standard).submit([sources.url(held)])
        if path.endswith(("/retry", "/callback")) or method == "delete":
            assert standard.http.post(standard.url(made["links"]["cancel"])).status_code == 202
        return path.format(**made)

    yield place
    sources.held[held].set()


def fits(value: Any, schema: Any) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


@pytest.mark.parametrize("shown", requests())
def test_a_request_of_an_example_is_answered_as_described(
    standard: Stack, real: Any, place: Callable[[str, str], str], shown: tuple[str, str, Any]
):
    path, method, body = shown
    operation = DOCUMENT["paths"][path][method]
    free = operation.get("security") == []
    with httpx.Client(base_url=standard.description["apiUrl"], timeout=30) as nobody:
        answer = (nobody if free else standard.http).request(
            method.upper(),
            place(path, method),
            json=None if body is None else real(body),
        )

    assert answer.is_success, answer.text
    described = operation["responses"][str(answer.status_code)]
    if "content" in described:
        fits(answer.json(), described["content"]["application/json"]["schema"])
    else:
        assert not answer.content
    for name, header in described.get("headers", {}).items():
        assert name in answer.headers or not header.get("required"), name
        if name in answer.headers:
            fits(answer.headers[name], header["schema"])


def test_a_webhook_has_the_shape_that_is_described(standard: Stack, real: Any, receiver: Receiver):
    submit = DOCUMENT["paths"]["/tasks"]["post"]
    examples = submit["requestBody"]["content"]["application/json"]["examples"].values()
    [body] = [one["value"] for one in examples if "callbackUrl" in one["value"]]
    [[webhook]] = [item.values() for item in submit["callbacks"]["ended"].values()]
    before = len(receiver.received["/shown"])

    assert standard.http.post("/tasks", json=real(body)).status_code == 202

    until(lambda: len(receiver.received["/shown"]) > before, 60, "the webhook arrives")
    fits(
        receiver.received["/shown"][-1],
        webhook["requestBody"]["content"]["application/json"]["schema"],
    )
