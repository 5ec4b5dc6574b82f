"""The receiver verifies what Darkroom sends: in this process, and as a Lambda function."""

import base64
import time

import pytest

from darkroom.events.model import secret_text, signed
from tools.accept import receiver

KEY = b"0123456789abcdef0123456789abcdef"
BODY = b'{"type":"task.failed","data":{}}'


def headers(body: bytes = BODY, key: bytes = KEY, age: int = 0) -> dict[str, str]:
    made = signed("task-1", body, [key], int(time.time()) - age)
    return {name.lower(): value for name, value in made.items()}


def test_a_webhook_of_darkroom_is_verified():
    assert receiver.answer(headers(), BODY, secret_text(KEY)) == receiver.VERIFIED


def test_one_valid_signature_of_two_is_enough():
    sent = headers()
    sent["webhook-signature"] = f"v1,AAAA {sent['webhook-signature']}"
    assert receiver.answer(sent, BODY, secret_text(KEY)) == receiver.VERIFIED


@pytest.mark.parametrize(
    ("sign", "body"),
    [
        (dict, BODY),
        (lambda: headers(key=b"another"), BODY),
        (lambda: headers(age=400), BODY),
        (lambda: headers(age=-400), BODY),
        (headers, BODY + b" "),
        (lambda: {**headers(), "webhook-id": "task-2"}, BODY),
        (lambda: headers(b"{}"), b"{}"),
        (lambda: headers(b"no JSON"), b"no JSON"),
    ],
    ids=["unsigned", "key", "old", "early", "body", "id", "type", "JSON"],
)
def test_anything_else_is_refused(sign, body):
    assert receiver.answer(sign(), body, secret_text(KEY)) == receiver.REFUSED


@pytest.mark.parametrize("encoded", [False, True])
def test_the_function_reads_the_event_of_a_function_url(monkeypatch, encoded):
    """https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads"""
    monkeypatch.setenv("SECRET", secret_text(KEY))
    body = base64.b64encode(BODY).decode() if encoded else BODY.decode()
    event = {"headers": headers(), "body": body, "isBase64Encoded": encoded}
    assert receiver.handler(event, None) == {"statusCode": receiver.VERIFIED}
    assert receiver.handler({"headers": {}}, None) == {"statusCode": receiver.REFUSED}
