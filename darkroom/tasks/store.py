"""The table of tasks: every write, with its condition. `queries` finds tasks.

Items are plain dicts. Their keys are the names of the stored attributes.
"""

import time
from collections.abc import Mapping
from typing import Any

from darkroom.aws.dynamodb import ConditionFailed, Table
from darkroom.errors import StaleAttempt
from darkroom.runtime.clock import timestamp
from darkroom.tasks.erasure_rules import mark_of
from darkroom.tasks.model import (
    ATTEMPT_ATTRIBUTES,
    OPEN,
    TRANSITIONS,
    Status,
    Transition,
    active_shard,
)

SECONDS_PER_DAY = 86_400

THIS_ATTEMPT = "#attempt = :attempt"
NOT_IN_LATER_RUN = "(attribute_not_exists(#batchRun) OR #batchRun <= :run)"
PENDING_AND_UNCHANGED = f"{THIS_ATTEMPT} AND #status = :pending AND #updatedAt = :read"

Item = dict[str, Any]


class TaskStore:
    """Tasks in one DynamoDB table."""

    def __init__(self, table: Table, retention_days: int) -> None:
        """Items of the table expire `retention_days` after their creation."""
        self._table = table
        self._retention = retention_days * SECONDS_PER_DAY

    def create(self, task_id: str, owner: str, attributes: Mapping[str, Any]) -> tuple[Item, bool]:
        """Store a new PENDING task; return it and True, or the existing task and False.

        Args:
            task_id: a UUID. An expired task of this id is replaced.
            owner: the only caller that may see the task.
            attributes: `name`, `source` and `output`.
        """
        now = timestamp()
        item = {
            "taskId": task_id,
            "owner": owner,
            "attempt": 1,
            "status": Status.PENDING.value,
            "createdAt": now,
            "updatedAt": now,
            "active": active_shard(task_id),
            "expiresAt": int(time.time()) + self._retention,
            **attributes,
        }
        existing = self._table.create(item, "taskId")
        return (item, True) if existing is None else (existing, False)

    def get(self, task_id: str) -> Item | None:
        """Return a task by a consistent read; None if it does not exist or has expired."""
        return self._table.get({"taskId": task_id})

    def was_deleted(self, task_id: str) -> bool:
        """Whether a task of this id was deleted within the last 90 days."""
        return self._table.get({"taskId": mark_of(task_id)}) is not None

    def start(
        self, task_id: str, attempt: int, execution: str, started: str, retries: int = 0
    ) -> None:
        """Claim a PENDING task for an execution: RUNNING. Repeats and errors: `_by_execution`.

        Args:
            task_id: the task.
            attempt: the attempt that the task must be in.
            execution: the execution's ARN.
            started: when the execution began, as `timestamp` writes it; the same at each repeat.
            retries: how often the execution had to try this again, mostly because Lambda was busy.
        """
        changes: Item = {"execution": execution, "startedAt": started}
        if retries:
            changes["claimRetries"] = retries
        self._by_execution("start", task_id, attempt, changes)

    def complete(self, task_id: str, attempt: int, execution: str, result: Item) -> None:
        """Set a task COMPLETED with its result. Repeats and errors: `_by_execution`."""
        changes = {"execution": execution, "result": result}
        self._by_execution("complete", task_id, attempt, changes)

    def fail(self, task_id: str, attempt: int, execution: str, failure: Item) -> Item:
        """Set a task FAILED: `step`, `error`, `message`. Repeats and errors: `_by_execution`.

        Returns:
            the failure that is stored. It is an earlier one if this execution was ended as FAILED
            before, and was redriven.
        """
        changes = {"execution": execution, "failure": failure}
        stored: Item = self._by_execution("fail", task_id, attempt, changes)["failure"]
        return stored

    def cancel(self, task_id: str, attempt: int, run: int | None = None) -> Item:
        """Set a task CANCELLED and return it.

        With `run`, only if the task belongs to this run of its batch or to an earlier one.

        Raises:
            StaleAttempt: the task has ended, is in another attempt, or belongs to a later run.
        """
        return self._write("cancel", task_id, attempt, {}, run=run)

    def retry(self, task_id: str, attempt: int, run: int | None = None) -> Item:
        """Begin a new attempt of a FAILED or CANCELLED task, and return the task.

        With `run`, the retry is part of this run of its batch, and the task belongs to it from then
        on.

        Raises:
            StaleAttempt: the task is neither FAILED nor CANCELLED, is in another attempt, or
                belongs to a later run.
        """
        changes: Item = {"attempt": attempt + 1, "active": active_shard(task_id)}
        if run is not None:
            changes["batchRun"] = run
        return self._write("retry", task_id, attempt, changes, remove=ATTEMPT_ATTRIBUTES, run=run)

    def assign_to_run(self, task_id: str, attempt: int, run: int) -> bool:
        """Assign an open task to a run of its batch, and return whether that succeeded.

        From then on, a late cancel of an earlier run cannot end the task. The assignment fails if
        the task has ended, is in another attempt, or belongs to a later run.
        """
        values: Item = {":attempt": attempt, ":run": run}
        values |= {f":{status.lower()}": status.value for status in OPEN}
        required = f"{_condition('cancel')} AND {NOT_IN_LATER_RUN}"
        return self._update_if(required, task_id, {"batchRun": run}, values)

    def touch(self, item: Item) -> bool:
        """Count a requeue of a PENDING task, and return whether it was still as it was read.

        Only one of two repairs that read the same task succeeds and may queue it again.
        """
        values = {
            ":attempt": item["attempt"],
            ":pending": Status.PENDING.value,
            ":read": item["updatedAt"],
        }
        changes = {"updatedAt": timestamp(), "requeues": item.get("requeues", 0) + 1}
        return self._update_if(PENDING_AND_UNCHANGED, item["taskId"], changes, values)

    def record_delivery(self, task_id: str, attempt: int, delivery: Item) -> None:
        """Store the outcome of the last try to deliver a webhook; nothing else changes.

        It is dropped if a retry has begun another attempt in the meantime.
        """
        changes = {"delivery": delivery}
        self._update_if(THIS_ATTEMPT, task_id, changes, {":attempt": attempt})

    def _update_if(self, required: str, task_id: str, changes: Item, values: Item) -> bool:
        """Write attributes, without a transition, and return whether the condition held.

        `required` is the ConditionExpression, and `values` are the values that it names.
        """
        try:
            self._table.change({"taskId": task_id}, changes, required, values)
        except ConditionFailed:
            return False
        return True

    def _by_execution(self, transition: str, task_id: str, attempt: int, changes: Item) -> Item:
        """Write a transition by an execution, which is in `changes`, and return the task.

        Repeating a write has no effect and is not an error: the first response may have been lost.

        Raises:
            StaleAttempt: the execution does not own the task, or no longer.
        """
        try:
            return self._write(transition, task_id, attempt, changes)
        except StaleAttempt as stale:
            written = {
                "attempt": attempt,
                "execution": changes["execution"],
                "status": TRANSITIONS[transition].target.value,
            }
            task = task_at_refusal(stale)
            if {name: task.get(name) for name in written} != written:
                raise
            return task

    def _write(
        self,
        transition: str,
        task_id: str,
        attempt: int,
        changes: Item,
        *,
        remove: tuple[str, ...] = (),
        run: int | None = None,
    ) -> Item:
        """Write a transition under its condition and return the task.

        Args:
            transition: the row of `TRANSITIONS`.
            task_id: the task.
            attempt: the attempt that the task must be in.
            changes: attributes to set, with `execution` if the row is `by_execution`.
            remove: attributes to remove.
            run: the latest run of its batch that the task may belong to; None: any run.

        Raises:
            StaleAttempt: the condition does not hold.
        """
        row = TRANSITIONS[transition]
        changes = {**changes, "status": row.target.value, "updatedAt": timestamp()}
        if row.target.terminal:
            changes["completedAt"] = changes["updatedAt"]
            remove = (*remove, "active")
        values: Item = {f":{status.lower()}": status.value for status in row.sources}
        values[":attempt"] = attempt
        if row.by_execution:
            values[":execution"] = changes["execution"]
        required = _condition(transition)
        if run is not None:
            required += f" AND {NOT_IN_LATER_RUN}"
            values[":run"] = run
        try:
            return self._table.change({"taskId": task_id}, changes, required, values, remove)
        except ConditionFailed as refusal:
            raise StaleAttempt(
                f"Attempt {attempt} of task {task_id} may not become {row.target}: "
                f"{_reason(refusal.item, row, attempt)}."
            ) from refusal


