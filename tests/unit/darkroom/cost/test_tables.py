"""The price of a task: the tables add up, and the pages say what the tables do."""

import re
from dataclasses import replace

import pytest
from samtranslator.yaml_helper import yaml_parse
from typer.testing import CliRunner

from darkroom.cli.main import app
from darkroom.cost import tables
from darkroom.cost.counts import Counts, Function, load_counts
from darkroom.cost.model import (
    CHECKS,
    MILLION,
    Prices,
    components,
    execution_seconds,
    fixed,
    load_prices,
    milliseconds,
)
from darkroom.cost.workers import EC2, FARGATE
from tools.bench import cost as command
from tools.localcloud.cloud import PROJECT

STANDARD, EXPRESS = "STANDARD", "EXPRESS"


@pytest.fixture
def counts() -> Counts:
    return load_counts()


@pytest.fixture
def prices() -> Prices:
    return load_prices()


@pytest.mark.parametrize(
    ("table", "kind"), [(tables.by_component, "runs"), (tables.of_batches, "batches")]
)
def test_the_component_tables_add_up(table, kind: str, counts: Counts, prices: Prices):
    *rows, together = table(counts, prices).rows
    runs = getattr(counts, kind)

    assert len(together) == 1 + len(runs)
    for column, run in enumerate(runs, start=1):
        shown = sum(float(row[column].replace(",", "")) for row in rows)
        assert together[column] == f"{shown:,.2f}"
        assert together[column] == f"{tables.million(run, prices):,.2f}"


def test_what_a_batch_adds_is_its_table_less_the_one_of_single_tasks(
    counts: Counts, prices: Prices
):
    *rows, together = tables.beside_single(counts, prices).rows

    for column, workflow in enumerate((STANDARD, EXPRESS), start=1):
        single, batch = (
            tables.million(find(workflow, counts.runs[0].picture), prices)
            for find in (counts.run, counts.batch)
        )
        assert float(together[column]) == pytest.approx(batch - single)
        assert float(together[column]) == pytest.approx(sum(float(row[column]) for row in rows))


def test_docs_cost_md_has_the_tables_of_what_was_counted(counts: Counts, prices: Prices):
    page = command.PAGE.read_text()

    for part in command.parts(counts, prices):
        assert part in page


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("Step Functions", r"together \$([\d.]+)"),
        ("DynamoDB: writes", r"\$([\d.]+) for the index"),
        ("API Gateway", r"save \$([\d.]+) of requests"),
        ("SQS", r"\$([\d.]+) of SQS"),
        (tables.TOTAL, r"batches cost \$([\d.]+) less"),
    ],
)
def test_the_decision_on_batches_uses_the_counted_figures(
    part: str, said: str, counts: Counts, prices: Prices
):
    decision = (PROJECT / "docs/adr/0020-batch-items-become-single-tasks.md").read_text()
    table = tables.beside_single(counts, prices)
    standard = {name: abs(float(dollars)) for name, dollars, *_ in table.rows}

    # In another count, the processor times and the batches of messages differ.
    (dollars,) = re.findall(said, decision)
    assert float(dollars) == pytest.approx(standard[part], rel=0.1, abs=0.5)


def test_the_figure_in_the_readme_is_that_of_the_cost_page(counts: Counts, prices: Prices):
    figure = command.figure(counts, prices)
    page = command.PAGE.read_text()

    assert figure in command.README.read_text()
    assert counts.date in figure
    for dollars in re.findall(r"\$([\d.]+)", figure):
        assert f"| {dollars} |" in page


def test_what_costs_by_the_month_is_what_the_template_has(counts: Counts):
    assert counts.fixed == command.by_the_month()


def test_the_dashboard_calculates_with_the_counted_cost_of_an_execution(
    counts: Counts, prices: Prices
):
    template = yaml_parse((PROJECT / "template.yaml").read_text())
    picture = counts.runs[0].picture

    for workflow, line in template["Mappings"]["ExecutionDollars"].items():
        counted = components(counts.run(workflow, picture), prices)["Step Functions"]
        assert float(line["Each"]) * MILLION == pytest.approx(counted, rel=0.05)


def test_every_price_has_its_source_and_says_when_it_was_read(prices: Prices):
    for name, line in prices.lines.items():
        assert line.keys() == {"usd", "per", "source", "read"}, name
        assert line["source"].startswith("https://aws.amazon.com/"), name
        assert line["read"] == "memory" or line["read"].year >= 2025, name


def test_a_standard_execution_costs_its_transitions(counts: Counts, prices: Prices):
    run = replace(counts.runs[0], workflow=STANDARD, tasks=10, transitions=60)

    assert components(run, prices)["Step Functions"] == pytest.approx(6 * 25)


