"""The time that a function takes to start, until its handler and its clients are ready."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from darkroom.cost.report import Table
from tools.bench.imports import imports
from tools.bench.packages import BASELINE, Function, build, sizes

ROUNDS, QUICK_ROUNDS = 15, 2
MS = 1000


@dataclass(frozen=True)
class Start:
    """The time of one process, from its start to its end."""

    cpu: float
    """User and system time in seconds."""
    wall: float
    """Wall time in seconds."""


def tables(*, quick: bool) -> list[Table]:
    """Build everything and return three tables: starts, their imports, package sizes.

    Args:
        quick: run two rounds, to check that it works.

    Raises:
        subprocess.CalledProcessError: `sam build` failed, or a function does not start.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        functions = build(folder)
        starts = _starts(functions, QUICK_ROUNDS if quick else ROUNDS)
        return [starts, imports(functions), sizes(folder)]


def _starts(functions: dict[str, Function], rounds: int) -> Table:
    taken: dict[str, list[Start]] = {name: [] for name in functions}
    for round_ in range(rounds + 1):
        for name, function in functions.items():
            start = _start(function)
            if round_:  # the first fills the machine's file cache
                taken[name].append(start)
    cpu = {name: statistics.median(start.cpu for start in taken[name]) for name in taken}
    wall = {name: statistics.median(start.wall for start in taken[name]) for name in taken}
    ratios = {name: cpu[name] / cpu[BASELINE] for name in taken}
    return Table(
        title="Start of each function",
        about=(
            "A new process imports the handler's module, which creates its clients, from the "
            "packages of `sam build`, unpacked as on Lambda, with this machine's "
            f"Python {sys.version_info.major}.{sys.version_info.minor}. {BASELINE}: "
            '`boto3.client("s3")` and nothing else, by plain `sam build`. '
            f"Medians of {rounds} interleaved rounds."
        ),
        columns=("function", "CPU, ms", "ratio", "wall time, ms", "ratio"),
        rows=[
            (
                name,
                f"{cpu[name] * MS:.0f}",
                f"{ratios[name]:.2f}",
                f"{wall[name] * MS:.0f}",
                f"{wall[name] / wall[BASELINE]:.2f}",
            )
            for name in functions
        ],
        bars=ratios,
    )


def _start(function: Function) -> Start:
    command = function.command()
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - the interpreter that runs this
        command, cwd=function.task, env=function.variables()
    )
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Start(used.ru_utime + used.ru_stime, wall)
