"""Step Functions: how errors are named, retried and caught.

Differences from AWS: docs/aws-differences.md, "Step Functions".
"""

import contextlib
import contextvars
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ministack.services import stepfunctions

from tools.localcloud.emulator.fidelity.aws_lambda.workers import waiting
from tools.localcloud.emulator.limiter import Wait
from tools.localcloud.emulator.replacing import Function, replaces

# `States.ALL` and `States.TaskFailed` do not match these errors; only their own names do.
TERMINAL = ("States.DataLimitExceeded", "States.Runtime")


@replaces(stepfunctions, "_find_matching_retrier", has='retrier.get("MaxAttempts", 3)')
def honour_delay_and_jitter(
    original: Function, retriers: Any, error: str, counts: dict[int, int]
) -> tuple[Any, int]:
    """Apply `MaxDelaySeconds` and `JitterStrategy: FULL`, which ministack ignores.

    ministack still waits at most 60 seconds.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html (retrying)
    """
    retrier, index = original(retriers, error, counts)
    if retrier is None:
        return None, index
    delay = retrier.get("IntervalSeconds", 1)
    delay *= retrier.get("BackoffRate", 2.0) ** counts.get(index, 0)
    delay = min(delay, retrier.get("MaxDelaySeconds", delay))
    if retrier.get("JitterStrategy") == "FULL":
        delay = random.uniform(0, delay)  # noqa: S311
    # The caller multiplies IntervalSeconds by BackoffRate to the power of the retries.
    return {**retrier, "IntervalSeconds": delay, "BackoffRate": 1}, index


@replaces(stepfunctions, "_error_matches", has="States.TaskFailed")
def exclude_terminal_errors_from_wildcards(
    original: Function, error_equals: list[str], error: str
) -> bool:
    """`States.ALL` does not catch `States.Runtime` and `States.DataLimitExceeded`.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html (error names)
    """
    if error in TERMINAL:
        return error in error_equals
    return bool(original(error_equals, error))


@replaces(stepfunctions, "_call_lambda", has='body.get("errorType", "Lambda.Unknown")')
def name_the_error_of_a_throttled_function(original: Function, func_ref: str, event: Any) -> Any:
    """Name the error `Lambda.TooManyRequestsException`. ministack names it `Lambda.Unknown`.

    https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
    """
    try:
        return original(func_ref, event)
    except stepfunctions._ExecutionError as error:
        if error.error == "Lambda.Unknown" and _is_throttle(error.cause):
            raise stepfunctions._ExecutionError(
                "Lambda.TooManyRequestsException",
                "Rate Exceeded. (Service: Lambda, Status Code: 429)",
            ) from None
        raise


@replaces(stepfunctions, "_invoke_resource_with_timeout", has='_ExecutionError("States.Timeout"')
def time_out_without_a_cause(_original: Function, resource: str, given: Any, limit: float) -> Any:
    """A Catch of a task's timeout gets `{"Error": "States.Timeout", "Cause": ""}`.

    ministack sets a cause. `events` records the matching event without a cause.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskTimedOutEventDetails.html

    The time limit begins when a process is free. In AWS an invocation begins at once, or is
    throttled. Here a busy laptop would fail tasks that AWS completes.
    """
    wait = Wait()
    waiting.set(wait)
    with contextlib.ExitStack() as ends:
        pool = ThreadPoolExecutor(max_workers=1)
        ends.callback(pool.shutdown, wait=False)
        context = contextvars.copy_context()
        future = pool.submit(context.run, stepfunctions._invoke_resource, resource, given)
        began = time.monotonic()
        while (left := limit + wait.seconds - (time.monotonic() - began)) > 0:
            with contextlib.suppress(TimeoutError):
                return future.result(timeout=left)
    raise stepfunctions._ExecutionError("States.Timeout", "")


@replaces(stepfunctions, "_fail_state_field", has="state_def.get(field, default)")
def fail_without_what_a_fail_state_lacks(
    original: Function, state: dict[str, Any], name: str, _default: str, *rest: Any
) -> Any:
    """A Fail state without `Error` ends without an error. ministack sets `States.Fail`.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html
    """
    return original(state, name, "", *rest)


def _is_throttle(cause: str) -> bool:
    try:
        return bool(json.loads(cause).get("__type") == "TooManyRequestsException")
    except (AttributeError, ValueError):
        return False
