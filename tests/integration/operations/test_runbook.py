"""Five failures are prepared, and the runbook's commands find the reason of each.

`darkroom doctor` is also run on the healthy deployment, before and after.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from darkroom.cli.main import app
from darkroom.cli.stack import from_description
from tests.support.cloud.minimal import package
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import Sources
from tests.support.project import PROJECT
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.deploy import deploy

pytestmark = pytest.mark.timeout(1200)

RUNBOOK = (PROJECT / "docs" / "operate.md").read_text()
WHY = RUNBOOK.partition("## Why did this task fail?\n")[2].partition("\n## ")[0]
COMMANDS = re.findall(r"^\.venv/bin/darkroom (.+?) +#", WHY, re.MULTILINE)


@pytest.fixture(scope="module")
def stack(cloud: LocalCloud) -> Iterator[Stack]:
    with Stack(cloud, deploy(cloud, "runbook")) as stack:
        yield stack


@pytest.fixture
def darkroom(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Result]:
    """The command line, as with `--stack`."""
    monkeypatch.setattr("darkroom.cli.stack.find", lambda *_: from_description(stack.description))
    return lambda line: CliRunner().invoke(app, line.split())


def test_a_healthy_deployment_is_reported_as_healthy(darkroom):
    done = darkroom("doctor")

    assert done.exit_code == 0, done.output
    found = [line.split()[0] for line in done.stdout.splitlines()]
    assert found == ["ok"] * len(found)
    for about in ("API", "key", "clock", "queue", "alarms", "reconcile", "permissions", "code"):
        assert f"ok    {about} " in done.stdout


def followed(darkroom: Callable[[str], Result], task: dict[str, Any]) -> dict[str, str]:
    """Run the runbook's commands for a task that failed; return what each showed."""
    error = task["failure"]["error"]
    rows = [line for line in WHY.splitlines() if line.startswith("| ")]
    assert any(named(row, error) for row in rows), f"the runbook has no line for {error}"
    shown = {}
    for line in COMMANDS:
        done = darkroom(line.replace("TASK", task["taskId"]))
        shown[line.split()[0]] = " ".join(done.output.split())
    assert f"{task['failure']['step']}: {error}: " in shown["status"]
    return shown


def named(row: str, error: str) -> bool:
    """Whether a row of the runbook's table is about an error: `Source…` is about many."""
    patterns = re.findall(r"`([^`]+)`", row.split("|")[1])
    return any(re.fullmatch(re.escape(pattern).replace("…", r"\w*"), error) for pattern in patterns)


def test_a_source_that_is_not_there(stack: Stack, darkroom, sources: Sources):
    task = stack.ended(stack.submit(sources.url("/status/404"))["taskId"])

    shown = followed(darkroom, task)

    assert "/… answered 404." in shown["status"]
    assert "Download" in shown["logs"]


