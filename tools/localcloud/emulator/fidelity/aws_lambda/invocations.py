"""Lambda: retries of throttled invocations that no caller waits for, and what a failed one says.

Differences from AWS: docs/aws-differences.md, "Lambda".
"""

import time
from contextvars import ContextVar
from typing import Any

from ministack.core import lambda_runtime as runtime
from ministack.services import lambda_svc, sqs

from tools.localcloud.emulator.replacing import Function, replace

# Defaults in seconds: the maximum age of an event, and the longest delay between two attempts.
EVENT_AGE = 21600.0
LONGEST_DELAY = 300.0

# For how many seconds the current invocation is retried while it is throttled.
_retry_seconds: ContextVar[float] = ContextVar("retry_seconds", default=0.0)

# What ministack says of an environment that ended, and what AWS says of one that exited.
EXITED = ("Runtime exited before returning a response", "Runtime exited without providing a reason")
ENDED = (EXITED[0], "Task timed out after ")


def apply() -> None:
    """Apply the patches of this module."""
    retry_while_throttled()
    retry_a_throttled_message()
    retry_a_throttled_event()
    name_the_request_that_ended_its_environment()


def retry_while_throttled() -> None:
    """Retry throttled messages and events after 1 s, 2 s, 4 s and so on, up to 5 minutes.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """

    def execute(original: Function) -> Function:
        def retried(func: dict[str, Any], event: Any) -> Any:
            deadline = time.monotonic() + _retry_seconds.get()
            delay = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS
            # ministack calls itself for a function of another account, which must not retry twice.
            token = _retry_seconds.set(0.0)
            try:
                result = original(func, event)
                while result.get("throttle") and time.monotonic() + delay < deadline:
                    time.sleep(delay)
                    delay = min(2 * delay, LONGEST_DELAY)
                    result = original(func, event)
            finally:
                _retry_seconds.reset(token)
            return result

        return retried

    replace(lambda_svc, "_execute_function", execute, has="_acquire_execution_slot(func, config)")


def retry_a_throttled_message() -> None:
    """Retry a throttled message until its visibility timeout ends. ministack tries it once.

    Each further receive counts: after five throttled receives, a good message would be moved to
    the dead-letter queue.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """

    def run(original: Function) -> Function:
        def retried(*args: Any) -> Any:
            *_, queue_url, _ = args
            attributes = (sqs._queues.get(queue_url) or {}).get("attributes", {})
            token = _retry_seconds.set(float(attributes.get("VisibilityTimeout", 30)))
            try:
                return original(*args)
            finally:
                _retry_seconds.reset(token)

        return retried

    replace(
        lambda_svc,
        "_run_sqs_batch",
        run,
        has="(esm, func_rec, event, batch, queue_url, queue_name)",
    )


def retry_a_throttled_event() -> None:
    """Retry an asynchronous event for up to six hours. ministack drops it after three attempts.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """

    def invoke(original: Function) -> Function:
        def retried(func: dict[str, Any], event: Any) -> None:
            # The thread that ministack starts inherits the context variable.
            settings = func.get("event_invoke_config") or {}
            token = _retry_seconds.set(float(settings.get("MaximumEventAgeInSeconds", EVENT_AGE)))
            try:
                original(func, event)
            finally:
                _retry_seconds.reset(token)

        return retried

    replace(lambda_svc, "invoke_async_with_retry", invoke, has="contextvars.copy_context()")


def name_the_request_that_ended_its_environment() -> None:
    """Begin the message of a timeout or an ended process with `RequestId: … Error: `.

    AWS also adds the exit status of a process, if it is not 0. ministack no longer has it.
    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """

    def invoke(original: Function) -> Function:
        def named(self: Any, event: Any, request_id: str, **more: Any) -> Any:
            answer = original(self, event, request_id, **more)
            payload = answer.get("error_payload")
            if isinstance(payload, dict) and payload.get("errorMessage", "").startswith(ENDED):
                message = payload["errorMessage"].replace(*EXITED)
                payload["errorMessage"] = f"RequestId: {request_id} Error: {message}"
            return answer

        return named

    replace(runtime.ProvidedWorker, "invoke", invoke, has=f'"{EXITED[0]}"')
