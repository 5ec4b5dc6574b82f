"""Lambda: retries of throttled invocations that no caller waits for.

Differences from AWS: docs/aws-differences.md, "Lambda".
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ministack.services import lambda_svc, sqs

from tools.localcloud.emulator.replacing import Function, replaces

# Defaults in seconds: the maximum age of an event, and the longest delay between two attempts.
EVENT_AGE = 21600.0
LONGEST_DELAY = 300.0

# For how many seconds the current invocation is retried while it is throttled.
_retry_seconds: ContextVar[float] = ContextVar("retry_seconds", default=0.0)


@replaces(lambda_svc, "_execute_function", has="_acquire_execution_slot(func, config)")
def retry_while_throttled(original: Function, func: dict[str, Any], event: Any) -> Any:
    """Retry throttled messages and events after 1 s, 2 s, 4 s and so on, up to 5 minutes.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """
    deadline = time.monotonic() + _retry_seconds.get()
    delay = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS
    # ministack calls itself for a function of another account, which must not retry twice.
    with _retrying_for(0.0):
        result = original(func, event)
        while result.get("throttle") and time.monotonic() + delay < deadline:
            time.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)
            result = original(func, event)
    return result


@replaces(lambda_svc, "_run_sqs_batch", has="(esm, func_rec, event, batch, queue_url, queue_name)")
def retry_a_throttled_message(original: Function, *args: Any) -> Any:
    """Retry a throttled message until its visibility timeout ends. ministack tries it once.

    Each further receive counts: after five throttled receives, a good message would be moved to
    the dead-letter queue.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    *_, queue_url, _ = args
    attributes = (sqs._queues.get(queue_url) or {}).get("attributes", {})
    with _retrying_for(float(attributes.get("VisibilityTimeout", 30))):
        return original(*args)


@replaces(lambda_svc, "invoke_async_with_retry", has="contextvars.copy_context()")
def retry_a_throttled_event(original: Function, func: dict[str, Any], event: Any) -> None:
    """Retry an asynchronous event for up to six hours. ministack drops it after three attempts.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """
    settings = func.get("event_invoke_config") or {}
    # The thread that ministack starts inherits the context variable.
    with _retrying_for(float(settings.get("MaximumEventAgeInSeconds", EVENT_AGE))):
        original(func, event)


@contextmanager
def _retrying_for(seconds: float) -> Iterator[None]:
    token = _retry_seconds.set(seconds)
    try:
        yield
    finally:
        _retry_seconds.reset(token)
