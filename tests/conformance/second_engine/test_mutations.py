"""What the scenarios are worth: a mistake in the definition makes one of them end otherwise."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.second_engine.machine import Definition, definition, functions, run_of
from tests.conformance.second_engine.scenarios import SCENARIOS
from tests.support.engines.moto_engine import run_on_moto
from tests.support.engines.runs import Result

States = dict[str, Any]


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


FOUND_BY: dict[Callable[[States], None], str] = {
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
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@pytest.fixture(scope="module")
def ends() -> dict[str, Result]:
    """How the scenario of each mistake ends with it, all at the same time."""
    runs = [run_of(BY_NAME[found_by], _with(mistake)) for mistake, found_by in FOUND_BY.items()]
    ended = run_on_moto(runs, functions())
    return {mistake.__name__: end for mistake, end in zip(FOUND_BY, ended, strict=True)}


@pytest.mark.parametrize("mistake", FOUND_BY, ids=lambda mistake: mistake.__name__)
def test_a_mistake_in_the_definition_is_found(
    ends: dict[str, Result], mistake: Callable[[States], None]
) -> None:
    assert ends[mistake.__name__] != BY_NAME[FOUND_BY[mistake]].expected()


def _with(mistake: Callable[[States], None]) -> Definition:
    machine = definition()
    mistake(machine["States"])
    return machine
