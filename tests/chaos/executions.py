"""The executions of tasks: Step Functions lists STANDARD ones, EXPRESS ones are only in the log."""

import datetime
import json
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any

from darkroom.runtime.clock import timestamp
from tests.chaos.recorder import Item
from tests.chaos.task_invariants import RESTARTED
from tests.support.cloud.stacks import Stack, described

LONGER_THAN_AN_EXECUTION = datetime.timedelta(seconds=301)
OVERLAP_MS = 5000
"""Of two reads of the log: lines that are written at the same time may come out of order."""

GONE = {"status": "FAILED", "error": RESTARTED}
"""Of executions that the cloud does not know after it was killed: its last second is lost."""

Found = dict[str, dict[str, Any]]
"""Executions by ARN: `name`, `status`, and the `error` of those that are described."""


class StandardExecutions:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._restarts = 0

    def all(self) -> Found:
        return {e["executionArn"]: e for e in self._stack.executions()}

    def running(self) -> int:
        pages = self._stack.states.get_paginator("list_executions").paginate(
            stateMachineArn=self._stack.outputs["StateMachineArn"], statusFilter="RUNNING"
        )
        return sum(len(page["executions"]) for page in pages)

    def of(self, task_ids: set[str], more: Collection[str] = ()) -> Found:
        """Describe the executions of these tasks, and others whose ARNs are known."""
        named = {arn for arn, e in self.all().items() if _task_of(e) in task_ids}
        found = dict.fromkeys(more, GONE) if self._restarts else {}
        for arn in named.union(more):
            with suppress(self._stack.states.exceptions.ExecutionDoesNotExist):
                found[arn] = self._stack.states.describe_execution(executionArn=arn)
        return found

    def restarted(self) -> None:
        """Continue after the cloud was killed: the emulator fails the running executions as
        `RESTARTED`."""
        self._restarts += 1

    def let_time_pass(self, tasks: Iterable[Item]) -> int:  # noqa: ARG002 - as of EXPRESS
        """Nothing to skip: reconcile learns about an end from its event, or by a request."""
        return 0


class ExpressExecutions:
    """Only their log reports them, and not those that died with the local cloud."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._logs = stack.cloud.client("logs")
        self._dynamodb = stack.cloud.client("dynamodb")
        self._last: dict[str, dict[str, Any]] = {}
        self._gone: set[str] = set()
        self._since = 0
        self._restarts = 0

    def all(self) -> Found:
        self._read()
        found = {arn: described(arn, [event]) for arn, event in self._last.items()}
        for arn in self._gone:
            found[arn] |= GONE
        return found

    def running(self) -> int:
        return sum(e["status"] == "RUNNING" for e in self.all().values())

    def of(self, task_ids: set[str], more: Collection[str] = ()) -> Found:
        """Return the executions of these tasks, and others whose ARNs are known."""
        known = self.all()
        found = dict.fromkeys(more, GONE) if self._restarts else {}
        return found | {
            arn: e for arn, e in known.items() if arn in more or _task_of(e) in task_ids
        }

    def restarted(self) -> None:
        """Continue after the cloud was killed: the running executions are gone, and nothing will
        report their end."""
        self._restarts += 1
        self._gone |= {arn for arn, e in self.all().items() if e["status"] == "RUNNING"}

    def let_time_pass(self, tasks: Iterable[Item]) -> int:
        """Skip the wait for executions that have ended without a status; return the number of
        tasks.

        Reconcile cannot know that they have ended. It ends their tasks after 5 minutes without a
        change. So start and last write of a task that is RUNNING, and whose execution has ended by
        its log or was killed with the cloud, are set back by as much.
        """
        waiting = [task for task in tasks if task["status"] == "RUNNING"]
        known = self.all() if waiting else {}
        ended = {arn for arn, execution in known.items() if execution["status"] != "RUNNING"}
        return sum(self._set_back(task) for task in waiting if task["execution"] in ended)

    def _set_back(self, task: Item) -> bool:
        then = timestamp(datetime.datetime.now(datetime.UTC) - LONGER_THAN_AN_EXECUTION)
        if task["updatedAt"] < then:
            return False
        try:
            self._dynamodb.update_item(
                TableName=self._stack.outputs["TableName"],
                Key={"taskId": {"S": task["taskId"]}},
                UpdateExpression="SET updatedAt = :then, startedAt = :then",
                ConditionExpression="updatedAt = :read AND execution = :execution",
                ExpressionAttributeValues={
                    ":then": {"S": then},
                    ":read": {"S": task["updatedAt"]},
                    ":execution": {"S": task["execution"]},
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False  # it has been written in the meantime
        return True

    def _read(self) -> None:
        machine = self._stack.outputs["StateMachineArn"].rpartition(":")[2]
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._stack.outputs["StateMachineLogGroup"],
            filterPattern=f'":express:{machine}:"',
            startTime=max(self._since - OVERLAP_MS, 0),
        )
        for line in (line for page in pages for line in page["events"]):
            self._since = max(self._since, line["timestamp"])
            event = json.loads(line["message"])
            last = self._last.setdefault(event["execution_arn"], event)
            if int(event["id"]) > int(last["id"]):
                self._last[event["execution_arn"]] = event


def _task_of(execution: dict[str, Any]) -> str:
    name: str = execution["name"]
    return name.rpartition("-")[0]
