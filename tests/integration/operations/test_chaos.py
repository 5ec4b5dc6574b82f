"""A few faults on a few tasks each. `make chaos` runs all of them on more."""

import dataclasses
from collections.abc import Iterator

import pytest

from tests.chaos import (
    faults_of_batches,
    faults_of_callers,
    faults_of_express,
    faults_of_functions,
    faults_of_messages,
)
from tests.chaos.play import play
from tests.chaos.rig import Rig, open_rig
from tests.chaos.scene import Fault

pytestmark = pytest.mark.timeout(600)

SEED = 2026
TASKS = 9
FAULTS = {
    fault.strike: fault
    for fault in (
        *faults_of_functions.FAULTS,
        *faults_of_messages.FAULTS,
        *faults_of_batches.FAULTS,
        *faults_of_callers.FAULTS,
    )
}
EXPRESS = {fault.strike: fault for fault in faults_of_express.FAULTS}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with open_rig(tmp_path_factory.mktemp("chaos"), SEED) as rig:
        yield rig


@pytest.fixture(scope="module")
def express_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with open_rig(tmp_path_factory.mktemp("chaos-express"), SEED, "EXPRESS") as rig:
        yield rig


@pytest.mark.parametrize(
    "fault",
    [
        FAULTS[faults_of_functions.killed_functions],
        FAULTS[faults_of_functions.stopped_executions],
        # The test runs reconcile itself; only `make chaos` waits for the schedule.
        dataclasses.replace(FAULTS[faults_of_messages.failing_sends], sweep=True),
        FAULTS[faults_of_messages.broken_invocations],
        FAULTS[faults_of_messages.repeated_messages],
        FAULTS[faults_of_messages.late_messages],
        FAULTS[faults_of_messages.racing_callers],
        FAULTS[faults_of_messages.one_key],
        FAULTS[faults_of_batches.killed_functions],
        FAULTS[faults_of_callers.slow_receivers],
        FAULTS[faults_of_callers.slow_sources],
    ],
    ids=lambda fault: fault.name,
)
def test_every_accepted_task_ends_once_and_correctly_although(rig: Rig, fault: Fault):
    holds(rig, fault)


@pytest.mark.parametrize(
    "fault",
    [
        EXPRESS[faults_of_functions.killed_functions],
        EXPRESS[faults_of_functions.killed_cloud],
    ],
    ids=lambda fault: fault.name,
)
def test_every_accepted_express_task_ends_although(express_rig: Rig, fault: Fault):
    holds(express_rig, fault)


def holds(rig: Rig, fault: Fault) -> None:
    account, _ = play(rig, fault, TASKS, SEED)

    assert (account.lost, account.doubled, account.wrong) == ([], [], [])
    assert account.ended == account.tasks > 0
