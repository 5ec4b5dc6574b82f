"""A deployed stack for tests: over HTTP like a client, with calls to AWS like an operator."""

import datetime
import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urljoin

import boto3
import httpx

from darkroom.cli.callers.changes import Callers
from darkroom.cli.stack import from_description
from darkroom.runtime.clock import timestamp
from tools.localcloud.cloud import LocalCloud

ENDED = {"COMPLETED", "FAILED", "CANCELLED"}
ORDER = ["PENDING", "RUNNING", "COMPLETED"]


PATIENCE = 4
"""Deadlines are for an idle machine: one that is busy, two processors for ten, has so many times as
long. A condition that holds is seen at once, so that patience costs nothing."""


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for a condition, at most this number of seconds on an idle machine; return its value."""
    end = time.monotonic() + PATIENCE * seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {PATIENCE} x {seconds} s: {what}"
        time.sleep(0.05)
    return value


def error_of(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The error of a response, in the form that all errors have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert {"code", "message"} <= set(error) <= {"code", "message", "field"}
    assert len(error["message"]) > 10
    return error


def saved(cloud: LocalCloud) -> None:
    """Wait until every acknowledged change of the local cloud is on disk.

    AWS stores it before it responds. The emulator writes every two seconds, one service after the
    other. When a second mark is on disk, everything before the first one has been written.
    """
    state = cloud.home / "state" / "ssm.json"
    for _ in ("first", "second"):
        mark = f"{time.time_ns()}"
        cloud.client("ssm").put_parameter(Name="mark", Value=mark, Type="String", Overwrite=True)
        until(lambda mark=mark: state.exists() and mark in state.read_text(), 60, "it is saved")


ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
}


def described(arn: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    """An Express execution in the form of DescribeExecution, built from its log.

    An execution that was lost stays RUNNING forever.
    """
    last = events[-1] if events else {"type": "", "details": {}}
    return {
        "executionArn": arn,
        "name": arn.split(":")[7],
        "startDate": _moment(events[0]) if events else None,
        "status": ENDS.get(last["type"], "RUNNING"),
        "error": last["details"].get("error"),
        "cause": last["details"].get("cause"),
    }


def _moment(event: dict[str, Any]) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(int(event["event_timestamp"]) / 1000, datetime.UTC)


@dataclass
class Stack:
    cloud: LocalCloud
    description: dict[str, Any]
    workflow_type: str = "STANDARD"
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(
            base_url=self.description["apiUrl"],
            headers={"x-api-key": self.description["apiKey"]},
            timeout=30,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.states.close()
        self.sqs.close()

    @property
    def outputs(self) -> dict[str, str]:
        return self.description["outputs"]

    def physical(self, name: str) -> str:
        """The physical name of a resource of the template."""
        detail = self.cloud.client("cloudformation").describe_stack_resource(
            StackName=self.description["stackName"], LogicalResourceId=name
        )
        return str(detail["StackResourceDetail"]["PhysicalResourceId"])

    @contextmanager
    def without_policy(self, function: str) -> Iterator[None]:
        """Remove all permissions from the role of a function, and restore them."""
        iam, role = self.cloud.client("iam"), self.physical(f"{function}Role")
        kept = iam.get_role_policy(RoleName=role, PolicyName=function)["PolicyDocument"]
        iam.delete_role_policy(RoleName=role, PolicyName=function)
        try:
            yield
        finally:
            iam.put_role_policy(RoleName=role, PolicyName=function, PolicyDocument=json.dumps(kept))

    def new_key(self, name: str) -> str:
        """The key of a new caller, whose name has this prefix."""
        callers = Callers(from_description(self.description))
        _, key = callers.add(f"{name}-{uuid.uuid4().hex[:8]}", None)
        return key.value

    def key_by_hand(self, name: str) -> str:
        """A key of an earlier release, in which there were no callers. The table has nothing of
        it."""
        gateway = self.cloud.client("apigateway")
        key = gateway.create_api_key(name=name, enabled=True)
        plan = self.outputs["UsagePlanId"]
        gateway.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
        return str(key["value"])

    @cached_property
    def states(self) -> Any:
        return self.cloud.client("stepfunctions")

    @cached_property
    def sqs(self) -> Any:
        return self.cloud.client("sqs")

    def url(self, link: str) -> str:
        """The URL of a link in a response."""
        return urljoin(self.description["apiUrl"] + "/", link)

    def submit(self, url: str, **more: Any) -> dict[str, Any]:
        answer = self.http.post("/tasks", json={"imageUrl": url, **more})
        assert answer.status_code == 202, answer.text
        return answer.json()

    def task(self, task_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ended(self, task_id: str, seconds: float = 60) -> dict[str, Any]:
        def check() -> dict[str, Any] | None:
            task = self.task(task_id)
            return task if task["status"] in ENDED else None

        return until(check, seconds, f"task {task_id} ends")

    def all_ended(self, task_ids: Iterable[str], seconds: float) -> dict[str, dict[str, Any]]:
        """Wait for many tasks by polling the list instead of each task."""
        wanted = set(task_ids)

        def check() -> dict[str, dict[str, Any]] | None:
            ended = {t["taskId"]: t for t in self.tasks() if t["status"] in ENDED}
            return ended if wanted <= ended.keys() else None

        return {i: t for i, t in until(check, seconds, "all tasks end").items() if i in wanted}

    def tasks(self, **query: Any) -> list[dict[str, Any]]:
        found, cursor = [], None

        def page() -> httpx.Response | None:
            """A page; None if earlier requests have used up the client's rate limit."""
            asked = {"limit": 100, **query, **({"cursor": cursor} if cursor else {})}
            answer = self.http.get("/tasks", params=asked)
            return answer if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS else None

        while True:
            answer = until(page, 30, "no 429")
            assert answer.status_code == HTTPStatus.OK, answer.text
            found.extend(answer.json()["tasks"])
            cursor = answer.json()["cursor"]
            if not cursor:
                return found

    def execution(self, task: dict[str, Any]) -> dict[str, Any]:
        """The execution of a task, after it has ended. The record is written before the execution
        ends."""
        arn = task["execution"]["arn"]

        def check() -> dict[str, Any] | None:
            if self.workflow_type == "EXPRESS":
                execution = described(arn, self.logged(arn).get(arn, []))
            else:
                execution = self.states.describe_execution(executionArn=arn)
            return execution if execution["status"] != "RUNNING" else None

        return until(check, 20, "the execution ends")

    def executions(self) -> list[dict[str, Any]]:
        """The executions of tasks; for EXPRESS, all executions in the log group."""
        if self.workflow_type == "EXPRESS":
            return [described(arn, events) for arn, events in self.logged(":express:").items()]
        pages = self.states.get_paginator("list_executions").paginate(
            stateMachineArn=self.outputs["StateMachineArn"]
        )
        return [execution for page in pages for execution in page["executions"]]

    def logged(self, words: str) -> dict[str, list[dict[str, Any]]]:
        """The events in log lines of state machines that contain these words: in order, by
        execution."""
        pages = self.cloud.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(
            logGroupName=self.outputs["StateMachineLogGroup"], filterPattern=f'"{words}"'
        )
        by_execution: dict[str, list[dict[str, Any]]] = {}
        for event in (json.loads(line["message"]) for page in found for line in page["events"]):
            by_execution.setdefault(event["execution_arn"], []).append(event)
        for events in by_execution.values():
            events.sort(key=lambda event: int(event["id"]))
        return by_execution

    @cached_property
    def _dynamodb(self) -> Any:
        return boto3.resource(
            "dynamodb",
            endpoint_url=self.cloud.endpoint_url,
            region_name=self.description["region"],
            **self.cloud.credentials.arguments,
        )

    def table(self, output: str = "TableName") -> Any:
        """The table of tasks, or another one in the stack's outputs."""
        return self._dynamodb.Table(self.outputs[output])

    def item(self, task_id: str) -> dict[str, Any]:
        """The record of a task."""
        return self.table().get_item(Key={"taskId": task_id}, ConsistentRead=True)["Item"]

    def set_back(self, task_id: str, seconds: float) -> None:
        """Set a task's last write and its start back by this time, as if it had passed."""
        then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
        self.cloud.client("dynamodb").update_item(
            TableName=self.outputs["TableName"],
            Key={"taskId": {"S": task_id}},
            UpdateExpression="SET updatedAt = :then, startedAt = :then",
            ExpressionAttributeValues={":then": {"S": timestamp(then)}},
        )

    def depth(self, queue: str) -> int:
        """Messages in a queue, waiting or in flight."""
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=self.outputs[queue], AttributeNames=["All"]
        )["Attributes"]
        return sum(
            int(attributes[name])
            for name in (
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            )
        )
