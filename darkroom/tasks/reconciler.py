"""Bring tasks and the truth together: what `repairs` decides, done with bounded work per run."""

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from darkroom.aws.execution_failures import Outcome
from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.errors import DeadLettered, StaleAttempt
from darkroom.runtime.clock import timestamp
from darkroom.runtime.logging import logger
from darkroom.tasks.messages import NotATask, read_order
from darkroom.tasks.model import ACTIVE_SHARDS, attempt_of, execution_name, order
from darkroom.tasks.queries import TaskIndex
from darkroom.tasks.repair_rules import ENDED_BADLY, End, Requeue, decide, failure_of, named
from darkroom.tasks.store import Item, TaskStore

TASKS_PER_SHARD = 25
HIDDEN_SECONDS = 60
"""For how long a dead letter is out of other hands while its task is ended."""
SECONDS_FOR_DEAD_LETTERS = 15.0
"""That a run reads dead letters, by hundreds: SQS gives them in no order, and those that are no
task, which stay there, must not keep it from those that are."""


@dataclass(frozen=True)
class Reconciler:
    """Repairs tasks. Each method returns what it repaired, by kind: `Requeued` or `Ended`."""

    store: TaskStore
    index: TaskIndex
    queue: Queue
    dead_letters: Queue
    machine: StateMachine

    def execution_ended(self, detail: Mapping[str, Any]) -> Counter[str]:
        """Set a task right after an event of its execution.

        Args:
            detail: of a "Step Functions Execution Status Change". It is known by its name, as the
                event leaves the input out when that is large
                (https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html).
        """
        if detail["status"] not in ENDED_BADLY:
            return Counter()
        try:
            task_id, attempt = attempt_of(detail["name"])
        except ValueError:
            # Started by hand in the console, under a name of its own.
            logger.info("an execution is no task's", execution=detail["name"])
            return Counter()
        execution = detail["executionArn"]
        task = self.store.get(task_id)
        if task is None or task["attempt"] != attempt or "active" not in task:
            return Counter()  # MarkFailed, a cancel or a retry was first: the usual case
        # The execution says more than its event, which has no cause where somebody stopped it.
        outcome = self.machine.outcome(execution) or Outcome(detail["status"])
        failure = failure_of(outcome, self.machine.last_step(execution))
        return self._end(task, execution, failure)

    def sweep(self, older_than: datetime.timedelta) -> Counter[str]:
        """Look at unfinished tasks that were not written for a while, some of every shard."""
        before = timestamp(datetime.datetime.now(datetime.UTC) - older_than)
        repaired: Counter[str] = Counter()
        for shard in range(ACTIVE_SHARDS):
            for task in self.index.unfinished(str(shard), before, TASKS_PER_SHARD):
                try:
                    repaired += self._repair(task, self.index.now())
                except Exception as error:  # noqa: BLE001 - an item that cannot be read, too
                    # The next run comes in a minute; the other tasks need not wait for it.
                    logger.warning("not repaired", correlation_id=task["taskId"], reason=str(error))
                    repaired["Unrepaired"] += 1
        return repaired

    def fail_dead_letters(self) -> Counter[str]:
        """End the tasks of dead letters FAILED. A message that is no task stays for a person."""
        repaired: Counter[str] = Counter()
        for_a_person = []
        for message in self._dead_letters():
            try:
                lost = read_order(message["Body"])
            except NotATask:
                for_a_person.append(message)
                continue
            error = DeadLettered(
                "The task's execution could not be started in five tries. Try the task again."
            )
            repaired += self._end(lost, "", named(error, "Dispatch"))
            self.dead_letters.delete(message)
        # Not before all were looked at, or this run would get them again and again.
        self.dead_letters.show(for_a_person)
        return repaired

    def _dead_letters(self) -> Iterator[dict[str, Any]]:
        started = monotonic()
        while monotonic() - started < SECONDS_FOR_DEAD_LETTERS:
            messages = self.dead_letters.receive(HIDDEN_SECONDS)
            if not messages:
                return
            yield from messages

    def _repair(self, task: Item, now: datetime.datetime) -> Counter[str]:
        task_id, attempt = task["taskId"], task["attempt"]
        execution = task.get("execution") or self.machine.arn_of(execution_name(task_id, attempt))
        outcome = self.machine.outcome(execution)
        match decide(task, outcome, lambda: self.machine.last_step(execution), now):
            case Requeue():
                if self.store.touch(task):
                    self.queue.send(order(task))
                    logger.warning("queued again", correlation_id=task_id, attempt=attempt)
                    return Counter({"Requeued": 1})
            case End(failure):
                return self._end(task, execution, failure)
        return Counter()

    def _end(self, task: Item, execution: str, failure: dict[str, str]) -> Counter[str]:
        try:
            self.store.fail(task["taskId"], task["attempt"], execution, failure)
        except StaleAttempt:
            return Counter()  # somebody else has told the truth meanwhile
        logger.warning(
            "ended", correlation_id=task["taskId"], attempt=task["attempt"], failure=failure
        )
        return Counter({"Ended": 1})
