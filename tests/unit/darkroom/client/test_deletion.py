"""A DELETE whose response is lost is sent again, and a 404 then means that it was successful."""

import json

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from darkroom.client import ApiError, Darkroom

NOT_FOUND = {"error": {"code": "TaskNotFound", "message": "You have no task with this id."}}


def answers(server: HTTPServer, *statuses: int) -> list[int]:
    """Let the server answer with these statuses in turn; returns those that are left."""
    left = list(statuses)

    def answer(_: Request) -> Response:
        status = left.pop(0)
        server_error = {"error": {"code": "Any", "message": "Any."}}
        body = NOT_FOUND if status == 404 else server_error
        return Response(status=status) if status == 204 else _json(body, status)

    server.expect_request("/dev/tasks/t1", method="DELETE").respond_with_handler(answer)
    return left


def _json(body: object, status: int) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")


@pytest.mark.parametrize("statuses", [(204,), (503, 204), (502, 204), (502, 404), (502, 502, 404)])
def test_a_task_is_deleted_also_if_a_response_is_lost(
    client: Darkroom, httpserver: HTTPServer, statuses: tuple[int, ...]
) -> None:
    left = answers(httpserver, *statuses)
    client.delete("t1")
    assert left == []


@pytest.mark.parametrize(("statuses", "status"), [((404,), 404), ((409,), 409), ((502, 409), 409)])
def test_a_refusal_is_raised(
    client: Darkroom, httpserver: HTTPServer, statuses: tuple[int, ...], status: int
) -> None:
    answers(httpserver, *statuses)
    with pytest.raises(ApiError) as caught:
        client.delete("t1")
    assert caught.value.status == status
