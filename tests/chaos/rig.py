"""The system that faults are injected into: a separate local cloud with a proxy and a recorder."""

import hashlib
import json
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
from botocore.exceptions import BotoCoreError, ClientError

from tests.chaos.executions import ExpressExecutions, StandardExecutions
from tests.chaos.proxy import Invocations, Proxy
from tests.chaos.recorder import Recorder
from tests.chaos.task_invariants import Stored
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import Sources
from tests.support.ports import free_port
from tools.localcloud import processes
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy
from tools.localcloud.emulator.__main__ import SERVICES

REPAIR_AFTER_SECONDS = 5
# The visibility timeout of the queue, instead of 60 s: a failed batch of messages reappears while
# the test still runs.
VISIBILITY_SECONDS = 10


class ImpatientlyAsked(Sources):
    """The functions that request it are killed while they wait for the response."""

    def handle_error(self, *_: object) -> None:
        pass


class Rig:
    """The local cloud, with its proxy and its recorder. `open_rig` makes and ends it."""

    def __init__(self, home: Path, seed: int, workflow_type: str) -> None:
        self.workflow_type = workflow_type
        self.cloud = LocalCloud(home, free_port())
        home.mkdir(parents=True, exist_ok=True)
        self.proxy = Proxy(self.cloud.endpoint_url, seed, home / "proxy.log")
        self.invocations = Invocations(home, seed)
        self.sources = ImpatientlyAsked()
        self.random = random.Random(seed)
        self.stack: Stack
        self.executions: StandardExecutions | ExpressExecutions
        self.recorder: Recorder
        self.batch_recorder: Recorder
        self.functions: dict[str, str] = {}
        self.another_key: str

    def start_cloud(self) -> None:
        self.cloud.start(
            AWS_ENDPOINT_URL=self.proxy.url,
            SERVICES=",".join([*SERVICES, "dynamodbstreams"]),
            **self.invocations.environment,
        )

    def deploy(self) -> None:
        parameters = {
            "RepairAfterSeconds": str(REPAIR_AFTER_SECONDS),
            "WorkflowType": self.workflow_type,
        }
        description = deploy(self.cloud, "chaos", parameters)
        self.stack = Stack(self.cloud, description, self.workflow_type)
        express = self.workflow_type == "EXPRESS"
        self.executions = (ExpressExecutions if express else StandardExecutions)(self.stack)
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
        self.recorder = Recorder(self.cloud, self.stack.outputs["TableName"], "taskId")
        self.batch_recorder = Recorder(self.cloud, self.stack.outputs["BatchTableName"], "batchId")
        self.another_key = self.stack.key_by_hand("another")
        self.lambdas = self.cloud.client("lambda")
        self.s3 = self.cloud.client("s3")
        self.recorder.start()
        self.batch_recorder.start()

    def post(self, path: str, **request: Any) -> httpx.Response:
        """Send a request, and repeat it until the response is one of the API.

        It sends the request again after a 429, after an error of the server, and if the connection
        broke.
        """
        deadline = time.monotonic() + 60
        while True:
            answer = None
            with suppress(httpx.TransportError):
                answer = self.stack.http.post(path, **request)
            if answer is not None and answer.status_code not in {429, 500, 502, 503, 504}:
                return answer
            assert time.monotonic() < deadline, f"no answer of {path}: {answer and answer.text}"
            time.sleep(0.2)  # the client's time limit: there is nothing else to wait for

    def reconcile(self) -> dict[str, int]:
        """Run the function that the schedule runs every minute; return what it repaired.

        Its result does not matter while it is broken itself: it is run again.
        """
        try:
            answer = self.lambdas.invoke(FunctionName=self.functions["Reconcile"], Payload=b"{}")
            repaired = json.load(answer["Payload"])
        except (BotoCoreError, ClientError, ValueError):
            return {}
        return repaired if "FunctionError" not in answer else {}

    def break_invocations(self, *functions: str) -> None:
        """Let state machines fail to invoke these functions, or to get their answers."""
        self.invocations.inject(self.functions[function] for function in functions)

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

        None of them can clean up.
        """
        victims = processes.marked(self.cloud.home)
        for process in victims:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        until(lambda: not self.cloud.is_up(), 10, "the local cloud is dead")
        return len(victims)

    def restart(self) -> None:
        """Start the local cloud again after `kill`, with the state that it has saved."""
        self.start_cloud()
        self.recorder.resume()
        self.batch_recorder.resume()
        self.executions.restarted()

    def running(self) -> int:
        """Count the executions that run, of tasks and of batches."""
        pages = self.stack.states.get_paginator("list_executions").paginate(
            stateMachineArn=self.stack.outputs["BatchStateMachineArn"], statusFilter="RUNNING"
        )
        return self.executions.running() + sum(len(page["executions"]) for page in pages)

    def batch_execution(self, name: str) -> dict[str, Any] | None:
        """Describe the execution of this name of the machine of batches, if there is one."""
        machine: str = self.stack.outputs["BatchStateMachineArn"]
        arn = f"{machine.replace(':stateMachine:', ':execution:', 1)}:{name}"
        with suppress(self.stack.states.exceptions.ExecutionDoesNotExist):
            return self.stack.states.describe_execution(executionArn=arn)
        return None

    def stop_batch(self, name: str) -> bool:
        """Stop an execution of the machine of batches, as a person does; say whether it ran."""
        execution = self.batch_execution(name)
        if execution is None or execution["status"] != "RUNNING":
            return False
        self.stack.states.stop_execution(
            executionArn=execution["executionArn"], cause="Stopped by hand."
        )
        return True

    def upload(self, text: str, content_type: str) -> str:
        """Send a file by a form of POST /uploads, again until it is taken; return its id."""
        form = self.post("/uploads", json={"contentType": content_type}).json()
        deadline = time.monotonic() + 60
        while True:
            with suppress(httpx.TransportError):
                files = {"file": ("any", text.encode())}
                sent = httpx.post(form["url"], data=form["fields"], files=files)
                if sent.status_code == httpx.codes.NO_CONTENT:
                    return str(form["uploadId"])
            assert time.monotonic() < deadline, f"no answer of {form['url']}"
            time.sleep(0.2)  # the client's time limit, as in `post`

    def bring(self, key: str, data: bytes) -> None:
        """Put an object into the bucket, as the operator of the stack does."""
        self.s3.put_object(Bucket=self.stack.outputs["BucketName"], Key=key, Body=data)

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
        for name in ("recorder", "batch_recorder"):
            if hasattr(self, name):
                getattr(self, name).stop()
        self.cloud.stop()
        self.proxy.stop()
        self.sources.shutdown()
        self.sources.server_close()
        if hasattr(self, "stack"):
            self.stack.__exit__()


@contextmanager
def open_rig(home: Path, seed: int, workflow_type: str = "STANDARD") -> Iterator[Rig]:
    """Start everything, and leave no process."""
    rig = Rig(home, seed, workflow_type)
    try:
        rig.proxy.start()
        rig.start_cloud()
        rig.deploy()
        yield rig
    finally:
        rig.close()
