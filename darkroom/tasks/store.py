"""The table of tasks: what is written to it, and under which condition. `index` finds tasks.

Items are plain dicts with the attribute names of DESIGN's item.
"""

import re
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from darkroom.aws.dynamodb import Table, aliases, condition_failed, read_item
from darkroom.errors import StaleAttempt
from darkroom.runtime.clock import timestamp
from darkroom.tasks.model import OPEN, TRANSITIONS, Status, active_shard

SECONDS_PER_DAY = 86_400

Item = dict[str, Any]

THIS_ATTEMPT = "#attempt = :attempt"
THIS_EXECUTION = "#execution = :execution"
NOT_OF_A_LATER_RUN = "(attribute_not_exists(#batchRun) OR #batchRun <= :run)"
AS_READ = f"{THIS_ATTEMPT} AND #status = :pending AND #updatedAt = :read"
# What belongs to an attempt and not to the task: a retry begins without it.
OF_THE_ATTEMPT = ("startedAt", "completedAt", "execution", "failure", "result", "delivery")


class TaskExists(Exception):
    """A task of this id is stored already: it is in `item`."""

    def __init__(self, item: Item) -> None:
        super().__init__(item["taskId"])
        self.item = item


def condition(transition: str) -> str:
    """Return the ConditionExpression of a row of `tasks.TRANSITIONS`.

    `:attempt`, `:execution` and the statuses that it names are left for the caller to bind.
    """
    row = TRANSITIONS[transition]
    ways = []
    for status in sorted(row.sources):
        way = f"#status = :{status.lower()}"
        if row.by_execution and status is Status.RUNNING:
            way += f" AND {THIS_EXECUTION}"
        ways.append(way)
    # DynamoDB refuses parentheses that change nothing, so they stand only around an OR.
    either = ways[0] if len(ways) == 1 else f"({' OR '.join(ways)})"
    return f"{THIS_ATTEMPT} AND {either}"


