"""The calls counted in runs on a local cloud: `counts.json`, which `make cost` writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COUNTS = Path(__file__).with_name("counts.json")


@dataclass(frozen=True)
class Function:
    """The invocations of one function in a run."""

    invocations: int  # their number
    cpu_ms: float  # processor time of all of them, measured on one processor of the machine
    memory_mb: int  # the memory of the function in the template
    calls: Mapping[str, float]  # the number of calls by action, for example `dynamodb:PutItem`
    tracing: str  # the tracing mode of the function in the template


@dataclass(frozen=True)
class Run:
    """The counts of a run of single tasks, or of one batch. All figures are for the whole run.

    `transitions` are those of Standard executions, including the batch's: one for each state
    entered and one for the end. Express executions are billed differently and not counted.
    `writes` are write units by index of the task table, its own as "table"; those of the batch
    table as "batches table" and so on.
    """

    workflow: str  # STANDARD or EXPRESS
    picture: str  # the source image of each task
    tasks: int  # the number of tasks; all ended COMPLETED
    manifests: int  # 1 for a batch, 0 for single tasks; Step Functions itself reads a manifest
    children: int  # Standard executions that Map Runs started to ingest the items of manifests
    requests: int  # to API Gateway
    transitions: int
    functions: Mapping[str, Function]  # by name
    writes: Mapping[str, int]
    reads: float  # read units
    messages: int  # sent messages, in units of 64 KB
    batches: int  # of messages that functions received: each was received and deleted once
    events: int  # put on the event bus, in units of 64 KB
    log_bytes: int  # of functions, as CloudWatch counts them
    execution_log_bytes: int  # of state machines, as CloudWatch counts them
    work_bytes: int  # of work files, which expire after a day
    result_bytes: int  # of results
    item_bytes: int  # of the items in the tables and their indexes, at the end
    traced: float  # the share of requests that is traced, 0 to 1


@dataclass(frozen=True)
class Minute:
    """Runs of `reconcile` without a repair. There is one run each minute."""

    function: Function  # invocations and calls
    reads: float  # read units


@dataclass(frozen=True)
class Counts:
    """All runs, and the number of resources with a monthly price."""

    date: str  # of the count, ISO 8601
    machine: str  # the processor that the processor time was measured on
    runs: list[Run]  # of single tasks
    batches: list[Run]  # runs of batches with the same workflows and images
    minute: Minute  # runs of `reconcile`
    fixed: Mapping[str, int]  # resources of the template by the name of their monthly price

    def run(self, workflow: str, picture: str) -> Run:
        """Return the run of single tasks with a workflow type and an image, or raise KeyError."""
        return _find(self.runs, workflow, picture)

    def batch(self, workflow: str, picture: str) -> Run:
        """Return the run of a batch with a workflow type and an image, or raise KeyError."""
        return _find(self.batches, workflow, picture)


def load_counts() -> Counts:
    """Read the latest counts."""
    return counts_of(json.loads(COUNTS.read_text()))


def counts_of(document: Mapping[str, Any]) -> Counts:
    """Return the counts in the content of `counts.json`."""
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


def _find(runs: list[Run], workflow: str, picture: str) -> Run:
    for run in runs:
        if (run.workflow, run.picture) == (workflow, picture):
            return run
    raise KeyError(f"Nothing was counted for {workflow}, {picture}.")
