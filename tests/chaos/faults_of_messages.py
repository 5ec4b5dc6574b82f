"""Faults between components: services that answer with errors, messages, and callers that race."""

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.chaos.proxy import ERRORS
from tests.chaos.scene import Fault, Scene
from tests.chaos.task_invariants import OPEN, Promise
from tests.support.cloud.stacks import until

PARALLEL_POSTS = 50
ACCEPTED, REFUSED = 202, 409
NO_SEND = {"service": "sqs", "operation": "SendMessage", "error": ERRORS["sqs"][0]}


def broken_service(service: str, scene: Scene) -> None:
    """A service answers half of the calls with 500, then with 503, then throttles them."""
    errors = ERRORS[service]
    for error in scene.random.sample(errors, len(errors)):
        scene.rig.proxy.inject({"service": service, "error": error, "probability": 0.5})
        scene.mixed(scene.count // len(errors))
        scene.pause(1.0, 2.0)
    # For a moment no call works.
    scene.rig.proxy.inject({"service": service, "error": errors[1]})
    scene.pause(1.5, 2.5)


def broken_invocations(scene: Scene) -> None:
    """Step Functions cannot invoke a step, or the step succeeds and its answer is lost."""
    scene.rig.break_invocations("UpdateStatus", "Download", "Grayscale", "Upload")
    scene.mixed()
    until(lambda: not scene.statuses().keys() & OPEN, 120, "all have ended")


def failing_sends(scene: Scene) -> None:
    """The task is stored, its message never sent. Only the scheduled run repairs it."""
    scene.rig.proxy.inject(NO_SEND)
    scene.mixed()


def repeated_messages(scene: Scene) -> None:
    """Each message is delivered three times or more: before, during and after the execution of its
    task."""
    orders = [scene.rig.order(task_id) for task_id in scene.mixed()]
    for order in scene.random.sample(orders * 2, 2 * len(orders)):
        scene.rig.send(order)
        scene.struck += 1
    until(lambda: not scene.statuses().keys() & OPEN, 60, "all have ended")
    for order in orders:
        scene.rig.send(order)


def late_messages(scene: Scene) -> None:
    """While attempt 2 runs, attempt 1 comes back: as messages, and as executions with other
    names."""
    rig = scene.rig
    arn = rig.stack.outputs["StateMachineArn"]
    # Otherwise an attempt would be over before anything could arrive late.
    slow = {"service": "s3", "operation": "PutObject", "latency": 2000}
    rig.proxy.inject(slow)
    outdated = set()
    for _ in range(scene.count // 2):
        task_id = scene.submit("/colour.jpg", "COMPLETED")
        first = rig.order(task_id)
        for call in ("cancel", "retry"):
            answer = rig.post(f"/tasks/{task_id}/{call}")
            assert answer.status_code == ACCEPTED, answer.text
        # Once while attempt 2 is PENDING and once, very probably, while it is RUNNING.
        for order in (first, {**first, "attempt": 2}, first):
            rig.send(order)
            # As on an Express machine, which accepts the same name any number of times.
            late = rig.stack.states.start_execution(
                stateMachineArn=arn, name=f"late-{uuid.uuid4()}", input=json.dumps(order)
            )
            scene.struck += 1
            if order is first:
                outdated.add(late["executionArn"])
            scene.pause(0, 0.1)
    until(lambda: rig.running() == 0, 60, "no execution is running")
    rig.recorder.catch_up()
    for change in rig.recorder.changes:
        if change.new.get("execution") in outdated:
            scene.wrong.append(f"attempt 1 got hold of attempt 2: {change.new}")
    for execution in rig.executions.all().values():
        if execution["name"].startswith("late-") and execution["status"] != "SUCCEEDED":
            # It does not have the name of its task, as if a person had started it.
            ended = rig.stack.execution({"execution": {"arn": execution["executionArn"]}})
            if ended["error"] != "StaleAttempt":
                scene.wrong.append(f"an execution that was late failed otherwise: {execution}")


def dead_letters(scene: Scene) -> None:
    """Orders arrive in the dead-letter queue, which also has messages that are not orders."""
    rig = scene.rig
    rig.proxy.inject(NO_SEND)
    dead = scene.mixed(scene.count // 2, also=["DeadLettered"])
    scene.struck += rig.proxy.forget()
    for task_id in dead:
        rig.send(rig.order(task_id), "DeadLetterQueueUrl")
    scene.repaired.update(rig.reconcile())
    # The dead letter of a task that another message has started already: it means nothing.
    alive = scene.mixed(scene.count - len(dead), also=["DeadLettered"])
    for task_id in alive:
        rig.send(rig.order(task_id), "DeadLetterQueueUrl")
    for body in ("no task", json.dumps({"taskId": 7})):
        rig.send(body)
        scene.poison += 1


def racing_callers(scene: Scene) -> None:
    """Callers cancel and retry at any moment, whatever the execution is about to write."""
    rig = scene.rig
    delays = [[scene.random.uniform(0, 0.4) for _ in range(4)] for _ in range(scene.count)]

    def live(pauses: list[float]) -> list[tuple[str, bool]]:
        (task_id,) = scene.mixed(1, also=["CANCELLED"])
        done = []
        for pause, call in zip(pauses, ("cancel", "retry", "cancel", "retry"), strict=True):
            time.sleep(pause)
            answer = rig.post(f"/tasks/{task_id}/{call}")
            assert answer.status_code in {ACCEPTED, REFUSED}, answer.text
            done.append((call, answer.status_code == ACCEPTED))
        return done

    with ThreadPoolExecutor(8) as pool:
        done = [call for calls in pool.map(live, delays) for call in calls]
    until(lambda: not scene.statuses().keys() & OPEN, 60, "all have ended")
    rig.recorder.catch_up()
    _compare_with_the_record(scene, done)


def _compare_with_the_record(scene: Scene, done: list[tuple[str, bool]]) -> None:
    """Every call that was answered 202 was written once, and no other call was."""
    mine = {promise.task_id for promise in scene.promises}
    changes = [c for c in scene.rig.recorder.changes if c.new["taskId"] in mine and c.old]
    written = {
        "cancel": sum(c.new["status"] == "CANCELLED" for c in changes),
        "retry": sum(c.new["attempt"] != c.old["attempt"] for c in changes if c.old),
    }
    for call, times in written.items():
        accepted = sum(ok for name, ok in done if name == call)
        scene.struck += accepted
        if accepted != times:
            scene.wrong.append(f"{accepted} times {call} was accepted, {times} times written")


def one_key(scene: Scene) -> None:
    """Fifty posts at once with one idempotency key: one task, one message, one execution."""
    rig = scene.rig
    # It changes nothing, but the proxy counts the calls.
    rig.proxy.inject({"service": "sqs", "operation": "SendMessage", "latency": 1})
    headers = {"Idempotency-Key": f"one-{scene.random.getrandbits(64):x}"}
    request = {"imageUrl": rig.sources.url("/colour.jpg")}
    with ThreadPoolExecutor(PARALLEL_POSTS) as pool:
        posts = [
            pool.submit(rig.post, "/tasks", json=request, headers=headers)
            for _ in range(PARALLEL_POSTS)
        ]
        answers = [post.result() for post in posts]
    ids = {answer.json()["taskId"] for answer in answers}
    scene.promises += [Promise(one, "/colour.jpg", frozenset({"COMPLETED"})) for one in ids]
    replayed = sum("Idempotent-Replayed" in answer.headers for answer in answers)
    sent = rig.proxy.fired()
    scene.struck += replayed
    if len(ids) != 1 or replayed != PARALLEL_POSTS - 1 or sent != 1:
        scene.wrong.append(f"{len(ids)} tasks, {replayed} replays, {sent} messages")
    until(lambda: not scene.statuses().keys() & OPEN, 60, "all have ended")
    executions = rig.executions.of(ids)
    if len(executions) != 1:
        scene.wrong.append(f"one key has {len(executions)} executions")


def _broken(service: str, name: str) -> Fault:
    strike: Callable[[Scene], None] = partial(broken_service, service)
    return Fault(f"{name}: 500, 503, throttled", strike, frozenset({"ServiceUnavailable"}))


FAULTS = [
    _broken("s3", "S3"),
    _broken("dynamodb", "DynamoDB"),
    _broken("sqs", "SQS"),
    _broken("stepfunctions", "Step Functions"),
    Fault(
        "invocations or answers are lost",
        broken_invocations,
        frozenset({"Lambda.Unknown"}),
    ),
    Fault("the send fails after the put", failing_sends, sweep=False, seconds=100),
    Fault("each message comes three times", repeated_messages),
    Fault("attempt 1 comes back in attempt 2", late_messages),
    Fault("messages are dead letters", dead_letters),
    Fault("cancel and retry race", racing_callers),
    Fault("50 posts with one key", one_key),
]
