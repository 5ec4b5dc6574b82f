"""Limits how many invocations work at once, and measures how long each waits for its turn."""

import threading
import time
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
    """

    def __init__(self, most: int, longest: float) -> None:
        """Let `most` threads work at once. A thread counts for at most `longest` seconds."""
        self._most, self._longest = most, longest
        self._begun: list[float] = []  # start times, the oldest first
        self._changed = threading.Condition()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a free slot and hold it."""
        with self._changed:
            while (seconds := self._wait()) > 0:
                self._changed.wait(seconds)
            mine = time.monotonic()
            self._begun.append(mine)
        try:
            yield
        finally:
            with self._changed:
                self._begun.remove(mine)
                self._changed.notify()

    def _wait(self) -> float:
        """Return the seconds until a slot is free even if no thread finishes."""
        if len(self._begun) < self._most:
            return 0
        return self._begun[-self._most] + self._longest - time.monotonic()
