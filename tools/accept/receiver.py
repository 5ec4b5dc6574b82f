"""A receiver of webhooks that verifies them: in the local server, and alone in a Lambda function.

It answers 204 to the webhook of a task with a valid signature, and 410 to anything else.
Darkroom stores the status in the task's `callback.delivery`, so the test needs no other way to
learn what has arrived. 410 ends the tries, so that a refused webhook does not become a dead letter
(docs/events.md). This module uses the standard library only, because it is deployed by itself.
"""

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from typing import Any

VERIFIED, REFUSED = 204, 410
TOLERANCE = 300.0
"""Seconds by which `webhook-timestamp` may differ (Standard Webhooks, "Verifying webhooks")."""


def answer(headers: Mapping[str, str], body: bytes, secret: str) -> int:
    """Return the status for a request.

    Args:
        headers: with names in lower case.
        body: of the request.
        secret: of `GET /callback-secret`, `whsec_…`.
    """
    sent = headers.get("webhook-timestamp", "")
    if not sent.isdecimal() or abs(time.time() - int(sent)) > TOLERANCE:
        return REFUSED
    content = f"{headers.get('webhook-id', '')}.{sent}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    valid = b"v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256))
    # A secret that is being rotated signs twice: the signatures are separated by spaces.
    signatures = headers.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(valid, one.encode()) for one in signatures):
        return REFUSED
    try:
        expected = json.loads(body)["type"].startswith("task.")
    except (ValueError, LookupError, TypeError, AttributeError):
        return REFUSED
    return VERIFIED if expected else REFUSED


def handler(event: dict[str, Any], _: object) -> dict[str, int]:
    """Answer a request to a function URL, which sends header names in lower case.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
    """
    body = event.get("body") or ""
    data = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    return {"statusCode": answer(event["headers"], data, os.environ["SECRET"])}
