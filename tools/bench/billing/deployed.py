"""A stack on a local cloud, with access to its functions, executions, logs and files."""

import collections
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import psutil
from samtranslator.yaml_helper import yaml_parse

from tools.bench.billing import units
from tools.bench.stack import EMULATOR, Stack, logical_id, processor_time
from tools.localcloud import processes
from tools.localcloud.cloud import PROJECT, LocalCloud

# By the stack's output: the table's key, and the prefix of its units.
TABLES = {"TableName": ("taskId", ""), "BatchTableName": ("batchId", "batches ")}
SUFFIX = "Function"
"""The suffix of the logical ids of functions; the counts name functions without it."""
FUNCTION = "AWS::Serverless::Function"


class Deployed(Stack):
    """A stack of template.yaml on a local cloud.

    Attributes:
        workflow: STANDARD or EXPRESS.
        template: the parsed template.yaml, with a separate log group for each function: in a shared
            one, Lambda's own lines do not show which function they belong to.
        tables: by name.
    """

    def __init__(self, cloud: LocalCloud, workflow: str) -> None:
        """Deploy to a running local cloud."""
        self.workflow = workflow
        self.template = yaml_parse((PROJECT / "template.yaml").read_text())
        self._log_groups = {}
        for name, resource in self.template["Resources"].items():
            if resource["Type"] == FUNCTION:
                group = self._log_groups[name.removesuffix(SUFFIX)] = f"/aws/lambda/{name}"
                resource["Properties"].setdefault("LoggingConfig", {})["LogGroup"] = group
        super().__init__(cloud, self.template, WorkflowType=workflow)
        self._dynamodb = cloud.client("dynamodb")
        self._states = cloud.client("stepfunctions")
        self.tables = {}
        for output, (key, prefix) in TABLES.items():
            name = self.outputs[output]
            indexes = units.table_of(self._dynamodb.describe_table(TableName=name)["Table"])
            self.tables[name] = units.Table(prefix, key, indexes)

    def ended(self, output: str, item_id: str) -> bool:
        """Whether a task ("TableName") or a batch ("BatchTableName") has ended.

        It reads the table without the wire, so that the benchmark's own calls are not counted.
        """
        item = self._dynamodb.get_item(
            TableName=self.outputs[output], Key={TABLES[output][0]: {"S": item_id}}
        )["Item"]
        return "active" not in item

    def settings(self, name: str) -> dict[str, Any]:
        """Return the properties of a function in the template."""
        shared = self.template["Globals"]["Function"]
        return {**shared, **self.template["Resources"][f"{name}{SUFFIX}"]["Properties"]}

    def callers(self) -> dict[str, str]:
        """Return the functions by the access keys that they sign with."""
        found = {}
        for process in processes.marked(self.cloud.home):
            with suppress(psutil.Error):
                variables = process.environ()
                if function := variables.get("AWS_LAMBDA_FUNCTION_NAME"):
                    name = logical_id(function).removesuffix(SUFFIX)
                    found[variables["AWS_ACCESS_KEY_ID"]] = name
        return found

    def processor_time(self) -> dict[str, float]:
        """Return user and system time in seconds by function, since its processes started."""
        used = processor_time(self.cloud)
        return {name.removesuffix(SUFFIX): used[name] for name in used.keys() - {EMULATOR}}

    def at_rest(self, executions: Iterable[str]) -> bool:
        """Whether these executions have ended."""
        return all(
            self._states.describe_execution(executionArn=arn)["status"] != "RUNNING"
            for arn in executions
        )

    def transitions(self, executions: Iterable[str]) -> int:
        """Return the transitions of executions, each with one more to the end."""
        pages = self._states.get_paginator("get_execution_history")
        transitions = 0
        for arn in executions:
            events = [e for page in pages.paginate(executionArn=arn) for e in page["events"]]
            transitions += 1 + sum(event["type"].endswith("StateEntered") for event in events)
        return transitions

    def children(self, executions: Iterable[str]) -> int:
        """Return the number of child executions of the Map Runs of executions."""
        return sum(
            self._states.describe_map_run(mapRunArn=run["mapRunArn"])["executionCounts"]["total"]
            for arn in executions
            for run in self._states.list_map_runs(executionArn=arn)["mapRuns"]
        )

    def log_lines(self, since: float) -> dict[str, list[str]]:
        """Return the log lines of each function since a time, in seconds since 1970."""
        return {name: self._lines(group, since) for name, group in self._log_groups.items()}

    def execution_lines(self, since: float) -> list[str]:
        """Return the log lines of state machines since a time, in seconds since 1970."""
        return self._lines(self.outputs["StateMachineLogGroup"], since)

    def _lines(self, group: str, since: float) -> list[str]:
        logs = self.cloud.client("logs")
        # Whole milliseconds: what was logged in the same one came before.
        selection = {"logGroupName": group, "startTime": int(since * 1000) + 1}
        pages = logs.get_paginator("filter_log_events").paginate(**selection)
        with suppress(logs.exceptions.ResourceNotFoundException):  # the function never ran
            return [event["message"] for page in pages for event in page["events"]]
        return []

    def file_bytes(self, task_ids: Iterable[str]) -> collections.Counter[str]:
        """Return the bytes of the tasks' files, by their folder in the bucket."""
        sizes: collections.Counter[str] = collections.Counter()
        pages = self.cloud.client("s3").get_paginator("list_objects_v2")
        selected = set(task_ids)
        for page in pages.paginate(Bucket=self.outputs["BucketName"]):
            for file in page.get("Contents", []):
                folder, task_id, *_ = file["Key"].split("/")
                if task_id in selected:
                    sizes[folder] += file["Size"]
        return sizes
