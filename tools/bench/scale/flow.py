"""Simulate the path of tasks: API, queue, pollers, executions and their steps, under quotas.

Tasks of a caller that are submitted, started or throttled together move together. So a million
tasks take only minutes, and quotas are not scaled. Dispatch keeps the pace of `darkroom.tasks`.
"""

import math
import random
from collections import Counter, deque
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import simpy

from darkroom.tasks.dispatcher import SECONDS_TO_CLAIM, SECONDS_TO_START
from darkroom.tasks.pacing import Pace
from tools.bench.scale.model import Caller, Outcome, Times, Together
from tools.bench.scale.queue import Messages, Queue
from tools.bench.scale.rules import Concurrency, TokenBucket
from tools.bench.scale.scenarios import Scenario

Process = Generator[simpy.Event, Any, Any]

BATCH = 10
"""Messages of one invocation of dispatch: `BatchSize`."""
SDK_PAUSE = 0.5
"""Seconds before the SDK's only retry."""
RETRY_AFTER = 1.0
"""Seconds after which a client retries a throttled request."""
POLLERS, POLLERS_PER_SECOND = 5, 5.0
"""At the beginning, and added each second:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""
LONGEST_POLLER_DELAY = 15.0
"""Seconds between two tries of Lambda to invoke dispatch. AWS does not document them."""
STARTED_TOGETHER = 0.5
"""Seconds of paced starts that are simulated as one."""


class Environment:
    """One environment of the dispatch function: its pace, and its recent starts."""

    def __init__(self, env: simpy.Environment) -> None:
        """Begin as a new environment."""
        self._env = env
        self.pace = Pace(lambda: env.now)
        self.started: deque[Together] = deque()

    def adapt(self) -> None:
        """Adapt the pace: see `darkroom.tasks.dispatcher`."""
        while self.started and self._env.now - self.started[0].at >= SECONDS_TO_CLAIM:
            together = self.started.popleft()
            if together.throttled or together.claimed < together.count:
                self.pace.step_throttled()
            else:
                self.pace.speed_up(together.count)


class Flow:
    """The simulation of one scenario."""

    def __init__(self, scenario: Scenario, times: Times) -> None:
        """Store the scenario, and the times of its parts."""
        self._env = simpy.Environment()
        account = self._account = scenario.account
        self._times, self._policy = times, scenario.policy
        self._chance = random.Random(scenario.seed).random  # noqa: S311 - repeatable
        self._starts = TokenBucket(self._env, account.start_size, account.start_rate)
        self._transitions = TokenBucket(self._env, account.transition_size, account.transition_rate)
        self._functions = Concurrency(self._env, account.concurrency)
        self._queue = Queue(self._env, fair=scenario.policy.fair)
        self._callers = {caller.name: caller for caller in scenario.callers}
        self._open = self._finite = sum(c.tasks for c in scenario.callers if not c.endless)
        self._done = self._env.event()
        self.outcome = Outcome({name: [] for name in self._callers})

    def run(self) -> Outcome:
        """Run until all tasks have ended. Endless callers submit until those of others have."""
        for caller in self._callers.values():
            self._env.process(self._submissions(caller))
        self._env.process(self._other_stacks())
        for poller in range(self._account.pollers):
            self._env.process(self._poll(max(0, poller - POLLERS + 1) / POLLERS_PER_SECOND))
        self._env.run(self._done)
        return self.outcome

    def _submissions(self, caller: Caller) -> Process:
        yield self._env.timeout(caller.begins)
        left = caller.tasks
        while left and not (caller.endless and self.outcome.ended):
            count = min(caller.together, left)
            left -= count
            self._open += count if caller.endless else 0
            submission = self._env.process(self._submit(caller, count))
            yield self._env.timeout(count / caller.rate)
            if caller.patient:
                yield submission

    def _submit(self, caller: Caller, count: int) -> Process:
        born = self._env.now
        while count:
            taken = self._functions.enter(count, self._times.api)
            self.outcome.refused += count - taken
            count -= taken
            if taken:
                self._queue.send(Messages(caller.name, born, taken))
            if count:
                yield self._env.timeout(RETRY_AFTER)

    def _poll(self, after: float) -> Process:
        yield self._env.timeout(after)
        environment = Environment(self._env)
        while True:
            yield self._queue.arrival()
            if received := self._queue.receive(BATCH):
                yield from self._invoke(received, environment)

    def _invoke(self, received: list[Messages], environment: Environment) -> Process:
        """Invoke dispatch. If it is throttled, Lambda tries again until the messages reappear."""
        begun, attempt = self._env.now, 0
        while not self._functions.hold():
            if self._env.now - begun > self._policy.hidden:
                for messages in received:
                    self._env.process(self._redeliver(messages, begun))
                return
            yield self._env.timeout(self._delay(attempt, LONGEST_POLLER_DELAY))
            attempt += 1
        until = self._env.now + SECONDS_TO_START
        # The group with the fewest messages in the batch comes first, as in api/dispatch.py.
        groups: Counter[str] = Counter()
        for messages in received:
            groups[messages.group] += messages.count
        for messages in sorted(received, key=lambda messages: groups[messages.group]):
            started = yield from self._dispatch(messages, begun, until, environment)
            if started < messages.count:
                rest = replace(messages, count=messages.count - started)
                self._env.process(self._redeliver(rest, begun))
        if self._policy.paced:
            environment.adapt()
        self._functions.release()

    def _dispatch(
        self, messages: Messages, begun: float, until: float, environment: Environment
    ) -> Process:
        """Start the executions of messages; return how many were started."""
        started, pace = 0, environment.pace
        while started < messages.count:
            count = messages.count - started
            if self._policy.paced:
                count = min(count, math.ceil(pace.rate * STARTED_TOGETHER))
                left = max(0.0, until - self._env.now)
                pause = pace.reserve(count, left)
                yield self._env.timeout(left if pause is None else pause)
                if pause is None:
                    break
            yield self._env.timeout(count * self._times.start)
            taken = self._start(messages, begun, count, environment)
            if taken < count and not self._policy.paced:
                yield self._env.timeout(SDK_PAUSE)
                return started + taken + self._start(messages, begun, count - taken, environment)
            if taken < count:
                pace.start_throttled()
            started += taken
        return started

    def _start(self, messages: Messages, begun: float, count: int, environment: Environment) -> int:
        """Start executions; return how many were not throttled."""
        taken = self._starts.take(count)
        self.outcome.start_throttles += count - taken
        if taken:
            together = Together(self._env.now, taken)
            environment.started.append(together)
            self._queue.delete(replace(messages, count=taken), self._env.now - begun)
            self._env.process(self._execute(messages, together, taken))
        return taken

    def _redeliver(self, messages: Messages, begun: float) -> Process:
        """Return messages to the queue when they are visible again, or make them dead letters."""
        yield self._env.timeout(max(0.0, begun + self._policy.hidden - self._env.now))
        if messages.receives < self._policy.receives:
            self._queue.reappear(messages, self._env.now - begun)
            return
        self._queue.delete(messages, self._env.now - begun)
        self.outcome.dead += messages.count
        self._end(messages, messages.count)

    def _execute(
        self, messages: Messages, together: Together, count: int, step: int = 0, attempt: int = 0
    ) -> Process:
        """Run the steps, beginning with `step`. Tasks that Lambda throttles continue separately."""
        steps = self._callers[messages.group].steps or self._times.steps
        for place in range(step, len(steps)):
            waited = self._transitions.wait(count)
            yield self._env.timeout(waited + self._times.between)
            late = self._env.now - together.at > self._account.longest_execution
            if late or attempt > self._policy.retries:
                self.outcome.failed += count
                self._end(messages, count)
                return
            running = self._functions.enter(count, steps[place])
            if place == 0:
                together.claimed += running
                together.throttled += count - running
            if running < count:
                self.outcome.step_throttles += count - running
                rest = (messages, together, count - running, place, attempt)
                self._env.process(self._retry(*rest))
            if not running:
                return
            count, attempt = running, 0
            yield self._env.timeout(steps[place])
        latency = self._env.now - messages.sent
        self.outcome.latencies[messages.group].append((latency, count))
        self._end(messages, count)

    def _retry(
        self, messages: Messages, together: Together, count: int, step: int, attempt: int
    ) -> Process:
        yield self._env.timeout(self._delay(attempt, self._policy.longest_delay))
        yield from self._execute(messages, together, count, step, attempt + 1)

    def _delay(self, attempt: int, longest: float) -> float:
        """Return the seconds before a retry: doubled, capped, with full jitter."""
        return min(longest, 2.0**attempt) * self._chance()

    def _end(self, messages: Messages, count: int) -> None:
        self._open -= count
        self._finite -= 0 if self._callers[messages.group].endless else count
        if not (self._finite or self.outcome.ended):
            self.outcome.ended = self._env.now
        if not (self._open or self._finite):
            self._done.succeed()

    def _other_stacks(self) -> Process:
        """Use all functions of the account for a while."""
        begin, end = self._account.used_up
        if begin < math.inf:
            yield self._env.timeout(begin)
            self._functions.limit = 0
            yield self._env.timeout(end - begin)
            self._functions.limit = self._account.concurrency
