"""A file is sent to S3 with a form whose limits S3 enforces, then converted."""

import json
import uuid
from typing import Any

import httpx
import numpy as np
import pytest

from tests.support.cloud.batches import Batches
from tests.support.cloud.stacks import Stack, error_of
from tests.support.fakes.sources import FILES
from tests.support.images.heics import heic
from tests.support.images.pictures import encode, photo
from tests.support.images.tiffs import RGB, tiff


def form(stack: Stack, content_type: str = "image/png") -> dict[str, Any]:
    answer = stack.http.post("/uploads", json={"contentType": content_type})
    assert answer.status_code == 201, answer.text
    return answer.json()


def send(upload: dict[str, Any], data: bytes, **fields: str) -> httpx.Response:
    return httpx.post(
        upload["url"], data={**upload["fields"], **fields}, files={"file": ("any", data)}
    )


def test_an_uploaded_file_is_converted(stack: Stack):
    upload = form(stack)
    assert send(upload, FILES["/colour.png"]).status_code == 204

    answer = stack.http.post("/tasks", json={"uploadId": upload["uploadId"]})
    task = stack.ended(answer.json()["taskId"])

    assert task["status"] == "COMPLETED", task["failure"]
    assert task["source"] == {"uploadId": upload["uploadId"]}
    assert task["result"]["contentType"] == "image/png"


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (heic(photo(64, 64)), "image/jpeg"),
        (tiff(np.full((8, 8, 3), 0.5, np.float32), RGB), "image/tiff"),
        (encode(photo(64, 64), "JPEG2000"), "image/jpeg"),
    ],
    ids=["HEIC", "TIFF of fractions", "JPEG 2000"],
)
def test_files_for_the_second_decoders_are_converted(
    standard: Stack, data: bytes, content_type: str
):
    upload = form(standard)
    assert send(upload, data).status_code == 204

    answer = standard.http.post("/tasks", json={"uploadId": upload["uploadId"]})
    task = standard.ended(answer.json()["taskId"])

    assert task["status"] == "COMPLETED", task["failure"]
    assert task["result"]["contentType"] == content_type


def test_s3_refuses_a_file_over_the_limit(standard: Stack):
    limit = 52_428_800
    answer = send(form(standard), b"\0" * (limit + 1))
    assert answer.status_code == 400
    assert "EntityTooLarge" in answer.text


@pytest.mark.parametrize("fields", [{"key": "results/x"}, {"Content-Type": "text/html"}])
def test_s3_refuses_what_the_form_was_not_made_for(standard: Stack, fields: dict[str, str]):
    assert send(form(standard), FILES["/colour.png"], **fields).status_code == 403


def test_an_upload_that_was_never_sent_fails_with_that_reason(standard: Stack):
    answer = standard.http.post("/tasks", json={"uploadId": form(standard)["uploadId"]})
    task = standard.ended(answer.json()["taskId"])
    assert task["failure"]["error"] == "SourceNotFound"
    assert "upload" in task["failure"]["message"]


def test_the_upload_of_another_caller_is_not_found(standard: Stack, another_key: str):
    """A leaked id of an upload is useless: as a source, in a batch, or as its manifest."""
    picture, manifest = form(standard), form(standard, "application/x-ndjson")
    assert send(picture, FILES["/colour.png"]).status_code == 204
    leaked = {"uploadId": picture["uploadId"]}
    assert send(manifest, json.dumps(leaked).encode()).status_code == 204

    description = {**standard.description, "apiKey": another_key}
    with Stack(standard.cloud, description) as theirs:
        batches = Batches(theirs)

        def failure(answer: httpx.Response) -> tuple[str, str]:
            failure = theirs.ended(answer.json()["taskId"])["failure"]
            return failure["error"], failure["message"]

        def of_batch(**body: Any) -> Any:
            answer = theirs.http.post("/batches", json=body)
            if answer.status_code != 202:
                return answer.json()
            batch = batches.ended(answer.json())
            if batch["failure"]:
                return batch["failure"]["error"]
            (task,) = batches.tasks(batch)
            return task["failure"]["error"], task["failure"]["message"]

        unknown = failure(theirs.http.post("/tasks", json={"uploadId": str(uuid.uuid4())}))
        assert unknown[0] == "SourceNotFound"
        assert failure(theirs.http.post("/tasks", json=leaked)) == unknown
        assert of_batch(sources=[leaked]) == unknown
        listed = batches.upload(json.dumps(leaked), "application/x-ndjson")
        assert of_batch(manifest={"uploadId": listed, "format": "jsonl"}) == unknown
        read, missing = (
            of_batch(manifest={"uploadId": upload_id, "format": "jsonl"})
            for upload_id in (manifest["uploadId"], str(uuid.uuid4()))
        )
        assert read == missing


@pytest.mark.parametrize(
    "body",
    [
        {"uploadId": "../results/x"},
        {"uploadId": "00000000-0000-4000-8000-000000000000", "imageUrl": "https://a.example/"},
    ],
)
def test_a_wrong_upload_id_is_a_400(standard: Stack, body: dict[str, str]):
    assert error_of(standard.http.post("/tasks", json=body), 400)


@pytest.mark.parametrize("content_type", ["text/html", "", "image/png\nx: y", 5])
def test_only_images_can_be_uploaded(standard: Stack, content_type: object):
    answer = standard.http.post("/uploads", json={"contentType": content_type})
    assert error_of(answer, 400)["field"] == "contentType"
