"""The metrics that functions emit, with all services replaced."""

import importlib
import json
import re
import sys
from collections import Counter
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from darkroom.events.webhooks import Delivery
from darkroom.runtime import metrics
from darkroom.tasks.secret_versions import Versions
from tests.support.project import PROJECT

TASK = {
    "taskId": "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d", "attempt": 1, "status": "COMPLETED",
    "createdAt": "2026-11-25T04:26:32.500Z", "completedAt": "2026-11-25T04:26:34.000Z",
    "owner": "me", "callbackUrl": "https://example.com", "result": {"bytes": 9},
}  # fmt: skip
FAILURE = {"step": "Download", "error": "ExecutionLost", "message": "Gone."}
STEP = {"taskId": TASK["taskId"], "attempt": 1, "output": {"format": "auto", "quality": 90}}

Emitted = set[tuple[str, frozenset[tuple[str, str]]]]
"""Names of metrics, each with its dimensions and their values."""


def emitted_by_functions(patch: pytest.MonkeyPatch, service: str) -> Emitted:
    """Call the handler of every function that emits metrics, once for each set of metrics."""
    printed: list[str] = []
    patch.setattr("builtins.print", lambda *words, **_: printed.extend(words))
    patch.setattr(metrics.metrics, "service", service)
    patch.setenv("POWERTOOLS_SERVICE_NAME", service)
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.syspath_prepend(str(PROJECT / "lambdas"))
    for path in [*PROJECT.glob("lambdas/*.py"), PROJECT / "darkroom" / "runtime" / "settings.py"]:
        for name in re.findall(r'required\("(\w+)"\)', path.read_text()):
            patch.setenv(name, "1769")
    _announce(patch)
    _callback(patch)
    _steps(patch)
    reconcile = _imported(patch, "reconcile")
    nothing = SimpleNamespace(sweep=lambda _: Counter(), fail_dead_letters=Counter)
    patch.setattr(reconcile, "reconciler", nothing)
    patch.setattr(reconcile, "batch_reconciler", nothing)
    reconcile.handler({}, None)
    found: Emitted = set()
    for line in map(json.loads, printed):
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Darkroom"
        for names in directive["Dimensions"]:
            dimensions = frozenset((name, line[name]) for name in names)
            found |= {(metric["Name"], dimensions) for metric in directive["Metrics"]}
    return found


def _imported(patch: pytest.MonkeyPatch, name: str) -> ModuleType:
    """Import a function's module until the patch ends, because its settings belong to this test."""
    patch.setitem(sys.modules, name, None)
    del sys.modules[name]
    return importlib.import_module(name)


def _announce(patch: pytest.MonkeyPatch) -> None:
    announce = _imported(patch, "publish_events")
    patch.setattr(announce, "bus", SimpleNamespace(put=lambda _: None))
    patch.setattr(announce, "callbacks", SimpleNamespace(send_many=lambda *_: 0))
    patch.setattr(announce, "read_item", lambda item: item)
    ends = [TASK, TASK | {"status": "FAILED", "failure": FAILURE}]
    announce.handler({"Records": [{"dynamodb": {"NewImage": end}} for end in ends]}, None)


def _callback(patch: pytest.MonkeyPatch) -> None:
    callback = _imported(patch, "deliver_webhook")
    store = SimpleNamespace(get=lambda _: TASK, record_delivery=lambda *_: None)
    patch.setattr(callback, "store", store)
    patch.setattr(callback, "queue", SimpleNamespace(send_later=lambda *_: None))
    patch.setattr(callback, "dead_letters", SimpleNamespace(send_to_dlq=lambda *_: None))
    patch.setattr(callback, "secrets", SimpleNamespace(of=lambda *_: b""))
    patch.setattr(callback, "versions", SimpleNamespace(of=lambda *_: Versions()))
    patch.setattr(callback, "max_tries", 2)
    for delivered, tries in ((True, "1"), (False, "1"), (False, "2")):
        answer = Delivery(delivered, delivered, 200, None, "")
        patch.setattr(callback, "deliver", lambda *_, answer=answer, **__: answer)
        record: dict[str, Any] = {
            "body": json.dumps({"detail": TASK}),
            "attributes": {"ApproximateReceiveCount": tries},
            "messageId": "m",
            "receiptHandle": "r",
        }
        callback.handler({"Records": [record]}, None)


def _steps(patch: pytest.MonkeyPatch) -> None:
    steps = ("download", "grayscale", "upload")
    download, grayscale, upload = (_imported(patch, name) for name in steps)
    bucket = SimpleNamespace(
        put=lambda *_: None,
        get=lambda _: b"",
        put_bytes=lambda *_: "",
        publish=lambda *_: None,
    )
    for module in (download, grayscale, upload):
        patch.setattr(module, "bucket", bucket)
    patch.setattr(download, "fetch", lambda *_, **__: 7)
    download.handler(STEP | {"source": {"imageUrl": "https://example.com"}}, None)
    gray = SimpleNamespace(content_type="image/png", extension="png", width=1, height=1, data=b"")
    patch.setattr(grayscale, "grayscale", lambda *_, **__: gray)
    made = grayscale.handler(STEP | {"sourceKey": "k"}, None)
    upload.handler(STEP | {"gray": made}, None)
