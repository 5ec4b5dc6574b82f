"""Examples of every request and response, for the OpenAPI document.

`tests/integration/callers/test_openapi_examples.py` sends each request.
"""

from typing import Any

from pydantic import BaseModel

from chalicelib.batch_models import NewBatch
from chalicelib.batch_responses import Batch, BatchList
from chalicelib.history.responses import TaskHistory, TaskLogs
from chalicelib.models import NewAttempt, NewTask, NewUpload
from chalicelib.responses import CallbackSecret, Description, Health, Task, TaskList, Upload
from chalicelib.webhook import Webhook
from darkroom.events.model import TASK_FIELDS

Json = dict[str, Any]

ID = "00ebb763-6783-4f6d-ad5a-ac1fcc3b8807"
ROOT = "/v1"
"""The stage, which is the path prefix for clients that use the API's own host name."""
PICTURE = {
    "contentType": "image/png",
    "width": 1280,
    "height": 960,
    "bytes": 67134,
    "sha256": "0" * 64,
}
TASK: Json = {
    "taskId": ID,
    "name": "card",
    "batchId": None,
    "status": "COMPLETED",
    "attempt": 1,
    "source": {"imageUrl": "https://example.com/card.png"},
    "output": {"format": "auto", "quality": 90},
    "createdAt": "2026-11-25T04:26:32.612Z",
    "startedAt": "2026-11-25T04:26:32.624Z",
    "completedAt": "2026-11-25T04:26:32.686Z",
    "result": {
        "url": f"https://files.s3.amazonaws.com/results/{ID}/1.png?X-Amz-Signature=0",
        "expiresAt": "2026-11-25T05:26:34.753Z",
        **PICTURE,
    },
    "failure": None,
    "callback": None,
    "execution": {
        "arn": "arn:aws:states:eu-west-1:1:execution:tasks",
        "consoleUrl": "https://eu-west-1.console.aws.amazon.com/states/home",
    },
    "links": {"self": f"{ROOT}/tasks/{ID}", "retry": None, "cancel": None},
}
PENDING = TASK | {
    "status": "PENDING",
    "startedAt": None,
    "completedAt": None,
    "result": None,
    "execution": None,
    "links": {"self": f"{ROOT}/tasks/{ID}", "retry": None, "cancel": f"{ROOT}/tasks/{ID}/cancel"},
}
RETRIED = PENDING | {"attempt": 2}
FAILED = TASK | {
    "status": "FAILED",
    "result": None,
    "failure": {
        "step": "Download",
        "error": "SourceNotFound",
        "message": "https://example.com/… answered 404.",
    },
    "links": {"self": f"{ROOT}/tasks/{ID}", "retry": f"{ROOT}/tasks/{ID}/retry", "cancel": None},
}
FAILED_TOLD = FAILED | {
    "callback": {
        "url": "https://example.com/hook",
        "delivery": {
            "delivered": False,
            "tries": 6,
            "at": "2026-11-25T06:26:33.101Z",
            "status": 500,
            "message": "The receiver answered 500.",
        },
    },
}
CANCELLED_TASK = PENDING | {
    "status": "CANCELLED",
    "completedAt": "2026-11-25T04:26:32.640Z",
    "links": {"self": f"{ROOT}/tasks/{ID}", "retry": f"{ROOT}/tasks/{ID}/retry", "cancel": None},
}
RED_PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)
"""An image of one red pixel."""
NEW_TASKS: Json = {
    "An image at a URL": {"imageUrl": "https://example.com/card.png", "name": "card"},
    "An uploaded file": {"uploadId": ID},
    "A data URL": {"imageUrl": RED_PIXEL},
    "Another format, and a webhook": {
        "imageUrl": "https://example.com/card.png",
        "output": {"format": "webp", "quality": 80},
        "callbackUrl": "https://example.com/hook",
    },
}
ZERO_COUNTS = {"PENDING": 0, "RUNNING": 0, "COMPLETED": 0, "FAILED": 0, "CANCELLED": 0}
BATCH_LINKS = {"self": f"{ROOT}/batches/{ID}", "tasks": f"{ROOT}/batches/{ID}/tasks"}
BATCH = {
    "batchId": ID,
    "name": "holiday",
    "status": "RUNNING",
    "toleratedFailurePercentage": 5,
    "createdAt": "2026-11-25T04:26:32.612Z",
    "completedAt": None,
    "total": 200,
    "counts": {"PENDING": 120, "RUNNING": 8, "COMPLETED": 71, "FAILED": 1, "CANCELLED": 0},
    "deleted": 0,
    "deletionRequestedAt": None,
    "failure": None,
    "execution": {
        "arn": "arn:aws:states:eu-west-1:1:execution:batches",
        "consoleUrl": "https://eu-west-1.console.aws.amazon.com/states/home",
    },
    "links": BATCH_LINKS | {"cancel": f"{ROOT}/batches/{ID}/cancel", "retry": None},
}
BATCH_ACCEPTED = BATCH | {"total": 2, "counts": ZERO_COUNTS | {"PENDING": 2}}
BATCH_READING = BATCH | {"total": None, "counts": ZERO_COUNTS}
"""A batch whose manifest or prefix is still being read."""
BATCH_RETRIED = BATCH | {"counts": ZERO_COUNTS | {"COMPLETED": 197, "PENDING": 3}}
BATCH_COMPLETED = BATCH | {
    "status": "COMPLETED",
    "completedAt": "2026-11-25T04:27:02.101Z",
    "counts": ZERO_COUNTS | {"COMPLETED": 197, "FAILED": 3},
    "links": BATCH_LINKS | {"cancel": None, "retry": f"{ROOT}/batches/{ID}/retry"},
}
BATCH_FAILED = BATCH_COMPLETED | {
    "status": "FAILED",
    "counts": ZERO_COUNTS | {"COMPLETED": 71, "FAILED": 11, "CANCELLED": 118},
    "failure": {
        "error": "TooManyFailures",
        "message": "11 of 200 tasks FAILED; 5 % are tolerated.",
    },
}
BATCH_CANCELLED = BATCH_COMPLETED | {
    "status": "CANCELLED",
    "counts": ZERO_COUNTS | {"COMPLETED": 71, "FAILED": 1, "CANCELLED": 128},
}
BATCH_DELETING = BATCH_COMPLETED | {
    "total": 200,
    "deletionRequestedAt": "2026-11-26T09:12:07.254Z",
    "links": BATCH_LINKS | {"cancel": None, "retry": None},
}
BATCH_LIST = {
    "batches": [{name: value for name, value in BATCH.items() if name != "counts"}],
    "cursor": None,
}
BATCH_TASKS = {
    "tasks": [
        TASK | {"batchId": ID},
        FAILED
        | {
            "name": None,
            "batchId": ID,
            "source": {"line": '{"imageUrl": "ftp://example.com/card.png"}', "lineNumber": 17},
            "failure": {
                "step": "Download",
                "error": "NoSource",
                "message": "Line 17: imageUrl: Only http and https URLs can be fetched.",
            },
        },
    ],
    "cursor": None,
}
"""A page of tasks of a batch whose manifest has an invalid line."""
NEW_BATCHES: Json = {
    "Images at URLs": {
        "sources": [
            {"imageUrl": "https://example.com/card.png"},
            {"imageUrl": "https://example.com/card.png", "name": "the second"},
        ],
        "name": "holiday",
        "toleratedFailurePercentage": 5,
    },
    "An uploaded manifest": {"manifest": {"uploadId": ID, "format": "jsonl"}},
    "All objects under a prefix": {
        "s3Prefix": "holiday/2026/",
        "output": {"format": "webp", "quality": 80},
    },
}
ROTATED_SECRET = {
    "secret": "whsec_1pLe5xVOBRqWqnB2Zsmz1W5OhHcwNUkQ9Z0pXv2hBdE=",
    "previousExpiresAt": "2026-11-27T09:12:07.254Z",
}
_NO_DATA: Json = {"input": None, "output": None, "omitted": []}
_GONE = {"error": "SourceNotFound", "cause": "https://example.com/… answered 404."}
HISTORY: Json = {
    "taskId": ID,
    "attempt": 1,
    "execution": {
        "arn": f"arn:aws:states:eu-west-1:1:execution:tasks:{ID}-1",
        "consoleUrl": "https://eu-west-1.console.aws.amazon.com/states/home",
        "logsUrl": "https://eu-west-1.console.aws.amazon.com/cloudwatch/home",
    },
    "status": "FAILED",
    "startedAt": "2026-11-25T04:26:32.624Z",
    "endedAt": "2026-11-25T04:26:32.686Z",
    "redrives": 0,
    **_GONE,
    **_NO_DATA,
    "states": [
        {
            "name": "Download",
            "type": "Task",
            "outcome": "CAUGHT_ERROR",
            "enteredAt": "2026-11-25T04:26:32.630Z",
            "leftAt": "2026-11-25T04:26:32.660Z",
            **_GONE,
            "tries": [
                {
                    "startedAt": "2026-11-25T04:26:32.630Z",
                    "endedAt": "2026-11-25T04:26:32.660Z",
                    "seconds": 0.03,
                    **_GONE,
                }
            ],
            **_NO_DATA,
        }
    ],
    "events": [
        {
            "id": 5,
            "at": "2026-11-25T04:26:32.660Z",
            "type": "TaskFailed",
            "state": "Download",
            **_GONE,
        }
    ],
    "complete": True,
    "missing": None,
}
NO_HISTORY = HISTORY | {
    **dict.fromkeys(("execution", "status", "startedAt", "endedAt", "error", "cause")),
    "states": [],
    "events": [],
    "missing": {"code": "NotStarted", "message": "No execution of this attempt has started."},
}
LOGS: Json = {
    "taskId": ID,
    "attempt": 1,
    "lines": [
        {
            "at": "2026-11-25T04:26:32.659Z",
            "level": "WARNING",
            "function": "download",
            "message": "failed",
            "details": {"seconds": 0.03, "error": _GONE["error"], "reason": _GONE["cause"]},
        }
    ],
    "complete": True,
}
EXAMPLES: dict[type[BaseModel], Json] = {
    NewTask: NEW_TASKS["An image at a URL"],
    NewAttempt: {"attempt": 1},
    NewBatch: NEW_BATCHES["Images at URLs"],
    NewUpload: {"contentType": "image/png"},
    Task: TASK,
    TaskList: {"tasks": [TASK], "cursor": None},
    TaskHistory: HISTORY,
    TaskLogs: LOGS,
    Batch: BATCH,
    BatchList: BATCH_LIST,
    Upload: {
        "uploadId": ID,
        "url": "https://files.s3.amazonaws.com/",
        "fields": {"key": f"uploads/a1b2c3d4e5/{ID}", "Content-Type": "image/png", "policy": "…"},
        "expiresAt": "2026-11-25T05:26:34.753Z",
    },
    CallbackSecret: {
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
        "previousExpiresAt": None,
    },
    Health: {"status": "ok"},
    Description: {
        "openapi": "3.1.0",
        "info": {"title": "Darkroom", "version": "1"},
        "paths": {},
    },
    Webhook: {
        "type": "task.completed",
        "timestamp": TASK["completedAt"],
        "data": {
            **{name: TASK[name] for name in (*TASK_FIELDS, "name", "batchId")},
            "result": PICTURE,
            "failure": None,
        },
    },
}
