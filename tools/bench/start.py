"""The time that a function takes to start, until its handler and its clients are ready."""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from darkroom.cost.report import Table
from tools.bench.packages import BASELINE, Function, build, sizes

ROUNDS, QUICK_ROUNDS = 15, 2
# The column of each imported top-level package; all others count as Python's own.
LIBRARIES = {
    "SDK": ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"),
    "Powertools": ("aws_lambda_powertools", "typing_extensions"),
    "Pillow": ("PIL",),
    "Chalice": ("chalice",),
    "own code and clients": ("darkroom", "chalicelib"),
}
COLUMNS = ("Python", *LIBRARIES)
IMPORT = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)


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
        return [starts, _imports(functions), sizes(folder)]


def _starts(functions: dict[str, Function], rounds: int) -> Table:
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in functions}
    for round_ in range(rounds + 1):
        for name, function in functions.items():
            milliseconds = _start(function)
            if round_:  # the first fills the machine's file cache
                taken[name].append(milliseconds)
    medians = {name: [*map(statistics.median, zip(*taken[name], strict=True))] for name in taken}
    ratios = {
        name: [own / base for own, base in zip(medians[name], medians[BASELINE], strict=True)]
        for name in taken
    }
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
            (name, f"{cpu:.0f}", f"{ratios[name][0]:.2f}", f"{wall:.0f}", f"{ratios[name][1]:.2f}")
            for name, (cpu, wall) in medians.items()
        ],
        bars={name: cpu for name, (cpu, _) in ratios.items()},
    )


def _start(function: Function) -> tuple[float, float]:
    """Return the milliseconds of one process to its end: user and system time, wall time."""
    began = time.perf_counter()
    process = function.start()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return 1000 * (used.ru_utime + used.ru_stime), 1000 * wall


def _imports(functions: dict[str, Function]) -> Table:
    """Return the table of the milliseconds that each function's imports take."""
    rows = []
    for name, function in functions.items():
        if name != BASELINE:
            spent = _spent(function)
            rows.append((name, *(f"{spent[column] / 1000:.0f}" for column in COLUMNS)))
    return Table(
        title="Start time by library",
        about=(
            "Milliseconds from one run of `python -X importtime`: each module without the modules "
            "that it imports. Creating clients counts as own code."
        ),
        columns=("function", *COLUMNS),
        rows=rows,
    )


def _spent(function: Function) -> Counter[str]:
    """Return the microseconds by column."""
    with function.start("-X", "importtime", stderr=subprocess.PIPE) as process:
        _, log = process.communicate()
    columns = {package: name for name, packages in LIBRARIES.items() for package in packages}
    columns[function.module] = COLUMNS[-1]
    spent: Counter[str] = Counter()
    for microseconds, module in IMPORT.findall(log):
        spent[columns.get(module.partition(".")[0], "Python")] += int(microseconds)
    return spent
