"""One fault from its beginning to its books."""

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.books import ENDED, Account, Promise, audit
from tests.chaos.rig import Rig

# Sources, good and bad: the path, and the end of its task when nothing else goes wrong.
MIXED = [
    ("/colour.jpg", "COMPLETED"),
    ("/status/404/{n}", "SourceNotFound"),
    ("/colour.png", "COMPLETED"),
    ("/flaky/1/{n}", "COMPLETED"),
    ("/text.jpg", "UnsupportedFormat"),
    ("/colour.webp", "COMPLETED"),
    ("/truncated.jpg", "InvalidImage"),
    ("/phone.jpg", "COMPLETED"),
    ("/status/403/{n}", "SourceForbidden"),
]
CLIENTS = 6
SECONDS_BETWEEN_SWEEPS = 2.0

_numbers = itertools.count(1)


@dataclass
class Scene:
    """What a fault acts in: it submits tasks here and breaks what they need."""

    rig: Rig
    count: int
    """Tasks that the fault is to be tried on."""
    may_fail_with: frozenset[str]
    random: random.Random
    promises: list[Promise] = field(default_factory=list)
    struck: int = 0
    """How often the fault has happened: processes killed, calls that failed, messages doubled."""
    poison: int = 0
    """Messages that are no task, which the fault made: they stay in the dead-letter queue."""
    wrong: list[str] = field(default_factory=list)
    repaired: Counter[str] = field(default_factory=Counter)

    def submit(self, path: str, *ends: str) -> str:
        """Submit a task whose end is one of these, or what the fault may do; return its id."""
        key = f"chaos-{self.random.getrandbits(64):x}-{next(_numbers)}"
        request = {"imageUrl": self.rig.sources.url(path)}
        answer = self.rig.post("/tasks", json=request, headers={"Idempotency-Key": key})
        assert answer.status_code == 202, answer.text
        task_id: str = answer.json()["taskId"]
        self.promises.append(Promise(task_id, path, self.may_fail_with | set(ends)))
        return task_id

    def mixed(self, count: int | None = None, also: Iterable[str] = ()) -> list[str]:
        """Submit good and bad sources, several clients at once; return the tasks' ids."""
        count = self.count if count is None else count
        first = self.random.randrange(len(MIXED))
        chosen = [MIXED[(first + n) % len(MIXED)] for n in range(count)]
        self.random.shuffle(chosen)
        with ThreadPoolExecutor(CLIENTS) as pool:
            return list(
                pool.map(
                    lambda source: self.submit(
                        source[0].format(n=next(_numbers)), source[1], *also
                    ),
                    chosen,
                )
            )

    def held(self, count: int, *ends: str) -> list[str]:
        """Submit tasks whose Download waits for its source until `release`."""
        paths = [f"/held/{next(_numbers)}" for _ in range(count)]
        return [self.submit(path, *ends) for path in paths]

    def release(self) -> None:
        """Let every source that is held answer, now and later."""
        for promise in self.promises:
            if promise.path.startswith("/held/"):
                self.rig.sources.held[promise.path].set()

    def asked(self, path_prefix: str) -> int:
        """Count the requests that the sources got so far."""
        return sum(n for path, n in self.rig.sources.requests.items() if path_prefix in path)

    def statuses(self) -> Counter[str]:
        """Count the tasks of this scene by status."""
        mine = {promise.task_id for promise in self.promises}
        return Counter(i["status"] for i in self.rig.recorder.items() if i["taskId"] in mine)

    def ends(self) -> Counter[str]:
        """Count how the tasks ended: the status, or the error of those that FAILED."""
        mine = {promise.task_id for promise in self.promises}
        return Counter(
            item.get("failure", {}).get("error", item["status"])
            for item in self.rig.recorder.items()
            if item["taskId"] in mine
        )

    def pause(self, shortest: float, longest: float) -> None:
        """Let a seeded time pass: the fault is in *when* the next thing happens."""
        time.sleep(self.random.uniform(shortest, longest))


@dataclass(frozen=True)
class Fault:
    """Something that breaks: `strike` does it, and may leave it broken when it returns."""

    name: str
    strike: Callable[[Scene], None]
    may_fail_with: frozenset[str] = frozenset()
    """Errors that any of its tasks may end with, beside the end that its source stands for."""
    sweep: bool = True
    """Whether the reconcile function is called directly, to save the wait for its schedule."""
    strikes: bool = True
    """Whether anything is broken at all."""
    seconds: float = 75
    """How long it may take until all is quiet again."""


def play(rig: Rig, fault: Fault, count: int, seed: int) -> tuple[Account, Scene]:
    """Let one fault happen, wait for quiet, and balance the books."""
    known = {item["taskId"]: item for item in rig.recorder.items()}
    mark = len(rig.recorder.changes)
    scene = Scene(rig, count, fault.may_fail_with, random.Random(f"{seed} {fault.name}"))
    try:
        fault.strike(scene)
    except AssertionError as error:
        scene.wrong.append(str(error))  # the others are to be tried all the same
    finally:
        scene.struck += rig.proxy.forget()
        scene.release()
    noise = _wait_for_quiet(scene, fault)
    rig.recorder.catch_up()
    items = [item for item in rig.recorder.items() if item["taskId"] not in known]
    mine = {item["taskId"] for item in items} | {p.task_id for p in scene.promises}
    recorded = rig.recorder.changes[mark:]
    account = audit(
        scene.promises,
        items,
        [change for change in recorded if change.new["taskId"] in mine],
        rig.executions(mine, {i["execution"] for i in items if i.get("execution")}),
        rig.objects({item["result"]["key"] for item in items if "result" in item}),
    )
    account.wrong += [*scene.wrong, *noise]
    account.wrong += [
        f"{change.new['taskId']}: an older task was changed"
        for change in recorded
        if change.new["taskId"] in known and change.new != known[change.new["taskId"]]
    ]
    if not scene.struck and fault.strikes:
        account.wrong.append("the fault did not happen")
    if scene.poison:
        rig.stack.sqs.purge_queue(QueueUrl=rig.stack.outputs["DeadLetterQueueUrl"])
    return account, scene


def _wait_for_quiet(scene: Scene, fault: Fault) -> list[str]:
    """Wait until nothing is under way; return what still is when the time is over."""
    rig = scene.rig
    deadline = time.monotonic() + fault.seconds
    next_sweep = time.monotonic()
    while noise := _noise(scene):
        if time.monotonic() > deadline:
            return noise
        if fault.sweep and time.monotonic() > next_sweep:
            scene.repaired.update(rig.reconcile())
            next_sweep = time.monotonic() + SECONDS_BETWEEN_SWEEPS
        time.sleep(0.2)
    return []


def _noise(scene: Scene) -> list[str]:
    stack = scene.rig.stack
    noise: list[str] = []
    if open_tasks := sum(n for status, n in scene.statuses().items() if status not in ENDED):
        noise.append(f"{open_tasks} tasks have not ended")
    if running := scene.rig.running():
        noise.append(f"{running} executions run")
    expected: dict[str, Any] = {"TaskQueueUrl": 0, "DeadLetterQueueUrl": scene.poison}
    for queue, wanted in expected.items():
        if (depth := stack.depth(queue)) != wanted:
            noise.append(f"{queue} has {depth} messages and not {wanted}")
    return noise
