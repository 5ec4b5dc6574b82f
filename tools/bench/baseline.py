"""The Celery application that Darkroom is compared with. It does the same work in two ways.

Runs in the environment of tools/locks/bench.txt, see `contenders`: uvicorn serves `api` in one
process, which stores a task as PENDING and enqueues it; Celery's worker runs the tasks of `app`.
Both ways set a task to RUNNING in the table, download its image, convert it to gray with the usual
line of Pillow, put it into the bucket, and set the task to COMPLETED with its result.

`develop`   does all of it in one piece, without protection against failures
`in_steps`  works like Darkroom: each step is a separate Celery task with its own retry, which
            leaves its file in the bucket for the next step; the result is a copy whose size and
            checksum are verified

    BENCH_BROKER    broker: `redis://…`
    BENCH_NAME      the name of the table and of the bucket
    AWS_…           endpoint, region and credentials of both
"""

import base64
import datetime
import hashlib
import io
import os
import urllib.request
import uuid
from typing import Any

import boto3
from celery import Celery, chain
from fastapi import FastAPI
from PIL import Image
from pydantic import BaseModel

NAME = os.environ["BENCH_NAME"]
JPEG = "image/jpeg"
STEP = {"autoretry_for": (Exception,), "retry_backoff": True, "max_retries": 8}

app = Celery("tools.bench.baseline", broker=os.environ["BENCH_BROKER"])
app.conf.update(
    # The result is in the table.
    task_ignore_result=True,
    # A task whose worker dies is run again, as in Darkroom.
    task_acks_late=True,
    worker_prefetch_multiplier=1,
)
api = FastAPI()
table = boto3.client("dynamodb")
bucket = boto3.client("s3")

Gray = dict[str, Any]


class Order(BaseModel):
    """The body of a request."""

    imageUrl: str  # noqa: N815 - the name that Darkroom's clients send


@api.post("/tasks", status_code=202)  # type: ignore[untyped-decorator]
def create(order: Order) -> dict[str, str]:
    """Accept a task that runs as one function."""
    task = store(order)
    develop.delay(task["taskId"], order.imageUrl)
    return task


@api.post("/tasks/in-steps", status_code=202)  # type: ignore[untyped-decorator]
def create_in_steps(order: Order) -> dict[str, str]:
    """Accept a task that runs in steps."""
    task = store(order)
    in_steps(task["taskId"], order.imageUrl).delay()
    return task


def store(order: Order) -> dict[str, str]:
    """Store a new task as PENDING."""
    task = {"taskId": str(uuid.uuid4()), "status": "PENDING", "createdAt": now()}
    item = {**task, "imageUrl": order.imageUrl}
    table.put_item(TableName=NAME, Item={name: {"S": value} for name, value in item.items()})
    return task


def in_steps(task_id: str, url: str) -> Any:
    """Return the Celery chain of a task's steps."""
    return chain(
        start.si(task_id),
        download.si(task_id, url),
        grayscale.s(task_id),
        upload.s(task_id),
        complete.s(task_id),
    )


@app.task(name="develop")  # type: ignore[untyped-decorator]
def develop(task_id: str, url: str) -> None:
    """Do all steps for one image."""
    start(task_id)
    data, width, height = gray(fetch(url))
    key = result_key(task_id)
    bucket.put_object(Bucket=NAME, Key=key, Body=data, ContentType=JPEG)
    complete({"key": key, "width": width, "height": height, "bytes": len(data)}, task_id)


@app.task(name="start", **STEP)  # type: ignore[untyped-decorator]
def start(task_id: str) -> None:
    """Set a task to RUNNING."""
    update(task_id, {"status": {"S": "RUNNING"}, "startedAt": {"S": now()}})


@app.task(name="download", **STEP)  # type: ignore[untyped-decorator]
def download(task_id: str, url: str) -> str:
    """Store the source in the bucket; return its key."""
    key = f"work/{task_id}/source"
    bucket.put_object(Bucket=NAME, Key=key, Body=fetch(url), ChecksumAlgorithm="SHA256")
    return key


@app.task(name="grayscale", **STEP)  # type: ignore[untyped-decorator]
def grayscale(source: str, task_id: str) -> Gray:
    """Convert the source to gray; return the key and properties of the gray file."""
    data, width, height = gray(bucket.get_object(Bucket=NAME, Key=source)["Body"].read())
    key, checksum = f"work/{task_id}/gray", base64.b64encode(hashlib.sha256(data).digest()).decode()
    bucket.put_object(Bucket=NAME, Key=key, Body=data, ContentType=JPEG, ChecksumSHA256=checksum)
    return {"key": key, "width": width, "height": height, "bytes": len(data), "sha256": checksum}


@app.task(name="upload", **STEP)  # type: ignore[untyped-decorator]
def upload(gray_file: Gray, task_id: str) -> Gray:
    """Copy the gray file to the result's key, and verify its size and checksum."""
    key = result_key(task_id)
    source = {"Bucket": NAME, "Key": gray_file["key"]}
    bucket.copy_object(Bucket=NAME, Key=key, CopySource=source, ChecksumAlgorithm="SHA256")
    head = bucket.head_object(Bucket=NAME, Key=key, ChecksumMode="ENABLED")
    expected = (gray_file["bytes"], gray_file["sha256"])
    if (head["ContentLength"], head["ChecksumSHA256"]) != expected:
        raise ValueError(f"{key} differs from the gray file.")
    return {**gray_file, "key": key}


@app.task(name="complete", **STEP)  # type: ignore[untyped-decorator]
def complete(gray_file: Gray, task_id: str) -> None:
    """Set a task to COMPLETED with its result."""
    result = {
        name: {"N" if isinstance(value, int) else "S": str(value)}
        for name, value in gray_file.items()
    }
    update(
        task_id,
        {"status": {"S": "COMPLETED"}, "completedAt": {"S": now()}, "result": {"M": result}},
    )


def fetch(url: str) -> bytes:
    """Return the bytes at a URL."""
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
    """Return the key of a task's result."""
    return f"results/{task_id}.jpg"


def update(task_id: str, attributes: dict[str, Any]) -> None:
    """Set attributes of a task's item. Values are as DynamoDB has them: `{"S": "RUNNING"}`."""
    table.update_item(
        TableName=NAME,
        Key={"taskId": {"S": task_id}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
        ExpressionAttributeNames={f"#{name}": name for name in attributes},
        ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
    )


def now() -> str:
    """Return the current time in ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat()