class TaskStore:
    """Tasks in one DynamoDB table."""

    def __init__(self, table: Table, retention_days: int) -> None:
        """Take the table; its items expire `retention_days` after their creation."""
        self._table = table
        self._retention = retention_days * SECONDS_PER_DAY

    def create(self, task_id: str, owner: str, attributes: Mapping[str, Any]) -> Item:
        """Store a new PENDING task and return its item.

        Args:
            task_id: a uuid that no task has, or one that has expired.
            owner: the caller that alone may see the task.
            attributes: `name`, `source` and `output`.

        Raises:
            TaskExists: the id is taken; that task was not touched.
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
        there = self._table.create(item, "taskId")
        if there is not None:
            raise TaskExists(there)
        return item

    def get(self, task_id: str) -> Item | None:
        """Return a task as it is now (a consistent read), or None: there is none, or it expired."""
        return self._table.get({"taskId": task_id})

    def start(self, task_id: str, attempt: int, execution: str, started: str) -> None:
        """Claim a PENDING task for an execution: RUNNING. Repeats and errors: `_by_execution`.

        Args:
            task_id: the task.
            attempt: the attempt that it must be in.
            execution: its ARN.
            started: when it began, as `timestamp` writes it: the same for each repeat.
        """
        changes = {"execution": execution, "startedAt": started}
        self._by_execution("start", task_id, attempt, changes)

    def complete(self, task_id: str, attempt: int, execution: str, result: Item) -> None:
        """End a task COMPLETED with its result. Repeats and errors: `_by_execution`."""
        changes = {"execution": execution, "result": result}
        self._by_execution("complete", task_id, attempt, changes)

    def fail(self, task_id: str, attempt: int, execution: str, failure: Item) -> None:
        """End a task FAILED: `step`, `error`, `message`. Repeats and errors: `_by_execution`."""
        changes = {"execution": execution, "failure": failure}
        self._by_execution("fail", task_id, attempt, changes)

    def cancel(self, task_id: str, attempt: int, run: int | None = None) -> Item:
        """End a task CANCELLED and return it; `run` of its batch is why, if that has ended.

        Raises:
            StaleAttempt: it has ended, is another attempt by now, or belongs to a later run.
        """
        return self._write("cancel", task_id, attempt, {}, run=run)

    def retry(self, task_id: str, attempt: int, run: int | None = None) -> Item:
        """Begin a new attempt after one that FAILED or was CANCELLED, and return the task.

        With a `run` of its batch, which tries it again, the task belongs to that from now on.

        Raises:
            StaleAttempt: it is in neither state, another attempt by now, or of a later run.
        """
        changes: Item = {"attempt": attempt + 1, "active": active_shard(task_id)}
        if run is not None:
            changes["batchRun"] = run
        return self._write("retry", task_id, attempt, changes, remove=OF_THE_ATTEMPT, run=run)

    def keep(self, task_id: str, attempt: int, run: int) -> bool:
        """Let an open task belong to a run of its batch; say whether it does now.

        From then on no cancel of an earlier run can end it, however late that cancel comes. It does
        not if it has ended, is another attempt by now, or belongs to a later run.
        """
        given: Item = {":attempt": attempt, ":run": run}
        given |= {f":{status.lower()}": status.value for status in OPEN}
        required = f"{condition('cancel')} AND {NOT_OF_A_LATER_RUN}"
        return self._note(task_id, {"batchRun": run}, required, given)

    def touch(self, item: Item) -> bool:
        """Move a PENDING task to the end of the line for repairs; say whether it is as it was read.

        Of two repairs that read the same task, one gets to queue it again.
        """
        pending = Status.PENDING.value
        read = {":attempt": item["attempt"], ":pending": pending, ":read": item["updatedAt"]}
        return self._note(item["taskId"], {"updatedAt": timestamp()}, AS_READ, read)

    def delivered(self, task_id: str, attempt: int, delivery: Item) -> None:
        """Keep what became of the last try to deliver a callback; nothing else changes.

        Nobody wants to know that of an attempt that a retry has ended meanwhile.
        """
        self._note(task_id, {"delivery": delivery}, THIS_ATTEMPT, {":attempt": attempt})

    def _note(self, task_id: str, changes: Item, required: str, given: Item) -> bool:
        """Write attributes that are no transition under a condition; say whether it held."""
        try:
            self._table.update(
                Key={"taskId": task_id},
                UpdateExpression=f"SET {', '.join(f'#{name} = :new_{name}' for name in changes)}",
                ConditionExpression=required,
                ExpressionAttributeNames=aliases(*changes, *_names(required)),
                ExpressionAttributeValues={
                    **{f":new_{name}": value for name, value in changes.items()},
                    **given,
                },
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            return False
        return True

    def _by_execution(self, transition: str, task_id: str, attempt: int, changes: Item) -> None:
        """Write a transition of an execution, which `changes` names.

        A repeat, which a retry after a lost answer is, changes nothing and is no error.

        Raises:
            StaleAttempt: the task is not this execution's to change (any more).
        """
        try:
            self._write(transition, task_id, attempt, changes)
        except StaleAttempt as stale:
            already = {
                "attempt": attempt,
                "execution": changes["execution"],
                "status": TRANSITIONS[transition].target.value,
            }
            if {name: found(stale).get(name) for name in already} != already:
                raise

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
        """Write one row of the rules under its condition and return the task.

        Args:
            transition: the row.
            task_id: the task.
            attempt: the attempt that it must be in.
            changes: attributes to set; `execution` among them where the row is by execution.
            remove: attributes to remove.
            run: the run of its batch that the task may be in, or an earlier one; None: any.

        Raises:
            StaleAttempt: the condition does not hold.
        """
        row = TRANSITIONS[transition]
        changes = {**changes, "status": row.target.value, "updatedAt": timestamp()}
        if row.target.terminal:
            changes["completedAt"] = changes["updatedAt"]
            remove = (*remove, "active")
        assignments = [f"#{name} = :new_{name}" for name in changes]
        values = {f":new_{name}": value for name, value in changes.items()}
        values |= {f":{status.lower()}": status.value for status in row.sources}
        values[":attempt"] = attempt
        if row.by_execution:
            values[":execution"] = changes["execution"]
        required = condition(transition)
        if run is not None:
            required += f" AND {NOT_OF_A_LATER_RUN}"
            values[":run"] = run
        update = f"SET {', '.join(assignments)}"
        if remove:
            update += f" REMOVE {', '.join(f'#{name}' for name in remove)}"
        try:
            answer = self._table.update(
                Key={"taskId": task_id},
                UpdateExpression=update,
                ConditionExpression=required,
                ExpressionAttributeNames=aliases(*changes, *remove, *_names(required)),
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                # What the condition saw, for `found`: a read of its own would see a later moment.
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            raise StaleAttempt(
                f"Attempt {attempt} of task {task_id} may not become {row.target}: the task has "
                "ended, or another execution, attempt or run owns it."
            ) from error
        task: Item = answer["Attributes"]
        return task


def found(stale: StaleAttempt) -> Item:
    """Return the task as the refused write found it, {} if there was none."""
    refusal = stale.__cause__
    met = refusal.response.get("Item", {}) if isinstance(refusal, ClientError) else {}
    return read_item(met)


def _names(expression: str) -> list[str]:
    return re.findall(r"#(\w+)", expression)
