"""The form of an error response: `{"error": {"code": …, "message": …, "field": …}}`.

Every error response goes through `handle_errors`, whether our code or Chalice raised the error.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from chalice.app import ChaliceUnhandledError, Response

from darkroom.runtime.logging import logger

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")

# Replaces the text of Chalice's own error responses.
CHALICE = {
    405: ("MethodNotAllowed", "This path does not take that method: see the header Allow."),
    500: ("InternalError", "Something broke on our side. Try again."),
}


class Problem(ChaliceUnhandledError):
    """An error response. Chalice passes this class of exceptions on to the middleware."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        """Take the HTTP status, a code for programs, a message for people and the wrong field."""
        super().__init__(message)
        self.status, self.code, self.field = status, code, field

    def response(self, headers: Mapping[str, str | list[str]] | None = None) -> Response:
        """Return the response."""
        error = {"code": self.code, "message": str(self)}
        if self.field:
            error["field"] = self.field
        return Response({"error": error}, headers=dict(headers or {}), status_code=self.status)


def handle_errors(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Respond to a request, with every error in the same form. A Chalice middleware.

    Log lines get API Gateway's request id, which the client receives as `x-amzn-RequestId`.
    """
    logger.append_keys(requestId=event.context.get("requestId"))
    logger.set_correlation_id((event.uri_params or {}).get("taskId"))
    try:
        response = get_response(event)
    except Unavailable as problem:
        return problem.response({"Retry-After": "1"})
    except Problem as problem:
        return problem.response()
    if response.status_code in CHALICE and "Code" in response.body:
        code, message = CHALICE[response.status_code]
        return Problem(response.status_code, code, message).response(response.headers)
    return response


class Unavailable(Problem):
    """A service that the request needs did not answer; a later request may succeed."""

    def __init__(self) -> None:
        """Take nothing: only the log names the service."""
        message = "The service is temporarily unavailable. Try again."
        super().__init__(503, "ServiceUnavailable", message)


def needs_services(route: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """Wrap a route that calls AWS: a failed call becomes `Unavailable`.

    `handle_errors` cannot do this: Chalice turns other exceptions into a 500 before a middleware
    sees them.
    """

    @functools.wraps(route)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        try:
            return route(*args, **kwargs)
        except (BotoCoreError, ClientError) as error:
            logger.warning(
                "a service did not answer", error=type(error).__name__, reason=str(error)
            )
            raise Unavailable from error

    return wrapper
