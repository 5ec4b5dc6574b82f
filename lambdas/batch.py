"""Batch: what the machine of batches needs done between its states.

In:     `{"action": "watch", "batchId": "7d1c…", "run": 1, "total": 200}`, or another action and
        of "fail" `"caught": {"Error": "States.ItemReaderFailed", "Cause": "…"}`,
        of "cancel" and "retry" `"cursor": ""`, or what the call before has answered
Out:    of "watch" and "fail" `{"next": "wait" | "done" | "failed" | "gone"}`, with the `failure`,
        of "cancel" and "retry" `{"cursor": "…"}`, "" after the last page; of "cancel" also `open`
Raises: ServiceUnavailable; of "prepare" also ManifestTooLarge
"""

from typing import Any

from darkroom.aws.dynamodb import Table
from darkroom.aws.s3 import Bucket
from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.runs import Run
from darkroom.batches.store import BatchStore
from darkroom.batches.task_index import BatchTaskIndex
from darkroom.runtime.settings import Settings, required
from darkroom.runtime.step import step
from darkroom.tasks.store import TaskStore

settings = Settings.from_environment()
table = Table(settings.table_name)
runs = Run(
    batches=BatchStore(Table(required("BATCH_TABLE_NAME")), settings.retention_days),
    tasks=TaskStore(table, settings.retention_days),
    batch_tasks=BatchTaskIndex(table),
    queue=Queue(required("QUEUE_URL")),
    machine=StateMachine(required("STATE_MACHINE_ARN"), required("WORKFLOW_TYPE")),
    bucket=Bucket(settings.bucket_name),
)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Do one thing for one run of a batch."""
    run = (event["batchId"], event["run"])
    match event["action"]:
        case "prepare":
            return runs.prepare(*run)
        case "watch":
            return runs.watch(*run, event["total"])
        case "fail":
            return runs.fail(*run, event["caught"])
        case "cancel":
            return runs.cancel(*run, event["cursor"])
        case "retry":
            return runs.retry(*run, event["cursor"])
        case "settle":
            return runs.settle(*run)
        case unknown:
            raise ValueError(f"There is no action {unknown!r}.")
