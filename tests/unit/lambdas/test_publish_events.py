"""lambdas/publish_events.py: every completion is published, and an entry that always fails stops no
other one."""

import json
import re
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
VALID = re.compile("[!-~]{1,128}")
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""
URL = "https://receiver.example/"
FAILED = {"status": "FAILED", "failure": {"step": "s", "error": "e", "message": "m"}}
POISON = {
    "nothing but a status": {"attempt": None, "createdAt": None, "result": None},
    "no owner": {"owner": None},
    "no times": {"createdAt": None, "completedAt": None},
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
    monkeypatch.setenv("CALLBACK_QUEUE_URL", "https://sqs.example/callbacks")
    return load("lambdas", "publish_events")


@pytest.fixture
def put(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The events on the bus. EventBridge refuses an entry whose name is "large"."""
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


@pytest.fixture(autouse=True)
def queued(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The messages in the queue of webhooks. A group that is named like an error gets it."""
    taken: list[dict[str, Any]] = []

    class Sqs:
        def send_message_batch(
            self,
            QueueUrl: str,  # noqa: N803
            Entries: list[dict[str, Any]],  # noqa: N803
        ) -> dict[str, Any]:
            assert QueueUrl == "https://sqs.example/callbacks"
            groups = [entry["MessageGroupId"] for entry in Entries]
            if "InvalidParameterValue" in groups or not all(map(VALID.fullmatch, groups)):
                error = {"Code": "InvalidParameterValue", "Message": "The group is invalid."}
                raise ClientError({"Error": error}, "SendMessageBatch")
            code = next((g for g in groups if g in {"InvalidMessageContents", "Throttled"}), None)
            if code:
                return {"Failed": [{"Id": "0", "Code": code, "SenderFault": False}]}
            taken.extend(Entries)
            return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    monkeypatch.setattr(module.callbacks, "_sqs", Sqs())
    return taken


def test_completions_are_published(module: ModuleType, put: list[dict[str, Any]]):
    module.handler({"Records": [record(), record(**FAILED, result=None)]}, None)
    assert [detail["status"] for detail in put] == ["COMPLETED", "FAILED"]


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_change_that_cannot_be_published_does_not_prevent_others(
    module: ModuleType, put: list[dict[str, Any]], capsys, poison: dict[str, Any]
):
    module.handler({"Records": [record(name="a"), record(**poison), record(name="b")]}, None)

    assert [detail["name"] for detail in put] == ["a", "b"]
    assert '"UnpublishedEvents":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_only_entries_that_always_fail_are_left(module: ModuleType, put: list[dict[str, Any]]):
    module.handler({"Records": [record(attempt="1"), {"dynamodb": {}}]}, None)
    assert put == []


@pytest.mark.parametrize("name", ["large", "malformed"])
def test_an_event_that_eventbridge_refuses_is_dropped_when_it_is_alone(
    module: ModuleType, put: list[dict[str, Any]], name: str
):
    """Lambda halves a batch that failed: see BisectBatchOnFunctionError in template.yaml."""
    with pytest.raises(EventRefused):
        module.handler({"Records": [record(), record(name=name)]}, None)
    module.handler({"Records": [record(name=name)]}, None)
    module.handler({"Records": [record()]}, None)
    assert len(put) == 1


def test_an_event_that_eventbridge_does_not_accept_now_is_published_later(
    module: ModuleType, put: list[dict[str, Any]]
):
    with pytest.raises(ServiceUnavailable):
        module.handler({"Records": [record(name="throttled")]}, None)
    assert put == []


def test_a_webhook_is_queued_in_the_group_of_its_caller_and_only_if_it_is_wanted(
    module: ModuleType, put: list[dict[str, Any]], queued: list[dict[str, Any]]
):
    records = [record(), record(callbackUrl=URL), record(callbackUrl=URL, owner="you", attempt=2)]

    module.handler({"Records": records}, None)

    assert [message["MessageGroupId"] for message in queued] == ["me", "you"]
    bodies = [json.loads(message["MessageBody"]) for message in queued]
    assert bodies == [{"detail": {"taskId": END["taskId"], "attempt": n}} for n in (1, 2)]
    assert len({message["Id"] for message in queued}) == 2
    assert [detail["callback"] for detail in put] == [False, True, True]


@pytest.mark.usefixtures("put")
def test_a_webhook_that_sqs_does_not_accept_now_is_queued_later(
    module: ModuleType, queued: list[dict[str, Any]]
):
    with pytest.raises(ServiceUnavailable):
        module.handler({"Records": [record(callbackUrl=URL, owner="Throttled")]}, None)
    assert queued == []


def test_a_refused_event_does_not_prevent_its_webhook(
    module: ModuleType, put: list[dict[str, Any]], queued: list[dict[str, Any]], capsys
):
    module.handler({"Records": [record(callbackUrl=URL, name="large")]}, None)

    assert (put, len(queued)) == ([], 1)
    assert "BytesOut" not in capsys.readouterr().out


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@settings(suppress_health_check=list(HealthCheck), derandomize=True)
@given(changes=st.dictionaries(st.sampled_from([*END, "failure", "name", "status"]), values))
def test_the_stream_continues_whatever_an_item_contains(
    module: ModuleType, put: list[dict[str, Any]], changes: dict[str, Any]
):
    put.clear()
    behind = record(name="behind it")
    try:
        module.handler({"Records": [record(callbackUrl=URL, **changes), behind]}, None)
    except EventRefused:  # Lambda passes each half again
        module.handler({"Records": [record(callbackUrl=URL, **changes)]}, None)
        module.handler({"Records": [behind]}, None)
    assert put[-1]["name"] == "behind it"
