"""The HTTP API for `worker`: stores a task as PENDING and enqueues it.

uvicorn serves it in one process, see `contenders`.
"""

import uuid

from fastapi import FastAPI
from pydantic import BaseModel

from tools.bench.baseline.worker import NAME, develop, in_steps, now, table


class Order(BaseModel):
    """The body of a request."""

    imageUrl: str  # noqa: N815 - the name that Darkroom's clients send


app = FastAPI()


@app.post("/tasks", status_code=202)  # type: ignore[untyped-decorator]
def create(order: Order) -> dict[str, str]:
    """Accept a task that runs in one piece."""
    task = store(order)
    develop.delay(task["taskId"], order.imageUrl)
    return task


@app.post("/tasks/in-steps", status_code=202)  # type: ignore[untyped-decorator]
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
