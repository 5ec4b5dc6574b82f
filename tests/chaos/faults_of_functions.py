"""Faults of what does the work: functions, executions, the cloud itself."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.chaos.books import OPEN, RESTARTED
from tests.chaos.scene import Fault, Scene
from tests.integration.stacks import until

STEPS = ("Download", "Grayscale", "Upload", "UpdateStatus", "Dispatch")
WORKERS = 2
"""Processes that the local cloud gives a function: so many sources can be held at a time."""


def nothing(scene: Scene) -> None:
    """No fault: the books balance without one, or they prove nothing with one."""
    scene.mixed()


def killed_functions(scene: Scene) -> None:
    """SIGKILL, again and again, to processes of the steps, two of which hold a source meanwhile."""
    scene.held(WORKERS, "COMPLETED")
    until(lambda: scene.asked("/held/") >= WORKERS, 30, "sources are held")
    for process in scene.rig.workers("Download"):
        _kill(process)
    scene.release()
    ids = scene.mixed()
    for _ in range(12):
        victims = scene.rig.workers(*STEPS)
        if victims:
            _kill(scene.random.choice(sorted(victims, key=lambda p: p.create_time())))
        scene.pause(0.1, 0.5)
    assert ids


def timed_out_functions(scene: Scene) -> None:
    """A source holds Download for longer than the function may take."""
    slow = scene.count // 4
    with _function_timeout(scene, "Download", 2):
        scene.held(slow, "Sandbox.Timedout")
        scene.mixed(scene.count - slow)
        until(lambda: not scene.statuses().keys() & OPEN, 60, "all have ended")


def timed_out_executions(scene: Scene) -> None:
    """The machine's own time is over: no Catch sees that, only the event of the execution."""
    states, arn = scene.rig.stack.states, scene.rig.stack.outputs["StateMachineArn"]
    before = states.describe_state_machine(stateMachineArn=arn)["definition"]
    short = json.dumps({**json.loads(before), "TimeoutSeconds": 3})
    states.update_state_machine(stateMachineArn=arn, definition=short)
    try:
        scene.held(scene.count // 2, "States.Timeout")
        scene.mixed(scene.count - scene.count // 2)
        until(lambda: scene.rig.running() == 0, 40, "no execution runs any more")
    finally:
        states.update_state_machine(stateMachineArn=arn, definition=before)


def stopped_executions(scene: Scene) -> None:
    """Somebody stops executions in the console, wherever they are."""
    stack = scene.rig.stack
    scene.held(WORKERS, "ExecutionAborted")
    until(lambda: scene.asked("/held/") >= WORKERS, 30, "sources are held")
    scene.mixed()
    stopped = 0
    while running := [e for e in stack.executions() if e["status"] == "RUNNING"]:
        with suppress(stack.states.exceptions.ExecutionDoesNotExist):
            stack.states.stop_execution(executionArn=scene.random.choice(running)["executionArn"])
            stopped += 1
        if stopped > scene.count // 2:
            break
    if not stopped:
        scene.wrong.append("no execution was stopped: the fault did not happen")


def killed_cloud(scene: Scene) -> None:
    """Kill -9 to the whole local cloud in the middle of it all; it comes back with its state."""
    rig = scene.rig
    part = scene.count // 4
    scene.mixed(part)
    until(lambda: not scene.statuses().keys() & OPEN, 60, "some have ended")
    scene.held(part, "COMPLETED")
    until(lambda: "PENDING" not in scene.statuses(), 60, "all that are held are RUNNING")
    # These are still in the queue when it happens.
    rig.proxy.inject({"service": "stepfunctions", "operation": "StartExecution", "reset": True})
    scene.mixed(part)
    rig.save()
    scene.release()
    scene.pause(0.1, 1.0)
    rig.kill()
    rig.proxy.forget()
    rig.start_cloud()
    rig.recorder.resume()
    scene.mixed(scene.count - 3 * part)


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()


@contextmanager
def _function_timeout(scene: Scene, function: str, seconds: int) -> Iterator[None]:
    lambdas, name = scene.rig.lambdas, scene.rig.functions[function]
    before = lambdas.get_function_configuration(FunctionName=name)["Timeout"]
    lambdas.update_function_configuration(FunctionName=name, Timeout=seconds)
    try:
        yield
    finally:
        lambdas.update_function_configuration(FunctionName=name, Timeout=before)


DIED = frozenset({"Runtime.ExitError"})

FAULTS = [
    Fault("nothing is broken", nothing),
    Fault("functions killed mid-step", killed_functions, DIED),
    Fault("a function times out", timed_out_functions, frozenset({"Sandbox.Timedout"})),
    Fault("executions time out", timed_out_executions, frozenset({"States.Timeout"}), sweep=False),
    Fault(
        "executions stopped by hand",
        stopped_executions,
        frozenset({"ExecutionAborted"}),
        sweep=False,
    ),
]
LAST = Fault(
    "the cloud killed and restarted", killed_cloud, frozenset({RESTARTED, "ExecutionLost"})
)
