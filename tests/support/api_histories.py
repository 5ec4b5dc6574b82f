"""Tasks with executions, and their histories in responses of the API."""

from typing import Any

from tests.support.api_caller import Api
from tests.support.fakes.aws import REGION, STARTED

SOURCE = "https://example.com/a.jpg"


def running(api: Api, execution: str | None = None) -> str:
    task_id: str = api.post("/tasks", {"imageUrl": SOURCE}).body["taskId"]
    api.aws.store.start(task_id, 1, execution or arn(task_id), STARTED)
    return task_id


def arn(task_id: str, attempt: int = 1) -> str:
    return f"arn:aws:states:{REGION}:123456789012:execution:tasks:{task_id}-{attempt}"


def ask(api: Api, task_id: str, **query: str) -> Any:
    answer = api.get(f"/tasks/{task_id}/history", **query)
    assert answer.status == 200, answer.body
    return answer.body
