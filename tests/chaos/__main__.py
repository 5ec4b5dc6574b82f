"""`make chaos`: inject each fault, then check the invariants. `SEED=…` repeats a run."""

import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos import (
    faults_of_batches,
    faults_of_callers,
    faults_of_express,
    faults_of_functions,
    faults_of_messages,
)
from tests.chaos.play import play
from tests.chaos.rig import open_rig
from tests.chaos.scene import Fault
from tests.chaos.task_invariants import AuditReport

TASKS = 36
"""On which each fault is tried."""
WIDTH = 110
AT_A_TIME = 2
"""Groups that run at once, each on a local cloud of its own: most of the time is waiting."""


@dataclass(frozen=True)
class Group:
    """Faults that share a local cloud, one after the other."""

    workflow_type: str
    faults: Sequence[Fault]


# The fault that kills the cloud comes last, because later faults would find what it left.
GROUPS = [
    Group("STANDARD", [*faults_of_batches.FAULTS, faults_of_batches.LAST]),
    Group(
        "STANDARD",
        [*faults_of_functions.FAULTS, *faults_of_messages.FAULTS, faults_of_functions.LAST],
    ),
    Group("EXPRESS", faults_of_express.FAULTS),
    Group("STANDARD", faults_of_callers.FAULTS),
]


@dataclass(frozen=True)
class Row:
    """The result of one fault."""

    fault: Fault
    report: AuditReport
    seconds: float


def main(words: Sequence[str]) -> int:
    """Run the faults whose names contain one of these words, or all; return the exit status."""
    screen = Console(highlight=False, soft_wrap=True, width=WIDTH)
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
    screen.print(f"SEED={seed}")
    screen.print(
        "Tasks are sent with an Idempotency-Key and again until they are accepted. "
        "Reconcile is called every 2 s where its schedule (1 min) is not itself what is tried. "
        "Of EXPRESS executions that have ended without a word, the 5 minutes that reconcile waits "
        "for them are spared: it sees their tasks as old as that."
    )
    began = time.monotonic()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        groups = [pool.submit(_run, screen, group, words, seed) for group in GROUPS]
    rows = [row for group in groups for row in group.result()]
    _show(screen, rows)
    screen.print(f"SEED={seed}, {time.monotonic() - began:.0f} s")
    return 0 if all(row.report.passed for row in rows) else 1


def _run(screen: Console, group: Group, words: Sequence[str], seed: int) -> list[Row]:
    """Run the chosen faults of one group."""
    chosen = [f for f in group.faults if not words or any(word in f.name for word in words)]
    if not chosen:
        return []
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="darkroom-chaos-") as folder,
        open_rig(Path(folder) / "cloud", seed, group.workflow_type) as rig,
    ):
        for fault in chosen:
            started = time.monotonic()
            report, scene = play(rig, fault, TASKS, seed)
            row = Row(fault, report, time.monotonic() - started)
            rows.append(row)
            screen.print(
                f"{'ok ' if report.passed else 'BAD'} {row.seconds:5.1f} s  {fault.name}: "
                f"struck {scene.struck} times; {_counts(scene.ends())}"
                + (f"; batches: {_counts(scene.batch_ends())}" if scene.batches else "")
                + (f"; our calls of reconcile: {_counts(scene.repaired)}" if scene.repaired else "")
                + (f"; {scene.spared} waits of 5 minutes spared" if scene.spared else "")
            )
            for kind in ("lost", "doubled", "wrong"):
                for what in getattr(report, kind):
                    screen.print(f"{fault.name}: {kind}: {what}", style="red", markup=False)
    return rows


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {what}" for what, n in counts.most_common())


def _show(screen: Console, rows: Sequence[Row]) -> None:
    table = Table()
    table.add_column("fault", no_wrap=True)
    for column in ("batches", "tasks", "ended", "lost", "doubled", "wrong", "s"):
        table.add_column(column, justify="right")
    for row in rows:
        report = row.report
        counts = (len(report.lost), len(report.doubled), len(report.wrong))
        table.add_row(
            row.fault.name,
            str(report.batches or ""),
            str(report.tasks),
            str(report.ended),
            *(str(n) if n == 0 else f"[bold red]{n}[/]" for n in counts),
            f"{row.seconds:.0f}",
        )
    screen.print(table, soft_wrap=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
