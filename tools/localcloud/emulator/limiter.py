"""Limits how many invocations work at once, and measures how long each waits for its turn."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


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


class Limiter:
    """Lets a few threads work at once, and another one whenever a thread takes too long.

    A thread that takes long is probably waiting, for example for another invocation or for a slow
    source. It then no longer counts, so it cannot block the others.

    Of the threads that wait, one of the group that has the fewest at work is next.
    """

    def __init__(self, most: int, longest: float) -> None:
        """Let `most` threads work at once. A thread counts for at most `longest` seconds."""
        self._most, self._longest = most, longest
        self._begun: list[float] = []  # start times, the oldest first
        self._working: Counter[str] = Counter()
        self._waiting: dict[object, str] = {}  # the group of each thread, in the order of arrival
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """How many threads wait for a slot."""
        return len(self._waiting)

    @property
    def working(self) -> int:
        """How many threads hold one."""
        return len(self._begun)

    @contextmanager
    def slot(self, group: str) -> Iterator[None]:
        """Wait for a free slot and hold it."""
        me = object()
        with self._changed:
            self._waiting[me] = group
            while (seconds := self._wait()) > 0 or self._next() is not me:
                self._changed.wait(min(seconds, threading.TIMEOUT_MAX) if seconds > 0 else None)
            del self._waiting[me]
            mine = time.monotonic()
            self._begun.append(mine)
            self._working[group] += 1
            self._changed.notify_all()  # there may be a slot for the next one, too
        try:
            yield
        finally:
            with self._changed:
                self._begun.remove(mine)
                self._working[group] -= 1
                if not self._working[group]:
                    del self._working[group]
                self._changed.notify_all()

    def _next(self) -> object:
        return min(self._waiting, key=lambda thread: self._working[self._waiting[thread]])

    def _wait(self) -> float:
        """Return the seconds until a slot is free even if no thread finishes."""
        if len(self._begun) < self._most:
            return 0
        return self._begun[-self._most] + self._longest - time.monotonic()
