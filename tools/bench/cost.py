"""`make cost`: count the calls of tasks, store the counts, update docs/cost.md and README.md.

`python -m tools.bench.cost --quick` counts two tasks of each kind and writes nothing.
"""

import dataclasses
import datetime
import json
import re
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console
from samtranslator.yaml_helper import yaml_parse

from darkroom.cost import tables
from darkroom.cost.counts import COUNTS, Counts, Run, counts_of
from darkroom.cost.model import Prices, load_prices
from darkroom.cost.report import Table, markdown, shown, write_between
from tools.bench.billing.counting import count
from tools.bench.contenders import LARGE, SMALL, sources
from tools.bench.environment import processor
from tools.localcloud.cloud import PROJECT

PAGE = PROJECT / "docs" / "cost.md"
README = PROJECT / "README.md"
TASKS, QUICK_TASKS = 20, 2
OF_A_BATCH, QUICK_OF_A_BATCH = 100, 2
PICTURES = {"12 megapixels": LARGE, "640 x 480": SMALL}
WORKFLOWS = ("STANDARD", "EXPRESS")
FIGURE = re.compile(r"(<!-- cost -->).*?(<!-- end -->)", re.DOTALL)
# The resource types that cost a fixed price per month, by the name of the price.
BY_THE_MONTH = {"dashboard-month": "AWS::CloudWatch::Dashboard", "kms-key-month": "AWS::KMS::Key"}
ALARM = "AWS::CloudWatch::Alarm"
METRICS = 11
"""Custom metrics that a stack sends if all tasks end COMPLETED: see darkroom/runtime/metrics.py.
Each error that tasks fail with, and each outcome of webhooks, adds one."""


def main(*, quick: bool) -> None:
    """Count, show the tables, write the documents."""
    screen = Console()
    counts, prices = _count(quick=quick), load_prices()
    for table in _tables(counts, prices):
        screen.print(shown(table))
    if not quick:
        COUNTS.write_text(json.dumps(dataclasses.asdict(counts), indent=1) + "\n")
        write(counts, prices)


def write(counts: Counts, prices: Prices) -> None:
    """Write the tables into docs/cost.md and the figure into README.md.

    Raises:
        ValueError: a document has no markers for it.
    """
    write_between(PAGE, "make cost", parts(counts, prices))
    text, found = FIGURE.subn(
        lambda match: match[1] + figure(counts, prices) + match[2], README.read_text()
    )
    if found != 1:
        raise ValueError("README.md must have the markers of the cost of a task exactly once.")
    README.write_text(text)


def parts(counts: Counts, prices: Prices) -> list[str]:
    """Return the paragraphs of docs/cost.md that this command writes."""
    where = f"Counted on {counts.date}, on {counts.machine}."
    return [where, *(markdown(table) for table in _tables(counts, prices))]


def figure(counts: Counts, prices: Prices) -> str:
    """Return the sentence for README.md: the cost of a million tasks, with its date."""
    picture = next(iter(PICTURES))

    def dollars(find: Callable[[str, str], Run]) -> str:
        standard, express = (tables.million(find(type_, picture), prices) for type_ in WORKFLOWS)
        return f"${standard:.2f} with `STANDARD` executions and ${express:.2f} with `EXPRESS` ones"

    return (
        f"A million single tasks of {picture} cost {dollars(counts.run)}; a million in batches of "
        f"{counts.batches[0].tasks} cost {dollars(counts.batch)} ({counts.date}, us-east-1)."
    )


def _tables(counts: Counts, prices: Prices) -> list[Table]:
    return [
        tables.by_component(counts, prices),
        tables.of_batches(counts, prices),
        tables.beside_single(counts, prices),
        tables.by_month(counts, prices),
        tables.any_design(counts, prices),
        tables.beside_workers(counts, prices),
        tables.break_even(counts, prices),
        tables.counted(counts),
        tables.counted_in_batches(counts),
        tables.durations(counts),
        tables.price_list(prices),
    ]


def _count(*, quick: bool) -> Counts:
    sizes = (QUICK_TASKS, QUICK_OF_A_BATCH) if quick else (TASKS, OF_A_BATCH)
    with sources() as address:
        pictures = {name: f"{address}/{file}" for name, file in PICTURES.items()}
        counted = [count(workflow, pictures, *sizes) for workflow in WORKFLOWS]
    # Convert them like the stored file, so that the shown tables equal those made from the file.
    document: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": processor(),
        "runs": [dataclasses.asdict(run) for part in counted for run in part.runs],
        "batches": [dataclasses.asdict(run) for part in counted for run in part.batches],
        "minute": dataclasses.asdict(counted[-1].minute),
        "fixed": by_the_month(),
    }
    return counts_of(document)


def by_the_month() -> dict[str, int]:
    """Return how many resources in the template cost a price per month, by the price's name."""
    resources = yaml_parse((PROJECT / "template.yaml").read_text())["Resources"].values()
    kinds = [resource["Type"] for resource in resources]
    alarms = [resource["Properties"] for resource in resources if resource["Type"] == ALARM]
    # An alarm is billed for each metric that it watches.
    watched = [query for alarm in alarms for query in alarm.get("Metrics", [{"MetricStat": {}}])]
    return {
        "alarm-month": sum("MetricStat" in query for query in watched),
        **{name: kinds.count(kind) for name, kind in BY_THE_MONTH.items()},
        "metric-month": METRICS,
    }


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
