"""Reconcile: ensure that every accepted task and batch ends, whichever component failed.

In:  an EventBridge event "Step Functions Execution Status Change" (FAILED, TIMED_OUT, ABORTED), or
     the event of the schedule, every minute
Out: the number of repairs by kind: `{"Requeued": 1, "Ended": 2}`; also the metric `Repairs`
"""

import datetime
from typing import Any

from darkroom.aws.dynamodb import Table
from darkroom.aws.s3 import Bucket
from darkroom.aws.sqs import Queue
from darkroom.aws.stepfunctions import StateMachine
from darkroom.batches.reconciler import BatchReconciler
from darkroom.batches.store import BatchStore
from darkroom.runtime.metrics import count_repairs
from darkroom.runtime.redaction import redacted_errors
from darkroom.runtime.settings import Settings, required
from darkroom.tasks.erasure import Eraser
from darkroom.tasks.queries import TaskIndex
from darkroom.tasks.reconciler import Reconciler
from darkroom.tasks.store import TaskStore

STATUS_CHANGE = "Step Functions Execution Status Change"

settings = Settings.from_environment()
table = Table(settings.table_name)
machine = StateMachine(required("STATE_MACHINE_ARN"), required("WORKFLOW_TYPE"))
bucket = Bucket(settings.bucket_name)
reconciler = Reconciler(
    store=TaskStore(table, settings.retention_days),
    index=TaskIndex(table),
    queue=Queue(required("QUEUE_URL")),
    dead_letters=Queue(required("DEAD_LETTER_QUEUE_URL")),
    machine=machine,
    eraser=Eraser(table, bucket, express=not machine.describes_executions),
)
batch_machine_arn = required("BATCH_STATE_MACHINE_ARN")
batch_reconciler = BatchReconciler(
    store=BatchStore(Table(required("BATCH_TABLE_NAME")), settings.retention_days),
    machine=StateMachine(batch_machine_arn),
)
older_than = datetime.timedelta(seconds=int(required("REPAIR_AFTER_SECONDS")))


@redacted_errors()
def handler(event: dict[str, Any], _: Any) -> dict[str, int]:
    """Repair the task or batch of one execution, or a bounded number of overdue ones."""
    if event.get("detail-type") == STATUS_CHANGE:
        of_batch = event["detail"]["stateMachineArn"] == batch_machine_arn
        responsible = batch_reconciler if of_batch else reconciler
        repaired = responsible.execution_ended(event["detail"])
    else:
        repaired = reconciler.sweep(older_than) + reconciler.fail_dead_letters()
        repaired += batch_reconciler.sweep(older_than)
    count_repairs(repaired.total())
    return dict(repaired)
