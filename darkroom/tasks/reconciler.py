"""Repair tasks as `repair_rules` decides, with bounded work per run."""

import datetime
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws.execution_failures import Outcome
from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.errors import DeadLettered, StaleAttempt
from darkroom.runtime.clock import timestamp
from darkroom.runtime.logging import logger
from darkroom.tasks.commands import enqueue
from darkroom.tasks.erasure import Eraser, is_mark
from darkroom.tasks.messages import NotATask, read_order
from darkroom.tasks.model import Status, attempt_of, execution_name
from darkroom.tasks.queries import TaskIndex
from darkroom.tasks.repair_rules import (
    UNSUCCESSFUL,
    Fail,
    Requeue,
    as_failure,
    decide,
    failure_of,
    was_queued_recently,
)
from darkroom.tasks.store import Item, TaskStore

TASKS_PER_SHARD = 250
MAX_QUESTIONS = 500
"""Executions whose status one run asks for. Those in the list of RUNNING ones need no question. AWS
allows 10 to 15 questions a second, for all users of an account in a region together
(https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)."""
MAX_REQUEUES = 1000
"""Orders that one run queues again: 17 a second. AWS starts 150 to 300 executions a second."""
SECONDS_FOR_SWEEP = 25.0
SECONDS_FOR_DELETIONS = 10.0
"""The part of the sweep in which files of deleted tasks are deleted."""
HIDDEN_SECONDS = 60
"""How long a dead letter that was received is hidden from other receivers."""
SECONDS_FOR_DEAD_LETTERS = 15.0
"""How long one run reads dead letters: time for hundreds of them. SQS returns them in no order, and
the messages that are not tasks stay in the queue. They must not hide the ones that are tasks."""


@dataclass
class Limits:
    """What one run of `sweep` knows, and what it may still do."""

    running: frozenset[str]
    """The ARNs of the RUNNING executions."""
    pause: datetime.timedelta
    """How long a message is expected to wait in the queue."""
    questions: int
    """Executions whose status it may still ask for."""
    requeued: list[Item] = field(default_factory=list)
    """Tasks whose orders are to be queued again."""


def in_turn(tasks: list[Item], now: datetime.datetime, limit: int) -> list[Item]:
    """Return tasks in the order in which a run that may repair `limit` of them checks them.

    RUNNING ones come before PENDING ones, which can be queued again without a question. In both
    groups, other tasks come first in each run. So tasks that can never be repaired, and use up the
    limit, keep no other from its turn.
    """
    groups = len(tasks) // max(limit, 1) + 2
    turn = int(now.timestamp() / 60) % groups

    def place(task: Item) -> tuple[bool, bool]:
        waits = zlib.crc32(task["taskId"].encode()) % groups != turn
        return task.get("status") != Status.RUNNING, waits

    return sorted(tasks, key=place)


