"""No request needs more memory or time than the API's function has, whatever its body contains."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.api_caller import Api
from tests.support.fakes.aws import ENVIRONMENT
from tests.support.project import PROJECT

MEASURE = PROJECT / "tests/support/measure/request.py"
SIZE = 5_800_000
"""Bytes of a body: with its headers, about what Lambda takes."""
MOST_MEMORY = 256 * 2**20
"""Half of what template.yaml gives the function."""
MOST_SECONDS = 3.0
TASK = "https://example.com/a.jpg"
START = f'{{"imageUrl": "{TASK}",'


def fill(start: str, part: Callable[[int], str] | str, end: str, size: int = SIZE) -> str:
    """A body of this size, which repeats one part, or numbers it."""
    if isinstance(part, str):
        return start + part * ((size - len(start) - len(end)) // len(part)) + end
    parts = [start]
    left = size - len(start) - len(end)
    while left > 0:
        parts.append(part(len(parts)))
        left -= len(parts[-1])
    return "".join([*parts[:-1], end])


def wide(fields: int, _: int = 0) -> str:
    return "{" + ",".join(f'"x{field}":[]' for field in range(fields)) + "},"


BODIES = {
    "unknown fields": ("/tasks", fill(START, '"a":1,', '"a":1}')),
    "unknown fields, numbered": ("/tasks", fill(START, lambda n: f'"a{n}":1,', '"a":1}')),
    "unknown fields below": ("/tasks", fill('{"output":{', lambda n: f'"{n}":1,', '"a":1}}')),
    "a field many times": ("/tasks", fill("{", '"imageUrl":"",', '"imageUrl":1}')),
    "long unknown fields": (
        "/tasks", fill("{", lambda n: f'"{"k" * 700}{n}":"{"v" * 100}",', '"a":1}')
    ),
    "many wrong items": ("/batches", fill('{"sources":[', '{"a":1},', "{}]}")),
    "1,000 items of many fields": (
        "/batches", '{"sources":[' + (wide(580) * 1000)[:-1] + "]}"
    ),
    "as many tokens as there may be": (
        "/batches", '{"sources":[' + (wide(9) * 1000)[:-1] + "]}"
    ),
    "an array of numbers": ("/tasks", fill("[", "1,", "1]")),
    "arrays in arrays": ("/tasks", "[" * (SIZE // 2) + "]" * (SIZE // 2)),
    "objects in objects": ("/tasks", fill("", '{"a":', "1")),
    "a number of millions of digits": (
        "/batches", fill('{"toleratedFailurePercentage":', "9", "}")
    ),
    "a fraction of millions of digits": (
        "/batches", fill('{"toleratedFailurePercentage":1.', "9", "}")
    ),
    "a long name": ("/tasks", fill(START + '"name":"', "😀", '"}', SIZE // 4)),
    "a long unknown field": ("/tasks", fill('{"', "n", '":1}')),
    "escapes": ("/tasks", fill(START + '"name":"', '\\"', '"}')),
    "a string that never ends": ("/tasks", fill('{"name":"', '\\"', "")),
    "a backslash at the end": ("/tasks", fill('{"name":"', '\\"', "\\")),
    "quotes": ("/tasks", fill("", '"', "")),
    "spaces": ("/uploads", fill("", " ", "{}")),
    "a form": ("/tasks", fill("", "a=1&", "a=1")),
}  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells its peaks")
@pytest.mark.parametrize("kind", BODIES)
def test_a_large_body_is_refused_with_half_the_memory_of_the_function(kind: str, tmp_path: Path):
    path, body = BODIES[kind]
    file = tmp_path / "body"
    file.write_text(body)

    measured = subprocess.run(
        [sys.executable, MEASURE, PROJECT / "api", path, file],
        capture_output=True, text=True, check=False, env={**os.environ, **ENVIRONMENT},
    )  # fmt: skip

    assert measured.returncode == 0, measured.stderr[-500:]
    status, answer, peak, seconds = json.loads(measured.stdout)
    assert status == 400
    assert list(json.loads(answer)) == ["error"]
    assert len(answer) < 500
    assert peak < MOST_MEMORY
    assert seconds < MOST_SECONDS


def test_a_batch_with_every_field_is_accepted(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(api.module.views.batch_machine), "start", lambda *_: None)
    item = {
        "imageUrl": TASK + "?[{,\"'", "uploadId": None, "name": '["\\",', "callbackUrl": TASK,
        "output": {"format": "png", "quality": 80},
    }  # fmt: skip

    assert api.post("/batches", {"sources": [item] * 1000}).status == 202
