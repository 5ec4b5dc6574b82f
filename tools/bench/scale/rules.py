"""The rules that AWS limits work by, in simulated seconds (SimPy)."""

import collections
import math

import simpy


class TokenBucket:
    """A bucket of tokens that fills at a constant rate, as Step Functions throttles.

    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """

    def __init__(self, env: simpy.Environment, size: float, rate: float) -> None:
        """Begin with a full bucket of `size` tokens; `rate` come back each second."""
        self._env, self._size, self._rate = env, size, rate
        self._tokens, self._at = size, env.now

    def take(self, wanted: int) -> int:
        """Take as many of the wanted tokens as there are; return how many."""
        self._fill()
        taken = min(wanted, math.floor(self._tokens))
        self._tokens -= taken
        return taken

    def wait(self, wanted: int) -> float:
        """Take tokens that need not be there yet; return the seconds until they are.

        Who comes later waits longer: the bucket owes what was taken before.
        """
        self._fill()
        self._tokens -= wanted
        return max(0.0, -self._tokens / self._rate)

    def _fill(self) -> None:
        now = self._env.now
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._rate)
        self._at = now


class Concurrency:
    """The functions that an account may run at once.

    An environment answers at most ten requests a second, so each one is taken for a tenth of a
    second at least: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
    """

    SHORTEST = 0.1

    def __init__(self, env: simpy.Environment, limit: int) -> None:
        """Begin with nothing running."""
        self._env, self._limit = env, limit
        self._running = 0
        # When invocations end, and how many then: earliest first where all take the same time.
        self._ends: collections.defaultdict[float, collections.deque[tuple[float, int]]] = (
            collections.defaultdict(collections.deque)
        )
        self.throttled = 0

    def enter(self, invocations: int, seconds: float) -> int:
        """Begin as many of the invocations as the quota allows, for so long; return how many."""
        started = min(invocations, self._limit - self.running)
        if started:
            length = max(seconds, self.SHORTEST)
            self._ends[length].append((self._env.now + length, started))
            self._running += started
        self.throttled += invocations - started
        return started

    @property
    def running(self) -> int:
        """Return how many run now."""
        for ends in self._ends.values():
            while ends and ends[0][0] <= self._env.now:
                self._running -= ends.popleft()[1]
        return self._running


def delay(attempt: int, chance: float, *, interval: float = 1, most: float = 15) -> float:
    """Return the seconds before a retry of the state machine: doubled, capped, full jitter.

    Args:
        attempt: 0 for the first retry.
        chance: 0 to 1.
        interval: of the first.
        most: of any.
    """
    return min(most, interval * float(2**attempt)) * chance
