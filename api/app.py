"""The HTTP API. Each route: parse, one call, answer. Errors are told in `chalicelib.problems`."""

import uuid
from typing import Any

from chalice.app import Chalice, Request, Response

from chalicelib.models import ListQuery, NewTask, parse_body, parse_query, view
from chalicelib.problems import Problem, tell
from chalicelib.submission import Desk
from darkroom.index import InvalidCursor, TaskIndex
from darkroom.messages import Queue
from darkroom.objects import Bucket
from darkroom.settings import Settings, required
from darkroom.store import TaskStore

app = Chalice(app_name="darkroom")
app.register_middleware(tell)

settings = Settings.from_environment()
store = TaskStore(settings.table_name, settings.retention_days)
index = TaskIndex(settings.table_name)
bucket = Bucket(settings.bucket_name)
desk = Desk(store, bucket, Queue(required("QUEUE_URL")), settings.max_source_bytes)
console_url = required("CONSOLE_URL")


@app.route("/tasks", methods=["POST"], content_types=["*/*"])
def submit() -> Response:
    """Take a task: 202 with its place in `Location`."""
    item = desk.submit(caller(), parse_body(NewTask, request().raw_body))
    task = view(item, bucket, console_url)
    return Response(task, headers={"Location": task["links"]["self"]}, status_code=202)


@app.route("/tasks", methods=["GET"])
def list_tasks() -> dict[str, Any]:
    """Return the caller's tasks, newest first."""
    sent = request().query_params
    query = parse_query(ListQuery, {name: sent.getlist(name) for name in sent} if sent else {})
    try:
        items, cursor = index.of_owner(caller(), **query.model_dump())
    except InvalidCursor as error:
        message = "The cursor is not one that this list returned. Start without one."
        raise Problem(400, "InvalidCursor", message, "cursor") from error
    return {"tasks": [view(item, bucket, console_url) for item in items], "cursor": cursor}


@app.route("/tasks/{taskId}", methods=["GET"])
def show_task(taskId: str) -> dict[str, Any]:  # noqa: N803 - Chalice passes the path's name
    """Return one task of the caller."""
    item = store.get(taskId) if is_task_id(taskId) else None
    # Another caller's task is no task: even that it exists is not to be learned.
    if item is None or item["owner"] != caller():
        raise Problem(404, "TaskNotFound", "You have no task of this id.")
    return view(item, bucket, console_url)


@app.route("/health", methods=["GET"])
def health() -> dict[str, str]:
    """Say that the API runs."""
    return {"status": "ok"}


def request() -> Request:
    """Return the request that is being answered."""
    current = app.current_request
    if current is None:
        raise RuntimeError("No request is being answered.")
    return current


def caller() -> str:
    """Return who calls: the id of the API key that API Gateway has checked."""
    key_id: str = request().context["identity"]["apiKeyId"]
    return key_id


def is_task_id(text: str) -> bool:
    """Whether a text has the form of a task's id. Others need no look into the table."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
