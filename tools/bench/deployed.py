"""A stack on a local cloud, with access to its functions, executions, logs and files."""

import collections
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import httpx
import psutil
from samtranslator.yaml_helper import yaml_parse

from darkroom.batches.model import execution_name
from tools.bench.billing import units
from tools.localcloud import processes
from tools.localcloud.cloud import PROJECT, LocalCloud
from tools.localcloud.deploy import deploy

STACK = "cost"
# By the stack's output: the table's key, and the prefix of its units.
TABLES = {"TableName": ("taskId", ""), "BatchTableName": ("batchId", "batches ")}


class Deployed:
    """A stack of template.yaml on a local cloud.

    Attributes:
        workflow: STANDARD or EXPRESS.
        template: the parsed template.yaml.
        outputs: of the stack.
        http: a client of its API.
        tables: by name.
    """

    def __init__(self, cloud: LocalCloud, workflow: str) -> None:
        """Deploy to a running local cloud."""
        self._cloud = cloud
        self.workflow = workflow
        description = deploy(cloud, STACK, {"WorkflowType": workflow, "RequestBurst": "5000"})
        self.outputs: dict[str, str] = description["outputs"]
        headers = {"x-api-key": description["apiKey"]}
        self.http = httpx.Client(base_url=description["apiUrl"], headers=headers, timeout=60)
        self.template = yaml_parse((PROJECT / "template.yaml").read_text())
        self._log_groups = self._separate_log_groups()
        self._dynamodb = cloud.client("dynamodb")
        self.tables = {
            self.outputs[output]: units.Table(prefix, key, self._indexes(self.outputs[output]))
            for output, (key, prefix) in TABLES.items()
        }

    def close(self) -> None:
        """Close the connection to the API."""
        self.http.close()

    def client(self, service: str) -> Any:
        """Return a boto3 client of the cloud that does not go through the wire."""
        return self._cloud.client(service)

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
        return {**shared, **self.template["Resources"][f"{name}Function"]["Properties"]}

    def callers(self) -> dict[str, str]:
        """Return the functions by the access keys that they sign with."""
        return {
            environment["AWS_ACCESS_KEY_ID"]: _logical(environment["AWS_LAMBDA_FUNCTION_NAME"])
            for _, environment in self._workers()
        }

    def processor_time(self) -> dict[str, float]:
        """Return user and system time in seconds by function, since its processes started."""
        used: collections.defaultdict[str, float] = collections.defaultdict(float)
        for process, environment in self._workers():
            with suppress(psutil.Error):
                times = process.cpu_times()
                used[_logical(environment["AWS_LAMBDA_FUNCTION_NAME"])] += times.user + times.system
        return used

    def physical(self, logical: str) -> str:
        """Return the physical name of a resource."""
        resource = self.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=logical
        )
        name: str = resource["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def executions(self, task_ids: Iterable[str]) -> list[str]:
        """Return the ARNs of the Standard executions of the first attempts of tasks."""
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
        """Return the transitions of Standard executions, each with one more to the end."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        transitions = 0
        for arn in executions:
            events = [e for page in pages.paginate(executionArn=arn) for e in page["events"]]
            transitions += 1 + sum(event["type"].endswith("StateEntered") for event in events)
        return transitions

    def children(self, execution: str) -> int:
        """Return the number of child executions of an execution's Map Runs."""
        states = self.client("stepfunctions")
        runs = states.list_map_runs(executionArn=execution)["mapRuns"]
        return sum(
            states.describe_map_run(mapRunArn=run["mapRunArn"])["executionCounts"]["total"]
            for run in runs
        )

    def log_lines(self) -> dict[str, list[str]]:
        """Return all log lines of each function so far."""
        logs = self.client("logs")
        pages = logs.get_paginator("filter_log_events")
        lines: dict[str, list[str]] = {}
        for name, group in self._log_groups.items():
            lines[name] = []
            with suppress(logs.exceptions.ResourceNotFoundException):  # the function never ran
                for page in pages.paginate(logGroupName=group):
                    lines[name] += [event["message"] for event in page["events"]]
        return lines

    def execution_lines(self, since: float) -> list[str]:
        """Return the log lines of state machines since a time, in seconds since 1970."""
        pages = self.client("logs").get_paginator("filter_log_events")
        group = self.outputs["StateMachineLogGroup"]
        return [
            event["message"]
            for page in pages.paginate(logGroupName=group, startTime=int(since * 1000))
            for event in page["events"]
        ]

    def file_bytes(self, task_ids: Iterable[str]) -> collections.Counter[str]:
        """Return the bytes of the tasks' files, by their folder in the bucket."""
        sizes: collections.Counter[str] = collections.Counter()
        pages = self.client("s3").get_paginator("list_objects_v2")
        selected = set(task_ids)
        for page in pages.paginate(Bucket=self.outputs["BucketName"]):
            for file in page.get("Contents", []):
                folder, task_id, *_ = file["Key"].split("/")
                if task_id in selected:
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

    def _separate_log_groups(self) -> dict[str, str]:
        """Give each function its own log group; return the groups by function.

        In their shared log group, Lambda's own lines do not show which function they belong to.
        Callers use a published version, which cannot be changed, so another version is published.
        """
        functions = self.client("lambda")
        groups, versions = {}, {}
        for logical, resource in self.template["Resources"].items():
            if resource["Type"] == "AWS::Serverless::Function":
                name = logical.removesuffix("Function")
                groups[name] = f"/aws/lambda/{STACK}/{name}"
                function = {"FunctionName": self.physical(logical)}
                functions.update_function_configuration(
                    **function, LoggingConfig={"LogGroup": groups[name], "LogFormat": "JSON"}
                )
                version = functions.publish_version(**function)["Version"]
                functions.update_alias(**function, Name="live", FunctionVersion=version)
                versions[function["FunctionName"]] = version
        for machine in ("StateMachineArn", "BatchStateMachineArn"):
            self._call_versions(self.outputs[machine], versions)
        return groups

    def _call_versions(self, machine: str, versions: Mapping[str, str]) -> None:
        """Make a state machine call these versions of functions."""
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
