"""What every step of the state machine does around its one call: log, and name its failures.

A handler is decorated with `step`. The log line carries the task's id and how long the step took;
events are never logged, since a source may be a signed URL.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from darkroom.errors import DarkroomError, ServiceUnavailable

logger = Logger()

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def step(handler: Callable[[dict[str, Any]], dict[str, Any]]) -> Handler:
    """Return the Lambda handler of a step.

    Raises:
        DarkroomError: what the step raises. The SDK's errors become `ServiceUnavailable`, for their
            class names are many and not known to `Retry` in the state machine.
    """

    @functools.wraps(handler)
    def wrapper(event: dict[str, Any], context: Any) -> dict[str, Any]:
        logger.set_correlation_id(event["taskId"])
        logger.append_keys(
            taskId=event["taskId"],
            attempt=event["attempt"],
            requestId=getattr(context, "aws_request_id", None),
        )
        started = time.monotonic()
        try:
            answer = handler(event)
        except (BotoCoreError, ClientError) as error:
            failure: DarkroomError = ServiceUnavailable(str(error))
            _log(failure, started)
            raise failure from error
        except DarkroomError as error:
            _log(error, started)
            raise
        logger.info("done", seconds=round(time.monotonic() - started, 3))
        return answer

    return wrapper


def _log(error: DarkroomError, started: float) -> None:
    logger.warning(
        "failed",
        error=type(error).__name__,
        reason=str(error),
        seconds=round(time.monotonic() - started, 3),
    )
