"""lambdas/publish_events.py: every completion is published, poison stops nothing."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkroom.aws.eventbridge import EventRefused
from darkroom.errors import ServiceUnavailable

END = {
    "taskId": "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d",
    "owner": "me",
    "status": "COMPLETED",
    "attempt": 1,
    "createdAt": "2026-11-25T04:26:32.612Z",
    "completedAt": "2026-11-25T04:26:33.612Z",
    "result": {"key": "results/1.png", "bytes": 7},
}
FAILED = {"status": "FAILED", "failure": {"step": "s", "error": "e", "message": "m"}}
POISON = {
    "nothing but a status": {"attempt": None, "createdAt": None, "result": None},
    "no owner, no times": {"owner": None, "createdAt": None, "completedAt": None},
    "no status": {"status": None},
    "an attempt that is text": {"attempt": "1"},
    "a moment that is none": {"completedAt": "yesterday"},
    "a moment of no zone": {"completedAt": "2026-11-25"},
    "a result that is a number": {"result": 7},
    "bytes that are text": {"result": {"bytes": "many"}},
    "FAILED without a failure": {"status": "FAILED"},
    "a failure that is text": {"status": "FAILED", "failure": "it broke"},
    "a name of bytes": {"name": b"name"},
    "a name that is a set": {"name": {"a", "b"}},
}


def record(**changes: Any) -> dict[str, Any]:
    item = {name: value for name, value in {**END, **changes}.items() if value is not None}
    image = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    return {"dynamodb": {"Keys": {"taskId": {"S": END["taskId"]}}, "NewImage": image}}


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, load: Callable[[str, str], ModuleType]) -> ModuleType:
    monkeypatch.setenv("STACK_NAME", "darkroom")
    return load("lambdas", "publish_events")


@pytest.fixture
def put(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was put on the bus. EventBridge refuses an entry whose name is "large"."""
    taken: list[dict[str, Any]] = []

    class Events:
        def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
            details = [json.loads(entry["Detail"]) for entry in Entries]
            names = [detail["name"] for detail in details]
            if "large" in names:
                error = {"Code": "ValidationException", "Message": "Too large."}
                raise ClientError({"Error": error}, "PutEvents")
            if "malformed" in names or "throttled" in names:
                code = "MalformedDetail" if "malformed" in names else "ThrottlingException"
                return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code}]}
            taken.extend(details)
            return {"FailedEntryCount": 0, "Entries": [{} for _ in Entries]}

    monkeypatch.setattr(module.bus, "_events", Events())
    return taken


def test_ends_are_told(module: ModuleType, put: list[dict[str, Any]]):
    module.handler({"Records": [record(), record(**FAILED, result=None)]}, None)
    assert [detail["status"] for detail in put] == ["COMPLETED", "FAILED"]


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_change_that_cannot_be_told_keeps_no_other_from_it(
    module: ModuleType, put: list[dict[str, Any]], capsys, poison: dict[str, Any]
):
    module.handler({"Records": [record(name="a"), record(**poison), record(name="b")]}, None)

    assert [detail["name"] for detail in put] == ["a", "b"]
    assert '"UnpublishedEvents":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_nothing_but_poison_is_left_behind(module: ModuleType, put: list[dict[str, Any]]):
    module.handler({"Records": [record(attempt="1"), {"dynamodb": {}}]}, None)
    assert put == []


@pytest.mark.parametrize("name", ["large", "malformed"])
def test_what_eventbridge_refuses_is_left_behind_once_it_comes_alone(
    module: ModuleType, put: list[dict[str, Any]], name: str
):
    """Lambda halves a batch that failed: see BisectBatchOnFunctionError in template.yaml."""
    with pytest.raises(EventRefused):
        module.handler({"Records": [record(), record(name=name)]}, None)
    module.handler({"Records": [record(name=name)]}, None)
    module.handler({"Records": [record()]}, None)
    assert len(put) == 1


def test_what_eventbridge_does_not_take_now_is_told_later(
    module: ModuleType, put: list[dict[str, Any]]
):
    with pytest.raises(ServiceUnavailable):
        module.handler({"Records": [record(name="throttled")]}, None)
    assert put == []


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@settings(suppress_health_check=list(HealthCheck), derandomize=True)
@given(changes=st.dictionaries(st.sampled_from([*END, "failure", "name", "status"]), values))
def test_whatever_an_item_holds_the_stream_goes_on(
    module: ModuleType, put: list[dict[str, Any]], changes: dict[str, Any]
):
    put.clear()
    module.handler({"Records": [record(**changes), record(name="behind it")]}, None)
    assert put[-1]["name"] == "behind it"
