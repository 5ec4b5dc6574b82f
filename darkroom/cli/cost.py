"""`darkroom cost`: the tables of docs/cost.md in the terminal."""

import typer

from darkroom.cli import render
from darkroom.cost import tables
from darkroom.cost.counts import load_counts
from darkroom.cost.prices import load_prices
from darkroom.cost.report import shown


def show(tasks: int) -> None:
    """Print the cost tables; the comparison is for this number of tasks a month."""
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
    typer.echo(f"Counted on {counts.date}. docs/cost.md describes the method and the prices.")
