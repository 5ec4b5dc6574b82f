"""How an error is told: `{"error": {"code": …, "message": …, "field": …}}`.

Every answer that is no success goes through `tell`, whether our code raised it or Chalice did.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from chalice.app import ChaliceUnhandledError, Response

from darkroom.runtime.logging import logger

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")

# Chalice's own refusals, in our words.
CHALICE = {
    405: ("MethodNotAllowed", "This path does not take that method: see the header Allow."),
    500: ("InternalError", "Something broke on our side. Try again."),
}


class Problem(ChaliceUnhandledError):
    """An answer that is no success. Chalice lets this class of error pass to the middleware."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        """Take the HTTP status, a code for programs, a sentence that says what to do, a field."""
        super().__init__(message)
        self.status, self.code, self.field = status, code, field

    def response(self, headers: Mapping[str, str | list[str]] | None = None) -> Response:
        """Return the answer."""
        error = {"code": self.code, "message": str(self)}
        if self.field:
            error["field"] = self.field
        return Response({"error": error}, headers=dict(headers or {}), status_code=self.status)


def tell(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Answer a request; whatever goes wrong is told in the one form. A Chalice middleware.

    What is logged meanwhile has the id that API Gateway answers as `x-amzn-RequestId`.
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
    """A service that the request needs did not answer, but may soon."""

    def __init__(self) -> None:
        """Take nothing: which service it was is for the log."""
        message = "The task could not be taken or read. Try again."
        super().__init__(503, "ServiceUnavailable", message)


def needs_services(route: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """Wrap a route that calls AWS: a call that fails is `Unavailable`.

    Here and not in `tell`, since Chalice makes a 500 of every other error before a middleware sees
    it.
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
