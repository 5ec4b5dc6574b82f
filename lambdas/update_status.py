"""Update the status of a task: the states MarkRunning, MarkCompleted and MarkFailed.

In:     `{"transition": "start" | "complete" | "fail", "taskId": "5b0c…", "attempt": 1,
        "execution": "arn:aws:states:…"}`, with
        "start": `"started": "2026-11-25T04:26:32.624Z"`, when the execution began, and
        `"retries": 0`, the retries of MarkRunning so far
        "complete": `"result": {…the output of Upload…}`
        "fail": `"step": "Download", "caught": {"Error": "SourceNotFound", "Cause": "…"}`
Out:    `{}`; "fail": the stored failure, `{"failure": {"step": …, "error": …, "message": …}}`
Raises: StaleAttempt
"""

import datetime
from typing import Any

from darkroom.aws.dynamodb import Table
from darkroom.aws.execution_failures import describe
from darkroom.runtime.clock import timestamp
from darkroom.runtime.settings import Settings
from darkroom.runtime.step import step
from darkroom.tasks.store import TaskStore

settings = Settings.from_environment()
store = TaskStore(Table(settings.table_name), settings.retention_days)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Write one transition."""
    owner = (event["taskId"], event["attempt"], event["execution"])
    match event["transition"]:
        case "start":
            started = datetime.datetime.fromisoformat(event["started"])
            store.start(*owner, timestamp(started), event["retries"])
        case "complete":
            store.complete(*owner, event["result"])
        case "fail":
            return {"failure": store.fail(*owner, describe(event["step"], event["caught"]))}
        case unknown:
            raise ValueError(f"There is no transition {unknown!r}.")
    return {}
