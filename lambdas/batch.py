"""Batch: what the machine of batches needs done between its states.

In:     `{"action": "watch", "batchId": "7d1c…", "run": 1, "total": 200}`, or another action and
        of "fail" `"caught": {"Error": "States.ItemReaderFailed", "Cause": "…"}`,
        of "cancel" and "retry" `"cursor": ""`, or what the call before has answered
Out:    of "watch" and "fail" `{"next": "wait" | "done" | "failed" | "gone"}`, with the `failure`,
        of "cancel" and "retry" `{"cursor": "…"}`, "" after the last page; of "cancel" also `open`
Raises: ServiceUnavailable; of "prepare" also ManifestTooLarge
"""

from typing import Any

from darkroom.batch_store import BatchStore
from darkroom.batching import Run
from darkroom.executions import StateMachine
from darkroom.members import Members
from darkroom.messages import Queue
from darkroom.objects import Bucket
from darkroom.settings import Settings, required
from darkroom.steps import step
from darkroom.store import TaskStore
from darkroom.table import Table

settings = Settings.from_environment()
table = Table(settings.table_name)
runs = Run(
    batches=BatchStore(Table(required("BATCH_TABLE_NAME")), settings.retention_days),
    tasks=TaskStore(table, settings.retention_days),
    members=Members(table),
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
