"""How AWS's limits work, in simulated seconds (SimPy)."""

import collections
import math

import simpy


class TokenBucket:
    """A token bucket with a constant refill rate: Step Functions' way to throttle.

    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """

    def __init__(self, env: simpy.Environment, size: float, rate: float) -> None:
        """Begin with a full bucket of `size` tokens; `rate` are added each second."""
        self._env, self._size, self._rate = env, size, rate
        self._tokens, self._at = size, env.now

    def take(self, count: int) -> int:
        """Take up to `count` of the available tokens; return how many were taken."""
        self._fill()
        taken = min(count, math.floor(self._tokens))
        self._tokens -= taken
        return taken

    def wait(self, count: int) -> float:
        """Take `count` tokens, even if they are not available yet; return the seconds until then.

        Later callers wait longer, because the number of tokens may become negative.
        """
        self._fill()
        self._tokens -= count
        return max(0.0, -self._tokens / self._rate)

    def _fill(self) -> None:
        now = self._env.now
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._rate)
        self._at = now


class Concurrency:
    """The concurrent functions of an account.

    An environment handles at most ten requests per second, so each request occupies one for at
    least a tenth of a second: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
    """

    SHORTEST = 0.1

    def __init__(self, env: simpy.Environment, limit: int) -> None:
        """Begin with nothing running."""
        self._env = env
        self.limit = limit
        self._running = 0
        # By duration: the end times of invocations, earliest first, and how many end then.
        self._ends: collections.defaultdict[float, collections.deque[tuple[float, int]]] = (
            collections.defaultdict(collections.deque)
        )

    def enter(self, invocations: int, seconds: float) -> int:
        """Start as many invocations as the quota allows, for `seconds`; return how many."""
        started = max(0, min(invocations, self.limit - self.running))
        if started:
            length = max(seconds, self.SHORTEST)
            self._ends[length].append((self._env.now + length, started))
            self._running += started
        return started

    def hold(self) -> bool:
        """Start an invocation that ends by `release`; return whether the quota allows it."""
        if self.running >= self.limit:
            return False
        self._running += 1
        return True

    def release(self) -> None:
        """End an invocation that `hold` started."""
        self._running -= 1

    @property
    def running(self) -> int:
        """Return the number of running invocations."""
        for ends in self._ends.values():
            while ends and ends[0][0] <= self._env.now:
                self._running -= ends.popleft()[1]
        return self._running
