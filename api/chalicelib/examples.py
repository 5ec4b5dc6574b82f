"""One example of every request and answer, which the description of the API shows."""

from typing import Any

from pydantic import BaseModel

from chalicelib.answers import Batch, CallbackSecret, Health, Task, TaskList, Upload
from chalicelib.batch_models import NewBatch
from chalicelib.models import NewAttempt, NewTask, NewUpload

Json = dict[str, Any]

ID = "00ebb763-6783-4f6d-ad5a-ac1fcc3b8807"
TASK = {
    "taskId": ID,
    "name": "card",
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
        "contentType": "image/png",
        "width": 1280,
        "height": 960,
        "bytes": 67134,
        "sha256": "0" * 64,
    },
    "failure": None,
    "callback": None,
    "execution": {
        "arn": "arn:aws:states:eu-west-1:1:execution:tasks",
        "consoleUrl": "https://…",
    },
    "links": {"self": f"/tasks/{ID}", "retry": None, "cancel": None},
}
PENDING = TASK | {
    "status": "PENDING",
    "startedAt": None,
    "completedAt": None,
    "result": None,
    "execution": None,
    "links": {"self": f"/tasks/{ID}", "retry": None, "cancel": f"/tasks/{ID}/cancel"},
}
BATCH = {
    "batchId": ID,
    "name": "holiday",
    "status": "RUNNING",
    "toleratedFailurePercentage": 5,
    "createdAt": "2026-11-25T04:26:32.612Z",
    "completedAt": None,
    "total": 200,
    "counts": {"PENDING": 120, "RUNNING": 8, "COMPLETED": 71, "FAILED": 1, "CANCELLED": 0},
    "failure": None,
    "execution": {
        "arn": "arn:aws:states:eu-west-1:1:execution:batches",
        "consoleUrl": "https://…",
    },
    "links": {
        "self": f"/batches/{ID}",
        "tasks": f"/batches/{ID}/tasks",
        "cancel": f"/batches/{ID}/cancel",
        "retry": None,
    },
}
CANCELLED = BATCH | {
    "status": "CANCELLED",
    "completedAt": "2026-11-25T04:27:02.101Z",
    "links": {
        "self": f"/batches/{ID}",
        "tasks": f"/batches/{ID}/tasks",
        "cancel": None,
        "retry": f"/batches/{ID}/retry",
    },
}
EXAMPLES: dict[type[BaseModel], Json] = {
    NewTask: {"imageUrl": "https://example.com/card.png", "name": "card"},
    NewAttempt: {"attempt": 1},
    NewBatch: {
        "sources": [
            {"imageUrl": "https://example.com/1.jpg"},
            {"imageUrl": "https://example.com/2.jpg", "name": "the second"},
        ],
        "name": "holiday",
        "toleratedFailurePercentage": 5,
    },
    NewUpload: {"contentType": "image/png"},
    Task: TASK,
    TaskList: {"tasks": [TASK], "cursor": None},
    Batch: BATCH,
    Upload: {
        "uploadId": ID,
        "url": "https://files.s3.amazonaws.com/",
        "fields": {"key": f"uploads/{ID}", "Content-Type": "image/png", "policy": "…"},
        "expiresAt": "2026-11-25T05:26:34.753Z",
    },
    CallbackSecret: {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="},
    Health: {"status": "ok"},
}
