"""The HTTP API. Each route: parse, one call, answer. Errors are told in `chalicelib.problems`."""

import functools
import uuid
from typing import TYPE_CHECKING

from chalice.app import Chalice, Request, Response

from chalicelib.problems import Problem, needs_services, tell
from chalicelib.submission import Desk
from chalicelib.views import Views
from chalicelib.waiting import answer
from darkroom.events import secret_text
from darkroom.executions import StateMachine
from darkroom.index import InvalidCursor, TaskIndex
from darkroom.logs import logger
from darkroom.messages import Queue
from darkroom.objects import Bucket
from darkroom.settings import Settings, required
from darkroom.store import Item, TaskStore
from darkroom.table import Table
from darkroom.tasks import is_id

if TYPE_CHECKING:
    from darkroom.keys import Secrets

ANY_TYPE = ["*/*"]  # a plain curl calls its JSON a form; some clients name a type where no body is

app = Chalice(app_name="darkroom")
app.register_middleware(tell)

settings = Settings.from_environment()
table = Table(settings.table_name)
store = TaskStore(table, settings.retention_days)
index = TaskIndex(table)
bucket = Bucket(settings.bucket_name)
desk = Desk(
    store=store,
    bucket=bucket,
    queue=Queue(required("QUEUE_URL")),
    machine=StateMachine(required("STATE_MACHINE_ARN")),
    max_source_bytes=settings.max_source_bytes,
)
views = Views(bucket, required("CONSOLE_URL"))


@app.route("/tasks", methods=["POST"], content_types=ANY_TYPE)
@needs_services
def submit() -> Response:
    """Take a task: 202 with its place in `Location`."""
    from chalicelib.models import NewTask, parse_body

    new = parse_body(NewTask, request().raw_body)
    item, replayed = desk.submit(caller(), new, request().headers.get("idempotency-key"))
    return accepted(item, {"Idempotent-Replayed": "true"} if replayed else {})


@app.route("/tasks", methods=["GET"], content_types=ANY_TYPE)
@needs_services
def list_tasks() -> Response:
    """Return the caller's tasks, newest first."""
    from chalicelib.models import ListQuery, parse_query

    sent = request().query_params
    query = parse_query(ListQuery, {name: sent.getlist(name) for name in sent} if sent else {})
    try:
        items, cursor = index.of_owner(caller(), **query.model_dump())
    except InvalidCursor as error:
        message = "The cursor is not one that this list returned. Start without one."
        raise Problem(400, "InvalidCursor", message, "cursor") from error
    page = {"tasks": [views.task(item) for item in items], "cursor": cursor}
    return answer(page, items, request().headers)


@app.route("/tasks/{taskId}", methods=["GET"], content_types=ANY_TYPE)
@needs_services
def show_task(taskId: str) -> Response:  # noqa: N803 - Chalice passes the path's name
    """Return one task of the caller."""
    item = own(taskId)
    return answer(views.task(item), [item], request().headers)


@app.route("/tasks/{taskId}/retry", methods=["POST"], content_types=ANY_TYPE)
@needs_services
def retry(taskId: str) -> Response:  # noqa: N803
    """Begin a new attempt of a task that FAILED or was CANCELLED."""
    from chalicelib.models import NewAttempt, parse_body

    sent = request().raw_body
    attempt = parse_body(NewAttempt, sent).attempt if sent else None
    return accepted(desk.retry(own(taskId), attempt))


@app.route("/tasks/{taskId}/cancel", methods=["POST"], content_types=ANY_TYPE)
@needs_services
def cancel(taskId: str) -> Response:  # noqa: N803
    """Cancel a task that is PENDING or RUNNING."""
    return accepted(desk.cancel(own(taskId)))


@app.route("/uploads", methods=["POST"], content_types=ANY_TYPE)
@needs_services
def upload() -> Response:
    """Give a form that sends one file to S3: 201 with its id for `POST /tasks`."""
    from chalicelib.models import NewUpload, parse_body

    new = parse_body(NewUpload, request().raw_body)
    upload_id = str(uuid.uuid4())
    form = bucket.upload_form(upload_id, new.contentType, settings.max_source_bytes)
    return Response({"uploadId": upload_id, **form}, status_code=201)


@app.route("/callback-secret", methods=["GET"], content_types=ANY_TYPE)
@needs_services
def callback_secret() -> dict[str, str]:
    """Return what webhooks for the caller are signed with."""
    return {"secret": secret_text(secrets().of(caller()))}


@functools.cache
def secrets() -> "Secrets":
    """Return the callers' secrets. One route needs them: no cold start waits for their client."""
    from darkroom.keys import Secrets

    return Secrets(required("WEBHOOK_KEY_ID"))


@app.route("/health", methods=["GET"], content_types=ANY_TYPE)
def health() -> dict[str, str]:
    """Say that the API runs."""
    return {"status": "ok"}


@app.route("/openapi.json", methods=["GET"], content_types=ANY_TYPE)
def openapi() -> Response:
    """Describe this API in OpenAPI 3.1."""
    from chalicelib.openapi import document

    return Response(document(), headers={"Content-Type": "application/json"})


def accepted(item: Item, headers: dict[str, str | list[str]] | None = None) -> Response:
    """Return the answer that a task was taken, tried again or cancelled."""
    logger.info(
        "accepted",
        correlation_id=item["taskId"],
        attempt=item["attempt"],
        status=item["status"],
        route=request().context["resourcePath"],
    )
    task = views.task(item)
    place = {"Location": task["links"]["self"]}
    return Response(task, headers={**place, **(headers or {})}, status_code=202)


def own(task_id: str) -> Item:
    """Return a task of the caller.

    Raises:
        Problem: 404, there is none. That another caller has one is not to be learned.
    """
    item = store.get(task_id) if is_id(task_id) else None
    if item is None or item["owner"] != caller():
        raise Problem(404, "TaskNotFound", "You have no task of this id.")
    return item


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
