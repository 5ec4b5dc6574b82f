"""What every step of a state machine does around its one call: log, and name its failures.

A handler is decorated with `step`. The log line carries the id of the task or batch and how
long the step took; events are never logged, since a source may be a signed URL.
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
# Answers that a later try may change, beside every 5xx:
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

# What a step's event says beside the id of the task or batch that it works on.
ABOUT = ("attempt", "run", "action")

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def step(handler: Callable[[dict[str, Any]], dict[str, Any]]) -> Handler:
    """Return the Lambda handler of a step.

    Raises:
        DarkroomError: what the step raises. What the SDK raises for a service that is down or
            throttles becomes `ServiceUnavailable`: the SDK's own class names are too many for the
            `Retry` of the state machine to know.
    """

    @functools.wraps(handler)
    def wrapper(event: dict[str, Any], context: Any) -> dict[str, Any]:
        about = {name: event[name] for name in ABOUT if name in event}
        logger.set_correlation_id(event.get("taskId") or event["batchId"])
        logger.append_keys(**about, requestId=getattr(context, "aws_request_id", None))
        started = time.monotonic()
        try:
            with redacted_errors():  # Step Functions keeps the message, too
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
    return isinstance(error, BotoCoreError)  # no answer at all: refused, reset, timed out


def _log(error: Exception, started: float) -> None:
    logger.warning(
        "failed",
        error=type(error).__name__,
        reason=str(error),
        seconds=round(time.monotonic() - started, 3),
    )
