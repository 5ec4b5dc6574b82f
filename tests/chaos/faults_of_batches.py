"""Faults in what ingests, counts, cancels and retries batches."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from tests.chaos.batches import act, statuses, submit, submit_some, until_ended
from tests.chaos.faults_of_functions import DIED, MAY_DIE, STEPS, kill
from tests.chaos.proxy import ERRORS
from tests.chaos.scene import Fault, Scene
from tests.chaos.task_invariants import ENDED, LOST, RESTARTED
from tests.support.cloud.stacks import saved, until

KILLS_OF_ENTER = 2
ASKED_TO_CANCEL = {"dynamodb", "stepfunctions"}
ENTER_FAILED = "States.ExceedToleratedFailureThreshold"
"""The error of a batch of which a call of Enter failed for good."""
ABORTED = "ExecutionAborted"
NO_START = {
    "service": "stepfunctions",
    "operation": "StartExecution",
    "body": "contains(stateMachineArn, 'BatchStateMachine')",
    "error": ERRORS["stepfunctions"][1],
}


def nothing(scene: Scene) -> None:
    """No fault: each reader, and a batch that needs more than one call of Enter."""
    submit_some(scene, _sizes(scene))
    submit(scene, max(30, scene.count), "jsonl", tolerated=80)


def killed_functions(scene: Scene) -> None:
    """SIGKILL to Enter while it ingests items, then to every function that works on a batch."""
    sizes, also = _sizes(scene), [DIED, ENTER_FAILED]
    _slow_enter(scene, 100)  # without this it would finish its items before the fault
    submit_some(scene, sizes[:2], also=also)
    while scene.struck < KILLS_OF_ENTER and _entering(scene):
        if scene.rig.workers("Enter"):
            scene.pause(0.2, 0.6)
            _kill_one(scene, "Enter")
    scene.rig.proxy.forget()
    submit_some(scene, sizes[2:], also=also)
    while scene.struck < scene.count and "RUNNING" in statuses(scene).values():
        _kill_one(scene, scene.random.choice(["Batch", *STEPS]))
        scene.pause(0.1, 0.4)


def broken_service(service: str, scene: Scene) -> None:
    """A service answers half of the calls with errors while batches start, run and end.

    All calls of SQS get errors, because a batch sends its messages in one or two calls.
    """
    errors = ERRORS[service]
    probability = 1.0 if service == "sqs" else 0.5
    for error in scene.random.sample(errors, len(errors)):
        scene.rig.proxy.inject({"service": service, "error": error, "probability": probability})
        submit_some(scene, [scene.count // 8] * 2)
        scene.pause(1.0, 2.0)
    if service in ASKED_TO_CANCEL:
        cancelled = submit(scene, scene.count // 4, held=1, also=["CANCELLED"])
        act(scene, cancelled, "cancel")
        scene.pause(1.0, 2.0)


def broken_invocations(scene: Scene) -> None:
    """Invocations by the batch machine fail, before their function runs or after it."""
    scene.rig.break_invocations("Enter", "Batch", "UpdateStatus")
    submit_some(scene, _sizes(scene), also=["Lambda.Unknown"])
    until_ended(scene, 120)


def stopped_executions(scene: Scene) -> None:
    """A person stops executions in the console while they ingest, wait or cancel."""
    rig, size = scene.rig, scene.count // 4
    _slow_enter(scene, 500)
    entering = submit(scene, size, "jsonl", also=[ABORTED])
    until(lambda: scene.statuses().total() > 0, 30, "some of its items have been ingested")
    _stop(scene, f"{entering}-1")
    rig.proxy.forget()
    for watching in submit_some(scene, [size], held=2, also=[ABORTED]):
        _until_at_work(scene, watching)
        _stop(scene, f"{watching}-1")
    scene.release()
    failing = submit(scene, size, held=1, tolerated=0, also=[ABORTED])
    until(lambda: statuses(scene)[failing] == "FAILED", 60, "it has failed")
    _stop(scene, f"{failing}-1")
    cancelled = submit(scene, size, held=1, also=["CANCELLED"])
    _until_at_work(scene, cancelled)
    act(scene, cancelled, "cancel")
    _stop(scene, f"{cancelled}-1-cancel")


def lost_events(scene: Scene) -> None:
    """No event about an execution's end arrives: only the scheduled run can repair a batch."""
    with _without_events(scene):
        for watching in submit_some(scene, [scene.count // 4] * 2, held=1, also=[ABORTED]):
            _until_at_work(scene, watching)
            _stop(scene, f"{watching}-1")
        _reconcile_until_ended(scene)


def failing_starts(scene: Scene) -> None:
    """No execution of a batch can be started: neither to run it, nor to cancel or retry it."""
    rig = scene.rig
    rig.proxy.inject(NO_START)
    submit_some(scene, _sizes(scene))
    never_started = submit(scene, scene.count // 4, "jsonl", also=["CANCELLED"])
    act(scene, never_started, "cancel")
    scene.struck += rig.proxy.forget()
    held = submit(scene, scene.count // 4, held=1)
    _until_at_work(scene, held)
    rig.proxy.inject(NO_START)
    act(scene, held, "cancel")
    act(scene, held, "retry")


def cancelled_and_retried(scene: Scene) -> None:
    """Callers cancel a batch and retry it at once, while it is ingested and while its tasks run."""
    _slow_enter(scene, 100)
    batches = submit_some(scene, _sizes(scene) * 2, also=["CANCELLED"])
    scene.rig.proxy.forget()
    plans = [
        [(scene.random.uniform(0, 1.5), call) for call in ("cancel", "retry") * 2] for _ in batches
    ]
    # Half of them stay cancelled; in the others every item is tried again.
    plans = [plan[:3] if n % 2 else plan for n, plan in enumerate(plans)]

    def live(batch_id: str, plan: list[tuple[float, str]]) -> list[str]:
        done = []
        for pause, call in plan:
            time.sleep(pause if call == "cancel" else pause / 10)
            done += [call] if act(scene, batch_id, call) else []
        return done

    with ThreadPoolExecutor(len(batches)) as pool:
        done = [call for calls in pool.map(live, batches, plans) for call in calls]
    scene.struck += len(done)
    _compare_with_the_record(scene, done)


def repeated_calls(scene: Scene) -> None:
    """Enter and Batch are called twice with the same input, and again when their run is over."""
    rig = scene.rig
    _slow_enter(scene, 100)
    batch_id = submit(scene, scene.count // 4, held=1, also=["CANCELLED"])
    promise = scene.batches[-1]
    lines = [{"index": n, "item": item.source} for n, item in enumerate(promise.items)]
    enter = {"batchId": batch_id, "run": 1, "reader": "lines", "items": lines}

    def call(function: str, payload: dict[str, object]) -> None:
        rig.lambdas.invoke(FunctionName=rig.functions[function], Payload=json.dumps(payload))
        scene.struck += 1

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: call("Enter", enter), range(3)))
    rig.proxy.forget()
    _until_at_work(scene, batch_id)
    act(scene, batch_id, "cancel")
    call("Enter", enter)
    act(scene, batch_id, "retry")
    common = {"batchId": batch_id, "run": 1, "cursor": "", "total": 1}
    caught = {"Error": "Late", "Cause": "Late"}
    for action in ("watch", "fail", "cancel", "retry", "settle"):
        call("Batch", {**common, "action": action, "caught": caught})
    call("Enter", enter)


def killed_cloud(scene: Scene) -> None:
    """SIGKILL to the whole local cloud while batches are ingested, counted and cancelled."""
    rig, size = scene.rig, scene.count // 6
    also = [RESTARTED, LOST]
    submit_some(scene, [size])
    until_ended(scene, 60)
    watched, cancelled = submit_some(scene, [size] * 2, held=1, also=[*also, "CANCELLED"])
    for batch_id in (watched, cancelled):
        _until_at_work(scene, batch_id)
    rig.proxy.inject(NO_START)
    submit(scene, size, also=also)
    _slow_enter(scene, 700)
    submit(scene, max(size, 10), "jsonl", also=also)
    act(scene, cancelled, "cancel")
    saved(rig.cloud)
    scene.release()
    scene.struck += rig.kill()
    rig.proxy.forget()
    rig.restart()
    submit(scene, size)
    _reconcile_until_ended(scene)
    for batch_id, status in statuses(scene).items():
        if status != "COMPLETED" and batch_id != cancelled:
            act(scene, batch_id, "retry")


def _sizes(scene: Scene) -> list[int]:
    """Split the count of a scene into batches: one for each reader."""
    return [scene.count // 4] * 4


def _slow_enter(scene: Scene, milliseconds: int) -> None:
    """Let Enter take so long for each item. It is no fault, and `forget` ends it."""
    scene.rig.proxy.inject({"service": "dynamodb", "operation": "PutItem", "latency": milliseconds})


def _entering(scene: Scene) -> bool:
    """Whether a batch of the scene may still be ingesting."""
    items = scene.batch_items()
    return any(item["status"] == "RUNNING" and not item.get("entered") for item in items)


def _kill_one(scene: Scene, function: str) -> None:
    if victims := scene.rig.workers(function):
        kill(scene, scene.random.choice(sorted(victims, key=lambda p: p.pid)))


def _until_at_work(scene: Scene, batch_id: str) -> None:
    def running() -> bool:
        tasks = [item for item in scene.items() if item.get("batchId") == batch_id]
        held = next(promise for promise in scene.batches if promise.batch_id == batch_id)
        waiting = {n for n, item in enumerate(held.items) if item.path.startswith("/held/")}
        return any(t["status"] == "RUNNING" and t["batchIndex"] in waiting for t in tasks)

    until(running, 60, f"a held item of batch {batch_id} is running")


def _stop(scene: Scene, name: str) -> None:
    until(lambda: scene.rig.batch_execution(name), 30, f"there is the execution {name}")
    scene.struck += scene.rig.stop_batch(name)


def _reconcile_until_ended(scene: Scene) -> None:
    def repaired() -> bool:
        scene.spared += scene.rig.executions.let_time_pass(scene.items())
        scene.repaired.update(scene.rig.reconcile())
        scene.pause(1.0, 2.0)
        return "RUNNING" not in statuses(scene).values()

    until(repaired, 60, "all batches have ended")


@contextmanager
def _without_events(scene: Scene) -> Iterator[None]:
    """Let no event about an execution reach reconcile."""
    rule = scene.rig.stack.physical("ReconcileFunctionExecutionEnded")
    events = scene.rig.cloud.client("events")
    events.disable_rule(Name=rule)
    try:
        yield
    finally:
        events.enable_rule(Name=rule)


def _compare_with_the_record(scene: Scene, done: list[str]) -> None:
    """Every call that was answered 202 was written once, and no other call was."""
    scene.rig.batch_recorder.catch_up()
    mine = {promise.batch_id for promise in scene.batches}
    pairs = [
        (change.old, change.new)
        for change in scene.rig.batch_recorder.changes
        if change.old and change.new["batchId"] in mine
    ]
    written = {
        "cancel": sum(
            new["status"] == "CANCELLED" and old["status"] not in ENDED for old, new in pairs
        ),
        "retry": sum(new["run"] != old["run"] for old, new in pairs),
    }
    for call, times in written.items():
        if done.count(call) != times:
            scene.wrong.append(
                f"{done.count(call)} times {call} was accepted, {times} times written"
            )


def _broken(service: str, name: str) -> Fault:
    strike: Callable[[Scene], None] = partial(broken_service, service)
    return Fault(f"batch: {name} answers errors", strike, frozenset({"ServiceUnavailable"}))


# A state retries a lost answer once. If a child of the Map Run loses two answers, the run fails.
MAY_BE_LOST_TWICE = frozenset({"Lambda.Unknown", "States.ExceedToleratedFailureThreshold"})
CANCELLED_AND_RETRIED = Fault("batch: cancelled, retried at once", cancelled_and_retried)
FAULTS = [
    Fault("batch: nothing is broken", nothing, strikes=False),
    Fault("batch: functions killed mid-step", killed_functions, MAY_DIE),
    _broken("s3", "S3"),
    _broken("dynamodb", "DynamoDB"),
    _broken("sqs", "SQS"),
    _broken("stepfunctions", "Step Functions"),
    Fault("batch: invocations or answers lost", broken_invocations, MAY_BE_LOST_TWICE),
    Fault("batch: its execution stopped by hand", stopped_executions),
    Fault("batch: the event of its end lost", lost_events),
    Fault("batch: its executions cannot start", failing_starts),
    CANCELLED_AND_RETRIED,
    Fault("batch: calls come twice and late", repeated_calls),
]
LAST = Fault("batch: the cloud killed and restarted", killed_cloud, frozenset({RESTARTED, LOST}))
