"""How an error is told: `{"error": {"code": …, "message": …, "field": …}}`.

Every answer that is no success goes through `tell`, whether our code raised it or Chalice did.
"""

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from chalice.app import ChaliceUnhandledError, Response

logger = Logger()

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
    """Answer a request; whatever goes wrong is told in the one form. A Chalice middleware."""
    try:
        response = get_response(event)
    except Problem as problem:
        return problem.response()
    except (BotoCoreError, ClientError) as error:
        logger.warning("a service did not answer", error=type(error).__name__, reason=str(error))
        return unavailable().response({"Retry-After": "1"})
    if response.status_code in CHALICE and "Code" in response.body:
        code, message = CHALICE[response.status_code]
        return Problem(response.status_code, code, message).response(response.headers)
    return response


def unavailable() -> Problem:
    """Return the answer for a request that could not be served now but may be soon."""
    return Problem(503, "ServiceUnavailable", "The task could not be taken or read. Try again.")
