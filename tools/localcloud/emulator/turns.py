"""Who may work now, where more want to than the processors can do at once."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A few work at a time; who takes long is taken to wait for somebody else, and lets others in.

    So one that waits for another, or for a slow source, keeps nobody waiting for ever.
    """

    def __init__(self, most: int, longest: float) -> None:
        """Let `most` work at a time, `longest` seconds each."""
        self._most, self._longest = most, longest
        self._begun: list[float] = []  # the oldest first
        self._changed = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn; have it."""
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
        """Return the seconds until there is a turn even if nobody ends."""
        if len(self._begun) < self._most:
            return 0
        return self._begun[-self._most] + self._longest - time.monotonic()
