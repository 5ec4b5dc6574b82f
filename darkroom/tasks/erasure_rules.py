"""When the files of a task can be deleted for good, and what is remembered of it. No AWS.

The execution of a task that was cancelled may still be running: nothing stops a function that runs,
and an Express execution cannot be stopped at all. What it writes after the deletion must be deleted
as well. So the files of such a task are deleted at once, and again when nothing can write any more.

| the task | may still write until |
|---|---|
| COMPLETED in its first attempt | it has written everything before its end |
| FAILED in its first attempt, by its execution | the same |
| no execution has claimed it | nothing has been written |
| any other one, STANDARD | `completedAt` + the longest step |
| any other one, EXPRESS | `completedAt` + the longest execution + the longest step |
"""

import datetime
import hashlib
from collections.abc import Mapping
from typing import Any

from darkroom.tasks.model import Status

STEP_SECONDS = 70
"""A function of a step has certainly ended so long after its execution: 60 seconds is the longest
`Timeout` of one in template.yaml."""
EXPRESS_SECONDS = 300
"""The longest duration of an Express execution.
https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html"""
INTERRUPTED = frozenset({"ExecutionAborted", "ExecutionLost", "States.Timeout"})
"""The errors of a FAILED task whose last function may not have ended before it."""
REMEMBERED_SECONDS = 90 * 86_400
"""How long it is remembered that an id was deleted: as long as Step Functions starts no second
execution of a name, and longer than a backup of the table exists (35 days).
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""


def writes_until(
    item: Mapping[str, Any], now: datetime.datetime, *, express: bool
) -> datetime.datetime | None:
    """Return until when files of a task that has ended may still appear; None: not any more."""
    by_itself = item["status"] == Status.COMPLETED or (
        item["status"] == Status.FAILED and item["failure"]["error"] not in INTERRUPTED
    )
    if item["attempt"] == 1 and (by_itself or "startedAt" not in item):
        return None
    seconds = STEP_SECONDS + (EXPRESS_SECONDS if express else 0)
    until = datetime.datetime.fromisoformat(item["completedAt"]) + datetime.timedelta(
        seconds=seconds
    )
    return until if until > now else None


def mark_of(item_id: str) -> str:
    """Return the key of what is remembered of a deleted task or batch.

    It is a digest, which reveals nothing without the id.
    """
    return f"deleted {hashlib.sha256(item_id.encode()).hexdigest()}"