def test_an_express_execution_costs_its_request_and_its_time(counts: Counts, prices: Prices):
    run = counts.run(EXPRESS, counts.runs[0].picture)
    begun = -(-execution_seconds(run) // 0.1) * 0.1

    dollars = components(run, prices)["Step Functions"]

    assert dollars == pytest.approx(1 + MILLION * begun * 0.0625 * 0.00001667)


def test_each_child_of_a_map_run_costs_three_transitions(counts: Counts, prices: Prices):
    """The Map Run is billed one transition per child; the child has one state and its end."""
    run = counts.batch(STANDARD, counts.runs[0].picture)
    batch = replace(
        run,
        tasks=100,
        children=4,
        transitions=600 + 3 * (run.functions["Batch"].invocations - CHECKS),
    )

    assert components(batch, prices)["Step Functions"] == pytest.approx(6 * 25 + 4 / 100 * 3 * 25)


def test_the_cost_of_a_batch_does_not_depend_on_how_often_it_was_read(
    counts: Counts, prices: Prices
):
    run = counts.batches[0]
    looks = run.functions["Batch"]
    more = replace(
        run,
        transitions=run.transitions + 3 * looks.invocations,
        functions={
            **run.functions,
            "Batch": replace(
                looks,
                invocations=2 * looks.invocations,
                cpu_ms=2 * looks.cpu_ms,
                calls={call: 2 * count for call, count in looks.calls.items()},
            ),
        },
    )

    assert components(more, prices) == pytest.approx(components(run, prices))


def test_less_memory_makes_work_longer_and_leaves_waiting_as_it_is():
    whole = Function(10, cpu_ms=100, memory_mb=1769, calls={"dynamodb:PutItem": 10}, tracing="")

    assert milliseconds("Any", whole) == pytest.approx(10 + 6)
    assert milliseconds("Any", replace(whole, memory_mb=3538)) == pytest.approx(10 + 6)
    assert milliseconds("Any", replace(whole, memory_mb=177)) == pytest.approx(100 + 6, rel=1e-2)


def test_a_trace_costs_where_it_is_recorded(counts: Counts, prices: Prices):
    quiet = {n: replace(f, tracing="PassThrough") for n, f in counts.runs[0].functions.items()}
    run = replace(counts.runs[0], tasks=100, requests=200, traced=0.05, functions=quiet)

    assert components(run, prices)["X-Ray"] == pytest.approx(2 * 0.05 * 5)


def test_twice_the_tasks_cost_as_much_each(counts: Counts, prices: Prices):
    run = counts.runs[0]
    functions = {
        name: replace(
            function,
            invocations=2 * function.invocations,
            cpu_ms=2 * function.cpu_ms,
            calls={call: 2 * count for call, count in function.calls.items()},
        )
        for name, function in run.functions.items()
    }
    twice = replace(
        run,
        tasks=2 * run.tasks,
        functions=functions,
        writes={index: 2 * count for index, count in run.writes.items()},
        **{
            name: 2 * getattr(run, name)
            for name in (
                "requests", "transitions", "reads", "messages", "batches", "events",
                "log_bytes", "execution_log_bytes", "work_bytes", "result_bytes", "item_bytes",
            )
        },
    )  # fmt: skip

    assert components(twice, prices) == pytest.approx(components(run, prices))


@pytest.mark.parametrize("fleet", [FARGATE, EC2])
def test_workers_are_paid_for_without_tasks_and_more_come_with_them(
    fleet, counts: Counts, prices: Prices
):
    run = counts.runs[0]

    idle, busy = fleet.month(0, run, prices), fleet.month(200 * MILLION, run, prices)

    requests = fleet.month(MILLION, run, prices) - idle
    assert idle > 50
    assert busy > idle + 200 * requests


def test_workers_cost_less_above_the_break_even_and_not_below(counts: Counts, prices: Prices):
    picture = counts.runs[0].picture
    monthly = sum(fixed(counts, prices).values())
    for workflow, *found in tables.break_even(counts, prices).rows:
        run = counts.run(workflow, picture)
        for fleet, text in zip((FARGATE, EC2), found, strict=True):
            tasks = int(text.replace(",", ""))
            each = tables.million(run, prices) / MILLION
            theirs = [
                fleet.month(n, counts.run(STANDARD, picture), prices)
                for n in (tasks - tables.STEP, tasks)
            ]
            assert monthly + each * (tasks - tables.STEP) <= theirs[0]
            assert monthly + each * tasks > theirs[1]


def test_what_was_not_counted_has_no_price(counts: Counts):
    with pytest.raises(KeyError, match="holiday"):
        counts.run(STANDARD, "holiday")


def test_darkroom_cost_shows_a_month_of_as_many_tasks_as_are_asked_for():
    shown = CliRunner().invoke(app, ["cost", "--tasks", "300000"])

    assert shown.exit_code == 0
    assert "300,000" in shown.stdout
    assert tables.TOTAL in shown.stdout
