"""The workload of a fault: the tasks and batches that it submits, and how they end."""

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.chaos.batch_invariants import BatchPromise
from tests.chaos.recorder import Item
from tests.chaos.rig import Rig
from tests.chaos.task_invariants import Promise

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

_numbers = itertools.count(1)


@dataclass
class Scene:
    """The workload of a fault, which submits tasks here and breaks what they need."""

    rig: Rig
    count: int
    """Tasks that the fault is to be tried on."""
    may_fail_with: frozenset[str]
    random: random.Random
    promises: list[Promise] = field(default_factory=list)
    batches: list[BatchPromise] = field(default_factory=list)
    struck: int = 0
    """How often the fault has happened: processes killed, calls that failed, messages doubled."""
    poison: int = 0
    """Messages that are no task, which the fault made: they stay in the dead-letter queue."""
    wrong: list[str] = field(default_factory=list)
    repaired: Counter[str] = field(default_factory=Counter)
    spared: int = 0
    """Waits for the longest time that an EXPRESS execution may take, see `executions`."""

    def submit(self, path: str, *ends: str, callback: str = "", api_key: str = "") -> str:
        """Submit a task that must end in one of these ways, or as the fault allows; return its id.

        Args:
            path: of its source.
            ends: see `Promise`.
            callback: the URL that gets a webhook of it.
            api_key: of the caller, if it is not the one of the stack.
        """
        headers = {"Idempotency-Key": f"chaos-{self.random.getrandbits(64):x}-{next(_numbers)}"}
        if api_key:
            headers["x-api-key"] = api_key
        request = {"imageUrl": self.rig.sources.url(path)}
        if callback:
            request["callbackUrl"] = callback
        answer = self.rig.post("/tasks", json=request, headers=headers)
        assert answer.status_code == 202, answer.text
        task_id: str = answer.json()["taskId"]
        self.promises.append(Promise(task_id, path, self.may_fail_with | set(ends)))
        return task_id

    def mixed(
        self, count: int | None = None, also: Iterable[str] = (), api_key: str = ""
    ) -> list[str]:
        """Submit good and bad sources, several clients at once; return the tasks' ids."""
        count = self.count if count is None else count
        first = self.random.randrange(len(MIXED))
        chosen = [MIXED[(first + n) % len(MIXED)] for n in range(count)]
        self.random.shuffle(chosen)
        with ThreadPoolExecutor(CLIENTS) as pool:
            return list(
                pool.map(
                    lambda source: self.submit(
                        source[0].format(n=next(_numbers)), source[1], *also, api_key=api_key
                    ),
                    chosen,
                )
            )

    def held(self, count: int, *ends: str) -> list[str]:
        """Submit tasks whose Download waits for its source until `release`."""
        paths = [f"/held/{next(_numbers)}" for _ in range(count)]
        return [self.submit(path, *ends) for path in paths]

    def release(self) -> None:
        """Release every held source, now and later."""
        items = [item for batch in self.batches for item in batch.items]
        for path in (promised.path for promised in [*self.promises, *items]):
            if path.startswith("/held/"):
                self.rig.sources.held[path].set()

    def asked(self, path_prefix: str) -> int:
        """Count the requests that the sources got so far."""
        return sum(n for path, n in self.rig.sources.requests.items() if path_prefix in path)

    def items(self) -> list[Item]:
        """Return the tasks of this scene as the table has them now, those of its batches too."""
        tasks = {promise.task_id for promise in self.promises}
        batches = {promise.batch_id for promise in self.batches}
        return [
            item
            for item in self.rig.recorder.items()
            if item["taskId"] in tasks or item.get("batchId") in batches
        ]

    def batch_items(self) -> list[Item]:
        """Return the batches of this scene as the table has them now."""
        mine = {promise.batch_id for promise in self.batches}
        return [item for item in self.rig.batch_recorder.items() if item["batchId"] in mine]

    def statuses(self) -> Counter[str]:
        """Count the tasks of this scene by status."""
        return Counter(item["status"] for item in self.items())

    def ends(self) -> Counter[str]:
        """Count how the tasks ended: the status, or the error of those that FAILED."""
        return Counter(_end(item) for item in self.items())

    def batch_ends(self) -> Counter[str]:
        """Count how the batches ended: the status, or the error of those that FAILED."""
        return Counter(_end(item) for item in self.batch_items())

    def pause(self, shortest: float, longest: float) -> None:
        """Wait for a random time from the seed, because the fault depends on when the next step
        happens."""
        time.sleep(self.random.uniform(shortest, longest))


@dataclass(frozen=True)
class Fault:
    """A fault: `strike` injects it, and may leave it in place when it returns."""

    name: str
    strike: Callable[[Scene], None]
    may_fail_with: frozenset[str] = frozenset()
    """Errors that any of its tasks may end with, beside the end that its source stands for."""
    sweep: bool = True
    """Whether the reconcile function is called directly, to save the wait for its schedule."""
    strikes: bool = True
    """Whether anything is broken at all."""
    seconds: float = 120
    """How long it may take until all is quiet again."""


def _end(item: Item) -> str:
    error: str = item.get("failure", {}).get("error", item["status"])
    return error
