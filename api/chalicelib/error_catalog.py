"""Every error that the API can return, with its exact message, for `GET /openapi.json`.

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
    "429": "The caller, or the service, has reached its request limit",
    "503": "Temporarily unavailable; the request may be sent again",
    "5XX": "An internal error: 500, 502, 504",
}

ERRORS: dict[str, dict[str, tuple[str, str | None]]] = {
    "400": {
        "MalformedJson": ("The body is not valid JSON.", None),
        "InvalidRequest": ("There is no field colour.", "colour"),
        "InvalidSource": ("imageUrl: Only http and https URLs can be fetched.", "imageUrl"),
        "InvalidSource-batch": (
            "sources.1.imageUrl: Only http and https URLs can be fetched.",
            "sources.1.imageUrl",
        ),
        "InvalidCursor": (
            "This list did not return this cursor. Start again without a cursor.",
            "cursor",
        ),
        "InvalidIdempotencyKey": (
            "An idempotency key must have 1 to 255 printable ASCII characters and no space.",
            "Idempotency-Key",
        ),
        "BadRequest": ("Bad Request", None),
    },
    "403": {"Forbidden": ("Send a valid API key in the header x-api-key.", None)},
    "404": {
        "TaskNotFound": ("You have no task with this id.", None),
        "BatchNotFound": ("You have no batch with this id.", None),
        "UploadNotFound": (
            "This upload has no file. Upload one, then use it within a day.",
            "manifest.uploadId",
        ),
        "NotFound": ("There is no such path. GET /health works, and /tasks.", None),
    },
    "405": {
        "MethodNotAllowed": (
            "This path does not take that method: see the header Allow.",
            None,
        )
    },
    "409": {
        "IdempotencyConflict": (
            "This idempotency key belongs to a different request. Use a new key for a new request.",
            "Idempotency-Key",
        ),
        "NotRetryable": (
            "Only a FAILED or CANCELLED task can be retried; this one is PENDING.",
            None,
        ),
        "NotRetryable-batch": (
            "Only a batch that has ended can be retried; this one is RUNNING.",
            None,
        ),
        "NotCancellable": (
            "Only a PENDING or RUNNING task can be cancelled; this one is CANCELLED.",
            None,
        ),
        "NotCancellable-batch": (
            "Only a RUNNING batch can be cancelled; this one has ended.",
            None,
        ),
    },
    "413": {
        "SourceTooLarge": (
            "The data URL contains 5242881 bytes; the limit is 5242880.",
            "imageUrl",
        ),
        "RequestTooLarge": (
            "The request has more than 6 MB. Send the file by POST /uploads instead.",
            None,
        ),
    },
    "429": {
        "TooManyRequests": (
            "Too many requests. Try again after the seconds in Retry-After.",
            None,
        ),
        "QuotaExceeded": ("The day's quota of this API key is used up.", None),
    },
    "503": {"ServiceUnavailable": ("The service is temporarily unavailable. Try again.", None)},
    "5XX": {"InternalError": ("Something broke on our side. Try again.", None)},
}
"""By status and name: the message for people, and the field, parameter or header that is wrong.

The name is the error code. The suffix `-batch` marks the message for batches where it differs.
"""


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
        name: {"value": {"error": {"code": code(name), "message": message, **_field(field)}}}
        for errors in ERRORS.values()
        for name, (message, field) in errors.items()
    }


def _field(name: str | None) -> Json:
    return {} if name is None else {"field": name}
