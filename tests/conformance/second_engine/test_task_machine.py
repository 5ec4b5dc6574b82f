"""task.asl.json on two interpreters: the local cloud's and moto's.

A misunderstanding of the Amazon States Language in the local cloud, which we patch ourselves, would
pass in every other test. On both interpreters, each scenario must end as the specification of the
language says. They share no code but the library that evaluates JSONata expressions.

Both get the same copy of the definition. Only the seconds of its retries and time limits are
shorter than in the original.
"""

from typing import Any

import pytest

from tests.conformance.second_engine.machine import functions, run_of
from tests.conformance.second_engine.scenario import Scenario
from tests.conformance.second_engine.scenarios import SCENARIOS, TOO_LARGE
from tests.support.engines.local_engine import run_on_local_cloud
from tests.support.engines.moto_engine import run_on_moto
from tests.support.engines.runs import Result

ENGINES: dict[str, Any] = {"local cloud": run_on_local_cloud, "moto": run_on_moto}


@pytest.fixture(scope="module", params=ENGINES)
def results(request: pytest.FixtureRequest) -> dict[str, Result]:
    """The end of every scenario on one engine, by name. All run at the same time."""
    scenarios = [*SCENARIOS, TOO_LARGE]
    ended = ENGINES[request.param]([run_of(scenario) for scenario in scenarios], functions())
    return {scenario.name: end for scenario, end in zip(scenarios, ended, strict=True)}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_an_execution_takes_its_path_and_ends_as_the_language_says(
    results: dict[str, Result], scenario: Scenario
) -> None:
    assert results[scenario.name] == scenario.expected()


def test_a_result_over_the_limit_ends_the_execution_failed_whether_it_is_caught_or_not(
    results: dict[str, Result],
) -> None:
    """The only scenario in which the engines differ: one follows AWS's documentation, one its
    recordings.

    Either way the execution is FAILED with this error. If it was caught, the record has the error
    at once; otherwise reconcile sets it (tests/integration/tasks/test_data_limit.py).
    """
    end, expected = results[TOO_LARGE.name], TOO_LARGE.expected()

    assert (end.status, end.error) == ("FAILED", "States.DataLimitExceeded")
    assert end == expected or end.path == ["MarkRunning", "Download"]


def test_a_task_has_the_error_of_aws_even_if_a_fail_state_may_not() -> None:
    """Whether AWS lets a Fail state end with a name like States.Timeout is not known."""
    timed_out = next(s for s in SCENARIOS if s.name == "a state that reaches its time limit twice")
    expected = timed_out.expected()

    (end,) = run_on_moto([run_of(timed_out)], functions(), reserved_names=False)

    assert (end.path, end.received) == (expected.path, expected.received)
    assert (end.status, end.error) == ("FAILED", "States.Runtime")
