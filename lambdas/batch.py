"""Batch: the work of the batch state machine between its states.

In:     `{"action": "watch", "batchId": "7d1c…", "run": 1, "total": 200, "cursor": ""}`, or another
        action with
        "fail": `"caught": {"Error": "States.ItemReaderFailed", "Cause": "…"}`
        "cancel", "retry", "delete": `"cursor": ""`
        "prepare", "settle", "forget": nothing else
        `cursor` is "", or what the previous call returned
Out:    "watch", "fail": `{"next": "wait" | "done" | "failed" | "gone"}`, and the `failure` if any;
        "watch" also `{"next": "count", "cursor": "…"}`: the count is to be continued
        "settle": `{"next": "done" | "gone"}`; "prepare", "forget": `{}`
        "cancel", "retry", "delete": `{"cursor": "…"}`, "" after the last page; "cancel" and
        "delete" also return `open`, the number of tasks that a later round has to look at
Raises: ServiceUnavailable; "prepare" also ManifestTooLarge and SourceNotFound
"""

from typing import Any

from darkroom.aws.dynamodb import Table
from darkroom.aws.s3 import Bucket
from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.deletion import BatchEraser
from darkroom.batches.runs import BatchRunner
from darkroom.batches.store import BatchStore
from darkroom.batches.task_index import BatchTaskIndex
from darkroom.runtime.settings import Settings, required
from darkroom.runtime.step import step
from darkroom.tasks.erasure import Eraser
from darkroom.tasks.store import TaskStore

settings = Settings.from_environment()
table = Table(settings.table_name)
batches = BatchStore(Table(required("BATCH_TABLE_NAME")), settings.retention_days)
tasks = TaskStore(table, settings.retention_days)
batch_tasks = BatchTaskIndex(table)
machine = StateMachine(required("STATE_MACHINE_ARN"), required("WORKFLOW_TYPE"))
bucket = Bucket(settings.bucket_name)
runner = BatchRunner(
    batches=batches,
    tasks=tasks,
    batch_tasks=batch_tasks,
    queue=Queue(required("QUEUE_URL")),
    machine=machine,
    bucket=bucket,
)
eraser = BatchEraser(
    batches=batches,
    tasks=tasks,
    table=table,
    batch_tasks=batch_tasks,
    machine=machine,
    eraser=Eraser(table, bucket, express=not machine.describes_executions),
    bucket=bucket,
)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Perform one action for one run of a batch."""
    run = (event["batchId"], event["run"])
    match event["action"]:
        case "prepare":
            answer = runner.prepare(*run)
        case "watch":
            answer = runner.watch(*run, event["total"], event["cursor"])
        case "fail":
            answer = runner.fail(*run, event["caught"])
        case "cancel":
            answer = runner.cancel(*run, event["cursor"])
        case "retry":
            answer = runner.retry(*run, event["cursor"])
        case "settle":
            answer = runner.settle(*run)
        case "delete":
            answer = eraser.delete_page(*run, event["cursor"])
        case "forget":
            answer = eraser.forget(*run)
        case unknown:
            raise ValueError(f"There is no action {unknown!r}.")
    return answer
