"""A stack on a local cloud, and what can be seen of its functions, executions, logs and files."""

import collections
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import httpx
import psutil
from samtranslator.yaml_helper import yaml_parse

from darkroom.batches.model import execution_name
from tools.bench import units
from tools.localcloud import processes
from tools.localcloud.cloud import PROJECT, LocalCloud
from tools.localcloud.deploy import deploy

STACK = "cost"
# The table's output, its key, and what its units are told after.
TABLES = {"TableName": ("taskId", ""), "BatchTableName": ("batchId", "batches ")}


class Deployed:
    """template.yaml on a local cloud.

    Attributes:
        workflow: STANDARD or EXPRESS.
        template: as it is written.
        outputs: of the stack.
        http: sends requests to its API.
        tables: by their names.
    """

    def __init__(self, cloud: LocalCloud, workflow: str) -> None:
        """Deploy to a cloud that is up."""
        self._cloud = cloud
        self.workflow = workflow
        description = deploy(cloud, STACK, {"WorkflowType": workflow, "RequestBurst": "5000"})
        self.outputs: dict[str, str] = description["outputs"]
        headers = {"x-api-key": description["apiKey"]}
        self.http = httpx.Client(base_url=description["apiUrl"], headers=headers, timeout=60)
        self.template = yaml_parse((PROJECT / "template.yaml").read_text())
        self._log_groups = self._log_apart()
        self._dynamodb = cloud.client("dynamodb")
        self.tables = {
            self.outputs[output]: units.Table(prefix, key, self._indexes(self.outputs[output]))
            for output, (key, prefix) in TABLES.items()
        }

    def close(self) -> None:
        """Close the connection to the API."""
        self.http.close()

    def client(self, service: str) -> Any:
        """Return a boto3 client of the cloud, which goes past the wire."""
        return self._cloud.client(service)

    def ended(self, output: str, item_id: str) -> bool:
        """Whether a task ("TableName") or a batch ("BatchTableName") has ended.

        It looks into the table, past the wire: what only the count asks for is not counted.
        """
        item = self._dynamodb.get_item(
            TableName=self.outputs[output], Key={TABLES[output][0]: {"S": item_id}}
        )["Item"]
        return "active" not in item

    def settings(self, name: str) -> dict[str, Any]:
        """Return the properties of a function in the template."""
        shared = self.template["Globals"]["Function"]
        return {**shared, **self.template["Resources"][f"{name}Function"]["Properties"]}

    def callers(self) -> dict[str, str]:
        """Return the functions by the keys that they sign with."""
        return {
            environment["AWS_ACCESS_KEY_ID"]: _logical(environment["AWS_LAMBDA_FUNCTION_NAME"])
            for _, environment in self._workers()
        }

    def processor_time(self) -> dict[str, float]:
        """Return seconds of user and system time by function, since its processes started."""
        used: collections.defaultdict[str, float] = collections.defaultdict(float)
        for process, environment in self._workers():
            with suppress(psutil.Error):
                times = process.cpu_times()
                used[_logical(environment["AWS_LAMBDA_FUNCTION_NAME"])] += times.user + times.system
        return used

    def physical(self, logical: str) -> str:
        """Return the name that a resource got."""
        resource = self.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=logical
        )
        name: str = resource["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def executions(self, task_ids: Iterable[str]) -> list[str]:
        """Return the ARNs of the Standard executions of tasks' first attempts."""
        if self.workflow == "EXPRESS":
            return []
        machine = _execution_prefix(self.outputs["StateMachineArn"])
        return [f"{machine}:{task_id}-1" for task_id in task_ids]

    def execution_of_batch(self, batch_id: str) -> str:
        """Return the ARN of the execution of a batch's first run."""
        machine = _execution_prefix(self.outputs["BatchStateMachineArn"])
        return f"{machine}:{execution_name(batch_id, 1)}"

    def at_rest(self, executions: Iterable[str]) -> bool:
        """Whether these executions have ended."""
        states = self.client("stepfunctions")
        return all(
            states.describe_execution(executionArn=arn)["status"] != "RUNNING" for arn in executions
        )

    def transitions(self, executions: Iterable[str]) -> int:
        """Return the transitions of Standard executions, the way out of the last state included."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        transitions = 0
        for arn in executions:
            events = [e for page in pages.paginate(executionArn=arn) for e in page["events"]]
            transitions += 1 + sum(event["type"].endswith("StateEntered") for event in events)
        return transitions

    def children(self, execution: str) -> int:
        """Return how many executions the Map Runs of an execution started."""
        states = self.client("stepfunctions")
        runs = states.list_map_runs(executionArn=execution)["mapRuns"]
        return sum(
            states.describe_map_run(mapRunArn=run["mapRunArn"])["executionCounts"]["total"]
            for run in runs
        )

    def log_lines(self) -> dict[str, list[str]]:
        """Return the lines of each function so far."""
        logs = self.client("logs")
        pages = logs.get_paginator("filter_log_events")
        lines: dict[str, list[str]] = {}
        for name, group in self._log_groups.items():
            lines[name] = []
            with suppress(logs.exceptions.ResourceNotFoundException):  # it has not run yet
                for page in pages.paginate(logGroupName=group):
                    lines[name] += [event["message"] for event in page["events"]]
        return lines

    def execution_lines(self, since: float) -> list[str]:
        """Return the lines of state machines since a moment, in seconds of the epoch."""
        pages = self.client("logs").get_paginator("filter_log_events")
        group = self.outputs["StateMachineLogGroup"]
        return [
            event["message"]
            for page in pages.paginate(logGroupName=group, startTime=int(since * 1000))
            for event in page["events"]
        ]

    def file_bytes(self, task_ids: Iterable[str]) -> collections.Counter[str]:
        """Return the bytes of the tasks' files by the folder of the bucket that they lie in."""
        sizes: collections.Counter[str] = collections.Counter()
        pages = self.client("s3").get_paginator("list_objects_v2")
        wanted = set(task_ids)
        for page in pages.paginate(Bucket=self.outputs["BucketName"]):
            for file in page.get("Contents", []):
                folder, task_id, *_ = file["Key"].split("/")
                if task_id in wanted:
                    sizes[folder] += file["Size"]
        return sizes

    def _indexes(self, table: str) -> dict[str, units.Index]:
        return units.table_of(self._dynamodb.describe_table(TableName=table)["Table"])

    def _workers(self) -> list[tuple[psutil.Process, dict[str, str]]]:
        found = []
        for process in processes.marked(self._cloud.home):
            with suppress(psutil.Error):
                environment = process.environ()
                if "AWS_LAMBDA_FUNCTION_NAME" in environment:
                    found.append((process, environment))
        return found

    def _log_apart(self) -> dict[str, str]:
        """Give each function a log group of its own; return them by function.

        In the one that they share nothing tells whose a line is that Lambda itself writes. What is
        called is a published version, which cannot be changed: so there is a next one.
        """
        functions = self.client("lambda")
        groups, versions = {}, {}
        for logical, resource in self.template["Resources"].items():
            if resource["Type"] == "AWS::Serverless::Function":
                name = logical.removesuffix("Function")
                groups[name] = f"/aws/lambda/{STACK}/{name}"
                called = {"FunctionName": self.physical(logical)}
                functions.update_function_configuration(
                    **called, LoggingConfig={"LogGroup": groups[name], "LogFormat": "JSON"}
                )
                version = functions.publish_version(**called)["Version"]
                functions.update_alias(**called, Name="live", FunctionVersion=version)
                versions[called["FunctionName"]] = version
        for machine in ("StateMachineArn", "BatchStateMachineArn"):
            self._call_versions(self.outputs[machine], versions)
        return groups

    def _call_versions(self, machine: str, versions: Mapping[str, str]) -> None:
        """Let a state machine call these versions of functions."""
        states = self.client("stepfunctions")
        definition = states.describe_state_machine(stateMachineArn=machine)["definition"]
        for name, version in versions.items():
            definition = re.sub(rf"(:function:{name}):\d+", rf"\1:{version}", definition)
        states.update_state_machine(stateMachineArn=machine, definition=definition)


def _execution_prefix(machine: str) -> str:
    return machine.replace(":stateMachine:", ":execution:")


def _logical(function_name: str) -> str:
    """Return `Download` for `cost-DownloadFunction-CB93BE5F74CD4`."""
    return function_name.removeprefix(f"{STACK}-").partition("Function")[0]
