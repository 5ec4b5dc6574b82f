"""The time of a function's start by imported library, from `python -X importtime`."""

import re
import subprocess
from collections import Counter

from darkroom.cost.report import Table
from tools.bench.packages import BASELINE, Function

# The column of each top-level package; all others count as Python's own.
LIBRARIES = {
    "SDK": ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"),
    "Powertools": ("aws_lambda_powertools", "typing_extensions"),
    "Pillow": ("PIL",),
    "Chalice": ("chalice",),
}
OWN = ("darkroom", "chalicelib")
COLUMNS = ("Python", *LIBRARIES, "own code and clients")
LINE = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
MICROSECONDS = 1000


def imports(functions: dict[str, Function]) -> Table:
    """Return the table of the milliseconds that each function's imports take.

    Raises:
        subprocess.CalledProcessError: a function does not start.
    """
    rows = []
    for name, function in functions.items():
        if name != BASELINE:
            spent = _spent(function)
            figures = (f"{spent[column] / MICROSECONDS:.0f}" for column in COLUMNS)
            rows.append((name, *figures))
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
    command = function.command("-X", "importtime")
    done = subprocess.run(  # noqa: S603 - the interpreter that runs this
        command,
        cwd=function.task,
        env=function.variables(),
        capture_output=True,
        text=True,
        check=True,
    )
    spent: Counter[str] = Counter()
    for microseconds, module in LINE.findall(done.stderr):
        spent[_column(module.partition(".")[0], function.module)] += int(microseconds)
    return spent


def _column(package: str, handler: str) -> str:
    if package in OWN or package == handler:
        return "own code and clients"
    return next((name for name, packages in LIBRARIES.items() if package in packages), "Python")
