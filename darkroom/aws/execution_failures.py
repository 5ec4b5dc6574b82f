"""Make of what Step Functions says something that a person understands."""

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_MESSAGE_LENGTH = 1000
MAX_NESTING = 5
"""Error objects within error objects that are unpacked: a function may raise what it was told."""
LONGEST_ESCAPE = 12
"""Characters of an escape in a JSON string: a surrogate pair."""

# A text may begin with a bracket, as "[Errno 111] Connection refused" does.
JSON_START = re.compile(r'\s*(?:\{\s*["}]|\{\Z|\[\s*["{\[\]]|\[\Z)')
CUT_MESSAGE = re.compile(r'"errorMessage"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)
# Of an exception group, every line begins with a bar. Spaces are counted, or a text of many of them
# would be searched for minutes.
STACK_TRACE = re.compile(
    r"^[ \t|+]*(?:Exception Group )?Traceback \(most recent call last\)"
    r"""|(?:\[['"])?[ ]{0,8}\bFile "[^"\n]*", line \d"""
    r'|\{\s*"(?:errorMessage|errorType|stackTrace)"\s*:',
    re.MULTILINE,
)

# Errors that AWS raises, not Darkroom: what they tell a person differs from what AWS wrote.
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
AWS_ERRORS = {
    "States.Timeout": "{what} did not end within its time limit.",
    "Sandbox.Timedout": "{what} did not end within its function's time limit.",
    "Runtime.ExitError": "{what} lost its process: most often it ran out of memory.",
    "Lambda.Unknown": "{what} ended without an answer: most often it ran out of memory.",
    "Lambda.TooManyRequestsException": (
        "{what} found no free Lambda concurrency, however often it was tried."
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What Step Functions says of an execution."""

    status: str
    """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
    error: str | None = None
    cause: str | None = None

    @property
    def caught(self) -> dict[str, str | None]:
        """What a Catch would have got of how the execution ended."""
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
    """Return the `error` and the `message`, which is never empty, of something that failed.

    Args:
        what: it is, as the beginning of a sentence.
        caught: `$states.errorOutput` of a Catch, or what is known of an execution. `Error` is the
            error's name, `Cause` as `readable` takes it.
    """
    error = caught.get("Error") or "States.Runtime"
    message = AWS_ERRORS.get(error, "").format(what=what) or readable(caught.get("Cause"))
    message = message or f"{what} ended with the error {error}, which has no message."
    return {"error": error, "message": _shortened(message)}


def readable(cause: object) -> str:
    """Return what a cause tells a person: never JSON, never a stack trace; "" if it is nothing.

    Args:
        cause: of an error in Step Functions. A function that raised gives
            `{"errorMessage": "…", "errorType": "…", "stackTrace": […]}`
            (https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html), with an empty
            `errorMessage` if the exception has no text. AWS cuts a cause at 32,768 characters, so
            the object may be incomplete.
    """
    text = cause
    for _ in range(MAX_NESTING):
        if not isinstance(text, str):
            return ""
        # A half of a surrogate pair, which JSON can hold, is no text that can be stored.
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
    """Read the inside of a JSON string, which may have been cut within an escape."""
    for length in range(len(text), max(len(text) - LONGEST_ESCAPE, -1), -1):
        with contextlib.suppress(ValueError):
            return str(json.loads(f'"{text[:length]}"', strict=False))
    return ""


def _without_stack_trace(text: str) -> str:
    """Return what comes before a stack trace, or else its last line, which names the error."""
    found = STACK_TRACE.search(text)
    if found is None:
        return text
    last = text.splitlines()[-1]
    named = "" if last[0].isspace() or STACK_TRACE.search(last) else last
    return text[: found.start()].strip() or named


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE_LENGTH else text[: MAX_MESSAGE_LENGTH - 1] + "…"
