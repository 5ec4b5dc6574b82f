"""Limits how many invocations work at once, and measures how long each waits for its turn."""

import math
import threading
import time
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


class Line:
    """Threads in a line. Of those that wait, one of the group with the fewest at work is next."""

    def __init__(self) -> None:
        """Begin empty."""
        self._waiting: dict[object, str] = {}  # the group of each thread, in the order of arrival
        self._working: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """How many threads wait."""
        return len(self._waiting)

    def join(self, group: str) -> object:
        """Join the line; return what identifies the thread."""
        me = object()
        self._waiting[me] = group
        return me

    def is_next(self, me: object) -> bool:
        """Whether a thread is the next one."""
        return me is min(self._waiting, key=lambda each: self._working[self._waiting[each]])

    def begin(self, me: object) -> None:
        """Leave the line and begin to work."""
        self._working[self._waiting.pop(me)] += 1

    def end(self, group: str) -> None:
        """End the work of a thread of this group."""
        self._working[group] -= 1
        if not self._working[group]:
            del self._working[group]


class Limiter:
    """Lets a few threads work at once, and another one whenever a thread takes too long.

    A thread that takes long is probably waiting, for example for another invocation or for a slow
    source. It then no longer counts, so it cannot block the others.
    """

    def __init__(self, most: int, longest: float) -> None:
        """Let `most` threads work at once. A thread counts for at most `longest` seconds."""
        self._most, self._longest = most, longest
        self._begun: list[float] = []  # start times, the oldest first
        self._line = Line()
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """How many threads wait for a slot."""
        return self._line.waiting

    @property
    def working(self) -> int:
        """How many threads hold one."""
        return len(self._begun)

    @contextmanager
    def slot(self, group: str) -> Iterator[None]:
        """Wait for a free slot and hold it."""
        with self._changed:
            me = self._line.join(group)
            while (seconds := self._wait()) > 0 or not self._line.is_next(me):
                self._changed.wait(seconds if seconds > 0 else None)
            self._line.begin(me)
            mine = time.monotonic()
            self._begun.append(mine)
            self._changed.notify_all()  # there may be a slot for the next one, too
        try:
            yield
        finally:
            with self._changed:
                self._begun.remove(mine)
                self._line.end(group)
                self._changed.notify_all()

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
        self._line = Line()
        self._changed = threading.Condition()

    @contextmanager
    def place(self, group: str) -> Iterator[Place]:
        """Wait for a place and take it."""
        mine = Place()
        with self._changed:
            me = self._line.join(group)
            while not (self._has_room() and self._line.is_next(me)):
                self._changed.wait(None if self._has_room() else self._look())
            self._line.begin(me)
            self._taken.append(mine)
            self._changed.notify_all()  # there may be a place for the next one, too
        try:
            yield mine
        finally:
            with self._changed:
                self._taken.remove(mine)
                self._line.end(group)
                self._changed.notify_all()

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