def task_at_refusal(stale: StaleAttempt) -> Item:
    """Return the task at the time of the refused write, {} if it did not exist."""
    refusal = stale.__cause__
    return refusal.item if isinstance(refusal, ConditionFailed) else {}


def _condition(transition: str) -> str:
    """Return the ConditionExpression of a row of `TRANSITIONS`.

    The caller binds `:attempt`, `:execution` and the statuses that the expression names.
    """
    row = TRANSITIONS[transition]
    alternatives = []
    for status in sorted(row.sources):
        alternative = f"#status = :{status.lower()}"
        if row.by_execution and status is Status.RUNNING:
            alternative += " AND #execution = :execution"
        alternatives.append(alternative)
    # DynamoDB refuses redundant parentheses, so only an OR gets them.
    either = alternatives[0] if len(alternatives) == 1 else f"({' OR '.join(alternatives)})"
    return f"{THIS_ATTEMPT} AND {either}"


def _reason(task: Item, row: Transition, attempt: int) -> str:
    """Return why a write was refused, from the task at that time, {} if it did not exist."""
    if not task:
        return "the task does not exist, or has expired"
    if task["attempt"] != attempt:
        return f"the task is {task['status']} in attempt {task['attempt']}"
    if task["status"] not in row.sources:
        return f"the task is {task['status']}"
    return "another execution, or a later run of its batch, owns the task"
