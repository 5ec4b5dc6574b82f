"""The errors that the client raises."""

from http import HTTPStatus

# The request was refused before any work was done: even a POST may be sent again.
NOT_TAKEN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
# The work may have been done, and only the response was lost.
NO_ANSWER = {
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class DarkroomError(Exception):
    """The base class of all errors of the client."""


class ApiError(DarkroomError):
    """The API, or S3, refused a request.

    `message` says what to do; `field` names the part of the request that was wrong.
    """

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field


class Unreachable(DarkroomError):
    """There was no response, or the connection broke. The message names the host."""


class BrokenDownload(DarkroomError):
    """A result does not have the checksum of its task."""
