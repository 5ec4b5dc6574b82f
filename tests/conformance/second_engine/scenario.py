"""One execution of the state machine of tasks, and its expected result."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.engines.runs import EXECUTION, STARTED, Result
from tests.support.engines.scripted_functions import WELL, Script

TASK: dict[str, Any] = {
    "attempt": 1,
    "source": {"imageUrl": "https://a.example/b.png"},
    "output": {"format": "auto", "quality": 90},
}
"""The input of every execution, together with a `taskId`."""

WITHOUT_FUNCTION = {"NotTheOwner", "Superseded", "NothingChanged", "TaskFailed"}
MOST_RETRIES = 10
"""Of one retrier, in these runs: each waits for up to a second."""
COMPLETED = "MarkRunning Download Grayscale Upload MarkCompleted"
"""The path of a task that goes well."""
MACHINE = "the machine"
"""In `timeouts`: the whole execution."""


@dataclass(frozen=True)
class Scenario:
    """One execution: what its functions answer, and its expected path and end."""

    name: str
    script: Script
    path: str
    """The states that are entered, in order."""
    calls: Mapping[str, int] = field(default_factory=dict)
    """How often the function of a state is invoked, if not once."""
    status: str = "SUCCEEDED"
    error: str | None = None
    cause: str | None = None
    """`{taskId}` stands for the task."""
    output: Any = None
    failed: tuple[str, str, Any] = ("", "", "")
    """What MarkFailed receives: step, error and cause, as `runs.plain` reads it."""
    timeouts: Mapping[str, int] = field(default_factory=dict)
    """Shorter `TimeoutSeconds`, by state, or for the whole execution: MACHINE."""
    by_hand: bool = False
    """Whether the execution has a name that is not the task's."""
    redriven: bool = False

    @property
    def task_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.name))

    def expected(self) -> Result:
        """The result that every engine must report."""
        states = [state for state in self.path.split() if state not in WITHOUT_FUNCTION]
        calls = {state: self.calls.get(state, 1) for state in states}
        received = [self._sent(state, n) for state in states for n in range(calls[state])]
        return Result(
            path=self.path.split(),
            calls={state: times for state, times in calls.items() if times},
            received=received,
            status=self.status,
            error=self.error,
            cause=self._cause(),
            output=self.output,
        )

    def _cause(self) -> Any:
        if isinstance(self.cause, str):
            return self.cause.replace("{taskId}", self.task_id)
        return self.cause

    def _sent(self, state: str, retries: int) -> dict[str, Any]:
        """The payload that a state sends to its function after a number of retries."""
        step, error, cause = self.failed
        caught = {"Error": error, "Cause": cause}
        by = {"execution": EXECUTION}
        own: dict[str, dict[str, Any]] = {
            "MarkRunning": {"transition": "start", "started": STARTED, "retries": retries, **by},
            "Download": {"source": TASK["source"]},
            "Grayscale": {"output": TASK["output"], **WELL["Download"]},
            "Upload": {"gray": WELL["Grayscale"]},
            "MarkCompleted": {"transition": "complete", "result": WELL["Upload"], **by},
            "MarkFailed": {"transition": "fail", "step": step, "caught": caught, **by},
        }
        return {"taskId": self.task_id, "attempt": 1, **own[state]}


def completes(name: str, script: Script, **calls: int) -> Scenario:
    """A task that ends COMPLETED."""
    return Scenario(name, script, COMPLETED, calls, output={})


def fails(
    name: str, script: Script, path: str, failed: tuple[str, str, Any], cause: str, **more: Any
) -> Scenario:
    """A task that ends FAILED: the execution has the error that MarkFailed received."""
    return Scenario(
        name, script, path, status="FAILED", error=failed[1], cause=cause, failed=failed, **more
    )


NOT_THE_OWNER = "Another execution owns the task."


def refused(name: str, script: Script, path: str, **more: Any) -> Scenario:
    """An execution that a person started, and that could not change its task."""
    cause = (
        f"{NOT_THE_OWNER} Nothing was changed. To process a task again, retry it: "
        "POST /tasks/{taskId}/retry, or darkroom retry {taskId}. Do not redrive its executions, "
        "and do not start one by hand."
    )
    return Scenario(name, script, path, status="FAILED", error="StaleAttempt", cause=cause, **more)
