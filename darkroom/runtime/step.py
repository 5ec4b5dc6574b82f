"""The decorator of every step of a state machine: it logs the step and names its errors.

The log line contains the id of the task or batch and the duration of the step. Events are never
logged, because a source may be a signed URL.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.errors import ServiceUnavailable
from darkroom.runtime.logging import logger
from darkroom.runtime.redaction import redacted_errors

SERVER_ERROR = 500
# Error codes that are retryable, in addition to every 5xx:
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
TRANSIENT = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
}

LOGGED_FIELDS = ("attempt", "run", "action")
"""Fields of a step's event that are logged, in addition to the id of the task or batch."""

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def step(handler: Callable[[dict[str, Any]], dict[str, Any]]) -> Handler:
    """Return the Lambda handler of a step.

    Raises:
        DarkroomError: raised by the step.
        ServiceUnavailable: an AWS service is unavailable or throttles. The SDK has too many error
            names for a list in the `Retry` of the state machine.
    """

    @functools.wraps(handler)
    def wrapper(event: dict[str, Any], context: Any) -> dict[str, Any]:
        fields = {name: event[name] for name in LOGGED_FIELDS if name in event}
        logger.set_correlation_id(event.get("taskId") or event["batchId"])
        logger.append_keys(**fields, requestId=getattr(context, "aws_request_id", None))
        started = time.monotonic()
        try:
            with redacted_errors():  # Step Functions also stores the message
                answer = handler(event)
        except Exception as error:
            if _is_transient(error):
                unavailable = ServiceUnavailable(str(error))
                _log(unavailable, started)
                raise unavailable from error
            _log(error, started)
            raise
        logger.info("done", seconds=round(time.monotonic() - started, 3))
        return answer

    return wrapper


def _is_transient(error: Exception) -> bool:
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= SERVER_ERROR or error.response["Error"]["Code"] in TRANSIENT
    return isinstance(error, BotoCoreError)  # no response: refused, reset, timed out


def _log(error: Exception, started: float) -> None:
    logger.warning(
        "failed",
        error=type(error).__name__,
        reason=str(error),
        seconds=round(time.monotonic() - started, 3),
    )
