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
    calls: Mapping[str, int]
    tracing: str


@dataclass(frozen=True)
class Run:
    """What was counted in a run of so many tasks. All figures are those of the whole run.

    Attributes:
        workflow: STANDARD or EXPRESS.
        picture: what each task developed.
        tasks: that ended COMPLETED.
        requests: to API Gateway.
        transitions: of Standard executions: each state entered, and the way out of the last. 0 of
            Express ones, which are billed otherwise.
        functions: by their names.
        writes: write units by index, the table's own under "table".
        reads: read units.
        messages: that were sent, in units of 64 KB.
        batches: of messages that functions were given: each was received and deleted once.
        events: put on the bus, in units of 64 KB.
        log_bytes: as CloudWatch counts them.
        work_bytes: of files that lie for a day.
        result_bytes: of results.
        item_bytes: of the tasks' records and of what indexes hold of them, at the end.
        traced: the share of requests that is traced, 0 to 1.
    """

    workflow: str
    picture: str
    tasks: int
    requests: int
    transitions: int
    functions: Mapping[str, Function]
    writes: Mapping[str, int]
    reads: float
    messages: int
    batches: int
    events: int
    log_bytes: int
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
        runs: so many.
        minute: what reconcile does.
        fixed: what the template has of what costs by the month: the price's name to a number.
    """

    date: str
    machine: str
    runs: list[Run]
    minute: Minute
    fixed: Mapping[str, int]

    def run(self, workflow: str, picture: str) -> Run:
        """Return the run of a workflow's type and a picture.

        Raises:
            KeyError: there was none.
        """
        for run in self.runs:
            if (run.workflow, run.picture) == (workflow, picture):
                return run
        raise KeyError(f"Nothing was counted for {workflow}, {picture}.")


def load_counts() -> Counts:
    """Read what was counted last."""
    return counts_of(json.loads(COUNTS.read_text()))


def counts_of(document: Mapping[str, Any]) -> Counts:
    """Make counts of what `counts.json` holds."""
    runs = [
        Run(**{**run, "functions": {n: Function(**f) for n, f in run["functions"].items()}})
        for run in document["runs"]
    ]
    minute = document["minute"]
    return Counts(
        date=document["date"],
        machine=document["machine"],
        runs=runs,
        minute=Minute(Function(**minute["function"]), minute["reads"]),
        fixed=document["fixed"],
    )
