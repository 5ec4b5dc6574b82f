"""Starts the executions of all rows on a local cloud, and says how each one ended."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.conformance.rows import Row, load
from tests.support.cloud.minimal import ended, function, role
from tools.localcloud.cloud import LocalCloud

SCRIPTED = (Path(__file__).parent / "scripted_function.py").read_text()


class Runs:
    """One execution per row. They share the functions and the bucket."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.states = cloud.client("stepfunctions")
        # botocore puts `sync-` before the host of a synchronous start, a name that the local cloud
        # does not have.
        self.synchronous = cloud.client("stepfunctions", inject_host_prefix=False)
        self.functions = {
            "scripted": function(cloud, SCRIPTED, Timeout=10),
            "hurried": function(cloud, SCRIPTED, Timeout=1),
            "throttled": function(cloud, SCRIPTED),
            "unknown": "no-such-function",
        }
        cloud.client("lambda").put_function_concurrency(
            FunctionName=self.functions["throttled"], ReservedConcurrentExecutions=0
        )
        self.bucket = f"conformance-{uuid.uuid4().hex[:12]}"
        cloud.client("s3").create_bucket(Bucket=self.bucket)

    def machine(self, row: Row, **settings: Any) -> str:
        """A new state machine of the row, with settings of the API; returns its ARN."""
        created = self.states.create_state_machine(
            name=f"m-{uuid.uuid4().hex[:12]}",
            roleArn=role(self.cloud),
            definition=row.definition(self.functions, self.bucket),
            type=row.type,
            **settings,
        )
        return str(created["stateMachineArn"])

    def end(self, row: Row) -> dict[str, Any]:
        """How the row's execution ended: status and, if there is one, error, cause, output."""
        found = ended(self.cloud, self._executions[row.name])
        end = {name: found[name] for name in ("status", "error", "cause") if name in found}
        return end | ({"output": json.loads(found["output"])} if "output" in found else {})

    def events(self, row: Row) -> list[dict[str, Any]]:
        """The events of the row's execution, after its end."""
        self.end(row)
        pages = self.states.get_paginator("get_execution_history")
        found = pages.paginate(executionArn=self._executions[row.name])
        return [event for page in found for event in page["events"]]

    @cached_property
    def _executions(self) -> dict[str, str]:
        """The ARNs of the executions. All are started before the first one is read."""
        rows = load()
        with ThreadPoolExecutor(max_workers=4) as pool:
            arns = pool.map(self._start, rows)
            return {row.name: arn for row, arn in zip(rows, arns, strict=True)}

    def _start(self, row: Row) -> str:
        for key, text in row.objects.items():
            self.cloud.client("s3").put_object(Bucket=self.bucket, Key=key, Body=text.encode())
        started = self.states.start_execution(
            stateMachineArn=self.machine(row), input=json.dumps(row.input)
        )
        return str(started["executionArn"])
