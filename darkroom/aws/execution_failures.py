"""Convert what Step Functions reports about a failure into a message for people."""

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_MESSAGE_LENGTH = 1000
MAX_NESTING = 5
"""How many nested error objects are unpacked. A function may raise the error object that it got."""
LONGEST_ESCAPE = 12
"""Characters in the longest escape sequence of a JSON string, a surrogate pair."""

# A text that is not JSON may also begin with a bracket: "[Errno 111] Connection refused".
JSON_START = re.compile(r'\s*(?:\{\s*["}]|\{\Z|\[\s*["{\[\]]|\[\Z)')
CUT_MESSAGE = re.compile(r'"errorMessage"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)
# In an exception group, every line begins with a bar. The number of spaces is limited, because the
# search would take minutes in a text of many spaces otherwise.
STACK_TRACE = re.compile(
    r"^[ \t|+]*(?:Exception Group )?Traceback \(most recent call last\)"
    r"""|(?:\[['"])?[ ]{0,8}\bFile "[^"\n]*", line \d"""
    r'|\{\s*"(?:errorMessage|errorType|stackTrace)"\s*:',
    re.MULTILINE,
)

# Errors that AWS raises, not Darkroom, with our own messages instead of those of AWS.
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
AWS_ERRORS = {
    "States.Timeout": "{what} did not end within its time limit.",
    "Sandbox.Timedout": "{what} did not end within its function's time limit.",
    "Runtime.ExitError": "{what} failed: its process ended. The usual cause is a lack of memory.",
    "Lambda.Unknown": "{what} ended without an answer. The usual cause is a lack of memory.",
    "Lambda.TooManyRequestsException": (
        "{what} found no free Lambda concurrency, even after all retries."
    ),
}


@dataclass(frozen=True)
class Outcome:
    """The status of an execution, as Step Functions reports it."""

    status: str
    """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
    error: str | None = None
    cause: str | None = None
    redriven: bool = False
    """Whether a person redrove it. It may run although an event says that it has ended."""

    @property
    def caught(self) -> dict[str, str | None]:
        """The error output that a Catch would have received."""
        timed_out = "States.Timeout" if self.status == "TIMED_OUT" else None
        return {"Error": self.error or timed_out, "Cause": self.cause}


def describe(step: str, caught: Mapping[str, Any]) -> dict[str, str]:
    """Return the `failure` of a task: step, error and message.

    Args:
        step: the state that failed.
        caught: as `explain` takes it.
    """
    return {"step": step, **explain(f"The step {step}", caught)}


def explain(what: str, caught: Mapping[str, Any]) -> dict[str, str]:
    """Return the `error` and the `message`, which is never empty, of a failure.

    Args:
        what: the subject of the message, for example "The batch".
        caught: `$states.errorOutput` of a Catch, or `Outcome.caught` of an execution. `Error` is
            the name of the error, `Cause` its cause: see `readable`.
    """
    error = caught.get("Error") or "States.Runtime"
    message = AWS_ERRORS.get(error, "").format(what=what) or readable(caught.get("Cause"))
    message = message or f"{what} ended with the error {error}, which has no message."
    return {"error": error, "message": _shortened(message)}


def readable(cause: object) -> str:
    """Return the message in a cause, without JSON or a stack trace; "" if there is none.

    Args:
        cause: the cause of an error in Step Functions. If a function raised the error, it is
            `{"errorMessage": "…", "errorType": "…", "stackTrace": […]}`
            (https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html), with an empty
            `errorMessage` if the exception has no text. AWS cuts a cause at 32,768 characters, so
            the object may be incomplete.
    """
    text = cause
    for _ in range(MAX_NESTING):
        if not isinstance(text, str):
            return ""
        # JSON can contain a lone surrogate, which cannot be stored as text.
        text = text.encode(errors="replace").decode().strip()
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            cut = CUT_MESSAGE.search(text) if JSON_START.match(text) else None
            if cut is None:
                break
            parsed = {"errorMessage": _unescaped(cut[1])}
        text = parsed.get("errorMessage") if isinstance(parsed, dict) else parsed
    if not isinstance(text, str) or JSON_START.match(text):
        return ""
    return _shortened(_without_stack_trace(text))


def _unescaped(text: str) -> str:
    """Return the value of a JSON string without its quotation marks, possibly cut in an escape."""
    for length in range(len(text), max(len(text) - LONGEST_ESCAPE, -1), -1):
        with contextlib.suppress(ValueError):
            return str(json.loads(f'"{text[:length]}"', strict=False))
    return ""


def _without_stack_trace(text: str) -> str:
    """Return the text before a stack trace; if empty, its last line, which names the error."""
    found = STACK_TRACE.search(text)
    if found is None:
        return text
    last = text.splitlines()[-1]
    error = "" if last[0].isspace() or STACK_TRACE.search(last) else last
    return text[: found.start()].strip() or error


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE_LENGTH else text[: MAX_MESSAGE_LENGTH - 1] + "…"
