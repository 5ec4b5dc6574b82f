"""batch.asl.json on both engines, without its Distributed Maps.

moto does not support `ItemReader` with JSON Lines, `ItemBatcher` or child executions. So both
engines get a copy in which each Distributed Map is an inline one over one batch of items; its
child, its `Assign`, `Catch` and `Next` are the same.
tests/integration/localcloud/emulator/test_maps.py tests the part that is left out.
"""

from typing import Any

import pytest

from tests.conformance.second_engine.batch_scenarios import SCENARIOS, BatchScenario
from tests.conformance.second_engine.machine import BATCHES, functions, run_of_batch
from tests.support.engines.local_engine import run_on_local_cloud
from tests.support.engines.moto_engine import run_on_moto
from tests.support.engines.runs import Result

ENGINES: dict[str, Any] = {"local cloud": run_on_local_cloud, "moto": run_on_moto}


@pytest.fixture(scope="module", params=ENGINES)
def results(request: pytest.FixtureRequest) -> dict[str, Result]:
    """The end of every scenario on one engine, by name. All run at the same time."""
    runs = [run_of_batch(scenario) for scenario in SCENARIOS]
    ended = ENGINES[request.param](runs, functions(BATCHES))
    return {scenario.name: end for scenario, end in zip(SCENARIOS, ended, strict=True)}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_an_execution_takes_its_path_and_ends_as_the_language_says(
    results: dict[str, Result], scenario: BatchScenario
) -> None:
    assert results[scenario.name] == scenario.expected()
