"""Start the executions of tasks, at the pace of `pacing`."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws.dynamodb import Table
from darkroom.aws.stepfunctions import StartThrottled, StateMachine
from darkroom.runtime.logging import logger
from darkroom.tasks.model import Status, execution_name
from darkroom.tasks.pacing import Pace

SECONDS_TO_START = 5.0
"""How long one invocation starts executions. A task of another caller waits so long at most for a
free environment. The other messages of the batch are delivered again."""
SECONDS_TO_CLAIM = 2.0
"""An execution that has not claimed its task after this time is held up: its first step takes about
a tenth of a second, or a second if the function has to start."""
MAX_READ = 100
"""The most tasks that one request can read."""


class NotStarted(Exception):
    """The pace allows no start in this invocation. Retryable: the message is delivered again."""


@dataclass(frozen=True)
class Started:
    """An attempt whose execution was started, and when."""

    task_id: str
    attempt: int
    at: float


class Dispatcher:
    """Starts executions in one environment of the dispatch function."""

    def __init__(
        self,
        machine: StateMachine,
        tasks: Callable[[], Table],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the state machine, and a function that returns the table of tasks when needed."""
        self._machine, self._tasks = machine, tasks
        self._clock, self._sleep = clock, sleep
        self._pace = Pace(clock)
        self._started: deque[Started] = deque(maxlen=MAX_READ)
        self.begin()

    @property
    def rate(self) -> float:
        """The starts per second that the pace allows now."""
        return self._pace.rate

    def begin(self) -> None:
        """Begin an invocation: starts are possible for `SECONDS_TO_START` from now on."""
        self._until = self._clock() + SECONDS_TO_START

    def start(self, order: Mapping[str, Any], trace: str | None) -> None:
        """Start the execution of an order when its turn has come.

        Args:
            order: as `tasks.model.order` returns it.
            trace: the X-Ray trace that the execution continues.

        Raises:
            NotStarted: its turn does not come in this invocation.
            botocore.exceptions.ClientError: Step Functions refused the start.
        """
        name = execution_name(order["taskId"], order["attempt"])
        while True:
            left = max(0.0, self._until - self._clock())
            pause = self._pace.reserve(1, left)
            # An environment that returned at once would receive one batch after the other.
            self._sleep(left if pause is None else pause)
            if pause is None:
                raise NotStarted("The account is busy: the message is delivered again.")
            try:
                self._machine.start(name, order, trace)
            except StartThrottled:
                self._pace.start_throttled()
            else:
                self._started.append(Started(order["taskId"], order["attempt"], self._clock()))
                return

    def adapt(self) -> None:
        """Adapt the pace to the progress of the executions that were started a while ago.

        Whether Lambda has throttled an execution is known from its task: it is still PENDING, or
        MarkRunning has stored how often it was retried (`claimRetries`).
        """
        now = self._clock()
        due = set()
        while self._started and now - self._started[0].at >= SECONDS_TO_CLAIM:
            started = self._started.popleft()
            due.add((started.task_id, started.attempt))
        if not due:
            return
        keys = [{"taskId": task_id} for task_id in {task_id for task_id, _ in due}]
        try:
            found = self._tasks().get_many(keys)
        except (BotoCoreError, ClientError) as error:
            logger.warning("the pace is not adapted", reason=str(error))
            return
        tasks = [task for task in found if (task["taskId"], task["attempt"]) in due]
        if any(task["status"] == Status.PENDING or task.get("claimRetries") for task in tasks):
            self._pace.step_throttled()
        else:
            self._pace.speed_up(len(tasks))
