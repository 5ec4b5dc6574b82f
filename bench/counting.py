"""Count what tasks call, on a local cloud of their own, in the units that AWS bills."""

import collections
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
from samtranslator.yaml_helper import yaml_parse

from bench import billed, units
from bench.wire import Call, Wire, tapped
from local import processes
from local.cloud import PROJECT, LocalCloud
from local.cost.counts import Function, Minute, Run
from local.deploy import deploy

DEADLINE = 120
STACK = "cost"
REPAIR = "Reconcile"
MINUTES = 10
"""Runs of reconcile that are counted as one minute's each."""
QUIET = {"WARN"}
"""Levels of Lambda's own log at which it writes no line for an invocation that succeeds."""


class Meter:
    """A stack on a local cloud, with a wire between its functions and the services."""

    def __init__(self, cloud: LocalCloud, wire: Wire, workflow: str) -> None:
        """Deploy template.yaml to a cloud that is up and sends its functions to the wire."""
        self._cloud, self._wire, self._workflow = cloud, wire, workflow
        description = deploy(cloud, STACK, {"WorkflowType": workflow, "RequestBurst": "5000"})
        self._outputs = description["outputs"]
        headers = {"x-api-key": description["apiKey"]}
        self._http = httpx.Client(base_url=description["apiUrl"], headers=headers, timeout=60)
        self._template = yaml_parse((PROJECT / "template.yaml").read_text())
        self._log_groups = self._log_apart()
        logging = self._template["Globals"]["Function"]["LoggingConfig"]
        self._platform_lines = logging.get("SystemLogLevel") not in QUIET
        self._tables = cloud.client("dynamodb")
        table = self._tables.describe_table(TableName=self._outputs["TableName"])["Table"]
        self._indexes = units.table_of(table)

    def minute(self) -> Minute:
        """Let reconcile run once, with nothing to repair, and count."""
        functions = self._cloud.client("lambda")
        name = self._physical(f"{REPAIR}Function")
        functions.invoke(FunctionName=name, Payload=b"{}")  # its process runs
        before = self._processor_time()[REPAIR]
        self._wire.take()
        for _ in range(MINUTES):
            functions.invoke(FunctionName=name, Payload=b"{}")
        repairs = self._repairs()
        calls = [call for call in self._wire.take() if call.caller in repairs]
        callers = dict.fromkeys(repairs, REPAIR)
        own = self._function(
            REPAIR,
            MINUTES,
            self._processor_time()[REPAIR] - before,
            billed.made_by(calls, callers)[REPAIR],
        )
        return Minute(own, billed.capacity(calls, self._indexes).reads)

    def close(self) -> None:
        """Close the connection to the API."""
        self._http.close()

    def run(self, url: str, picture: str, tasks: int) -> Run:
        """Do so many tasks, one after the other, and count; each is asked for once, at its end.

        Raises:
            RuntimeError: a task did not end COMPLETED.
            httpx.HTTPError: the API refused or did not answer.
        """
        self._wire.take()
        log = self._log_lines()
        before = self._processor_time()
        task_ids = []
        for _ in range(tasks):
            answer = self._http.post("/tasks", json={"imageUrl": url}).raise_for_status()
            task_ids.append(answer.json()["taskId"])
            _until(lambda: self._ended(task_ids[-1]), "a task ends")
        for task_id in task_ids:
            task = self._http.get(f"/tasks/{task_id}").raise_for_status().json()
            if task["status"] != "COMPLETED":
                raise RuntimeError(f"A task that is counted did not end COMPLETED: {task}")
        calls: list[Call] = []
        repairs = self._repairs()

        def announced() -> bool:
            # What the minute's run calls is no task's doing.
            calls.extend(call for call in self._wire.take() if call.caller not in repairs)
            return billed.events(calls) >= tasks

        _until(announced, "all ends are announced")
        after = self._processor_time()
        _until(lambda: len(self._executions(task_ids)) == tasks, "all executions end")
        lines = {name: lines[len(log[name]) :] for name, lines in self._log_lines().items()}
        functions = self._functions(
            {n: seconds - before.get(n, 0.0) for n, seconds in after.items()}, lines, calls
        )
        used = billed.capacity(calls, self._indexes)
        sizes = self._file_bytes(task_ids)
        return Run(
            workflow=self._workflow,
            picture=picture,
            tasks=tasks,
            requests=2 * tasks,
            transitions=self._transitions(task_ids),
            functions=functions,
            writes=used.writes,
            reads=used.reads,
            messages=billed.messages(calls),
            batches=functions["Dispatch"].invocations,
            events=billed.events(calls),
            log_bytes=billed.log_bytes(
                (line for name in functions for line in lines[name]), platform=self._platform_lines
            ),
            work_bytes=sizes["work"],
            result_bytes=sizes["results"],
            item_bytes=used.kept_bytes,
            traced=float(self._template["Parameters"]["TracedShare"]["Default"]),
        )

    def _ended(self, task_id: str) -> bool:
        """Look into the table, past the wire: what only the count asks for is not counted."""
        item = self._tables.get_item(
            TableName=self._outputs["TableName"], Key={"taskId": {"S": task_id}}
        )["Item"]
        return "active" not in item

    def _functions(
        self, seconds: Mapping[str, float], lines: Mapping[str, list[str]], calls: Iterable[Call]
    ) -> dict[str, Function]:
        made = billed.made_by(calls, self._callers())
        functions = {}
        for name in sorted(lines.keys() - {REPAIR}):
            invocations = sum(line.startswith(billed.STARTED) for line in lines[name])
            if invocations:
                functions[name] = self._function(
                    name, invocations, seconds.get(name, 0.0), made[name]
                )
        return functions

    def _function(
        self, name: str, invocations: int, seconds: float, calls: Mapping[str, int]
    ) -> Function:
        shared = self._template["Globals"]["Function"]
        settings = {**shared, **self._template["Resources"][f"{name}Function"]["Properties"]}
        return Function(
            invocations=invocations,
            cpu_ms=round(seconds * 1000, 1),
            memory_mb=settings["MemorySize"],
            calls=dict(sorted(calls.items())),
            tracing=settings["Tracing"],
        )

    def _repairs(self) -> set[str]:
        return {key for key, name in self._callers().items() if name == REPAIR}

    def _callers(self) -> dict[str, str]:
        """Return the functions by the keys that they sign with."""
        return {
            environment["AWS_ACCESS_KEY_ID"]: _logical(environment["AWS_LAMBDA_FUNCTION_NAME"])
            for _, environment in self._workers()
        }

    def _processor_time(self) -> dict[str, float]:
        """Return seconds of user and system time by function, since its processes started."""
        used: collections.defaultdict[str, float] = collections.defaultdict(float)
        for process, environment in self._workers():
            with suppress(psutil.Error):
                times = process.cpu_times()
                used[_logical(environment["AWS_LAMBDA_FUNCTION_NAME"])] += times.user + times.system
        return used

    def _workers(self) -> list[tuple[psutil.Process, dict[str, str]]]:
        found = []
        for process in processes.marked(self._cloud.home):
            with suppress(psutil.Error):
                environment = process.environ()
                if "AWS_LAMBDA_FUNCTION_NAME" in environment:
                    found.append((process, environment))
        return found

    def _physical(self, logical: str) -> str:
        resource = self._cloud.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=logical
        )
        name: str = resource["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def _executions(self, task_ids: Iterable[str]) -> list[str]:
        """Return the ARNs of the executions of tasks that have ended; of Express ones, all."""
        machine = self._outputs["StateMachineArn"].replace(":stateMachine:", ":execution:")
        arns = [f"{machine}:{task_id}-1" for task_id in task_ids]
        if self._workflow == "EXPRESS":
            return arns
        states = self._cloud.client("stepfunctions")
        return [a for a in arns if states.describe_execution(executionArn=a)["status"] != "RUNNING"]

    def _transitions(self, task_ids: Iterable[str]) -> int:
        if self._workflow == "EXPRESS":
            return 0
        pages = self._cloud.client("stepfunctions").get_paginator("get_execution_history")
        transitions = 0
        for arn in self._executions(task_ids):
            events = [e for page in pages.paginate(executionArn=arn) for e in page["events"]]
            transitions += 1 + sum(event["type"].endswith("StateEntered") for event in events)
        return transitions

    def _log_apart(self) -> dict[str, str]:
        """Give each function a log group of its own; return them by function.

        In the one that they share nothing tells whose a line is that Lambda itself writes.
        """
        functions = self._cloud.client("lambda")
        groups = {}
        for logical, resource in self._template["Resources"].items():
            if resource["Type"] == "AWS::Serverless::Function":
                name = logical.removesuffix("Function")
                groups[name] = f"/aws/lambda/{STACK}/{name}"
                functions.update_function_configuration(
                    FunctionName=self._physical(logical),
                    LoggingConfig={"LogGroup": groups[name], "LogFormat": "JSON"},
                )
        return groups

    def _log_lines(self) -> dict[str, list[str]]:
        """Return the lines of each function so far."""
        logs = self._cloud.client("logs")
        pages = logs.get_paginator("filter_log_events")
        lines: dict[str, list[str]] = {}
        for name, group in self._log_groups.items():
            lines[name] = []
            with suppress(logs.exceptions.ResourceNotFoundException):  # it has not run yet
                for page in pages.paginate(logGroupName=group):
                    lines[name] += [event["message"] for event in page["events"]]
        return lines

    def _file_bytes(self, task_ids: Iterable[str]) -> collections.Counter[str]:
        """Return the bytes of the tasks' files by the folder of the bucket that they lie in."""
        sizes: collections.Counter[str] = collections.Counter()
        pages = self._cloud.client("s3").get_paginator("list_objects_v2")
        wanted = set(task_ids)
        for page in pages.paginate(Bucket=self._outputs["BucketName"]):
            for file in page.get("Contents", []):
                folder, task_id, *_ = file["Key"].split("/")
                if task_id in wanted:
                    sizes[folder] += file["Size"]
        return sizes


def count(
    workflow: str, pictures: Mapping[str, str], tasks: int, port: int
) -> tuple[list[Run], Minute]:
    """Count on a local cloud of their own what tasks of one type of workflow call.

    Args:
        workflow: STANDARD or EXPRESS.
        pictures: address of each, by what people call it.
        tasks: of each picture.
        port: for the local cloud.

    Raises:
        RuntimeError: a task did not end as it should.
    """
    with tempfile.TemporaryDirectory() as home, tapped(port) as wire:
        cloud = LocalCloud(Path(home), port)
        try:
            cloud.start(AWS_ENDPOINT_URL=wire.url)
            meter = Meter(cloud, wire, workflow)
            try:
                # Every process that will be needed runs.
                meter.run(next(iter(pictures.values())), "", 2)
                runs = [meter.run(url, picture, tasks) for picture, url in pictures.items()]
                return runs, meter.minute()
            finally:
                meter.close()
        finally:
            cloud.stop()


def _logical(function_name: str) -> str:
    """Return `Download` for `cost-DownloadFunction-CB93BE5F74CD4`."""
    return function_name.removeprefix(f"{STACK}-").partition("Function")[0]


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"Not within {DEADLINE} s: {what}")
        time.sleep(0.02)
