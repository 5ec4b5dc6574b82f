"""What the faults are let loose on: a local cloud of its own, with a proxy and a recorder."""

import hashlib
import json
import random
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
from botocore.exceptions import BotoCoreError, ClientError

from local import processes
from local.cloud import LocalCloud
from local.deploy import deploy
from local.emulator.settings import SERVICES
from tests.chaos.books import Stored
from tests.chaos.proxy import Proxy
from tests.chaos.recorder import Recorder
from tests.integration.ports import free_port
from tests.integration.sources import Sources
from tests.integration.stacks import Stack, until

REPAIR_AFTER_SECONDS = 5
# Of the queue's messages, in the place of 60: a failed batch comes back while we are still there.
VISIBILITY_SECONDS = 10


class ImpatientlyAsked(Sources):
    """Those who ask are killed here while they wait for the answer."""

    def handle_error(self, *_: object) -> None:
        pass


class Rig:
    """The cloud and all that stands around it. `open_rig` makes and ends it."""

    def __init__(self, home: Path, seed: int) -> None:
        self.cloud = LocalCloud(home, free_port())
        home.mkdir(parents=True, exist_ok=True)
        self.proxy = Proxy(self.cloud.endpoint_url, seed, home / "proxy.log")
        self.sources = ImpatientlyAsked()
        self.random = random.Random(seed)
        self.stack: Stack
        self.recorder: Recorder
        self.functions: dict[str, str] = {}

    def start_cloud(self) -> None:
        self.cloud.start(
            AWS_ENDPOINT_URL=self.proxy.url, SERVICES=",".join([*SERVICES, "dynamodbstreams"])
        )

    def deploy(self) -> None:
        parameters = {"RepairAfterSeconds": str(REPAIR_AFTER_SECONDS)}
        self.stack = Stack(self.cloud, deploy(self.cloud, "chaos", parameters))
        self.stack.sqs.set_queue_attributes(
            QueueUrl=self.stack.outputs["TaskQueueUrl"],
            Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)},
        )
        resources = self.cloud.client("cloudformation").describe_stack_resources(StackName="chaos")
        self.functions = {
            r["LogicalResourceId"].removesuffix("Function"): r["PhysicalResourceId"]
            for r in resources["StackResources"]
            if r["ResourceType"] == "AWS::Lambda::Function"
        }
        self.recorder = Recorder(self.cloud, self.stack.outputs["TableName"])
        self.lambdas = self.cloud.client("lambda")
        self.s3 = self.cloud.client("s3")
        self.recorder.start()

    def post(self, path: str, **request: Any) -> httpx.Response:
        """Send a request as a patient client does: again, while the answer is not one of the API's.

        Refusals for want of capacity and errors of the server are not the end of it, and neither is
        a connection that broke.
        """
        deadline = time.monotonic() + 60
        while True:
            answer = None
            with suppress(httpx.TransportError):
                answer = self.stack.http.post(path, **request)
            if answer is not None and answer.status_code not in {429, 500, 502, 503, 504}:
                return answer
            assert time.monotonic() < deadline, f"no answer of {path}: {answer and answer.text}"
            time.sleep(0.2)  # the client's patience: there is nothing to wait for

    def reconcile(self) -> dict[str, int]:
        """Run the function that the schedule runs every minute; return what it repaired.

        What it answers while it is broken itself is not of interest: it is run again.
        """
        try:
            answer = self.lambdas.invoke(FunctionName=self.functions["Reconcile"], Payload=b"{}")
            repaired = json.load(answer["Payload"])
        except (BotoCoreError, ClientError, ValueError):
            return {}
        return repaired if "FunctionError" not in answer else {}

    def order(self, task_id: str) -> dict[str, Any]:
        """Return the order of a task, as its message has it."""
        item = next(i for i in self.recorder.items() if i["taskId"] == task_id)
        return {
            "taskId": task_id,
            "attempt": int(item["attempt"]),
            "source": item["source"],
            "output": {k: int(v) if k == "quality" else v for k, v in item["output"].items()},
        }

    def send(self, order: dict[str, Any] | str, queue: str = "TaskQueueUrl") -> None:
        body = order if isinstance(order, str) else json.dumps(order, separators=(",", ":"))
        self.stack.sqs.send_message(QueueUrl=self.stack.outputs[queue], MessageBody=body)

    def workers(self, *functions: str) -> list[psutil.Process]:
        """List the processes that run these functions."""
        names = {self.functions[function] for function in functions}
        found = []
        for process in processes.running(self.cloud.home, "awslambdaric"):
            with suppress(psutil.Error):
                if process.environ().get("AWS_LAMBDA_FUNCTION_NAME") in names:
                    found.append(process)
        return found

    def kill(self) -> int:
        """End the local cloud as a power cut would; return how many processes it had.

        None of them gets to do a last thing.
        """
        victims = processes.marked(self.cloud.home)
        for process in victims:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        until(lambda: not self.cloud.is_up(), 10, "the local cloud is dead")
        return len(victims)

    def running(self) -> int:
        pages = self.stack.states.get_paginator("list_executions").paginate(
            stateMachineArn=self.stack.outputs["StateMachineArn"], statusFilter="RUNNING"
        )
        return sum(len(page["executions"]) for page in pages)

    def executions(self, task_ids: set[str], more: Iterable[str] = ()) -> dict[str, Any]:
        """Describe the executions of these tasks, and more if their ARNs are known, by ARN."""
        named = {
            execution["executionArn"]
            for execution in self.stack.executions()
            if execution["name"].rpartition("-")[0] in task_ids
        }
        found = {}
        for arn in named.union(more):
            with suppress(self.stack.states.exceptions.ExecutionDoesNotExist):
                found[arn] = self.stack.states.describe_execution(executionArn=arn)
        return found

    def objects(self, keys: set[str]) -> dict[str, Stored]:
        """Read the objects of these keys that there are."""
        found = {}
        for key in keys:
            with suppress(self.s3.exceptions.NoSuchKey):
                body = self.s3.get_object(Bucket=self.stack.outputs["BucketName"], Key=key)["Body"]
                data = body.read()
                found[key] = Stored(len(data), hashlib.sha256(data).hexdigest())
        return found

    def close(self) -> None:
        for event in list(self.sources.held.values()):
            event.set()
        if hasattr(self, "recorder"):
            self.recorder.stop()
        self.cloud.stop()
        self.proxy.stop()
        self.sources.shutdown()
        self.sources.server_close()
        if hasattr(self, "stack"):
            self.stack.__exit__()


@contextmanager
def open_rig(home: Path, seed: int) -> Iterator[Rig]:
    """Start all of it, and leave no process."""
    rig = Rig(home, seed)
    try:
        rig.proxy.start()
        rig.start_cloud()
        rig.deploy()
        yield rig
    finally:
        rig.close()
