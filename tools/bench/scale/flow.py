"""Simulate the path of tasks: API, queue, pollers, executions and their steps, under quotas.

The ten tasks of a message batch are simulated together. They are split where a quota lets only
some of them through. So a million tasks take only seconds, and quotas are not scaled.
"""

import math
import random
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from tools.bench.scale.rules import Concurrency, TokenBucket, delay

Process = Generator[simpy.Event, Any, Any]

BATCH = 10
RECEIVES = 5
HIDDEN = 60.0
"""Seconds that a message stays invisible after a failed dispatch."""
RETRIES = 10
"""Retries of a state that Lambda throttles."""
SDK_PAUSE = 0.5
"""Seconds before the SDK's only retry."""
RETRY_AFTER = 1.0
"""Seconds after which a client retries a throttled request."""
POLLERS, POLLERS_PER_SECOND = 5, 5.0
"""At the beginning, and added each second:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""
SAMPLE = 5.0


@dataclass(frozen=True)
class Quotas:
    """The quotas of an account.

    Attributes:
        concurrency: concurrent functions.
        start_size: bucket size of StartExecution calls.
        start_rate: their refill rate per second.
        transition_size: bucket size of state transitions; without a limit by default.
        transition_rate: their refill rate per second.
    """

    concurrency: int
    start_size: float
    start_rate: float
    transition_size: float = math.inf
    transition_rate: float = 1.0


@dataclass(frozen=True)
class Times:
    """Seconds that parts of a task take."""

    api: float
    start: float
    """Of dispatch, for each execution."""
    steps: tuple[float, ...]
    """Of each step's function, in order."""
    between: float
    """Of the state machine, before each step."""


@dataclass(frozen=True)
class Burst:
    """A number of tasks, and the rate per second at which they are submitted."""

    tasks: int
    rate: float


@dataclass
class Outcome:
    """The outcome of a burst.

    Attributes:
        times: of the samples, in seconds.
        backlog: messages in the queue at these times, also invisible ones.
        latencies: seconds from the first attempt to submit to the end, each with its task count.
        refused: responses 429 of the API.
        start_throttles: starts of executions that were throttled.
        step_throttles: invocations that Lambda throttled.
        dead: tasks whose message was received too often.
        failed: tasks whose step was throttled too often.
        ended: when the last task ended.
    """

    times: list[float] = field(default_factory=list)
    backlog: list[int] = field(default_factory=list)
    latencies: list[tuple[float, int]] = field(default_factory=list)
    refused: int = 0
    start_throttles: int = 0
    step_throttles: int = 0
    dead: int = 0
    failed: int = 0
    ended: float = 0.0

    @property
    def completed(self) -> int:
        """Return the number of COMPLETED tasks."""
        return sum(count for _, count in self.latencies)

    def percentile(self, share: float) -> float:
        """Return the seconds within which this share of the COMPLETED tasks ended."""
        target, passed = share * self.completed, 0
        for latency, count in sorted(self.latencies):
            passed += count
            if passed >= target:
                return latency
        raise ValueError("No task is COMPLETED.")


@dataclass(frozen=True)
class Message:
    """The messages of tasks that were submitted together, and how often SQS delivered them."""

    born: float
    count: int
    receives: int = 0


class Flow:
    """The simulation of one burst."""

    def __init__(
        self, quotas: Quotas, times: Times, burst: Burst, pollers: int, seed: int = 0
    ) -> None:
        """Take the quotas, the times, the tasks, `MaximumConcurrency`, and a seed."""
        self._env = simpy.Environment()
        self._times, self._burst, self._pollers = times, burst, pollers
        self._chance = random.Random(seed).random  # noqa: S311 - the same seed, the same burst
        self._starts = TokenBucket(self._env, quotas.start_size, quotas.start_rate)
        self._transitions = TokenBucket(self._env, quotas.transition_size, quotas.transition_rate)
        self._functions = Concurrency(self._env, quotas.concurrency)
        self._queue: simpy.Store = simpy.Store(self._env)
        self._backlog = 0
        self._open = burst.tasks
        self._done = self._env.event()
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Run until every task has ended."""
        self._env.process(self._submissions())
        self._env.process(self._samples())
        for poller in range(self._pollers):
            self._env.process(self._poll(max(0, poller - POLLERS + 1) / POLLERS_PER_SECOND))
        self._env.run(self._done)
        self._sample()
        self.outcome.ended = self._env.now
        self.outcome.step_throttles = self._functions.throttled
        return self.outcome

    def _submissions(self) -> Process:
        left = self._burst.tasks
        while left:
            count = min(BATCH, left)
            left -= count
            self._env.process(self._submit(count))
            yield self._env.timeout(count / self._burst.rate)

    def _submit(self, count: int) -> Process:
        born = self._env.now
        while count:
            taken = self._functions.enter(count, self._times.api)
            self.outcome.refused += count - taken
            self._functions.throttled -= count - taken  # counted as `refused` only
            count -= taken
            if taken:
                self._backlog += taken
                self._queue.put(Message(born, taken))
            if count:
                yield self._env.timeout(RETRY_AFTER)

    def _poll(self, after: float) -> Process:
        yield self._env.timeout(after)
        while True:
            message = yield self._queue.get()
            yield from self._dispatch(message)

    def _dispatch(self, message: Message) -> Process:
        took = message.count * self._times.start
        attempt = 0
        while not self._functions.enter(1, took):
            yield self._env.timeout(delay(attempt, self._chance()))
            attempt += 1
        yield self._env.timeout(took)
        started = self._start(message, message.count)
        if started < message.count:
            yield self._env.timeout(SDK_PAUSE)
            started += self._start(message, message.count - started)
        if started < message.count:
            self._env.process(self._redeliver(message, message.count - started))

    def _start(self, message: Message, count: int) -> int:
        started = self._starts.take(count)
        self.outcome.start_throttles += count - started
        if started:
            self._backlog -= started
            self._env.process(self._execute(message.born, started))
        return started

    def _redeliver(self, message: Message, count: int) -> Process:
        receives = message.receives + 1
        if receives == RECEIVES:
            self._backlog -= count
            self.outcome.dead += count
            self._end(count)
            return
        yield self._env.timeout(HIDDEN)
        self._queue.put(Message(message.born, count, receives))

    def _execute(self, born: float, count: int, step: int = 0, attempt: int = 0) -> Process:
        """Run the steps, beginning with `step`. Tasks that Lambda throttles continue separately."""
        for place in range(step, len(self._times.steps)):
            waited = self._transitions.wait(count)
            yield self._env.timeout(waited + self._times.between)
            seconds = self._times.steps[place]
            running = self._functions.enter(count, seconds)
            if running < count:
                self._env.process(self._retry(born, count - running, place, attempt))
            if not running:
                return
            count, attempt = running, 0
            yield self._env.timeout(seconds)
        self.outcome.latencies.append((self._env.now - born, count))
        self._end(count)

    def _retry(self, born: float, count: int, step: int, attempt: int) -> Process:
        if attempt == RETRIES:
            self.outcome.failed += count
            self._end(count)
            return
        yield self._env.timeout(delay(attempt, self._chance()))
        yield from self._execute(born, count, step, attempt + 1)

    def _end(self, count: int) -> None:
        self._open -= count
        if not self._open:
            self._done.succeed()

    def _samples(self) -> Process:
        while True:
            self._sample()
            yield self._env.timeout(SAMPLE)

    def _sample(self) -> None:
        self.outcome.times.append(self._env.now)
        self.outcome.backlog.append(self._backlog)
