"""The same idempotency key and request give the same task or batch, also after an update."""

import hashlib
from importlib import import_module
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from pydantic import Field

from tests.support.api_caller import Api

URL = "https://example.com/a.jpg"


@pytest.fixture
def models(api: Api) -> Any:  # noqa: ARG001 - it makes chalicelib importable
    modules = [import_module(f"chalicelib.{name}") for name in ("batch_models", "task_service")]
    return SimpleNamespace(**{k: v for module in modules for k, v in vars(module).items()})


def send(api: Api, key: str, body: dict[str, Any], caller: str = "me") -> Any:
    return api.post("/tasks", body, caller=caller, headers={"Idempotency-Key": key})


def test_the_same_key_and_body_give_the_same_task_once(api: Api) -> None:
    first = send(api, "k", {"imageUrl": URL})
    again = send(api, "k", {"imageUrl": URL})

    assert again.body == first.body
    assert (first.status, again.status) == (202, 202)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert len(api.queued) == 1


def test_the_same_key_with_another_body_is_a_conflict(api: Api) -> None:
    send(api, "k", {"imageUrl": URL})

    answer = send(api, "k", {"imageUrl": URL, "name": "cat"})

    assert (answer.status, answer.error["code"]) == (409, "IdempotencyConflict")
    assert len(api.queued) == 1


def test_a_default_that_is_sent_is_the_same_request_as_one_that_is_not(api: Api) -> None:
    send(api, "k", {"imageUrl": URL})
    spelled_out = {"output": {"quality": 90.0, "format": "auto"}, "imageUrl": URL, "name": None}

    assert send(api, "k", spelled_out).headers["Idempotent-Replayed"] == "true"


def test_a_key_survives_a_version_that_adds_fields_with_defaults(models: Any) -> None:
    class LaterOutput(models.Output):
        shade: str = "warm"

    class Later(models.NewTask):
        urgent: bool = False
        tags: Annotated[list[str], Field(default_factory=list)]
        output: LaterOutput = LaterOutput()

    for body in ({"imageUrl": URL}, {"imageUrl": URL, "name": "cat", "output": {"quality": 75}}):
        now, later = models.NewTask.model_validate(body), Later.model_validate(body)
        assert models.request_digest(later) == models.request_digest(now)
        assert models.request_digest(
            Later.model_validate(body | {"urgent": True})
        ) != models.request_digest(now)


def test_a_key_of_an_earlier_release_is_still_known(api: Api, models: Any) -> None:
    """Its digest contained every value, also the defaults."""
    first = send(api, "k", {"imageUrl": URL})

    before = hashlib.sha256(models.NewTask(imageUrl=URL).model_dump_json().encode()).hexdigest()
    api.aws.table.update_item(
        Key={"taskId": first.body["taskId"]},
        UpdateExpression="SET #request = :before",
        ExpressionAttributeNames={"#request": "request"},
        ExpressionAttributeValues={":before": before},
    )

    assert send(api, "k", {"imageUrl": URL}).body["taskId"] == first.body["taskId"]
    assert send(api, "k", {"imageUrl": URL, "name": "cat"}).status == 409


def test_anothers_key_is_another_key(api: Api) -> None:
    mine = send(api, "k", {"imageUrl": URL})
    theirs = send(api, "k", {"imageUrl": URL}, caller="they")

    assert mine.body["taskId"] != theirs.body["taskId"]
    assert "Idempotent-Replayed" not in theirs.headers


def test_idempotency_keys_of_different_callers_do_not_collide(api: Api) -> None:
    one = send(api, "b-c", {"imageUrl": URL}, caller="a")
    other = send(api, "c", {"imageUrl": URL}, caller="a-b")

    assert one.body["taskId"] != other.body["taskId"]


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "a\n", "x" * 256])
def test_an_invalid_key_is_refused(api: Api, key: str) -> None:
    answer = send(api, key, {"imageUrl": URL})

    assert (answer.status, answer.error["code"]) == (400, "InvalidIdempotencyKey")


def test_an_item_with_the_default_output_is_not_one_that_takes_the_output_of_its_batch(
    models: Any,
) -> None:
    def digest(**item: Any) -> str:
        body = {"sources": [{"imageUrl": URL, **item}], "output": {"format": "png"}}
        return models.request_digest(models.NewBatch.model_validate(body))

    assert digest() != digest(output={"format": "auto"})
    assert digest() == digest(name=None)
