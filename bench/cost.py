"""`make cost`: count what tasks call, write it down, and write docs/cost.md and README's figure.

`python -m bench.cost --quick` counts two tasks of each kind and writes nothing.
"""

import dataclasses
import datetime
import json
import re
import sys
from typing import Any

from rich.console import Console
from samtranslator.yaml_helper import yaml_parse

from bench.contenders import sources
from bench.counting import count
from bench.machine import free_port, processor
from local.cloud import PROJECT
from local.cost import tables
from local.cost.counts import COUNTS, Counts, counts_of
from local.cost.prices import Prices, load_prices
from local.report import Table, markdown, shown, write_between

PAGE = PROJECT / "docs" / "cost.md"
README = PROJECT / "README.md"
TASKS, QUICK_TASKS = 20, 2
PICTURES = {"12 megapixels": "12.jpg", "640 x 480": "0.3.jpg"}
WORKFLOWS = ("STANDARD", "EXPRESS")
FIGURE = re.compile(r"(<!-- cost -->).*?(<!-- end -->)", re.DOTALL)
# What the template has that costs by the month, by the price's name.
BY_THE_MONTH = {
    "alarm-month": "AWS::CloudWatch::Alarm",
    "dashboard-month": "AWS::CloudWatch::Dashboard",
    "kms-key-month": "AWS::KMS::Key",
}
METRICS = 1
"""Metrics of our own: Repairs."""


def main(*, quick: bool) -> None:
    """Count, show, write."""
    screen = Console()
    counts, prices = _count(QUICK_TASKS if quick else TASKS), load_prices()
    for table in _tables(counts, prices):
        screen.print(shown(table))
    if not quick:
        COUNTS.write_text(json.dumps(dataclasses.asdict(counts), indent=1) + "\n")
        write(counts, prices)


def write(counts: Counts, prices: Prices) -> None:
    """Write the tables into docs/cost.md and the figure into README.md.

    Raises:
        ValueError: a page has no place for it.
    """
    write_between(PAGE, "make cost", parts(counts, prices))
    text, found = FIGURE.subn(
        lambda match: match[1] + figure(counts, prices) + match[2], README.read_text()
    )
    if found != 1:
        raise ValueError("README.md has no one place for the cost of a task.")
    README.write_text(text)


def parts(counts: Counts, prices: Prices) -> list[str]:
    """Return the paragraphs of docs/cost.md that are written by this command."""
    where = f"Counted on {counts.date}, on {counts.machine}."
    return [where, *(markdown(table) for table in _tables(counts, prices))]


def figure(counts: Counts, prices: Prices) -> str:
    """Return the sentence of README.md: what a million tasks cost, and when that was so."""
    picture = next(iter(PICTURES))
    dollars = {
        workflow: tables.million(counts.run(workflow, picture), prices) for workflow in WORKFLOWS
    }
    return (
        f"A million tasks of {picture} cost ${dollars['STANDARD']:.2f} with `STANDARD` executions "
        f"and ${dollars['EXPRESS']:.2f} with `EXPRESS` ones ({counts.date}, us-east-1)."
    )


def _tables(counts: Counts, prices: Prices) -> list[Table]:
    return [
        tables.by_component(counts, prices),
        tables.by_month(counts, prices),
        tables.any_design(counts, prices),
        tables.beside_workers(counts, prices),
        tables.break_even(counts, prices),
        tables.counted(counts),
        tables.durations(counts),
        tables.price_list(prices),
    ]


def _count(tasks: int) -> Counts:
    runs, minute = [], None
    with sources() as address:
        pictures = {name: f"{address}/{file}" for name, file in PICTURES.items()}
        for workflow in WORKFLOWS:
            of_one, minute = count(workflow, pictures, tasks, free_port())
            runs += of_one
    # What comes from the file is what is shown, not what would come from another run.
    document: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": processor(),
        "runs": [dataclasses.asdict(run) for run in runs],
        "minute": minute and dataclasses.asdict(minute),
        "fixed": _by_the_month(),
    }
    return counts_of(document)


def _by_the_month() -> dict[str, int]:
    template = yaml_parse((PROJECT / "template.yaml").read_text())
    kinds = [resource["Type"] for resource in template["Resources"].values()]
    return {name: kinds.count(kind) for name, kind in BY_THE_MONTH.items()} | {
        "metric-month": METRICS
    }


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
