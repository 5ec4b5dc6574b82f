"""What Darkroom's path is measured against: a Celery worker that does the same work naively.

Runs in the environment of requirements/bench.txt, see `bench.celery_rig`; `bench.celery_api` takes
its tasks. A task is RUNNING in the table, its image is downloaded, made gray as the first answer on
the web says and put into the bucket; then the task is COMPLETED with its result.

    BENCH_BROKER    broker: `redis://…`
    BENCH_NAME      the name of the table and of the bucket
    AWS_…           where both are, and with which key
"""

import datetime
import io
import os
import urllib.request
from typing import Any

import boto3
from celery import Celery
from PIL import Image

NAME = os.environ["BENCH_NAME"]

app = Celery("bench.celery_worker", broker=os.environ["BENCH_BROKER"])
app.conf.update(
    # The table has it.
    task_ignore_result=True,
    # A task whose worker dies is done again, as in Darkroom.
    task_acks_late=True,
    worker_prefetch_multiplier=1,
)
table = boto3.client("dynamodb")
bucket = boto3.client("s3")


@app.task(name="develop")  # type: ignore[untyped-decorator]
def develop(task_id: str, url: str) -> None:
    """Develop one image."""
    update(task_id, {"status": {"S": "RUNNING"}, "startedAt": {"S": now()}})
    with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310
        data = response.read()
    image = Image.open(io.BytesIO(data)).convert("L")
    gray = io.BytesIO()
    image.save(gray, "JPEG")
    key = f"results/{task_id}.jpg"
    bucket.put_object(Bucket=NAME, Key=key, Body=gray.getvalue(), ContentType="image/jpeg")
    result = {
        "key": {"S": key},
        "width": {"N": str(image.width)},
        "height": {"N": str(image.height)},
        "bytes": {"N": str(gray.tell())},
    }
    update(
        task_id,
        {"status": {"S": "COMPLETED"}, "completedAt": {"S": now()}, "result": {"M": result}},
    )


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
