"""The HTTP API. Each route parses, makes one call and responds; `chalicelib.errors` has errors."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice.app import Chalice, Request, Response

from chalicelib.errors import Problem, handle_errors, needs_services
from chalicelib.http_cache import (
    batch_response,
    batches_response,
    forbid_storing,
    tasks_response,
)
from chalicelib.services import (
    batch_service,
    batch_store,
    batch_tasks,
    bucket,
    callback_secrets,
    function_log,
    histories,
    index,
    key_owners,
    settings,
    store,
    task_service,
    views,
)
from chalicelib.views import root_of
from darkroom.aws.s3 import upload_key
from darkroom.batches.counting import counts_to_show
from darkroom.batches.store import BatchStore
from darkroom.runtime.logging import logger
from darkroom.tasks.model import is_id
from darkroom.tasks.store import Item, TaskStore

if TYPE_CHECKING:
    from chalicelib.models import Model

# curl sends JSON with the content type of a form; some clients send a type without a body.
ANY_TYPE = ["*/*"]
app = Chalice(app_name="darkroom")
app.register_middleware(forbid_storing)
app.register_middleware(handle_errors)


def route(path: str, method: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the decorator of a route. Every route calls AWS.

    A route for GET also takes HEAD, with the same response: the gateway sends its headers, with the
    length of the body, but not the body (RFC 9110, 9.3.2).
    """
    methods = ["GET", "HEAD"] if method == "GET" else [method]
    register = app.route(path, methods=methods, content_types=ANY_TYPE)
    return lambda function: register(needs_services(function))


@route("/tasks", "POST")
def submit() -> Response:
    """Accept a task: 202, with its path in `Location`."""
    from chalicelib.models import NewTask

    new = sent_body(NewTask)
    item, replayed = task_service.submit(caller(), new, request().headers.get("idempotency-key"))
    return accepted(item, replayed=replayed)


@route("/tasks", "GET")
def list_tasks() -> Response:
    """Return the caller's tasks, newest first."""
    from chalicelib.models import ListQuery, parse_query

    query = parse_query(ListQuery, sent_query())
    return page(*index.of_owner(caller(), **query.model_dump()))


@route("/tasks/{taskId}", "GET")
def show_task(taskId: str) -> Response:  # noqa: N803 - Chalice passes the path's name
    """Return one task of the caller."""
    item = own(store, taskId)
    return tasks_response(views.task(item, root()), [item], request().headers)


@route("/tasks/{taskId}/history", "GET")
def show_history(taskId: str) -> dict[str, Any]:  # noqa: N803
    """Return what happened in the execution of a task, for one person who looks at one task."""
    from chalicelib.history.view import history_view
    from chalicelib.models import HistoryQuery, parse_query

    item = own(store, taskId)
    attempt = parse_query(HistoryQuery, sent_query()).attempt or item["attempt"]
    found = histories().read(item, attempt)
    return history_view(item, attempt, found, views.execution(item, found.execution, root()))


@route("/tasks/{taskId}/logs", "GET")
def show_logs(taskId: str) -> dict[str, Any]:  # noqa: N803
    """Return what the functions logged about a task, for one person who looks at one task."""
    from chalicelib.history.logs import logs_view

    return logs_view(own(store, taskId), function_log())


@route("/tasks/{taskId}/retry", "POST")
def retry(taskId: str) -> Response:  # noqa: N803
    """Begin a new attempt of a FAILED or CANCELLED task."""
    from chalicelib.models import NewAttempt

    attempt = sent_body(NewAttempt).attempt if request().raw_body else None
    return accepted(task_service.retry(own(store, taskId), attempt))


@route("/tasks/{taskId}/cancel", "POST")
def cancel(taskId: str) -> Response:  # noqa: N803
    """Cancel a PENDING or RUNNING task."""
    return accepted(task_service.cancel(own(store, taskId)))


@route("/tasks/{taskId}/callback", "POST")
def send_callback(taskId: str) -> Response:  # noqa: N803
    """Send the webhook of a task that has ended once more."""
    return accepted(task_service.send_callback(own(store, taskId)))


@route("/tasks/{taskId}", "DELETE")
def delete_task(taskId: str) -> Response:  # noqa: N803
    """Delete a task that has ended, its result and its source: 204."""
    try:
        task_service.delete(own(store, taskId))
    except Problem as error:
        # The response of an earlier DELETE may have been lost.
        if error.code != "TaskNotFound" or not task_service.eraser.resume(taskId.lower(), caller()):
            raise
    return Response("", status_code=204)


@route("/batches", "POST")
def submit_batch() -> Response:
    """Accept a batch: 202, with its path in `Location`."""
    from chalicelib.batch_models import NewBatch

    new = sent_body(NewBatch)
    item, replayed = batch_service.submit(caller(), new, request().headers.get("idempotency-key"))
    return accepted_batch(item, replayed=replayed)


@route("/batches", "GET")
def list_batches() -> Response:
    """Return the caller's batches, newest first, without the counts of their tasks."""
    from chalicelib.batch_models import BatchListQuery
    from chalicelib.models import parse_query

    query = parse_query(BatchListQuery, sent_query())
    items, cursor = batch_store.of_owner(caller(), **query.model_dump())
    batches = [views.batch_summary(item, root()) for item in items]
    return batches_response(batches, cursor, items, request().headers)


