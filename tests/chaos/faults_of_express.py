"""The same faults with EXPRESS executions, which cannot be described or stopped and send no events.

If an execution has ended without a status, reconcile ends its task after the longest time that an
execution may take, 5 minutes. These faults do not wait for that: see
`executions.ExpressExecutions`.
"""

import dataclasses

from tests.chaos import faults_of_batches, faults_of_functions, faults_of_messages
from tests.chaos.faults_of_functions import WORKERS
from tests.chaos.scene import Fault, Scene
from tests.chaos.task_invariants import LOST
from tests.support.cloud.stacks import until

NOT_TRIED = {
    faults_of_functions.stopped_executions,  # AWS refuses to stop an EXPRESS execution
    # These end before an execution begins.
    faults_of_messages.dead_letters,
    faults_of_messages.failing_sends,
    faults_of_messages.one_key,
}
REFUSED = {"code": "AccessDeniedException", "status": 400}
"""Not to be tried again, so that an execution gives up before the row is over."""


def mute_executions(scene: Scene) -> None:
    """No execution can write a status: each fails and leaves its task PENDING or RUNNING."""
    held = scene.held(WORKERS, "COMPLETED")
    until(lambda: scene.statuses()["RUNNING"] == WORKERS, 30, "sources are held")
    no_write = {"service": "dynamodb", "operation": "UpdateItem", "error": REFUSED}
    scene.rig.proxy.inject(no_write)
    scene.mixed()
    scene.release()

    def all_failed() -> bool:
        executions = scene.rig.executions.of(set(held)).values()
        return all(execution["status"] == "FAILED" for execution in executions)

    until(all_failed, 60, "the executions of held sources have failed")


def _of_express(fault: Fault) -> Fault:
    """Adapt a fault to EXPRESS: without events, a task whose execution wrote no status ends
    `LOST`."""
    return dataclasses.replace(
        fault,
        name=f"EXPRESS: {fault.name}",
        may_fail_with=fault.may_fail_with | {LOST},
        sweep=True,
    )


FAULTS = [
    *(
        _of_express(fault)
        for fault in (*faults_of_functions.FAULTS, *faults_of_messages.FAULTS)
        if fault.strike not in NOT_TRIED
    ),
    Fault("EXPRESS: no end can be written", mute_executions, frozenset({LOST, "ClientError"})),
    _of_express(faults_of_batches.CANCELLED_AND_RETRIED),
    _of_express(faults_of_functions.LAST),
    _of_express(faults_of_batches.LAST),
]
