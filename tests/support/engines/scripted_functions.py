"""Functions that answer from a script, for state machines on any engine.

An engine calls `ScriptedFunctions.invoke` in the place of Lambda, and turns the answer into what
its own Lambda would have answered. The process of the emulator imports this module, too. So it
imports only what both environments have.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from darkroom.aws.execution_failures import describe

FUNCTION_OF_STEP = {
    "DownloadFunction": "Download",
    "GrayscaleFunction": "Grayscale",
    "UploadFunction": "Upload",
}
STATE_OF_TRANSITION = {"start": "MarkRunning", "complete": "MarkCompleted", "fail": "MarkFailed"}
LONGEST_HANG = 60.0
"""Seconds after which a function that hangs answers, if nobody has released it."""


@dataclass(frozen=True)
class Answer:
    """What one invocation of a function ends with."""

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
    """The end of the function's process, as Lambda reports it: Runtime.ExitError and the like."""
    return Answer("error", {"errorType": error, "errorMessage": f"RequestId: 1 Error: {error}"})


THROTTLED = Answer("throttled")
HANGS = Answer("hangs")

Script = Mapping[str, Sequence[Answer]]
"""The answers of the functions by state. The last one is repeated; a state that is not in the
script answers as if all went well."""

WELL = {
    "MarkRunning": {},
    "Download": {"sourceKey": "work/t/1/source"},
    "Grayscale": {"grayKey": "work/t/1/gray", "contentType": "image/png", "width": 4, "height": 3},
    "Upload": {
        "key": "results/t/1.png",
        "contentType": "image/png",
        "bytes": 812,
        "sha256": "17ad",
    },
    "MarkCompleted": {},
}


class ScriptedFunctions:
    """The functions of the state machine of tasks. Keeps what they were sent, by task."""

    def __init__(self, functions: Mapping[str, str], scripts: Mapping[str, Script]) -> None:
        """Answer from the script of the task that a payload names.

        Args:
            functions: logical ids in template.yaml, by the ARN that the state machine invokes.
            scripts: by `taskId`.
        """
        self._functions, self._scripts = functions, scripts
        self._calls: dict[str, list[tuple[str, Any]]] = {task_id: [] for task_id in scripts}
        self._released = threading.Event()

    def invoke(self, arn: str, payload: Mapping[str, Any]) -> Answer:
        """Return the answer; blocks while it hangs.

        Raises:
            KeyError: no such function, transition or task.
        """
        state, task_id = self._state(arn, payload), payload["taskId"]
        calls = self._calls[task_id]
        calls.append((state, payload))
        answers = self._scripts[task_id].get(state)
        number = sum(called == state for called, _ in calls)
        answer = answers[min(number, len(answers)) - 1] if answers else _well(state, payload)
        if answer == HANGS:
            self._released.wait(LONGEST_HANG)
        return answer

    def calls(self, task_id: str) -> list[tuple[str, Any]]:
        """Return what a task's functions were sent, in order: state and payload."""
        return list(self._calls[task_id])

    def release(self) -> None:
        """Let every function answer that hangs."""
        self._released.set()

    def _state(self, arn: str, payload: Mapping[str, Any]) -> str:
        function = self._functions[arn]
        return FUNCTION_OF_STEP.get(function) or STATE_OF_TRANSITION[payload["transition"]]


def _well(state: str, payload: Mapping[str, Any]) -> Answer:
    """The answer of a function that has no script. UpdateStatus words a failure as the real one."""
    if state == "MarkFailed":
        return returns({"failure": describe(payload["step"], payload["caught"])})
    return returns(WELL[state])
