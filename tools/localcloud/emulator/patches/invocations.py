"""What Lambda does by itself with an invocation that it had to throttle."""

import time
from contextvars import ContextVar
from typing import Any

from ministack.services import lambda_svc, sqs

from tools.localcloud.emulator.patches.replacing import Function, replace

# Seconds that an event waits for its function when nobody has set it, and between two attempts.
EVENT_AGE = 21600.0
LONGEST_DELAY = 300.0

# For how many seconds the invocation at hand is tried again while it is throttled.
_patience: ContextVar[float] = ContextVar("patience", default=0.0)


def apply() -> None:
    """Apply the patches of this module."""
    try_again_while_throttled()
    keep_a_throttled_message()
    keep_a_throttled_event()


def try_again_while_throttled() -> None:
    """Try again, after 1 s, 2 s, 4 s and so on up to 5 minutes, what the next two ask to keep.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """

    def execute(original: Function) -> Function:
        def patiently(func: dict[str, Any], event: Any) -> Any:
            deadline = time.monotonic() + _patience.get()
            delay = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS
            # ministack calls itself again for a function of another account.
            token = _patience.set(0.0)
            try:
                result = original(func, event)
                while result.get("throttle") and time.monotonic() + delay < deadline:
                    time.sleep(delay)
                    delay = min(2 * delay, LONGEST_DELAY)
                    result = original(func, event)
            finally:
                _patience.reset(token)
            return result

        return patiently

    replace(lambda_svc, "_execute_function", execute, has="_acquire_execution_slot(func, config)")


def keep_a_throttled_message() -> None:
    """A queue's message is tried until its visibility timeout ends; ministack tries it once.

    The difference is a receive: five throttled ones would move a good message to the dead letters.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """

    def run(original: Function) -> Function:
        def patiently(*args: Any) -> Any:
            *_, queue_url, _ = args
            attributes = (sqs._queues.get(queue_url) or {}).get("attributes", {})
            token = _patience.set(float(attributes.get("VisibilityTimeout", 30)))
            try:
                return original(*args)
            finally:
                _patience.reset(token)

        return patiently

    replace(
        lambda_svc,
        "_run_sqs_batch",
        run,
        has="(esm, func_rec, event, batch, queue_url, queue_name)",
    )


def keep_a_throttled_event() -> None:
    """An asynchronous event waits for up to six hours; ministack drops it after three attempts.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """

    def invoke(original: Function) -> Function:
        def patiently(func: dict[str, Any], event: Any) -> None:
            # The thread that ministack starts inherits it.
            settings = func.get("event_invoke_config") or {}
            token = _patience.set(float(settings.get("MaximumEventAgeInSeconds", EVENT_AGE)))
            try:
                original(func, event)
            finally:
                _patience.reset(token)

        return patiently

    replace(lambda_svc, "invoke_async_with_retry", invoke, has="contextvars.copy_context()")
