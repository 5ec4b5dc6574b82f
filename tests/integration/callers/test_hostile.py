"""Every request gets a response of the API, and every accepted task ends with a documented error.

Another `SEED` makes other requests and images; every failure names its seed.
"""

import io
import json
import os
import warnings
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import psutil
import pytest
from PIL import Image

from darkroom.errors import ImageError, SourceTooLarge
from tests.support import malformed
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import Sources
from tests.support.images import hostile_images
from tools.localcloud import processes

SEED = int(os.environ.get("SEED", "20261125"))
OURS = {error.__name__ for error in ImageError.__subclasses__()} | {SourceTooLarge.__name__}
MEMORY = 1769 * 2**20
"""Bytes of the grayscale function after template.yaml: Lambda ends it when it takes more."""


@pytest.mark.timeout(1200)
def test_a_thousand_malformed_requests_are_answered_in_our_form(standard: Stack):
    description = standard.description
    accepted, wrong = [], []
    for number, request in enumerate(malformed.requests(SEED, 1000)):
        answer = until(lambda request=request: taken(request, description), 30, "no 429")
        fault = fault_of(request, answer)
        if fault:
            wrong.append(f"{SEED}/{number} {request}: {answer}, {fault}")
        elif answer.status == HTTPStatus.ACCEPTED and "taskId" in json.loads(answer.text):
            accepted.append(json.loads(answer.text)["taskId"])
    assert not wrong, "\n".join(wrong)
    # Some mutations leave a request valid. A task that was accepted must end like any other.
    standard.all_ended(accepted, 60)


def taken(request: malformed.Malformed, description: dict[str, str]) -> malformed.Answer | None:
    """Send a request; `None` if it was throttled."""
    answer = request.send(description["apiUrl"], description["apiKey"])
    return answer if answer.status != HTTPStatus.TOO_MANY_REQUESTS else None


def fault_of(request: malformed.Malformed, answer: malformed.Answer) -> str | None:
    if answer.status >= 500:
        return "is no fault of the client"
    if request.method == "HEAD":
        return None
    try:
        body = json.loads(answer.text)
    except ValueError:
        return "is no JSON"
    reported = body.get("error", {})
    if answer.headers.get_content_type() != "application/json":
        return "does not say that it is JSON"
    if answer.status >= 400 and not (
        reported.get("code") and reported.get("message", "").endswith(".")
    ):
        return "has no code and sentence"
    return None


@pytest.mark.timeout(1200)
def test_hostile_images_all_end_within_the_memory(standard: Stack, sources: Sources):
    files = dict(hostile_images.images(SEED, 150))
    ended = develop(standard, sources, {name: (data, "auto") for name, data in files.items()})

    wrong = [f"{SEED}/{name}: {fault}" for name, task in ended.items() if (fault := bad_end(task))]
    assert not wrong, "\n".join(wrong)
    assert {task["status"] for task in ended.values()} == {"COMPLETED", "FAILED"}
    for name, task in ended.items():
        if task["status"] == "COMPLETED":
            assert_gray(standard, name, task)
    assert peak_of("grayscale", standard) < MEMORY


@pytest.mark.timeout(1200)
def test_the_largest_images_are_converted_or_refused_within_the_memory(
    standard: Stack, sources: Sources
):
    files = {name: (data, output) for name, data, output in hostile_images.heavy()}
    ended = develop(standard, sources, files)

    assert not [f"{name}: {fault}" for name, task in ended.items() if (fault := bad_end(task))]
    assert ended["100 megapixels of JPEG"]["status"] == "COMPLETED"
    assert peak_of("grayscale", standard) < MEMORY


def develop(
    stack: Stack, sources: Sources, files: dict[str, tuple[bytes, str]]
) -> dict[str, dict[str, object]]:
    """Submit files, each with its output format, and wait until all have ended."""
    names = {}
    for number, (name, (data, output)) in enumerate(files.items()):
        path = f"/hostile/{number}"
        sources.files[path] = data
        task = stack.submit(sources.url(path), output={"format": output})
        names[task["taskId"]] = name
    return {names[i]: task for i, task in stack.all_ended(names, 240).items()}


def bad_end(task: dict[str, object]) -> str | None:
    if task["status"] == "COMPLETED":
        return None
    failure = task["failure"]
    return None if failure["error"] in OURS and failure["message"] else str(failure)


def assert_gray(stack: Stack, name: str, task: dict[str, object]) -> None:
    result = stack.http.get(task["result"]["url"], headers={"x-api-key": ""})
    assert result.status_code == 200, name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(result.content))
        image.load()
    assert image.mode in {"1", "L", "LA", "I;16", "RGBA", "P", "RGB"}, (name, image.mode)


def peak_of(function: str, stack: Stack) -> int:
    """The peak memory in bytes of a process of a function since it started."""
    return max(peaks(function, stack))


def peaks(function: str, stack: Stack) -> Iterator[int]:
    for process in processes.marked(stack.cloud.home):
        try:
            if function in process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "").lower():
                status = Path(f"/proc/{process.pid}/status").read_text()
                yield int(status.partition("VmHWM:")[2].split()[0]) * 1024
        except (psutil.NoSuchProcess, FileNotFoundError):
            continue
