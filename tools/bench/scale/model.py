"""What the simulation is given, and what it returns."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """The quotas of an account, and how the stack is deployed."""

    concurrency: int
    """Concurrent functions."""
    start_size: float
    """Bucket size of StartExecution calls."""
    start_rate: float
    """Their refill rate per second."""
    transition_size: float = math.inf
    """Bucket size of state transitions; without a limit by default."""
    transition_rate: float = 1.0
    """Their refill rate per second."""
    pollers: int = 5
    """`MaximumConcurrency`."""
    longest_execution: float = math.inf
    """Seconds after which an execution is ended: five minutes for EXPRESS."""
    used_up: tuple[float, float] = (math.inf, math.inf)
    """From when to when other stacks of the account use all functions."""


@dataclass(frozen=True)
class Policy:
    """How dispatch and the state machine treat throttling."""

    fair: bool
    """Whether messages have groups."""
    paced: bool
    """Whether dispatch paces its starts."""
    receives: int
    """`maxReceiveCount` of the queue."""
    hidden: float
    """Seconds that a received message stays invisible: `VisibilityTimeout`."""
    retries: int
    """Retries of a step that Lambda throttles: `MaxAttempts`."""
    longest_delay: float
    """Seconds before such a retry at most: `MaxDelaySeconds`."""


@dataclass(frozen=True)
class Caller:
    """One caller, whose tasks have one message group."""

    name: str
    tasks: int
    rate: float
    """Tasks per second that it submits."""
    begins: float = 0.0
    """When it begins, in seconds."""
    together: int = 10
    """Tasks that are simulated as one submission."""
    patient: bool = True
    """Whether it submits nothing else before a submission is accepted."""
    steps: tuple[float, ...] = ()
    """Seconds of its steps, if not the usual ones."""
    endless: bool = False
    """Whether the simulation ends without waiting for its tasks."""


@dataclass(frozen=True)
class Times:
    """Seconds that parts of a task take."""

    api: float
    start: float
    """Of dispatch, for each execution."""
    steps: tuple[float, ...]
    """Seconds of each step's function, in order."""
    between: float
    """Seconds of the state machine before each step."""


@dataclass
class Together:
    """Executions that were started together, and the outcome of their first step."""

    at: float
    count: int
    claimed: int = 0
    """Whose first step began."""
    throttled: int = 0
    """How often Lambda throttled it."""


@dataclass
class Outcome:
    """The outcomes of the tasks. Latencies are from the first attempt to submit to the end."""

    latencies: dict[str, list[tuple[float, int]]]
    """Per caller: seconds, each with its number of COMPLETED tasks."""
    refused: int = 0
    """Responses 429 of the API."""
    start_throttles: int = 0
    """Starts of executions that were throttled."""
    step_throttles: int = 0
    """Invocations of steps that Lambda throttled. For STANDARD, each is a billed transition."""
    dead: int = 0
    """Tasks whose message was received too often."""
    failed: int = 0
    """Tasks whose step was throttled too often, or for too long."""
    ended: float = 0.0
    """When the last task ended."""

    def completed(self, *callers: str) -> int:
        """Return the number of COMPLETED tasks, of some callers or of all."""
        return sum(count for name in callers or self.latencies for _, count in self.latencies[name])

    def percentile(self, share: float, *callers: str) -> float:
        """Return the seconds within which this share of the COMPLETED tasks ended."""
        target, passed = share * self.completed(*callers), 0
        every = [pair for name in callers or self.latencies for pair in self.latencies[name]]
        for latency, count in sorted(every):
            passed += count
            if passed >= target:
                return latency
        raise ValueError("No task is COMPLETED.")
