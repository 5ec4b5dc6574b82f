"""Executions of a state machine with scripted functions, and their results on an engine.

Engines may differ in the ARN and the start time of an execution. They may also differ in the white
space of a cause that is JSON, and in the details that AWS adds to a cause in brackets,
"(Service: Lambda, …)". These differences are removed before results are compared.
"""

import datetime
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.support.engines.scripted_functions import Answer, Script, subject_of

EXECUTION, STARTED = "<the execution>", "<its start>"


@dataclass(frozen=True)
class Run:
    """An execution to be started: its definition, its name, its input and its functions' script."""

    definition: str
    name: str
    input: Mapping[str, Any]
    script: Script = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """The task or the batch."""
        return subject_of(self.input)


@dataclass(frozen=True)
class Result:
    """An execution that has ended."""

    path: Sequence[str]
    """The states that it entered, in order, without those within a Map."""
    calls: Mapping[str, int]
    """How often the function of a state was invoked."""
    received: Sequence[Mapping[str, Any]]
    """What their functions were sent, in order."""
    status: str
    error: str | None = None
    cause: Any = None
    output: Any = None
    events: int = field(default=0, compare=False)
    """The events of its history, those within a Map included."""


def scripts(runs: Sequence[Run]) -> dict[str, Script]:
    """Return the scripts by task or batch."""
    found = {run.subject: run.script for run in runs}
    assert len(found) == len(runs), "two runs of one subject would share its script"
    return found


def result(
    run: Run,
    described: Mapping[str, Any],
    events: Iterable[Mapping[str, Any]],
    calls: Sequence[tuple[str, Any]],
) -> Result:
    """Return the result of an execution, with the payloads that its functions received.

    Args:
        run: as it was started.
        described: as DescribeExecution answers.
        events: as GetExecutionHistory answers, in order.
        calls: of `ScriptedFunctions.calls`.
    """
    states = json.loads(run.definition)["States"]
    events = list(events)
    entered = (
        event["stateEnteredEventDetails"]["name"]
        for event in events
        if event["type"].endswith("StateEntered")
    )
    status = described["status"]
    return Result(
        path=[name for name in entered if name in states],
        calls=dict(Counter(state for state, _ in calls)),
        received=[
            _received(payload, described["executionArn"])
            for state, payload in calls
            if state in states
        ],
        status=status,
        error=described.get("error"),
        cause=plain(described.get("cause")),
        # AWS has no output of an execution that did not succeed (API_DescribeExecution).
        output=_caught(json.loads(described["output"])) if status == "SUCCEEDED" else None,
        events=len(events),
    )


def plain(cause: Any) -> Any:
    """Return a cause in the form in which it is compared."""
    try:
        return json.loads(cause)
    except (TypeError, ValueError):
        return cause.partition(" (Service: ")[0] if isinstance(cause, str) else cause


def _received(payload: Mapping[str, Any], execution: str) -> dict[str, Any]:
    kept = dict(payload)
    if kept.get("execution") == execution:
        kept["execution"] = EXECUTION
    if "started" in kept and datetime.datetime.fromisoformat(kept["started"]).tzinfo:
        kept["started"] = STARTED
    if "caught" in kept:
        kept["caught"] = _caught(kept["caught"])
    return kept


def _caught(value: Any) -> Any:
    """Return an error output with its cause in comparable form; any other value unchanged."""
    if isinstance(value, dict) and "Cause" in value:
        return value | {"Cause": plain(value["Cause"])}
    return value


def dump(runs: Sequence[Run], functions: Mapping[str, str]) -> str:
    """Write what a process needs to run these as JSON."""
    return json.dumps({"runs": [asdict(run) for run in runs], "functions": functions})


def load(text: str) -> tuple[list[Run], dict[str, str]]:
    """Read what `dump` wrote."""
    read = json.loads(text)
    runs = [
        Run(
            run["definition"],
            run["name"],
            run["input"],
            {
                state: [Answer(**answer) for answer in answers]
                for state, answers in run["script"].items()
            },
        )
        for run in read["runs"]
    ]
    return runs, read["functions"]
