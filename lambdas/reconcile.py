"""Reconcile: no accepted task stays without an end, whatever died on its way.

In:  an EventBridge event "Step Functions Execution Status Change" (FAILED, TIMED_OUT, ABORTED), or
     the schedule's, every minute
Out: what was repaired, by kind: `{"Requeued": 1, "Ended": 2}`; also the metric `Repairs`
"""

import datetime
from typing import Any

from darkroom.executions import StateMachine
from darkroom.index import TaskIndex
from darkroom.messages import Queue
from darkroom.metrics import count_repairs
from darkroom.reconciler import Reconciler
from darkroom.settings import Settings, required
from darkroom.store import TaskStore
from darkroom.table import Table

STATUS_CHANGE = "Step Functions Execution Status Change"

settings = Settings.from_environment()
table = Table(settings.table_name)
reconciler = Reconciler(
    store=TaskStore(table, settings.retention_days),
    index=TaskIndex(table),
    queue=Queue(required("QUEUE_URL")),
    dead_letters=Queue(required("DEAD_LETTER_QUEUE_URL")),
    machine=StateMachine(required("STATE_MACHINE_ARN")),
)
older_than = datetime.timedelta(seconds=int(required("REPAIR_AFTER_SECONDS")))


def handler(event: dict[str, Any], _: Any) -> dict[str, int]:
    """Repair the task of one execution, or a bounded number of tasks that are overdue."""
    if event.get("detail-type") == STATUS_CHANGE:
        repaired = reconciler.execution_ended(event["detail"])
    else:
        repaired = reconciler.sweep(older_than) + reconciler.bury()
    count_repairs(repaired.total())
    return dict(repaired)
