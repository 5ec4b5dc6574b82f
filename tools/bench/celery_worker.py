"""What Darkroom's path is measured against: Celery, asked for the same in two ways.

Runs in the environment of tools/locks/bench.txt, see `bench.celery_rig`; `bench.celery_api` takes
its tasks. Either way a task is RUNNING in the table, its image is downloaded, made gray as the
first answer on the web says and put into the bucket; then the task is COMPLETED with its result.

`develop`   does all of it in one piece, as somebody would who does not ask what may go wrong
`in_steps`  does what Darkroom does: each step is a task of Celery's, tried again by itself, which
            leaves its file in the bucket for the next; the result is a copy whose size and
            checksum are compared

    BENCH_BROKER    broker: `redis://…`
    BENCH_NAME      the name of the table and of the bucket
    AWS_…           where both are, and with which key
"""

import base64
import datetime
import hashlib
import io
import os
import urllib.request
from typing import Any

import boto3
from celery import Celery, chain
from PIL import Image

NAME = os.environ["BENCH_NAME"]
JPEG = "image/jpeg"
STEP = {"autoretry_for": (Exception,), "retry_backoff": True, "max_retries": 8}

app = Celery("tools.bench.celery_worker", broker=os.environ["BENCH_BROKER"])
app.conf.update(
    # The table has it.
    task_ignore_result=True,
    # A task whose worker dies is done again, as in Darkroom.
    task_acks_late=True,
    worker_prefetch_multiplier=1,
)
table = boto3.client("dynamodb")
bucket = boto3.client("s3")

Gray = dict[str, Any]


def in_steps(task_id: str, url: str) -> Any:
    """Return the chain of a task's steps."""
    return chain(
        start.si(task_id),
        download.si(task_id, url),
        grayscale.s(task_id),
        upload.s(task_id),
        complete.s(task_id),
    )


@app.task(name="develop")  # type: ignore[untyped-decorator]
def develop(task_id: str, url: str) -> None:
    """Develop one image."""
    start(task_id)
    data, width, height = gray(fetch(url))
    key = result_key(task_id)
    bucket.put_object(Bucket=NAME, Key=key, Body=data, ContentType=JPEG)
    complete({"key": key, "width": width, "height": height, "bytes": len(data)}, task_id)


@app.task(name="start", **STEP)  # type: ignore[untyped-decorator]
def start(task_id: str) -> None:
    """Say that a task is being worked on."""
    update(task_id, {"status": {"S": "RUNNING"}, "startedAt": {"S": now()}})


@app.task(name="download", **STEP)  # type: ignore[untyped-decorator]
def download(task_id: str, url: str) -> str:
    """Fetch the source; return its key."""
    key = f"work/{task_id}/source"
    bucket.put_object(Bucket=NAME, Key=key, Body=fetch(url), ChecksumAlgorithm="SHA256")
    return key


@app.task(name="grayscale", **STEP)  # type: ignore[untyped-decorator]
def grayscale(source: str, task_id: str) -> Gray:
    """Make the source gray; return what was made."""
    data, width, height = gray(bucket.get_object(Bucket=NAME, Key=source)["Body"].read())
    key, checksum = f"work/{task_id}/gray", base64.b64encode(hashlib.sha256(data).digest()).decode()
    bucket.put_object(Bucket=NAME, Key=key, Body=data, ContentType=JPEG, ChecksumSHA256=checksum)
    return {"key": key, "width": width, "height": height, "bytes": len(data), "sha256": checksum}


@app.task(name="upload", **STEP)  # type: ignore[untyped-decorator]
def upload(made: Gray, task_id: str) -> Gray:
    """Publish what was made and compare it."""
    key = result_key(task_id)
    source = {"Bucket": NAME, "Key": made["key"]}
    bucket.copy_object(Bucket=NAME, Key=key, CopySource=source, ChecksumAlgorithm="SHA256")
    head = bucket.head_object(Bucket=NAME, Key=key, ChecksumMode="ENABLED")
    if (head["ContentLength"], head["ChecksumSHA256"]) != (made["bytes"], made["sha256"]):
        raise ValueError(f"{key} is not what was made.")
    return {**made, "key": key}


@app.task(name="complete", **STEP)  # type: ignore[untyped-decorator]
def complete(made: Gray, task_id: str) -> None:
    """End a task with its result."""
    result = {
        name: {"N" if isinstance(value, int) else "S": str(value)} for name, value in made.items()
    }
    update(
        task_id,
        {"status": {"S": "COMPLETED"}, "completedAt": {"S": now()}, "result": {"M": result}},
    )


def fetch(url: str) -> bytes:
    """Return the bytes at an address."""
    with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310
        data: bytes = response.read()
    return data


def gray(data: bytes) -> tuple[bytes, int, int]:
    """Return a JPEG in gray, its width and its height."""
    image = Image.open(io.BytesIO(data)).convert("L")
    file = io.BytesIO()
    image.save(file, "JPEG")
    return file.getvalue(), image.width, image.height


def result_key(task_id: str) -> str:
    """Return where a task's result lies."""
    return f"results/{task_id}.jpg"


def update(task_id: str, attributes: dict[str, Any]) -> None:
    """Set attributes of a task's record, given as DynamoDB writes them."""
    table.update_item(
        TableName=NAME,
        Key={"taskId": {"S": task_id}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
        ExpressionAttributeNames={f"#{name}": name for name in attributes},
        ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
    )


def now() -> str:
    """Return this moment as ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat()
