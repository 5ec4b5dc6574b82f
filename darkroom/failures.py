"""Make of what Step Functions says something that a person understands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

MAX_MESSAGE_LENGTH = 1000

# Errors that AWS raises, not Darkroom: what they tell a person differs from what AWS wrote.
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
AWS_ERRORS = {
    "States.Timeout": "The step {step} did not end within its time limit.",
    "Sandbox.Timedout": "The step {step} did not end within its function's time limit.",
    "Runtime.ExitError": "The process of the step {step} died: most often it ran out of memory.",
    "Lambda.Unknown": "The step {step} ended without an answer: most often it ran out of memory.",
    "Lambda.TooManyRequestsException": (
        "The step {step} found no free Lambda concurrency, however often it was tried."
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What Step Functions says of an execution."""

    status: str
    """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
    error: str | None = None
    cause: str | None = None


def describe(step: str, caught: Mapping[str, str]) -> dict[str, str]:
    """Return the `failure` of a task: step, error and message.

    Args:
        step: the state that failed.
        caught: `$states.errorOutput` of its Catch. `Error` is the error's name. `Cause` is, of a
            function that raised, a JSON object with `errorMessage`; of other errors it is a
            sentence, or missing.
    """
    error, cause = caught["Error"], caught.get("Cause", "")
    message = AWS_ERRORS.get(error, "").format(step=step) or _message(cause) or f"{step} failed."
    if len(message) > MAX_MESSAGE_LENGTH:
        message = message[: MAX_MESSAGE_LENGTH - 1] + "…"
    return {"step": step, "error": error, "message": message}


def _message(cause: str) -> str:
    try:
        parsed = json.loads(cause)
    except (ValueError, RecursionError):
        return cause
    if isinstance(parsed, dict) and parsed.get("errorMessage"):
        return str(parsed["errorMessage"])
    return cause