@route("/batches/{batchId}", "GET")
def show_batch(batchId: str) -> Response:  # noqa: N803
    """Return one batch of the caller, with the number of its tasks by status."""
    item = own(batch_store, batchId)
    batch = views.batch(item, counts_to_show(item, batch_tasks), root())
    return batch_response(batch, item, request().headers)


@route("/batches/{batchId}/tasks", "GET")
def list_batch(batchId: str) -> Response:  # noqa: N803
    """Return the tasks of a batch in the order of its manifest."""
    from chalicelib.batch_models import BatchTasksQuery
    from chalicelib.models import parse_query

    query = parse_query(BatchTasksQuery, sent_query())
    item = own(batch_store, batchId)
    return page(*batch_tasks.tasks(item["batchId"], **query.model_dump()))


@route("/batches/{batchId}/retry", "POST")
def retry_batch(batchId: str) -> Response:  # noqa: N803
    """Retry the FAILED and CANCELLED tasks of a batch."""
    return accepted_batch(batch_service.retry(own(batch_store, batchId)))


@route("/batches/{batchId}/cancel", "POST")
def cancel_batch(batchId: str) -> Response:  # noqa: N803
    """Cancel a RUNNING batch and its open tasks."""
    return accepted_batch(batch_service.cancel(own(batch_store, batchId)))


@route("/batches/{batchId}", "DELETE")
def delete_batch(batchId: str) -> Response:  # noqa: N803
    """Begin to delete a batch that has ended, with all its tasks: 202."""
    return accepted_batch(batch_service.delete(own(batch_store, batchId)))


@route("/uploads", "POST")
def upload() -> Response:
    """Return a form that sends one file to S3: 201, with the upload's id for `POST /tasks`."""
    from chalicelib.models import NewUpload

    new = sent_body(NewUpload)
    upload_id = str(uuid.uuid4())
    key = upload_key(caller(), upload_id)
    form = bucket.upload_form(key, new.contentType, settings.max_source_bytes)
    return Response({"uploadId": upload_id, **form}, status_code=201)


@route("/callback-secret", "GET")
def callback_secret() -> dict[str, str | None]:
    """Return the secret that signs the caller's webhooks."""
    return callback_secrets.show(caller())


@route("/callback-secret/rotate", "POST")
def rotate_callback_secret() -> dict[str, str | None]:
    """Begin a new secret and return it. The earlier one signs as well for a day."""
    return callback_secrets.rotate(caller())


def accepted(item: Item, *, replayed: bool = False) -> Response:
    """Return the response for a task that was accepted, retried or cancelled."""
    logger.info(
        "accepted",
        correlation_id=item["taskId"],
        attempt=item["attempt"],
        status=item["status"],
        route=request().context["resourcePath"],
    )
    return _accepted(views.task(item, root()), replayed=replayed)


def accepted_batch(item: Item, *, replayed: bool = False) -> Response:
    """Return the response for a batch that was accepted, retried or cancelled."""
    batch = views.batch(item, counts_to_show(item, batch_tasks), root())
    return _accepted(batch, replayed=replayed)


def _accepted(view: dict[str, Any], *, replayed: bool) -> Response:
    headers = {"Location": view["links"]["self"]}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(view, headers=headers, status_code=202)


def page(items: list[Item], cursor: str | None) -> Response:
    """Return the response with one page of a list of tasks."""
    tasks = {"tasks": [views.task(item, root()) for item in items], "cursor": cursor}
    return tasks_response(tasks, items, request().headers)


def own(items: TaskStore | BatchStore, item_id: str) -> Item:
    """Return a task or a batch of the caller, by its id in any case (RFC 9562, 4).

    Raises:
        Problem: 404, the caller has none of this id: that another caller has one is not disclosed.
    """
    item = items.get(item_id.lower()) if is_id(item_id.lower()) else None
    if item is None or item["owner"] != caller():
        raise Problem.known("TaskNotFound" if items is store else "BatchNotFound")
    return item


def sent_body(model: "type[Model]") -> "Model":
    """Return the body of the request as a model. Raises as `parse_body`."""
    from chalicelib.models import parse_body

    return parse_body(model, request().raw_body, request().headers.get("content-type", ""))


def sent_query() -> dict[str, list[str]]:
    """Return the query parameters of the request, each with all its values."""
    sent = request().query_params
    return {name: sent.getlist(name) for name in sent} if sent else {}


def request() -> Request:
    """Return the current request."""
    current = app.current_request
    if current is None:
        raise RuntimeError("There is no current request.")
    return current


def root() -> str:
    """Return the path prefix of all routes, as the client sees it."""
    return root_of(request().context)


def caller() -> str:
    """Return the owner of what the caller submits and may see.

    Raises:
        Problem: 403, the key was revoked. API Gateway refuses it too, once it has noticed.
    """
    owner = key_owners.owner_of(request().context["identity"]["apiKeyId"])
    if owner is None:
        raise Problem.known("Forbidden")
    return owner
