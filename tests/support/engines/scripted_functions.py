"""Functions that answer from a script, for state machines on any engine.

An engine calls `ScriptedFunctions.invoke` instead of Lambda, and converts the answer into the
response that its own Lambda would give. The process of the emulator imports this module, too. So it
imports only what both environments have.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from darkroom.aws.execution_failures import describe, explain

BATCH_STATES = {
    "prepare": "PrepareManifest",
    "retry": "RetryPage",
    "watch": "Watch",
    "fail": "MarkFailed",
    "cancel": "CancelPage",
    "settle": "Settle",
    "delete": "DeletePage",
    "forget": "Forget",
}
"""The state that invokes the batch function, by the `action` in the payload."""
STATES: Mapping[str, str | Mapping[str, str]] = {
    "UpdateStatusFunction": {
        "start": "MarkRunning",
        "complete": "MarkCompleted",
        "fail": "MarkFailed",
    },
    "DownloadFunction": "Download",
    "GrayscaleFunction": "Grayscale",
    "UploadFunction": "Upload",
    "EnterFunction": "Enter",
    "BatchFunction": BATCH_STATES,
}
"""The state that invokes a function, by the function's logical id and the `transition` or `action`
in the payload."""
LONGEST_HANG = 60.0
"""Seconds after which a function that hangs answers, if nobody has released it."""


@dataclass(frozen=True)
class Answer:
    """The outcome of one invocation of a function."""

    kind: Literal["result", "error", "throttled", "hangs"]
    payload: Any = None
    """The result; for an error, the object that Lambda reports."""


def returns(result: Any) -> Answer:
    return Answer("result", result)


def raises(error: str, message: str) -> Answer:
    """An exception, as Lambda reports it.

    https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    """
    return Answer("error", {"errorMessage": message, "errorType": error, "stackTrace": []})


def dies(error: str) -> Answer:
    """The end of the function's process, as Lambda reports it, for example Runtime.ExitError."""
    return Answer("error", {"errorType": error, "errorMessage": f"RequestId: 1 Error: {error}"})


THROTTLED = Answer("throttled")
HANGS = Answer("hangs")

Script = Mapping[str, Sequence[Answer]]
"""The answers of the functions by state. The last one is repeated; a state that is not in the
script answers as if all went well."""

WELL: Mapping[str, Mapping[str, Any]] = {
    "MarkRunning": {},
    "Download": {"sourceKey": "work/t/1/source"},
    "Grayscale": {"grayKey": "work/t/1/gray", "contentType": "image/png", "width": 4, "height": 3},
    "Upload": {"key": "results/t/1.png", "contentType": "image/png", "bytes": 812},
    "MarkCompleted": {},
    "PrepareManifest": {},
    "Enter": {"entered": 4},
    "RetryPage": {"cursor": ""},
    "Watch": {"next": "done"},
    "CancelPage": {"cursor": "", "open": 0},
    "Settle": {"next": "done"},
    "DeletePage": {"cursor": "", "open": 0},
    "Forget": {},
}
"""The results by state if all goes well; those of both MarkFailed states depend on the error."""


class ScriptedFunctions:
    """The functions of a state machine. It records their payloads."""

    def __init__(self, functions: Mapping[str, str], scripts: Mapping[str, Script]) -> None:
        """Answer from the script of the task or batch that a payload names.

        Args:
            functions: logical ids in template.yaml, by the ARN that the state machine invokes.
            scripts: by `taskId` or `batchId`.
        """
        self._functions, self._scripts = functions, scripts
        self._calls: dict[str, list[tuple[str, Any]]] = {subject: [] for subject in scripts}
        self._released = threading.Event()

    def invoke(self, arn: str, payload: Mapping[str, Any]) -> Answer:
        """Return the answer; blocks while it hangs.

        Raises:
            KeyError: no such function, transition, action, task or batch.
        """
        subject, state = subject_of(payload), self._state(arn, payload)
        calls = self._calls[subject]
        calls.append((state, payload))
        answers = self._scripts[subject].get(state)
        number = sum(called == state for called, _ in calls)
        answer = answers[min(number, len(answers)) - 1] if answers else _well(state, payload)
        if answer == HANGS:
            self._released.wait(LONGEST_HANG)
        return answer

    def calls(self, subject: str) -> list[tuple[str, Any]]:
        """Return the payloads for a task or batch, in order: state and payload."""
        return list(self._calls[subject])

    def release(self) -> None:
        """Release every function that hangs."""
        self._released.set()

    def _state(self, arn: str, payload: Mapping[str, Any]) -> str:
        states = STATES[self._functions[arn]]
        return states if isinstance(states, str) else states[purpose_of(payload) or ""]


def subject_of(payload: Mapping[str, Any]) -> str:
    """Return the task or the batch that a payload or an input is about."""
    return str(payload["taskId"] if "taskId" in payload else payload["batchId"])


def purpose_of(payload: Mapping[str, Any]) -> str | None:
    """Return which action a function with several actions is called for; None for a single
    action."""
    return payload.get("transition") or payload.get("action")


def _well(state: str, payload: Mapping[str, Any]) -> Answer:
    """The answer of a function that has no script. The message of a failure is that of the real
    function."""
    if state != "MarkFailed":
        return returns(WELL[state])
    if "action" in payload:
        return returns({"next": "failed", "failure": explain("The batch", payload["caught"])})
    return returns({"failure": describe(payload["step"], payload["caught"])})
