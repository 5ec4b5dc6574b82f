"""One fault, from its injection to the check."""

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.chaos.batch_invariants import BatchEvidence, BatchPromise, audit_batch, promised_tasks
from tests.chaos.batches import Look
from tests.chaos.recorder import Change, Item, Recorder
from tests.chaos.rig import Rig
from tests.chaos.scene import Fault, Scene
from tests.chaos.task_invariants import ENDED, AuditReport, audit

SECONDS_BETWEEN_SWEEPS = 2.0


def play(rig: Rig, fault: Fault, count: int, seed: int) -> tuple[AuditReport, Scene]:
    """Inject one fault, wait until nothing is in progress, and check the invariants."""
    tasks = _Known(rig.recorder)
    batches = _Known(rig.batch_recorder)
    scene = Scene(rig, count, fault.may_fail_with, random.Random(f"{seed} {fault.name}"))
    with Look(scene):
        try:
            fault.strike(scene)
        except AssertionError as error:
            scene.wrong.append(str(error))  # the other faults must still be tried
        finally:
            scene.struck += rig.proxy.forget() + rig.invocations.forget()
            scene.release()
        noise = _wait_for_quiet(scene, fault)
    rig.recorder.catch_up()
    rig.batch_recorder.catch_up()
    report = _audit(scene, tasks, batches)
    report.wrong += [*scene.wrong, *noise, *tasks.disturbed(), *batches.disturbed()]
    if not scene.struck and fault.strikes:
        report.wrong.append("the fault did not happen")
    if scene.poison:
        rig.stack.sqs.purge_queue(QueueUrl=rig.stack.outputs["DeadLetterQueueUrl"])
    return report, scene


class _Known:
    """What was in a table before the fault, to distinguish it from items of the fault."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder, self._key = recorder, recorder.key
        self._items = {item[self._key]: item for item in recorder.items()}
        self._mark = len(recorder.changes)

    def new(self) -> list[Item]:
        return [item for item in self._recorder.items() if item[self._key] not in self._items]

    def changes(self) -> list[Change]:
        """Return the changes of the items that were created during the fault."""
        recorded = self._recorder.changes[self._mark :]
        return [change for change in recorded if change.new[self._key] not in self._items]

    def disturbed(self) -> list[str]:
        """Name what existed before the fault and has been changed since."""
        return [
            f"{change.new[self._key]}: was changed, and it is none of this fault's"
            for change in self._recorder.changes[self._mark :]
            if change.new != self._items.get(change.new[self._key], change.new)
        ]


def _audit(scene: Scene, tasks: _Known, batches: _Known) -> AuditReport:
    rig, items = scene.rig, tasks.new()
    found = [(promise, _evidence(scene, promise, items, batches)) for promise in scene.batches]
    promises = [*scene.promises]
    for promise, evidence in found:
        promises += promised_tasks(promise, evidence)
    mine = {item["taskId"] for item in items} | {promise.task_id for promise in promises}
    report = audit(
        promises,
        items,
        [change for change in tasks.changes() if change.new["taskId"] in mine],
        rig.executions.of(mine, {i["execution"] for i in items if i.get("execution")}),
        rig.objects({item["result"]["key"] for item in items if "result" in item}),
    )
    for promise, evidence in found:
        audit_batch(promise, evidence, report)
    known = {promise.batch_id for promise in scene.batches}
    report.doubled += [
        f"batch {item['batchId']}: nobody was promised this batch"
        for item in batches.new()
        if item["batchId"] not in known
    ]
    return report


def _evidence(
    scene: Scene, promise: BatchPromise, tasks: Sequence[Item], batches: _Known
) -> BatchEvidence:
    rig, batch_id = scene.rig, promise.batch_id
    item = next((item for item in batches.new() if item["batchId"] == batch_id), None)
    names = [f"{batch_id}-{run}" for run in range(1, int(item["run"]) + 1)] if item else []
    executions: dict[str, Mapping[str, Any]] = {}
    for name in names:
        if execution := rig.batch_execution(name):
            executions[name] = execution
    return BatchEvidence(
        item,
        [task for task in tasks if task.get("batchId") == batch_id],
        [change for change in batches.changes() if change.new["batchId"] == batch_id],
        rig.stack.http.get(f"/batches/{batch_id}").json(),
        executions,
    )


def _wait_for_quiet(scene: Scene, fault: Fault) -> list[str]:
    """Wait until nothing is in progress; return what still is at the time limit."""
    rig = scene.rig
    deadline = time.monotonic() + fault.seconds
    next_sweep = time.monotonic()
    while noise := _noise(scene):
        if time.monotonic() > deadline:
            return noise
        if fault.sweep and time.monotonic() > next_sweep:
            scene.repaired.update(rig.reconcile())
            next_sweep = time.monotonic() + SECONDS_BETWEEN_SWEEPS
        scene.spared += rig.executions.let_time_pass(scene.items())
        time.sleep(0.2)
    return []


def _noise(scene: Scene) -> list[str]:
    stack = scene.rig.stack
    noise: list[str] = []
    if open_tasks := sum(n for status, n in scene.statuses().items() if status not in ENDED):
        noise.append(f"{open_tasks} tasks have not ended")
    # A batch that has ended is active until nothing of it is open any more.
    if active := sum("active" in item for item in scene.batch_items()):
        noise.append(f"{active} batches have not ended or are not settled")
    if running := scene.rig.running():
        noise.append(f"{running} executions run")
    expected: dict[str, Any] = {"TaskQueueUrl": 0, "DeadLetterQueueUrl": scene.poison}
    for queue, wanted in expected.items():
        if (depth := stack.depth(queue)) != wanted:
            noise.append(f"{queue} has {depth} messages and not {wanted}")
    return noise
