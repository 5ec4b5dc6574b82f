"""Limits how many invocations work at once, and measures how long each waits for its turn."""

import math
import threading
import time
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


@dataclass(eq=False)
class Place:
    """The place of one invocation. Whoever runs it sets `processor_seconds` when it has begun."""

    processor_seconds: Callable[[], float] = lambda: math.inf
    """Returns the processor time that its process has used so far, infinity if not known."""
    idle: bool = False
    """It used hardly any processor time between the last two looks."""
    seen: float = math.inf
    """The processor time at the last look; infinity before the first one."""


class Places:
    """The places of the invocations of one function: few of them work, more of them may be idle.

    An invocation that waits, for example for a slow source, uses no processor. It gives way to
    another one. Nobody looks at the invocations while no other one waits for a place.
    """

    def __init__(self, working: int, most: int, between_looks: float, share: float) -> None:
        """Let `working` invocations work at once.

        Args:
            working: the invocations that may work at once. Idle ones do not count.
            most: the invocations that may have a place, working and idle ones.
            between_looks: seconds between two looks at the invocations.
            share: an invocation that used less than this share of a processor between two looks
                is idle until the next look.
        """
        self._working, self._most = working, most
        self._between_looks, self._share = between_looks, share
        self._taken: list[Place] = []
        self._looked = 0.0
        self._changed = threading.Condition()

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Wait for a place and take it."""
        mine = Place()
        with self._changed:
            while not self._has_room():
                self._changed.wait(self._look())
            self._taken.append(mine)
        try:
            yield mine
        finally:
            with self._changed:
                self._taken.remove(mine)
                self._changed.notify()

    def idle(self) -> int:
        """Return how many invocations were idle at the last look."""
        with self._changed:
            return sum(place.idle for place in self._taken)

    def _has_room(self) -> bool:
        working = sum(not place.idle for place in self._taken)
        return len(self._taken) < self._most and working < self._working

    def _look(self) -> float:
        """Find out which invocations are idle; return the seconds until the next look."""
        since = time.monotonic() - self._looked
        if since < self._between_looks:
            return self._between_looks - since
        self._looked += since
        # After a long time without looks, this one only remembers the processor times.
        recent = since < 2 * self._between_looks
        for place in self._taken:
            used = place.processor_seconds()
            # Not idle if one of them is infinity.
            place.idle = recent and 0 <= used - place.seen < self._share * since
            place.seen = used
        if any(place.idle for place in self._taken):
            self._changed.notify_all()
        return 0.0 if self._has_room() else self._between_looks
