"""Limits how many invocations work at once, and measures how long each waits for its turn."""

import math
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class Wait:
    """How long an invocation waits before it works."""

    def __init__(self) -> None:
        self._ended, self._began = 0.0, 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Count the time of a block as waiting."""
        self._began = time.monotonic()
        try:
            yield
        finally:
            self._ended, self._began = self.seconds, 0.0

    @property
    def seconds(self) -> float:
        """The time so far."""
        return self._ended + (time.monotonic() - self._began if self._began else 0.0)


@dataclass(eq=False)
class Slot:
    """The slot that a thread holds while it works. Only `Places` checks how busy it is."""

    began: float
    busy_seconds: Callable[[], float] = lambda: math.inf
    """Returns for how long its process was busy so far, infinity if not known."""
    idle: bool = False
    """It was hardly busy between the last two checks."""
    seen: float = math.inf
    """Its busy time until the last check; infinity before the first one."""


class Turns(ABC):
    """Threads take turns. The next one is of the waiting group with the fewest running ones."""

    def __init__(self) -> None:
        """Start without running threads."""
        self._held: list[Slot] = []  # the oldest first
        self._held_by: Counter[str] = Counter()
        self._waiting: dict[object, str] = {}  # the group of each thread, in the order of arrival
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """How many threads wait for a slot."""
        return len(self._waiting)

    @property
    def working(self) -> int:
        """How many threads hold one."""
        return len(self._held)

    @contextmanager
    def slot(self, group: str) -> Iterator[Slot]:
        """Wait for a free slot and hold it."""
        me = object()
        with self._changed:
            self._waiting[me] = group
            while (seconds := self._wait()) > 0 or self._next() is not me:
                self._changed.wait(seconds if seconds > 0 else None)
            del self._waiting[me]
            mine = Slot(time.monotonic())
            self._held.append(mine)
            self._held_by[group] += 1
            self._changed.notify_all()  # there may be a slot for the next one, too
        try:
            yield mine
        finally:
            with self._changed:
                self._held.remove(mine)
                self._held_by[group] -= 1
                if not self._held_by[group]:
                    del self._held_by[group]
                self._changed.notify_all()

    def _next(self) -> object:
        return min(self._waiting, key=lambda thread: self._held_by[self._waiting[thread]])

    @abstractmethod
    def _wait(self) -> float:
        """Return 0 if a slot is free, else the seconds until the next check."""


class Limiter(Turns):
    """Lets a few threads work at once, and another one whenever a thread takes too long.

    A thread that takes long is probably waiting, for example for another invocation or for a slow
    source. It then no longer counts, so it cannot block the others.
    """

    def __init__(self, most: int, longest: float) -> None:
        """Let `most` threads work at once. A thread counts for at most `longest` seconds."""
        super().__init__()
        self._most, self._longest = most, longest

    def _wait(self) -> float:
        if len(self._held) < self._most:
            return 0
        return self._held[-self._most].began + self._longest - time.monotonic()


class Places(Turns):
    """The slots of the invocations of one function: few of them work, more of them may be idle.

    An invocation that waits, for example for a slow source, uses no processor. It gives way to
    another one. The invocations are not checked while no other one waits for a slot. The code that
    runs an invocation sets `busy_seconds` of its slot when it has begun.
    """

    def __init__(self, working: int, most: int, between_checks: float, share: float) -> None:
        """Let `working` invocations work at once.

        Args:
            working: the invocations that may work at once. Idle ones do not count.
            most: the invocations that may have a slot, working and idle ones.
            between_checks: seconds between two checks of the invocations.
            share: an invocation that was busy for less than this share of the time between two
                checks is idle until the next check.
        """
        super().__init__()
        self._may_work, self._most = working, most
        self._between_checks, self._share = between_checks, share
        self._checked_at = 0.0

    def idle(self) -> int:
        """Return how many invocations were idle at the last check."""
        with self._changed:
            return sum(slot.idle for slot in self._held)

    def _wait(self) -> float:
        if self._has_room():
            return 0
        left = self._checked_at + self._between_checks - time.monotonic()
        if left > 0:
            return left
        self._check()
        return 0 if self._has_room() else self._between_checks

    def _has_room(self) -> bool:
        working = sum(not slot.idle for slot in self._held)
        return len(self._held) < self._most and working < self._may_work

    def _check(self) -> None:
        """Determine which invocations are idle."""
        now = time.monotonic()
        since, self._checked_at = now - self._checked_at, now
        # After a long time without a check, this one only records how busy they were.
        recent = since < 2 * self._between_checks
        for slot in self._held:
            used = slot.busy_seconds()
            # Not idle if one of them is infinity.
            slot.idle = recent and 0 <= used - slot.seen < self._share * since
            slot.seen = used
        self._changed.notify_all()
