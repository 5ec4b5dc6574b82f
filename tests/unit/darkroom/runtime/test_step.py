import io
import re
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from darkroom.errors import ServiceUnavailable, SourceNotFound
from darkroom.runtime.step import step
from tests.support.logs import log_lines

EVENT = {
    "taskId": "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d",
    "attempt": 2,
    "source": {"imageUrl": "https://example.com/a.jpg?signature=secret"},
}


class Context:
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


def refused(code: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}},
        "PutObject",
    )


def failing(error: Exception) -> Any:
    @step
    def handler(_: dict[str, Any]) -> dict[str, Any]:
        raise error

    return handler


def test_a_step_answers_what_its_handler_does() -> None:
    @step
    def handler(event: dict[str, Any]) -> dict[str, Any]:
        """Do it."""
        return {"attempt": event["attempt"]}

    assert handler(EVENT, Context()) == {"attempt": 2}
    assert (handler.__name__, handler.__doc__) == ("handler", "Do it.")


@pytest.mark.parametrize(
    "error",
    [
        refused("InternalError", 500),
        refused("SlowDown", 503),
        refused("ThrottlingException", 400),
        refused("ProvisionedThroughputExceededException", 400),
        refused("RequestTimeout", 400),
        refused("TooManyRequestsException", 429),
        EndpointConnectionError(endpoint_url="https://s3"),
        ConnectTimeoutError(endpoint_url="https://s3"),
        ReadTimeoutError(endpoint_url="https://s3"),
    ],
    ids=str,
)
def test_a_service_that_is_down_or_throttles_is_unavailable(error: Exception) -> None:
    with pytest.raises(ServiceUnavailable) as raised:
        failing(error)(EVENT, Context())

    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        refused("AccessDenied", 403),
        refused("NoSuchKey", 404),
        refused("ValidationException", 400),
        SourceNotFound("404"),
        ValueError("a bug"),
    ],
    ids=str,
)
def test_a_non_retryable_error_keeps_its_name(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        failing(error)(EVENT, Context())

    assert raised.value is error


def test_a_step_that_went_well_is_one_line_with_task_attempt_and_time(
    log: io.StringIO,
) -> None:
    step(lambda _: {})(EVENT, Context())

    [line] = log_lines(log)
    assert line["message"] == "done"
    assert (line["correlation_id"], line["attempt"]) == (EVENT["taskId"], 2)
    assert line["requestId"] == Context.aws_request_id
    assert line["seconds"] >= 0


def test_a_step_that_failed_is_one_line_with_error_and_reason(
    log: io.StringIO,
) -> None:
    with pytest.raises(ServiceUnavailable):
        failing(refused("SlowDown", 503))(EVENT, Context())

    [line] = log_lines(log)
    assert (line["level"], line["message"]) == ("WARNING", "failed")
    assert line["error"] == "ServiceUnavailable"
    assert "SlowDown" in line["reason"]


def test_nothing_of_the_event_reaches_the_log(log: io.StringIO) -> None:
    step(lambda _: {})(EVENT, Context())
    with pytest.raises(SourceNotFound):
        failing(SourceNotFound("https://example.com/a.jpg answered 404."))(EVENT, Context())

    assert [line["message"] for line in log_lines(log)] == ["done", "failed"]
    assert "secret" not in log.getvalue()


def test_a_line_of_one_task_has_nothing_of_the_one_before(
    log: io.StringIO,
) -> None:
    handler = step(lambda _: {})
    handler(EVENT, Context())
    handler({"taskId": "other", "attempt": 1}, None)

    first, second = log_lines(log)
    assert first["correlation_id"] != second["correlation_id"] == "other"
    assert (second["attempt"], second.get("requestId")) == (1, None)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no answer from https://me:hunter2@example.com/token?signature"),
        EndpointConnectionError(endpoint_url="https://bucket.example/uploads/token"),
        SourceNotFound("https://example.com/token answered 404."),
        ClientError({"Error": {"Code": "NoSuchKey", "Message": "https://x/token"}}, "GetObject"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_and_log_lines_contain_only_the_host_of_a_url(
    log: io.StringIO, error: Exception
) -> None:
    """Lambda's runtime logs what is raised, and the state machine keeps it."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - any of these
        failing(error)(EVENT, Context())

    for text in (str(raised.value), log.getvalue()):
        assert "/…" in text
        assert not {"token", "hunter2", "signature"} & set(re.findall(r"\w+", text))
