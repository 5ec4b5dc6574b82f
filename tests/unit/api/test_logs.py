"""What the API logs: whose task, in which request, and never what was sent."""

import io
import re

import pytest
from botocore.exceptions import EndpointConnectionError

from darkroom.runtime.logging import logger
from tests.support.api_caller import Api
from tests.support.logs import log_lines

URL = "https://example.com/a.jpg?signature=secret"
REQUEST = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


def down(*_: object, **__: object) -> None:
    raise EndpointConnectionError(endpoint_url="https://service")


def test_a_task_that_is_taken_is_one_line_with_its_id_and_that_of_the_request(
    api: Api, log: io.StringIO
) -> None:
    task = api.post("/tasks", {"imageUrl": URL}).body

    (line,) = log_lines(log)
    assert (line["message"], line["correlation_id"]) == ("accepted", task["taskId"])
    assert (line["route"], line["requestId"]) == ("/tasks", REQUEST)
    assert "secret" not in log.getvalue()


def test_reading_a_task_logs_no_line(api: Api, log: io.StringIO) -> None:
    task = api.post("/tasks", {"imageUrl": URL}).body
    api.get(f"/tasks/{task['taskId']}")
    api.get("/tasks")

    assert len(log_lines(log)) == 1


def test_a_service_that_does_not_answer_is_logged_with_task_and_request(
    api: Api, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = api.post("/tasks", {"imageUrl": URL}).body["taskId"]
    monkeypatch.setattr(type(api.module.store), "get", down)

    assert api.get(f"/tasks/{task_id}").status == 503

    line = log_lines(log)[-1]
    assert (line["level"], line["correlation_id"]) == ("WARNING", task_id)
    assert (line["requestId"], line["error"]) == (REQUEST, "EndpointConnectionError")


def test_a_request_without_a_task_does_not_log_that_of_the_previous_one(
    api: Api, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = api.post("/tasks", {"imageUrl": URL}).body["taskId"]
    api.get(f"/tasks/{task_id}")
    monkeypatch.setattr(type(api.module.index), "of_owner", down)

    assert api.get("/tasks").status == 503

    assert "correlation_id" not in log_lines(log)[-1]


def test_an_error_of_a_library_is_logged_without_the_paths_of_its_urls(log: io.StringIO) -> None:
    error = ValueError("no answer from https://me:hunter2@example.com/token")
    parts = [error, {"of": str(error)}]
    logger.error("it broke", exc_info=error, reason=str(error), parts=parts)

    (line,) = log_lines(log)
    assert (line["reason"], line["parts"][0]) == ("no answer from https://example.com/…",) * 2
    assert not {"token", "hunter2"} & set(re.findall(r"\w+", log.getvalue()))
