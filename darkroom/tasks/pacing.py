"""How fast dispatch starts executions: as fast as they get on. Rules only, no AWS.

Each environment of the dispatch function paces itself. Its rate grows while the executions that it
starts begin their work at once. It is cut when Step Functions throttles a start, or when Lambda
throttled the first step of an execution that was started before. So tasks wait in the queue while
the account is busy, and not in executions, where each retry is a billed transition.

The scheme is that of TCP: slow start, then slow growth, and a cut at each sign of congestion
(RFC 5681). `make simulate` shows its effect, with this code.
"""

from collections.abc import Callable

FIRST_RATE = 5.0
"""Starts per second of a new environment."""
LOWEST_RATE, HIGHEST_RATE = 0.5, 60.0
GROWTH_PER_START = 0.1
"""By which share each start raises the rate before the first cut."""
GROWTH_PER_SECOND = 0.01
"""By which share each second raises it after that. With this cut, it settles where about one second
in thirty has a throttle in it."""
CUT = 0.7
SECONDS_BETWEEN_CUTS = 1.0
"""Throttles of the same second have one cause, and the effect of a cut is not seen at once."""
LONGEST_GROWTH_SECONDS = 5.0
"""A pause says nothing about how busy the account is, so it counts for no more than this."""
BURST_SECONDS = 1.0
"""After a pause, the starts of this time may follow each other at once."""


class Pace:
    """The pace of one environment."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin with the first rate. The clock returns seconds."""
        self.rate = FIRST_RATE
        """Starts per second."""
        self._clock = clock
        self._due = self._grown_at = clock()
        self._cut_at: float | None = None

    def reserve(self, starts: int, within: float) -> float | None:
        """Book the next starts, and return the seconds until they are due.

        If that is more than `within` seconds away, it reserves nothing and returns None.
        """
        now = self._clock()
        burst = max(BURST_SECONDS, 1 / self.rate)
        due = max(self._due, now - burst) + starts / self.rate
        if due - now > within:
            return None
        self._due = due
        return max(0.0, due - now)

    def speed_up(self, starts: int) -> None:
        """Note that these executions began their work at once."""
        now = self._clock()
        if self._cut_at is None:
            growth = (1 + GROWTH_PER_START) ** starts
        else:
            seconds = min(now - self._grown_at, LONGEST_GROWTH_SECONDS)
            growth = (1 + GROWTH_PER_SECOND) ** seconds
        self._grown_at = now
        self.rate = min(HIGHEST_RATE, self.rate * growth)

    def start_throttled(self) -> None:
        """Note that Step Functions throttled a start.

        This costs neither money nor time that others need, so the rate stays as high as at first.
        """
        self._cut(FIRST_RATE)

    def step_throttled(self) -> None:
        """Note that Lambda throttled the first step of an execution."""
        self._cut(LOWEST_RATE)

    def _cut(self, lowest: float) -> None:
        now = self._clock()
        if self._cut_at is None or now - self._cut_at >= SECONDS_BETWEEN_CUTS:
            self._cut_at = now
            self.rate = max(min(lowest, self.rate), self.rate * CUT)
