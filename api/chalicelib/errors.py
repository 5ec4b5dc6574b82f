"""The form of an error response: `{"error": {"code": …, "message": …, "field": …}}`.

Every error response goes through `handle_errors`, whether our code or Chalice raised the error.
"""

import functools
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, ParamSpec, Self, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from chalice.app import ChaliceUnhandledError, Response

from chalicelib.error_catalog import ERRORS, FIELDS, body, code
from darkroom.errors import ServiceUnavailable
from darkroom.runtime.logging import logger
from darkroom.tasks.queries import InvalidCursor

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")

# Replaces Chalice's own error responses.
CHALICE = {405: "MethodNotAllowed", 500: "InternalError"}


class Problem(ChaliceUnhandledError):
    """An error response. Chalice passes this class of exceptions on to the middleware."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        """Take the HTTP status, a code for programs, a message for people and the wrong field."""
        super().__init__(message)
        self.status, self.code, self.field = status, code, field

    @classmethod
    def known(cls, name: str) -> Self:
        """Return the error of this name in `error_catalog`, which always has the same message."""
        status = next(status for status, found in ERRORS.items() if name in found)
        number = int(status.replace("XX", "00"))
        return cls(number, code(name), ERRORS[status][name], FIELDS.get(name))

    def response(self, headers: Mapping[str, str | list[str]] | None = None) -> Response:
        """Return the response. After a 5xx a later request may succeed, so it says when."""
        error = body(self.code, str(self), self.field)
        wait = {"Retry-After": "1"} if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR else {}
        return Response(error, headers={**wait, **(headers or {})}, status_code=self.status)


def handle_errors(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Respond to a request, with every error in the same form. A Chalice middleware.

    Log lines get API Gateway's request id, which the client receives as `x-amzn-RequestId`.
    """
    logger.append_keys(requestId=event.context.get("requestId"))
    logger.set_correlation_id((event.uri_params or {}).get("taskId"))
    try:
        response = get_response(event)
    except Problem as problem:
        return problem.response()
    if response.status_code in CHALICE and "Code" in response.body:
        return Problem.known(CHALICE[response.status_code]).response(response.headers)
    return response


def needs_services(route: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """Wrap a route that calls AWS: a failed call becomes 503. Only the log names the service.

    A cursor that the list did not return becomes 400.

    `handle_errors` cannot do this: Chalice turns other exceptions into a 500 before a middleware
    sees them.
    """

    @functools.wraps(route)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        try:
            return route(*args, **kwargs)
        except InvalidCursor as error:
            raise Problem.known("InvalidCursor") from error
        except (BotoCoreError, ClientError, ServiceUnavailable) as error:
            logger.warning(
                "a service did not answer", error=type(error).__name__, reason=str(error)
            )
            raise Problem.known("ServiceUnavailable") from error

    return wrapper
