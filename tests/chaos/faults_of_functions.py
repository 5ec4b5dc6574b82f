"""Faults in functions, in executions and in the cloud itself."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psutil

from tests.chaos.scene import Fault, Scene
from tests.chaos.task_invariants import LOST, OPEN, RESTARTED
from tests.support.cloud.stacks import saved, until

STEPS = ("Download", "Grayscale", "Upload", "UpdateStatus", "Dispatch")
WORKERS = 2
"""Processes that the local cloud gives a function: so many sources can be held at a time."""


def nothing(scene: Scene) -> None:
    """No fault: the invariants must hold without one, otherwise a violation would prove nothing."""
    scene.mixed()


def killed_functions(scene: Scene) -> None:
    """Repeated SIGKILL: first where a source is held, then to any process of a step."""
    scene.held(WORKERS, "COMPLETED")
    until(lambda: scene.asked("/held/") >= WORKERS, 30, "sources are held")
    for process in scene.rig.workers("Download"):
        kill(scene, process)
    scene.release()
    with ThreadPoolExecutor() as pool:
        submitting = pool.submit(scene.mixed)
        while scene.struck < scene.count and (
            not submitting.done() or scene.statuses().keys() & OPEN
        ):
            victims = scene.rig.workers(*STEPS)
            if victims:
                kill(scene, scene.random.choice(sorted(victims, key=lambda p: p.pid)))
            scene.pause(0.05, 0.4)
        submitting.result()


def timed_out_functions(scene: Scene) -> None:
    """A source holds Download for longer than the function may take."""
    slow = scene.count // 4
    with _function_timeout(scene, "Download", 2):
        scene.held(slow, "Sandbox.Timedout")
        scene.mixed(scene.count - slow)
        until(lambda: not scene.statuses().keys() & OPEN, 60, "all have ended")
    scene.struck += scene.ends()["Sandbox.Timedout"]


def timed_out_executions(scene: Scene) -> None:
    """The time limit of the machine is over: no Catch handles that, only the event about the
    execution."""
    states, arn = scene.rig.stack.states, scene.rig.stack.outputs["StateMachineArn"]
    before = states.describe_state_machine(stateMachineArn=arn)["definition"]
    short = json.dumps({**json.loads(before), "TimeoutSeconds": 3})
    states.update_state_machine(stateMachineArn=arn, definition=short)
    try:
        scene.held(scene.count // 2, "States.Timeout")
        scene.mixed(scene.count - scene.count // 2)
        until(lambda: scene.rig.running() == 0, 40, "no execution is running")
        executions = scene.rig.executions.all().values()
        scene.struck += sum(execution["status"] == "TIMED_OUT" for execution in executions)
    finally:
        states.update_state_machine(stateMachineArn=arn, definition=before)


def stopped_executions(scene: Scene) -> None:
    """Somebody stops executions in the console, wherever they are."""
    stack = scene.rig.stack
    held = scene.held(WORKERS, "ExecutionAborted")
    until(lambda: scene.statuses()["RUNNING"] == WORKERS, 30, "sources are held")
    scene.mixed()
    for arn in scene.rig.executions.of(set(held)):
        stack.states.stop_execution(executionArn=arn)
        scene.struck += 1
    while running := [e for e in stack.executions() if e["status"] == "RUNNING"]:
        # It may have ended in the meantime, which is not an error.
        with suppress(stack.states.exceptions.ValidationException):
            stack.states.stop_execution(executionArn=scene.random.choice(running)["executionArn"])
        scene.struck += 1
        if scene.struck > scene.count // 2:
            break


def killed_cloud(scene: Scene) -> None:
    """SIGKILL to the whole local cloud while tasks run; it is started again with its state."""
    rig = scene.rig
    part = scene.count // 4
    scene.mixed(part)
    until(lambda: not scene.statuses().keys() & OPEN, 60, "some have ended")
    scene.held(part, "COMPLETED")
    until(lambda: "PENDING" not in scene.statuses(), 60, "all that are held are RUNNING")
    # These are still in the queue when it happens.
    rig.proxy.inject({"service": "stepfunctions", "operation": "StartExecution", "reset": True})
    scene.mixed(part)
    saved(rig.cloud)
    scene.release()
    scene.pause(0.1, 1.0)
    scene.struck += rig.kill()
    rig.proxy.forget()
    rig.restart()
    scene.mixed(scene.count - 3 * part)


def kill(scene: Scene, process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()
        scene.struck += 1


@contextmanager
def _function_timeout(scene: Scene, function: str, seconds: int) -> Iterator[None]:
    """Let a step call its function as it is now: the version that is live never changes."""
    lambdas, name = scene.rig.lambdas, scene.rig.functions[function]
    states, arn = scene.rig.stack.states, scene.rig.stack.outputs["StateMachineArn"]
    before = states.describe_state_machine(stateMachineArn=arn)["definition"]
    patient = lambdas.get_function_configuration(FunctionName=name)["Timeout"]
    lambdas.update_function_configuration(FunctionName=name, Timeout=seconds)
    latest = re.sub(rf"(:function:{name}):\d+", r"\1", before)
    states.update_state_machine(stateMachineArn=arn, definition=latest)
    try:
        yield
    finally:
        states.update_state_machine(stateMachineArn=arn, definition=before)
        lambdas.update_function_configuration(FunctionName=name, Timeout=patient)


DIED = "Runtime.ExitError"
MAY_DIE = frozenset({DIED, "DeadLettered"})
"""Of tasks. A message that Dispatch died with five times is a dead letter."""

FAULTS = [
    Fault("nothing is broken", nothing, strikes=False),
    Fault("functions killed mid-step", killed_functions, MAY_DIE),
    Fault("a function times out", timed_out_functions, frozenset({"Sandbox.Timedout"})),
    Fault("executions time out", timed_out_executions, frozenset({"States.Timeout"}), sweep=False),
    Fault(
        "executions stopped by hand",
        stopped_executions,
        frozenset({"ExecutionAborted"}),
        sweep=False,
    ),
]
LAST = Fault("the cloud killed and restarted", killed_cloud, frozenset({RESTARTED, LOST}))