def test_a_task_that_was_deleted_by_mistake_is_restored(stack: Stack, darkroom, sources: Sources):
    task = stack.ended(stack.submit(sources.url("/colour.jpg"))["taskId"])
    dynamodb, table = stack.cloud.client("dynamodb"), stack.outputs["TableName"]
    key = {"taskId": {"S": task["taskId"]}}
    item = dynamodb.get_item(TableName=table, Key=key)["Item"]
    dynamodb.create_table(
        TableName="restored",
        AttributeDefinitions=[{"AttributeName": "taskId", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "taskId", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="restored", Item=item)
    dynamodb.delete_item(TableName=table, Key=key)

    done = darkroom("restore restored --yes")

    assert "1 item of restored missing" in done.output
    assert "1 copied." in done.output
    assert stack.task(task["taskId"])["result"]["sha256"] == task["result"]["sha256"]


def test_an_execution_that_somebody_stopped(stack: Stack, darkroom, sources: Sources):
    path = "/held/runbook"
    task_id = stack.submit(sources.url(path))["taskId"]
    until(lambda: sources.requests[path], 30, "the source is requested")
    arn = stack.task(task_id)["execution"]["arn"]
    stack.states.stop_execution(executionArn=arn, cause="Maintenance, ask Ada.")
    task = stack.ended(task_id)
    sources.held[path].set()

    shown = followed(darkroom, task)

    assert "ask Ada" in shown["status"]
    assert re.search(r"Download [\d:.]+ .*Aborted", shown["logs"])

    def logged() -> bool:
        """Reconcile writes its line after the status that the test has seen."""
        return "reconcile ended" in " ".join(darkroom(f"logs {task_id}").output.split())

    until(logged, 30, "the logs say who ended it")


def test_a_permission_that_is_missing(stack: Stack, darkroom, sources: Sources):
    with stack.without_policy("Upload"):
        task = stack.ended(stack.submit(sources.url("/colour.jpg"))["taskId"])

        shown = followed(darkroom, task)

    assert "AccessDenied" in shown["status"]
    assert "upload failed" in shown["logs"]
    assert "fail permissions UploadRole lacks s3:GetObject, s3:PutObject" in shown["doctor"]


def test_a_message_that_could_not_be_dispatched(stack: Stack, darkroom, sources: Sources):
    queue = {"QueueUrl": stack.outputs["TaskQueueUrl"]}
    names = ["VisibilityTimeout", "RedrivePolicy"]
    usual = stack.sqs.get_queue_attributes(**queue, AttributeNames=names)["Attributes"]
    redrive = json.dumps(json.loads(usual["RedrivePolicy"]) | {"maxReceiveCount": 3})
    hasty = {"VisibilityTimeout": "1", "RedrivePolicy": redrive}
    stack.sqs.set_queue_attributes(**queue, Attributes=hasty)
    with stack.without_policy("Dispatch"):
        task_id = stack.submit(sources.url("/colour.jpg"))["taskId"]
        until(lambda: stack.depth("DeadLetterQueueUrl"), 60, "it is a dead letter")
    reconcile = stack.physical("ReconcileFunction")
    stack.cloud.client("lambda").invoke(FunctionName=reconcile, Payload=b"{}")
    stack.sqs.set_queue_attributes(**queue, Attributes=usual)
    task = stack.ended(task_id)

    shown = followed(darkroom, task)

    assert task["failure"]["error"] == "DeadLettered"
    assert "dispatch not started" in shown["logs"]
    assert "not authorized to perform: states:StartExecution" in shown["logs"]


def test_code_that_is_not_what_was_deployed(stack: Stack, darkroom, sources: Sources):
    name = stack.physical("GrayscaleFunction")
    lambdas = stack.cloud.client("lambda")
    broken = package(grayscale="import a_module_that_nobody_has")
    lambdas.update_function_code(FunctionName=name, ZipFile=broken)
    # The live version never changes, so the machine is set to call the changed function.
    machine = stack.outputs["StateMachineArn"]
    definition = stack.states.describe_state_machine(stateMachineArn=machine)["definition"]
    latest = re.sub(rf"(:function:{name}):\d+", r"\1", definition)
    stack.states.update_state_machine(stateMachineArn=machine, definition=latest)
    task = stack.ended(stack.submit(sources.url("/colour.jpg"))["taskId"])

    shown = followed(darkroom, task)

    assert task["failure"]["error"] == "Runtime.ImportModuleError"
    assert "a_module_that_nobody_has" in shown["status"]
    assert "warn code GrayscaleFunction: not from this checkout" in shown["doctor"]


def test_a_problem_is_reported_with_what_to_do(stack: Stack, darkroom):
    stack.sqs.send_message(QueueUrl=stack.outputs["DeadLetterQueueUrl"], MessageBody="no task")
    stack.cloud.client("cloudwatch").put_metric_data(
        Namespace="Darkroom",
        MetricData=[
            {
                "MetricName": "Faults",
                "Dimensions": [{"Name": "service", "Value": "runbook"}],
                "Value": 5,
            }
        ],
    )
    machine = stack.outputs["StateMachineArn"]
    found = stack.states.describe_state_machine(stateMachineArn=machine)
    other = json.loads(found["definition"]) | {"Comment": "Another one."}
    stack.states.update_state_machine(stateMachineArn=machine, definition=json.dumps(other))

    done = darkroom("doctor")

    assert done.exit_code == 1
    shown = " ".join(done.stdout.split())
    assert "fail dead letters 1 in the queue Run `darkroom redrive-dlq --dry-run`" in shown
    assert "fail alarm runbook-faults is on Five or more tasks failed" in shown
    assert "warn state machine is not the one of this checkout" in shown
