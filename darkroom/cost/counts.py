"""What was counted in runs on a local cloud: `counts.json`, which `make cost` writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COUNTS = Path(__file__).with_name("counts.json")


@dataclass(frozen=True)
class Function:
    """What one function did in a run.

    Attributes:
        invocations: so many.
        cpu_ms: processor time of all, measured on one processor of this machine.
        memory_mb: as the template has it.
        calls: how often it called what: `dynamodb:PutItem`.
        tracing: its mode, as the template has it.
    """

    invocations: int
    cpu_ms: float
    memory_mb: int
    calls: Mapping[str, float]
    tracing: str


@dataclass(frozen=True)
class Run:
    """What was counted in a run of so many tasks. All figures are those of the whole run.

    The tasks are single ones, or those of one batch.

    Attributes:
        workflow: STANDARD or EXPRESS.
        picture: what each task developed.
        tasks: that ended COMPLETED.
        manifests: of batches: 1, or 0 where tasks were single. Step Functions itself reads them.
        children: Express executions that Map Runs started, to enter the items of manifests.
        requests: to API Gateway.
        transitions: of Standard executions, a batch's among them: each state entered, and the way
            out of the last. Those of Express ones are billed otherwise and not counted.
        functions: by their names.
        writes: write units by index of the tasks' table, its own under "table"; those of the table
            of batches under "batches table" and so on.
        reads: read units.
        messages: that were sent, in units of 64 KB.
        batches: of messages that functions were given: each was received and deleted once.
        events: put on the bus, in units of 64 KB.
        log_bytes: of functions, as CloudWatch counts them.
        execution_log_bytes: the same of state machines.
        work_bytes: of files that lie for a day.
        result_bytes: of results.
        item_bytes: of the records and of what indexes hold of them, at the end.
        traced: the share of requests that is traced, 0 to 1.
    """

    workflow: str
    picture: str
    tasks: int
    manifests: int
    children: int
    requests: int
    transitions: int
    functions: Mapping[str, Function]
    writes: Mapping[str, int]
    reads: float
    messages: int
    batches: int
    events: int
    log_bytes: int
    execution_log_bytes: int
    work_bytes: int
    result_bytes: int
    item_bytes: int
    traced: float


@dataclass(frozen=True)
class Minute:
    """What runs of reconcile did that had nothing to repair; there is one each minute.

    Attributes:
        function: its invocations and calls.
        reads: read units.
    """

    function: Function
    reads: float


@dataclass(frozen=True)
class Counts:
    """All runs, and what costs every month.

    Attributes:
        date: when it was counted, ISO 8601.
        machine: that used the processor time.
        runs: of single tasks.
        batches: the same workflows and pictures as batches.
        minute: what reconcile does.
        fixed: what the template has of what costs by the month: the price's name to a number.
    """

    date: str
    machine: str
    runs: list[Run]
    batches: list[Run]
    minute: Minute
    fixed: Mapping[str, int]

    def run(self, workflow: str, picture: str) -> Run:
        """Return the run of single tasks of a workflow's type and a picture.

        Raises:
            KeyError: there was none.
        """
        return _found(self.runs, workflow, picture)

    def batch(self, workflow: str, picture: str) -> Run:
        """Return the batch of a workflow's type and a picture.

        Raises:
            KeyError: there was none.
        """
        return _found(self.batches, workflow, picture)


def load_counts() -> Counts:
    """Read what was counted last."""
    return counts_of(json.loads(COUNTS.read_text()))


def counts_of(document: Mapping[str, Any]) -> Counts:
    """Make counts of what `counts.json` holds."""
    kinds = {
        kind: [
            Run(**{**run, "functions": {n: Function(**f) for n, f in run["functions"].items()}})
            for run in document[kind]
        ]
        for kind in ("runs", "batches")
    }
    minute = document["minute"]
    return Counts(
        date=document["date"],
        machine=document["machine"],
        **kinds,
        minute=Minute(Function(**minute["function"]), minute["reads"]),
        fixed=document["fixed"],
    )


def _found(runs: list[Run], workflow: str, picture: str) -> Run:
    for run in runs:
        if (run.workflow, run.picture) == (workflow, picture):
            return run
    raise KeyError(f"Nothing was counted for {workflow}, {picture}.")
