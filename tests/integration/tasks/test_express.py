"""A task of an EXPRESS stack ends, whatever happens to its execution. IAM is enforced here."""

import json
import uuid
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from darkroom.cli.main import app
from darkroom.cli.stack import from_description
from tests.support.cloud.stacks import Stack, until
from tests.support.fakes.sources import Sources

LONGER_THAN_ONE_MAY_RUN, OVERDUE = 301, 200
"""Seconds since the last write. Reconcile looks at what has not moved for 120 (RepairAfterSeconds);
an execution may take 300."""


@pytest.fixture
def reconcile(express: Stack) -> Callable[[], dict[str, int]]:
    """Run the reconcile function once, in addition to its schedule; returns what it repaired, by
    kind."""
    functions, name = express.cloud.client("lambda"), express.physical("ReconcileFunction")

    def run() -> dict[str, int]:
        answer = functions.invoke(FunctionName=name, Qualifier="live", Payload=b"{}")
        repaired: dict[str, int] = json.load(answer["Payload"])
        assert "FunctionError" not in answer, repaired
        return repaired

    return run


def running(stack: Stack, sources: Sources, path: str) -> str:
    """A task whose execution waits for its source until the test releases it."""
    task_id: str = stack.submit(sources.url(path))["taskId"]
    until(lambda: sources.requests[path], 30, "the source is requested")
    return task_id


def test_a_task_whose_execution_is_gone_ends_failed_and_nothing_is_refused(
    express: Stack, sources: Sources, reconcile: Callable[[], dict[str, int]]
) -> None:
    path = "/held/express-gone"
    task_id = running(express, sources, path)
    arn = express.task(task_id)["execution"]["arn"]
    # Nothing writes for the execution that the task now names.
    express.cloud.client("dynamodb").update_item(
        TableName=express.outputs["TableName"],
        Key={"taskId": {"S": task_id}},
        UpdateExpression="SET execution = :gone",
        ExpressionAttributeValues={":gone": {"S": f"{arn.rpartition(':')[0]}:{uuid.uuid4()}"}},
    )
    sources.held[path].set()
    express.set_back(task_id, LONGER_THAN_ONE_MAY_RUN)

    repaired = reconcile()

    task = express.ended(task_id, 5)
    assert (task["status"], task["failure"]["error"]) == ("FAILED", "ExecutionLost")
    assert "Unrepaired" not in repaired


def test_an_execution_that_could_not_write_its_end_leaves_no_task_running(
    express: Stack, sources: Sources, reconcile: Callable[[], dict[str, int]]
) -> None:
    path = "/held/express-mute"
    task_id = running(express, sources, path)
    task = express.task(task_id)
    with express.without_policy("UpdateStatus"):
        sources.held[path].set()
        assert express.execution(task)["status"] == "FAILED"
    assert express.task(task_id)["status"] == "RUNNING"
    express.set_back(task_id, LONGER_THAN_ONE_MAY_RUN)

    reconcile()

    assert express.ended(task_id, 5)["failure"]["error"] == "ExecutionLost"


def test_an_execution_that_was_given_up_ends_quietly(
    express: Stack, sources: Sources, reconcile: Callable[[], dict[str, int]]
) -> None:
    path = "/held/express-late"
    task_id = running(express, sources, path)
    express.set_back(task_id, LONGER_THAN_ONE_MAY_RUN)
    reconcile()
    given_up = express.ended(task_id, 5)
    assert given_up["failure"]["error"] == "ExecutionLost"

    sources.held[path].set()

    assert express.execution(given_up)["status"] == "SUCCEEDED"
    events = express.logged(given_up["execution"]["arn"])[given_up["execution"]["arn"]]
    assert events[-2]["details"]["name"] == "Superseded"
    assert express.task(task_id) == given_up


def test_an_execution_that_may_still_run_keeps_its_task(
    express: Stack, sources: Sources, reconcile: Callable[[], dict[str, int]]
) -> None:
    path = "/held/express-slow"
    task_id = running(express, sources, path)
    express.set_back(task_id, OVERDUE)

    repaired = reconcile()

    assert express.task(task_id)["status"] == "RUNNING"
    assert "Unrepaired" not in repaired
    sources.held[path].set()
    assert express.ended(task_id)["status"] == "COMPLETED"


def test_a_task_that_no_execution_has_claimed_is_queued_again(
    express: Stack, sources: Sources, reconcile: Callable[[], dict[str, int]]
) -> None:
    """Its message is lost. No execution with its name exists, and none is looked up."""
    task_id = str(uuid.uuid4())
    then = "2026-01-01T00:00:00.000Z"
    express.cloud.client("dynamodb").put_item(
        TableName=express.outputs["TableName"],
        Item={
            "taskId": {"S": task_id},
            "owner": {"S": express.outputs["ApiKeyId"]},
            "attempt": {"N": "1"},
            "status": {"S": "PENDING"},
            "active": {"S": "0"},
            "createdAt": {"S": then},
            "updatedAt": {"S": then},
            "source": {"M": {"imageUrl": {"S": sources.url("/colour.png")}}},
            "output": {"M": {"format": {"S": "auto"}, "quality": {"N": "90"}}},
        },
    )

    repaired = reconcile()

    assert express.ended(task_id)["status"] == "COMPLETED"
    assert "Unrepaired" not in repaired


def test_logs_show_what_a_failed_execution_did_from_its_log_group(
    express: Stack, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`darkroom logs TASK`: the states, their tries and their outcomes."""
    task = express.ended(express.submit(sources.url("/status/500/express-logs"))["taskId"])
    express.execution(task)
    monkeypatch.setattr("darkroom.cli.stack.find", lambda *_: from_description(express.description))

    done = CliRunner().invoke(app, ["logs", task["taskId"]])

    assert done.exit_code == 0, done.output
    rows = [row.split() for row in done.stdout.partition("\n\n")[0].splitlines()[1:]]
    assert [row[0] for row in rows if row[0][0].isupper()] == [
        "MarkRunning",
        "Download",
        "MarkFailed",
        "TaskFailed",
    ]
    download = next(row for row in rows if row[0] == "Download")
    assert download[4:6] == ["3", "SourceUnavailable:"]  # retries, and the error of the last try
    assert "/… answered 500." in " ".join(done.stdout.split())
    assert done.stderr == ""
