"""lambdas/deliver_webhook.py: when a webhook is tried again, and where it goes after that."""

import json
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from darkroom.events.webhooks import Delivery
from darkroom.tasks.secret_versions import Versions

NOW = 1_764_131_000
DETAIL = {"taskId": "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d", "attempt": 1}
TASK = {**DETAIL, "owner": "me", "callbackUrl": "https://receiver.example/"}


class Receiver:
    """A receiver that answers with a status, and the calls of the function after that."""

    def __init__(self, module: ModuleType, patch: pytest.MonkeyPatch) -> None:
        self.status = 500
        self.calls = 0
        self.later: list[tuple[dict[str, Any], str | None, int]] = []
        self.dead: list[tuple[dict[str, Any], str]] = []
        self.stored: list[dict[str, Any]] = []
        self.tasks = {DETAIL["taskId"]: TASK}
        self._module = module
        sqs = SimpleNamespace(send_message=self._send)
        for queue in (module.queue, module.dead_letters):
            patch.setattr(queue, "_sqs", sqs)
        patch.setattr(module, "time", SimpleNamespace(time=lambda: NOW + 0.5))
        patch.setattr(module, "secrets", SimpleNamespace(of=lambda *_: b""))
        patch.setattr(module, "versions", SimpleNamespace(of=lambda *_: Versions()))
        patch.setattr(
            module,
            "store",
            SimpleNamespace(
                get=self.tasks.get, record_delivery=lambda *given: self.stored.append(given[2])
            ),
        )
        patch.setattr(module, "deliver", self._deliver)

    def _deliver(self, *_: Any, **__: Any) -> Delivery:
        self.calls += 1
        delivered = self.status == 200
        final = delivered or self.status == 410
        return Delivery(delivered, final, self.status, f"It answered {self.status}.", "now")

    def _send(self, **message: Any) -> None:
        body = json.loads(message["MessageBody"])
        if message["QueueUrl"].endswith("dead"):
            self.dead.append((body, message["MessageAttributes"]["reason"]["StringValue"]))
        else:
            self.later.append((body, message.get("MessageGroupId"), message["DelaySeconds"]))

    def get(self, receives: int = 1, **order: Any) -> None:
        """Get a message, as the function does."""
        record = {
            "body": json.dumps({"detail": DETAIL, **order}),
            "attributes": {"ApproximateReceiveCount": str(receives), "MessageGroupId": "me"},
        }
        answer = self._module.handler({"Records": [record]}, None)
        assert answer == {"batchItemFailures": []}  # Lambda deletes the message


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch, load: Callable[[str, str], ModuleType]) -> Receiver:
    settings = {
        "CALLBACK_QUEUE_URL": "https://sqs.example/waiting",
        "CALLBACK_DEAD_LETTER_QUEUE_URL": "https://sqs.example/dead",
        "CALLBACK_RETRY_SECONDS": "5",
        "CALLBACK_TRIES": "6",
        "WEBHOOK_KEY_ID": "key",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return Receiver(load("lambdas", "deliver_webhook"), monkeypatch)


@pytest.mark.parametrize("status", [200, 410])
def test_a_webhook_that_was_delivered_or_is_not_wanted_is_not_tried_again(
    receiver: Receiver, status: int
):
    receiver.status = status

    receiver.get()

    assert receiver.calls == 1
    assert receiver.stored[0]["tries"] == 1
    assert (receiver.later, receiver.dead) == ([], [])


@pytest.mark.parametrize(
    ("tried", "receives", "tries", "delay"),
    [(0, 1, 1, 5), (1, 1, 2, 30), (2, 1, 3, 180), (3, 1, 4, 1080), (4, 1, 5, 6480), (1, 2, 3, 180)],
)
def test_a_webhook_that_was_refused_waits_for_its_next_try_and_is_not_in_flight(
    receiver: Receiver, tried: int, receives: int, tries: int, delay: int
):
    receiver.get(receives, **({"tries": tried, "notBefore": NOW} if tried else {}))

    later = {"detail": DETAIL, "tries": tries, "notBefore": NOW + delay}
    assert receiver.later == [(later, "me", min(delay, 900))]
    assert receiver.stored[0]["tries"] == tries
    assert receiver.dead == []


def test_a_webhook_that_sqs_delivers_too_early_waits_for_the_rest(receiver: Receiver):
    """SQS delays a message for 15 minutes at most."""
    receiver.get(tries=4, notBefore=NOW + 180)
    receiver.get(tries=5, notBefore=NOW + 5580)

    assert receiver.calls == 0
    assert receiver.later == [
        ({"detail": DETAIL, "tries": 4, "notBefore": NOW + 180}, "me", 180),
        ({"detail": DETAIL, "tries": 5, "notBefore": NOW + 5580}, "me", 900),
    ]


def test_an_undelivered_webhook_is_a_dead_letter_that_can_be_sent_again(receiver: Receiver):
    receiver.get(tries=5, notBefore=NOW)

    assert receiver.dead == [({"detail": DETAIL}, "It answered 500.")]
    assert receiver.later == []


def test_the_webhook_of_an_earlier_attempt_is_not_sent(receiver: Receiver):
    receiver.tasks[DETAIL["taskId"]] = TASK | {"attempt": 2}

    receiver.get()

    assert (receiver.calls, receiver.later, receiver.dead) == (0, [], [])


def test_a_message_that_a_rule_of_an_earlier_release_has_sent_is_delivered(receiver: Receiver):
    receiver.status = 200

    receiver.get(source="darkroom.task", detail={**DETAIL, "status": "COMPLETED", "callback": True})

    assert receiver.calls == 1
