"""`make chaos`: break everything, then balance the books. `SEED=… make chaos` does it again."""

import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos import faults_of_functions, faults_of_messages
from tests.chaos.books import Account
from tests.chaos.rig import open_rig
from tests.chaos.scene import Fault, play

TASKS = 36
"""On which each fault is tried."""
WIDTH = 100
FAULTS = [*faults_of_functions.FAULTS, *faults_of_messages.FAULTS, faults_of_functions.LAST]


def main(names: Sequence[str]) -> int:
    """Run the faults whose names contain one of these words, or all; return the exit status."""
    screen = Console(highlight=False, soft_wrap=True, width=WIDTH)
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
    chosen = [f for f in FAULTS if not names or any(word in f.name for word in names)]
    screen.print(f"SEED={seed}")
    screen.print(
        "Tasks are sent with an Idempotency-Key and again until they are accepted. "
        "Reconcile is called every 2 s where its schedule (1 min) is not itself what is tried."
    )
    began = time.monotonic()
    accounts: list[tuple[Fault, Account, float]] = []
    with (
        tempfile.TemporaryDirectory(prefix="darkroom-chaos-") as folder,
        open_rig(Path(folder) / "cloud", seed) as rig,
    ):
        for fault in chosen:
            started = time.monotonic()
            account, scene = play(rig, fault, TASKS, seed)
            seconds = time.monotonic() - started
            accounts.append((fault, account, seconds))
            screen.print(
                f"{'ok ' if account.balanced else 'BAD'} {seconds:5.1f} s  {fault.name}: "
                f"struck {scene.struck} times; {_counts(scene.ends())}"
                + (f"; our calls of reconcile: {_counts(scene.repaired)}" if scene.repaired else "")
            )
    _show(screen, accounts)
    screen.print(f"SEED={seed}, {time.monotonic() - began:.0f} s")
    return 0 if all(account.balanced for _, account, _ in accounts) else 1


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {what}" for what, n in counts.most_common())


def _show(screen: Console, accounts: Sequence[tuple[Fault, Account, float]]) -> None:
    table = Table()
    table.add_column("fault", no_wrap=True)
    for column in ("tasks", "ended", "lost", "doubled", "wrong", "seconds"):
        table.add_column(column, justify="right")
    for fault, account, seconds in accounts:
        counts = (len(account.lost), len(account.doubled), len(account.wrong))
        table.add_row(
            fault.name,
            str(account.tasks),
            str(account.ended),
            *(str(n) if n == 0 else f"[bold red]{n}[/]" for n in counts),
            f"{seconds:.0f}",
        )
    screen.print(table, soft_wrap=False)
    for fault, account, _ in accounts:
        for kind in ("lost", "doubled", "wrong"):
            for what in getattr(account, kind):
                screen.print(f"{fault.name}: {kind}: {what}", style="red", markup=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
