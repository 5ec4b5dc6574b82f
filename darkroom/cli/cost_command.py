"""`darkroom cost`: what tasks cost in AWS."""

from typing import Annotated

import typer

from darkroom.cli import render
from darkroom.cost import tables
from darkroom.cost.counts import load_counts
from darkroom.cost.prices import load_prices
from darkroom.cost.report import shown


def cost(
    tasks: Annotated[
        int, typer.Option(min=1, metavar="N", help="A month, beside a queue and workers.")
    ] = 1_000_000,
) -> None:
    """Show what tasks cost in AWS, by component: what was counted, times dated prices."""
    counts, prices = load_counts(), load_prices()
    for table in (
        tables.by_component(counts, prices),
        tables.of_batches(counts, prices),
        tables.by_month(counts, prices),
        tables.any_design(counts, prices),
        tables.beside_workers(counts, prices, (tasks,)),
        tables.break_even(counts, prices),
    ):
        render.put(render.screen(), shown(table))
    typer.echo(f"Counted on {counts.date}; docs/cost.md says how, and with which prices.")
