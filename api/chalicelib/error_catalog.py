"""Every error that a request can meet, word for word: what `GET /openapi.json` shows of them.

`tests/unit/api/test_error_catalog.py` provokes each, and `template.yaml` has those of API Gateway.
"""

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]

STATUSES = {
    "400": "The request is not well formed",
    "403": "No valid API key",
    "404": "The caller has no such task, batch or upload",
    "405": "Not on this path",
    "409": "Not in this state, or not with this key",
    "413": "The request or its image is too large",
    "429": "More than the caller, or the service, may do now",
    "503": "Not served now; a submission that was answered so may be sent again",
    "5XX": "Something broke on our side: 500, 502, 504",
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
            "The cursor is not one that this list returned. Start without one.",
            "cursor",
        ),
        "InvalidIdempotencyKey": (
            "An idempotency key has 1 to 255 printable ASCII characters and no space.",
            "Idempotency-Key",
        ),
        "BadRequest": ("Bad Request", None),
    },
    "403": {"Forbidden": ("Send a valid API key in the header x-api-key.", None)},
    "404": {
        "TaskNotFound": ("You have no task of this id.", None),
        "BatchNotFound": ("You have no batch of this id.", None),
        "UploadNotFound": (
            "No file was sent to this upload, or it was more than a day ago.",
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
            "This idempotency key belongs to another request. Use a new key for a new task.",
            "Idempotency-Key",
        ),
        "NotRetryable": (
            "Only a FAILED or CANCELLED task can be tried again; it is PENDING.",
            None,
        ),
        "NotRetryable-batch": (
            "Only a batch that has ended can be tried again, and this one is RUNNING.",
            None,
        ),
        "NotCancellable": (
            "Only a PENDING or RUNNING task can be cancelled; it is CANCELLED.",
            None,
        ),
        "NotCancellable-batch": (
            "Only a RUNNING batch can be cancelled, and this one has ended.",
            None,
        ),
    },
    "413": {
        "SourceTooLarge": (
            "The data URL carries 5242881 bytes; the limit is 5242880.",
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
    "503": {"ServiceUnavailable": ("The task could not be taken or read. Try again.", None)},
    "5XX": {"InternalError": ("Something broke on our side. Try again.", None)},
}
"""By status and name: the message for people, and the field, parameter or header that is wrong.

The name is the code, with `-batch` behind it where batches are refused in other words than tasks.
"""


def statuses(names: Iterable[str]) -> dict[str, list[str]]:
    """Return names by the status that they come with, both in the order of `ERRORS`.

    Raises:
        KeyError: there is no such name.
    """
    wanted = set(names)
    if unknown := wanted - {name for told in ERRORS.values() for name in told}:
        raise KeyError(*unknown)
    found = {status: [n for n in told if n in wanted] for status, told in ERRORS.items()}
    return {status: told for status, told in found.items() if told}


def code(name: str) -> str:
    """Return the code that a refusal has for programs."""
    return name.partition("-")[0]


def examples() -> Json:
    """Return the answer of each refusal, as `components.examples` of OpenAPI."""
    return {
        name: {"value": {"error": {"code": code(name), "message": message, **_field(field)}}}
        for told in ERRORS.values()
        for name, (message, field) in told.items()
    }


def _field(name: str | None) -> Json:
    return {} if name is None else {"field": name}
