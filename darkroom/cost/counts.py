"""The calls counted in runs on a local cloud: `counts.json`, which `make cost` writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COUNTS = Path(__file__).with_name("counts.json")


@dataclass(frozen=True)
class Function:
    """The invocations of one function in a run.

    Attributes:
        invocations: their number.
        cpu_ms: processor time of all of them, measured on one processor of the machine.
        memory_mb: the memory of the function in the template.
        calls: the number of calls by action, for example `dynamodb:PutItem`.
        tracing: the tracing mode of the function in the template.
    """

    invocations: int
    cpu_ms: float
    memory_mb: int
    calls: Mapping[str, float]
    tracing: str


@dataclass(frozen=True)
class Run:
    """The counts of a run of single tasks, or of one batch. All figures are for the whole run.

    Attributes:
        workflow: STANDARD or EXPRESS.
        picture: the source image of each task.
        tasks: the number of tasks; all ended COMPLETED.
        manifests: 1 for a batch, 0 for single tasks. Step Functions itself reads a manifest.
        children: Express executions that Map Runs started to ingest the items of manifests.
        requests: to API Gateway.
        transitions: of Standard executions, including the batch's: one for each state entered and
            one for the end. Express executions are billed differently and not counted.
        functions: by name.
        writes: write units by index of the task table, its own as "table"; those of the batch
            table as "batches table" and so on.
        reads: read units.
        messages: sent messages, in units of 64 KB.
        batches: batches of messages that functions received: each was received and deleted once.
        events: put on the event bus, in units of 64 KB.
        log_bytes: of functions, as CloudWatch counts them.
        execution_log_bytes: of state machines, as CloudWatch counts them.
        work_bytes: of work files, which expire after a day.
        result_bytes: of results.
        item_bytes: of the items in the tables and their indexes, at the end.
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
    """Runs of `reconcile` without a repair. There is one run each minute.

    Attributes:
        function: invocations and calls.
        reads: read units.
    """

    function: Function
    reads: float


@dataclass(frozen=True)
class Counts:
    """All runs, and the number of resources with a monthly price.

    Attributes:
        date: of the count, ISO 8601.
        machine: the processor that the processor time was measured on.
        runs: of single tasks.
        batches: runs of batches with the same workflows and images.
        minute: runs of `reconcile`.
        fixed: resources of the template with a monthly price: their number by the price's name.
    """

    date: str
    machine: str
    runs: list[Run]
    batches: list[Run]
    minute: Minute
    fixed: Mapping[str, int]

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
