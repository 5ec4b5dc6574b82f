"""The responses of the API match `GET /openapi.json`."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.support.cloud.batches import Batches
from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import Sources
from tests.support.project import PROJECT

API = PROJECT / "api"
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
RULES = PROJECT / "tests" / "support" / "schemathesis.toml"
REQUESTS_PER_OPERATION = 30
PHASES = "examples,coverage,fuzzing,stateful"


@pytest.fixture(scope="module")
def shapes() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(API)
        from chalicelib import batch_responses, responses  # noqa: PLC0415

        return SimpleNamespace(**{**vars(responses), **vars(batch_responses)})


def test_the_description_needs_no_key_and_is_complete(standard: Stack):
    answer = httpx.get(standard.description["apiUrl"] + "/openapi.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json()["openapi"] == "3.1.0"


@pytest.mark.timeout(1200)
def test_no_generated_request_gets_an_answer_that_is_not_described(
    standard: Stack, sources: Sources, tmp_path: Path
):
    url = standard.description["apiUrl"]
    command = [SCHEMATHESIS, "--config-file", RULES, "run", f"{url}/openapi.json", "--url", url]
    generation = ["--generation-deterministic", "-n", str(REQUESTS_PER_OPERATION)]
    run = subprocess.run(
        [
            *command,
            *generation,
            "--no-color",
            *("--phases", PHASES),
            *("--header", f"x-api-key: {standard.description['apiKey']}"),
            "--continue-on-failure",
        ],
        cwd=tmp_path,
        env=os.environ
        | {
            "PYTHONPATH": str(PROJECT),
            "SCHEMATHESIS_HOOKS": "tests.support.fuzzing_hooks",
            "SOURCE_URL": sources.url("/colour.png"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "API Links" in run.stdout  # sequences of requests too: submit, cancel, retry


@pytest.mark.parametrize("path", ["/colour.png", "/status/404/shape"])
def test_a_task_has_the_shape_that_is_described_from_the_first_answer_to_the_last(
    standard: Stack, sources: Sources, shapes: Any, path: str
):
    first = standard.submit(sources.url(path), name="shape")
    last = standard.ended(first["taskId"])
    for task in (first, last):
        shapes.Task.model_validate(task)
    assert (last["result"] is None) == (last["failure"] is not None)


def test_a_batch_and_its_tasks_have_the_shape_that_is_described(standard: Stack, shapes: Any):
    batches = Batches(standard)
    batches.bring("shape/1.txt", b"no picture")
    line = {"uploadId": batches.upload(b'{"imageUrl": 5}', "application/x-ndjson")}
    for body in ({"s3Prefix": "shape/"}, {"manifest": line | {"format": "jsonl"}}):
        first = batches.submit(**body)
        last = batches.ended(first)
        for batch in (first, last):
            shapes.Batch.model_validate(batch)
        page = standard.http.get(standard.url(last["links"]["tasks"])).json()
        shapes.TaskList.model_validate(page)
        assert len(page["tasks"]) == last["counts"]["FAILED"] == 1


def test_other_answers_have_the_shape_that_is_described(standard: Stack, shapes: Any):
    ask = standard.http.request
    shapes.TaskList.model_validate(ask("GET", "/tasks").json())
    shapes.BatchList.model_validate(ask("GET", "/batches").json())
    shapes.Upload.model_validate(ask("POST", "/uploads", json={"contentType": "image/png"}).json())
    shapes.Health.model_validate(ask("GET", "/health").json())
    shapes.ErrorResponse.model_validate(ask("GET", "/nothing").json())
    shapes.ErrorResponse.model_validate(ask("POST", "/tasks", content=b"{").json())
