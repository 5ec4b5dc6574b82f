"""Every error that the API can return, with its message: the exact one, or an example.

`tests/unit/api/test_error_catalog.py` provokes each of ours; `template.yaml` has API Gateway's.
"""

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]

STATUSES = {
    "400": "The request is not well formed",
    "403": "The API key is missing or not valid",
    "404": "The caller has no such task, batch or upload",
    "405": "The path does not support the method",
    "409": "Not possible in the current status, or with this idempotency key",
    "413": "The request or its image is too large",
    "415": "The body is in a charset other than UTF-8",
    "429": "The caller, or the service, has reached its request limit",
    "503": "Temporarily unavailable; the request may be sent again",
    "5XX": "An internal error: 500, 502, 504",
}

ERRORS = {
    "400": {
        "MalformedJson": "The body is not valid JSON: it ends within an object at line 1 column 1.",
        "InvalidRequest": "There is no field colour.",
        "InvalidSource": "imageUrl: Only http and https URLs can be fetched.",
        "InvalidSource-batch": "sources.1.imageUrl: Only http and https URLs can be fetched.",
        "InvalidCursor": "This list did not return this cursor. Start again without a cursor.",
        "InvalidIdempotencyKey": (
            "An idempotency key must have 1 to 255 printable ASCII characters and no space."
        ),
        "BadRequest": "Bad Request",
    },
    "403": {"Forbidden": "Send a valid API key in the header x-api-key."},
    "404": {
        "TaskNotFound": "You have no task with this id.",
        "BatchNotFound": "You have no batch with this id.",
        "UploadNotFound": "This upload has no file. Upload one, then use it within a day.",
        "NotFound": "There is no such path. GET /health works, and /tasks.",
    },
    "405": {"MethodNotAllowed": "This path does not take that method: see the header Allow."},
    "409": {
        "IdempotencyConflict": (
            "This idempotency key belongs to a different request. Use a new key for a new request."
        ),
        "AlreadyDeleted": (
            "What was created with this idempotency key has been deleted. Use a new key for a new "
            "request."
        ),
        "NotRetryable": "Only a FAILED or CANCELLED task can be retried; this one is PENDING.",
        "NotRetryable-batch": "Only a batch that has ended can be retried; this one is RUNNING.",
        "NotCancellable": "Only a PENDING or RUNNING task can be cancelled; this one is CANCELLED.",
        "NotCancellable-batch": "Only a RUNNING batch can be cancelled; this one has ended.",
        "NoCallback": "This task has no callbackUrl, so there is no webhook to send.",
        "NotEnded": "A webhook is sent when the task has ended; this one is RUNNING.",
        "TooManyRotations": (
            "The secret was changed four times within a day. Try again when the first of these "
            "changes is a day old."
        ),
        "NotDeletable": (
            "Only a task that has ended can be deleted; this one is RUNNING. Cancel it first."
        ),
        "BatchNotEnded": (
            "The batch of this task has not ended completely, or is being deleted. Try again when "
            "none of its tasks is open."
        ),
        "NotDeletable-batch": (
            "Only a batch that has ended can be deleted; this one is RUNNING. Cancel it first."
        ),
    },
    "413": {
        "SourceTooLarge": "The data URL contains 5242881 bytes; the limit is 5242880.",
        "RequestTooLarge": (
            "The request has more than 6 MB. Send the file by POST /uploads instead."
        ),
    },
    "415": {
        "UnsupportedCharset": (
            "Send the body in UTF-8, the charset of JSON, and omit charset from its Content-Type."
        ),
    },
    "429": {
        "TooManyRequests": "Too many requests. Try again after the seconds in Retry-After.",
        "QuotaExceeded": "The day's quota of this API key is used up.",
    },
    "503": {"ServiceUnavailable": "The service is temporarily unavailable. Try again."},
    "5XX": {"InternalError": "Something broke on our side. Try again."},
}
"""By status and name: the message for people.

The name is the error code. A suffix, such as `-batch`, marks another message of the same code.
"""
FIELDS = {
    "InvalidRequest": "colour",
    "InvalidSource": "imageUrl",
    "InvalidSource-batch": "sources.1.imageUrl",
    "InvalidCursor": "cursor",
    "InvalidIdempotencyKey": "Idempotency-Key",
    "UploadNotFound": "manifest.uploadId",
    "UnsupportedCharset": "Content-Type",
    "IdempotencyConflict": "Idempotency-Key",
    "AlreadyDeleted": "Idempotency-Key",
    "SourceTooLarge": "imageUrl",
}
"""By name: the field, parameter or header that is wrong."""


def statuses(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the names grouped by HTTP status, both in the order of `ERRORS`.

    Raises:
        KeyError: there is no such name.
    """
    selected = set(names)
    if unknown := selected - {name for errors in ERRORS.values() for name in errors}:
        raise KeyError(*unknown)
    grouped = {status: [n for n in errors if n in selected] for status, errors in ERRORS.items()}
    return {status: found for status, found in grouped.items() if found}


def code(name: str) -> str:
    """Return the error code, for programs, of a name in `ERRORS`."""
    return name.partition("-")[0]


def examples() -> Json:
    """Return the response of each error, as `components.examples` of OpenAPI."""
    return {
        name: {"value": body(code(name), message, FIELDS.get(name))}
        for errors in ERRORS.values()
        for name, message in errors.items()
    }


def body(error_code: str, message: str, field: str | None) -> Json:
    """Return the body of an error response."""
    error = {"code": error_code, "message": message}
    return {"error": error | ({"field": field} if field else {})}