@dataclass(frozen=True)
class Reconciler:
    """Repairs tasks. Each method counts its repairs by kind: `Requeued` or `Ended`.

    `sweep` also counts `Unrepaired`: tasks whose repair raised an error.
    """

    store: TaskStore
    index: TaskIndex
    queue: Queue
    dead_letters: Queue
    machine: StateMachine
    eraser: Eraser

    def execution_ended(self, detail: Mapping[str, Any]) -> Counter[str]:
        """Repair the task of an execution that has ended.

        Args:
            detail: of an event "Step Functions Execution Status Change".
        """
        if detail["status"] not in UNSUCCESSFUL:
            return Counter()
        execution = detail["executionArn"]
        try:
            task_id, attempt = _attempt_of(detail)
        except NotATask as error:
            logger.info("not a task's execution", execution=detail["name"], reason=str(error))
            return Counter()
        task = self.store.get(task_id)
        if task is None or task["attempt"] != attempt or "active" not in task:
            return Counter()  # the usual case: MarkFailed, a cancel or a retry was first
        own_name = execution_name(task_id, attempt)
        if detail["name"] != own_name and execution != task.get("execution"):
            return Counter()  # started by hand, and another execution owns the task, or will do so
        # The execution has the cause if somebody stopped it; the event does not.
        outcome = self.machine.outcome(execution)
        if outcome and outcome.redriven and outcome.status not in UNSUCCESSFUL:
            return Counter()  # it runs again, and may complete the task
        if not outcome or outcome.status not in UNSUCCESSFUL:
            # DescribeExecution is eventually consistent, and may be behind the event.
            # https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
            outcome = Outcome(detail["status"], detail.get("error"), detail.get("cause"))
        failure = failure_of(outcome, self.machine.last_step(execution))
        return self._end(task, execution, failure)

    def sweep(self, older_than: datetime.timedelta) -> Counter[str]:
        """Repair unfinished tasks that were not written for a while. Each run does bounded work.

        Each of 10,000 overdue tasks is checked within five runs, whatever happens to the others.
        """
        started = monotonic()
        before = timestamp(datetime.datetime.now(datetime.UTC) - older_than)
        found = self.index.overdue(before, TASKS_PER_SHARD)
        self._finish_deletions([item for item in found if is_mark(item)], started)
        overdue = [item for item in found if not is_mark(item)]
        running = self._running() if overdue else frozenset()
        stopped = [task for task in overdue if task.get("execution") not in running]
        questions = MAX_QUESTIONS if self.machine.describes_executions else len(stopped)
        limits = Limits(running, older_than, questions)
        repaired: Counter[str] = Counter()
        for task in in_turn(stopped, self.index.table.now(), questions):
            if monotonic() - started > SECONDS_FOR_SWEEP:
                logger.warning("the sweep was cut short", tasks=len(overdue))
                break
            try:
                repaired += self._repair(task, self.index.table.now(), limits)
            except Exception as error:  # noqa: BLE001 - even an invalid item stops no other
                # A later run tries this task again.
                logger.warning("not repaired", correlation_id=task["taskId"], reason=str(error))
                repaired["Unrepaired"] += 1
        enqueue(self.queue, limits.requeued)
        return repaired

    def _finish_deletions(self, marks: list[Item], started: float) -> None:
        """Delete files that a deletion left, or that appeared after it. This is not a repair."""
        for mark in marks:
            if monotonic() - started > SECONDS_FOR_DELETIONS:
                return
            try:
                self.eraser.finish(mark)
            except Exception as error:  # noqa: BLE001 - a later run tries this one again
                logger.warning("files were not deleted", files=mark["files"], reason=str(error))

    def _running(self) -> frozenset[str]:
        try:
            return self.machine.running()
        except (BotoCoreError, ClientError) as error:
            logger.warning("executions were not listed", reason=str(error))
            return frozenset()

    def fail_dead_letters(self) -> Counter[str]:
        """Set the tasks of dead letters FAILED. Messages that are not tasks stay in the queue."""
        repaired: Counter[str] = Counter()
        not_tasks = []
        for message in self._dead_letters():
            try:
                task_order = read_order(message["Body"])
            except NotATask:
                not_tasks.append(message)
                continue
            error = DeadLettered(
                "The task's execution could not be started for more than an hour. Retry the task."
            )
            repaired += self._end(task_order, "", as_failure(error, "Dispatch"))
            self.dead_letters.delete(message)
        # Only after the last receive, because this run would receive them again otherwise.
        self.dead_letters.show(not_tasks)
        return repaired

    def _dead_letters(self) -> Iterator[dict[str, Any]]:
        started = monotonic()
        while monotonic() - started < SECONDS_FOR_DEAD_LETTERS:
            messages = self.dead_letters.receive(HIDDEN_SECONDS)
            if not messages:
                return
            yield from messages

    def _repair(self, task: Item, now: datetime.datetime, limits: Limits) -> Counter[str]:
        task_id, attempt = task["taskId"], task["attempt"]
        execution = task.get("execution") or self.machine.arn_of(execution_name(task_id, attempt))
        pending = task["status"] == Status.PENDING
        if execution in limits.running:
            return Counter()  # the task is PENDING, and its execution is about to claim it
        if pending and was_queued_recently(task, now, limits.pause):
            return Counter()
        if not (limits.questions or pending):
            return Counter()
        outcome = None
        if limits.questions:
            limits.questions -= 1
            outcome = self.machine.outcome(execution)
        match decide(task, outcome, lambda: self.machine.last_step(execution), now):
            case Requeue():
                if len(limits.requeued) < MAX_REQUEUES and self.store.touch(task):
                    limits.requeued.append(task)
                    logger.warning("queued again", correlation_id=task_id, attempt=attempt)
                    return Counter({"Requeued": 1})
            case Fail(failure):
                return self._end(task, execution, failure)
        return Counter()

    def _end(self, task: Item, execution: str, failure: dict[str, str]) -> Counter[str]:
        try:
            self.store.fail(task["taskId"], task["attempt"], execution, failure)
        except StaleAttempt:
            return Counter()  # it has ended, or a retry has begun, in the meantime
        logger.warning(
            "ended", correlation_id=task["taskId"], attempt=task["attempt"], failure=failure
        )
        return Counter({"Ended": 1})


def _attempt_of(detail: Mapping[str, Any]) -> tuple[str, int]:
    """Return the task and the attempt of an execution, from the event about it.

    The name says it, because the event omits a large input. An execution that a person started in
    the console has another name, and the input of the task.
    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html

    Raises:
        NotATask: it has neither.
    """
    try:
        return attempt_of(detail["name"])
    except ValueError:
        order = read_order(detail.get("input") or "")
        return order["taskId"], order["attempt"]
