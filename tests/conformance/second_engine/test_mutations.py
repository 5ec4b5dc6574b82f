"""A mistake in a definition changes the end of a scenario on the second engine."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.second_engine import batch_scenarios, scenarios
from tests.conformance.second_engine.machine import (
    BATCHES,
    TASKS,
    Definition,
    definition,
    functions,
    run_of,
    run_of_batch,
)
from tests.support.engines.moto_engine import run_on_moto
from tests.support.engines.runs import Result

States = dict[str, Any]
Mistake = Callable[[States], None]


def download_skips_grayscale(states: States) -> None:
    states["Download"]["Next"] = "Upload"


def a_failure_is_not_recorded(states: States) -> None:
    states["Grayscale"]["Catch"][-1]["Next"] = "Superseded"


def upload_catches_nothing(states: States) -> None:
    del states["Upload"]["Catch"]


def a_retrier_has_a_typing_error(states: States) -> None:
    states["Download"]["Retry"][0]["ErrorEquals"] = ["SourceUnavailble"]


def a_catcher_has_a_typing_error(states: States) -> None:
    states["MarkCompleted"]["Catch"][0]["ErrorEquals"] = ["StaleAttempts"]


def one_retry_is_missing(states: States) -> None:
    states["Upload"]["Retry"][0]["MaxAttempts"] -= 1


def two_functions_are_exchanged(states: States) -> None:
    first, second = states["Download"]["Arguments"], states["Grayscale"]["Arguments"]
    first["FunctionName"], second["FunctionName"] = second["FunctionName"], first["FunctionName"]


def the_wrong_step_is_recorded(states: States) -> None:
    states["MarkCompleted"]["Catch"][-1]["Assign"]["step"] = "Upload"


def a_choice_has_the_wrong_order(states: States) -> None:
    states["MoreToCancel"]["Choices"].reverse()


def a_count_is_not_added_up(states: States) -> None:
    states["CancelPage"]["Assign"]["open"] = "{% $states.result.Payload.open %}"


def a_map_catches_nothing(states: States) -> None:
    del states["EnterLines"]["Catch"]


OF_TASKS: dict[Mistake, str] = {
    download_skips_grayscale: "all goes well",
    a_failure_is_not_recorded: "a broken image is read once",
    upload_catches_nothing: "an exception without a text",
    a_retrier_has_a_typing_error: "a busy source answers at last",
    a_catcher_has_a_typing_error: "a task that was ended meanwhile is not completed",
    one_retry_is_missing: "a copy that always differs",
    two_functions_are_exchanged: "a source that is gone is asked once",
    the_wrong_step_is_recorded: "the completion fails",
}
"""Each mistake, and a scenario that has to end otherwise; each scenario once."""
OF_BATCHES: dict[Mistake, str] = {
    a_choice_has_the_wrong_order: "a late round of a cancel reads all pages",
    a_count_is_not_added_up: (
        "a cancel continues until a late round finds no open task on any page"
    ),
    a_map_catches_nothing: "items cannot be ingested",
}
TASKS_BY_NAME = {scenario.name: scenario for scenario in scenarios.SCENARIOS}
BATCHES_BY_NAME = {scenario.name: scenario for scenario in batch_scenarios.SCENARIOS}


@pytest.fixture(scope="module")
def ends() -> dict[Mistake, tuple[Result, Result]]:
    """The actual and the expected end of the scenario of each mistake; all run at the same time."""
    tasks = [run_of(TASKS_BY_NAME[name], _with(made, TASKS)) for made, name in OF_TASKS.items()]
    batches = [
        run_of_batch(BATCHES_BY_NAME[name], _with(made, BATCHES))
        for made, name in OF_BATCHES.items()
    ]
    ended = run_on_moto([*tasks, *batches], functions(TASKS) | functions(BATCHES))
    expected = [TASKS_BY_NAME[name].expected() for name in OF_TASKS.values()]
    expected += [BATCHES_BY_NAME[name].expected() for name in OF_BATCHES.values()]
    made = [*OF_TASKS, *OF_BATCHES]
    return dict(zip(made, zip(ended, expected, strict=True), strict=True))


@pytest.mark.parametrize("mistake", [*OF_TASKS, *OF_BATCHES], ids=lambda made: made.__name__)
def test_a_mistake_in_the_definition_is_found(
    ends: dict[Mistake, tuple[Result, Result]], mistake: Mistake
) -> None:
    end, expected = ends[mistake]

    assert end != expected


def _with(mistake: Mistake, name: str) -> Definition:
    machine = definition(name)
    mistake(machine["States"])
    return machine
