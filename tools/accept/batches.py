"""Batches, and the repair of one whose execution was stopped."""

import datetime

from botocore.exceptions import ClientError

from tools.accept import pictures
from tools.accept.report import Broken, NotChecked
from tools.accept.sites import Sites
from tools.accept.subject import TASK_SECONDS, Subject

GOOD = 5
INDEX_SECONDS = 10.0
"""How long an index may take to have what was written to its table."""
CAUSE = "The acceptance test stopped this execution."
REPAIRS = 2
"""Repairs that a stopped execution causes: the batch is ended, its tasks are cancelled."""
REPAIRS_OF_ALARM, PERIOD = 5, datetime.timedelta(seconds=900)
"""The threshold and the period of RepairsAlarm in template.yaml; a contract test compares them."""


def check_batch(subject: Subject) -> str:
    """Each line of a manifest becomes a task, one bad line fails alone, and the list has it."""
    upload = subject.upload(pictures.picture("PNG"))
    lines = [*([upload] * GOOD), {"colour": "red"}]
    manifest = subject.client.batches.manifest(lines)
    subject.uploaded(manifest["manifest"]["uploadId"])
    subject.require_not_stuck()
    submitted = subject.batch(manifest)
    seconds = subject.left(TASK_SECONDS)
    batch = subject.client.batches.wait(submitted["batchId"], seconds)
    counts = {status: number for status, number in batch["counts"].items() if number}
    if (batch["status"], counts) != ("COMPLETED", {"COMPLETED": GOOD, "FAILED": 1}):
        expected = f"COMPLETED with {GOOD} COMPLETED and 1 FAILED within {seconds:.0f} s"
        raise Broken(expected, f"{batch['status']}, {counts}, {batch['failure']}")
    (bad,) = subject.client.batches.tasks(batch["batchId"], "FAILED")
    failure = bad["failure"]
    if (
        failure is None
        or failure["error"] != "NoSource"
        or f"Line {GOOD + 1}" not in failure["message"]
    ):
        raise Broken(f"NoSource, with the number of the line ({GOOD + 1})", failure)
    _require_listed(subject, batch["batchId"])
    return f"{GOOD} of {GOOD + 1} tasks COMPLETED; NoSource: {failure['message']}"


def _require_listed(subject: Subject, batch_id: str) -> None:
    """Find a batch that has ended in `GET /batches`, which reads an index."""

    def look() -> tuple[bool | None, object]:
        page = subject.request("GET", "/batches", params={"status": "COMPLETED"}).json()["batches"]
        found = any(batch["batchId"] == batch_id for batch in page)
        return found or None, f"{len(page)} others"

    subject.until("the batch in GET /batches?status=COMPLETED", INDEX_SECONDS, look)


def check_repair(subject: Subject, sites: Sites) -> str:
    """A batch whose execution somebody stops is ended with the reason, and its tasks with it.

    It is a batch, because a stopped execution of a single task fires the alarm `executions`. The
    executions of batches can also be stopped on a stack with `EXPRESS`.

    Raises:
        NotChecked: in prod, if its repairs would fire the alarm `repairs`, or if the credentials
            may not stop an execution.
    """
    if subject.stage in {None, "prod"}:
        where = subject.stage or "a stack without the tag `stage` (add STAGE=dev if it may be)"
        raise NotChecked(f"no execution is stopped in {where}")
    recent = _recent_repairs(subject)
    if recent + REPAIRS >= REPAIRS_OF_ALARM:
        minutes = int(PERIOD.total_seconds() // 60)
        raise NotChecked(
            f"{recent} repairs in the last {minutes} minutes: {REPAIRS} more would fire the alarm "
            "`repairs`"
        )
    subject.require_not_stuck()
    batch = subject.batch({"sources": [{"imageUrl": sites.address("slow")}]})
    if batch["execution"] is None:
        raise Broken("a batch with an execution", "none")

    def look() -> tuple[bool | None, object]:
        counts = subject.client.batches.get(batch["batchId"])["counts"]
        return (True if counts["RUNNING"] else None), counts

    subject.until("a RUNNING task in the batch", TASK_SECONDS, look)
    _stop(subject, batch["execution"]["arn"])
    seconds = subject.left(TASK_SECONDS)
    repaired = subject.client.batches.wait(batch["batchId"], seconds)
    failure = repaired["failure"]
    if repaired["status"] != "FAILED" or failure is None or failure["error"] != "ExecutionAborted":
        expected = f"FAILED, ExecutionAborted within {seconds:.0f} s"
        raise Broken(expected, f"{repaired['status']}, {failure}")
    open_tasks = repaired["counts"]["PENDING"] + repaired["counts"]["RUNNING"]
    if open_tasks:
        raise Broken("no open task in the batch", repaired["counts"])
    return f"the batch is FAILED, {failure['error']}: {failure['message']}"


def _stop(subject: Subject, arn: str) -> None:
    try:
        subject.stack.client("stepfunctions").stop_execution(
            executionArn=arn, error="Stopped", cause=CAUSE
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        raise NotChecked(f"these credentials may not stop an execution: {error}") from error


def _recent_repairs(subject: Subject) -> int:
    now = datetime.datetime.now(datetime.UTC)
    points = subject.stack.client("cloudwatch").get_metric_statistics(
        Namespace="Darkroom",
        MetricName="Repairs",
        Dimensions=[{"Name": "service", "Value": subject.stack.stack_name}],
        StartTime=now - PERIOD,
        EndTime=now,
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return int(sum(point["Sum"] for point in points))
