"""A program with the client that openapi-python-client generates, here as `darkroom_client`.

`tests/integration/callers/test_generated_clients.py` checks it with `mypy --strict` and runs it.
It reads `API_URL`, `API_KEY`, `SOURCE_URL` (an image) and `HELD_URL` (a source that never answers)
from the environment.
"""

import os
import time
import uuid
from http import HTTPStatus

import httpx
from darkroom_client import AuthenticatedClient
from darkroom_client.api.batches import (
    cancel_batch,
    delete_batch,
    list_batch_tasks,
    list_batches,
    retry_batch,
    show_batch,
    submit_batch,
)
from darkroom_client.api.service import health
from darkroom_client.api.tasks import (
    cancel_task,
    delete_task,
    list_tasks,
    retry_task,
    show_task,
    submit_task,
)
from darkroom_client.api.uploads import create_upload
from darkroom_client.api.webhooks import show_callback_secret
from darkroom_client.models import (
    Batch,
    BatchList,
    BatchStatus,
    CallbackSecret,
    ErrorResponse,
    Health,
    NewAttempt,
    NewBatchFromManifest,
    NewBatchFromSources,
    NewItemFromUpload,
    NewItemFromUrl,
    NewManifest,
    NewManifestFormat,
    NewTaskFromUpload,
    NewTaskFromUrl,
    NewUpload,
    Output,
    OutputFormat,
    Status,
    Task,
    TaskList,
    Upload,
    UrlSource,
)

SECONDS = 60
OPEN = {Status.PENDING, Status.RUNNING}

api = AuthenticatedClient(
    base_url=os.environ["API_URL"],
    token=os.environ["API_KEY"],
    prefix="",
    auth_header_name="x-api-key",
    raise_on_unexpected_status=True,
)


def wait(task_id: uuid.UUID) -> Task:
    """Poll a task until it has ended, at the pace that `Retry-After` asks for."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        answer = show_task.sync_detailed(task_id, client=api)
        assert isinstance(answer.parsed, Task), answer
        if answer.parsed.status not in OPEN:
            return answer.parsed
        time.sleep(int(answer.headers["Retry-After"]))
    raise TimeoutError(task_id)


def wait_for_batch(batch_id: uuid.UUID) -> Batch:
    """Poll a batch until it has ended."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        answer = show_batch.sync_detailed(batch_id, client=api)
        assert isinstance(answer.parsed, Batch), answer
        if answer.parsed.status != BatchStatus.RUNNING:
            return answer.parsed
        time.sleep(int(answer.headers["Retry-After"]))
    raise TimeoutError(batch_id)


def upload(data: bytes, content_type: str) -> uuid.UUID:
    """Send a file to S3 with a form of the API; return the id of the upload."""
    form = create_upload.sync(client=api, body=NewUpload(content_type=content_type))
    assert isinstance(form, Upload), form
    fields = form.fields.additional_properties
    httpx.post(form.url, data=fields, files={"file": data}).raise_for_status()
    return form.upload_id


def submit_and_wait(image: str) -> Task:
    """Submit an image by its URL, twice with one key, and wait for its result."""
    new = NewTaskFromUrl(image_url=image, name="one", output=Output(format_=OutputFormat.WEBP))
    key = str(uuid.uuid4())
    task = submit_task.sync(client=api, body=new, idempotency_key=key)
    again = submit_task.sync(client=api, body=new, idempotency_key=key)
    assert isinstance(task, Task), task
    assert isinstance(again, Task), again
    assert again.task_id == task.task_id
    done = wait(task.task_id)
    assert done.status == Status.COMPLETED, done
    assert done.result is not None
    assert done.result.content_type == "image/webp"
    assert done.output.quality == 90
    assert done.batch_id is None
    assert isinstance(done.source, UrlSource), done.source
    assert len(httpx.get(done.result.url).content) == done.result.bytes_
    return done


def list_and_find(task: Task) -> None:
    """Find a task in the list of the caller's tasks, page by page."""
    page = list_tasks.sync(client=api, limit=1)
    assert isinstance(page, TaskList), page
    while all(found.task_id != task.task_id for found in page.tasks):
        assert page.cursor is not None
        page = list_tasks.sync(client=api, limit=100, cursor=page.cursor)
        assert isinstance(page, TaskList), page
    completed = list_tasks.sync(client=api, status=Status.COMPLETED, name="one")
    assert isinstance(completed, TaskList), completed
    assert task.task_id in {found.task_id for found in completed.tasks}


def submit_upload(data: bytes) -> None:
    """Submit an uploaded file."""
    new = NewTaskFromUpload(upload_id=upload(data, "image/png"), name="uploaded")
    task = submit_task.sync(client=api, body=new)
    assert isinstance(task, Task), task
    assert wait(task.task_id).status == Status.COMPLETED


def submit_batches(image: str, data: bytes) -> Batch:
    """Submit a batch of sources and one of a manifest, list them and their tasks; return one."""
    uploaded = NewItemFromUpload(upload_id=upload(data, "image/png"))
    items: list[NewItemFromUrl | NewItemFromUpload] = [NewItemFromUrl(image_url=image), uploaded]
    first = submit_batch.sync(client=api, body=NewBatchFromSources(sources=items, name="sources"))
    line = f'{{"imageUrl": "{image}"}}\n'.encode()
    manifest = NewManifest(
        upload_id=upload(line, "application/x-ndjson"), format_=NewManifestFormat.JSONL
    )
    second = submit_batch.sync(client=api, body=NewBatchFromManifest(manifest=manifest))
    assert isinstance(first, Batch), first
    assert isinstance(second, Batch), second
    for batch, total in ((first, 2), (second, 1)):
        ended = wait_for_batch(batch.batch_id)
        assert ended.status == BatchStatus.COMPLETED, ended
        assert ended.counts.completed == ended.total == total
        tasks = list_batch_tasks.sync(batch.batch_id, client=api)
        assert isinstance(tasks, TaskList), tasks
        assert [task.batch_id for task in tasks.tasks] == [batch.batch_id] * total
    listed = list_batches.sync(client=api, status=BatchStatus.COMPLETED)
    assert isinstance(listed, BatchList), listed
    assert {first.batch_id, second.batch_id} <= {batch.batch_id for batch in listed.batches}
    return first


def cancel_and_retry(held: str) -> None:
    """Cancel a task, start its next attempt, and cancel this attempt and a batch."""
    task = submit_task.sync(client=api, body=NewTaskFromUrl(image_url=held))
    assert isinstance(task, Task), task
    cancelled = cancel_task.sync(task.task_id, client=api)
    assert isinstance(cancelled, Task), cancelled
    assert cancelled.status == Status.CANCELLED
    refused = cancel_task.sync(task.task_id, client=api)
    assert isinstance(refused, ErrorResponse), refused
    assert refused.error.code == "NotCancellable"
    retried = retry_task.sync(task.task_id, client=api, body=NewAttempt(attempt=1))
    assert isinstance(retried, Task), retried
    assert retried.attempt == 2
    cancel_task.sync(task.task_id, client=api)
    held_items = NewBatchFromSources(sources=[NewItemFromUrl(image_url=held)])
    batch = submit_batch.sync(client=api, body=held_items)
    assert isinstance(batch, Batch), batch
    ended = cancel_batch.sync(batch.batch_id, client=api)
    assert isinstance(ended, Batch), ended
    assert ended.status == BatchStatus.CANCELLED
    again = retry_batch.sync(batch.batch_id, client=api)
    assert isinstance(again, Batch), again
    cancel_batch.sync(batch.batch_id, client=api)


def delete(task: Task) -> None:
    """Delete a task: from then on it is not found, and the link to its result does not work."""
    assert task.result is not None
    assert delete_task.sync_detailed(task.task_id, client=api).status_code == HTTPStatus.NO_CONTENT
    again = delete_task.sync(task.task_id, client=api)
    assert isinstance(again, ErrorResponse), again
    assert again.error.code == "TaskNotFound"
    shown = show_task.sync_detailed(task.task_id, client=api)
    assert shown.status_code == HTTPStatus.NOT_FOUND
    listed = list_tasks.sync(client=api, name="one")
    assert isinstance(listed, TaskList), listed
    assert task.task_id not in {left.task_id for left in listed.tasks}
    assert not httpx.get(task.result.url).is_success


def delete_with_tasks(batch: Batch) -> None:
    """Delete a batch, and wait until it is gone with its tasks."""
    tasks = list_batch_tasks.sync(batch.batch_id, client=api)
    assert isinstance(tasks, TaskList), tasks
    accepted = delete_batch.sync(batch.batch_id, client=api)
    assert isinstance(accepted, Batch), accepted
    assert accepted.deletion_requested_at is not None
    deadline = time.monotonic() + SECONDS
    answer = show_batch.sync_detailed(batch.batch_id, client=api)
    while isinstance(answer.parsed, Batch) and time.monotonic() < deadline:
        time.sleep(int(answer.headers["Retry-After"]))
        answer = show_batch.sync_detailed(batch.batch_id, client=api)
    assert answer.status_code == HTTPStatus.NOT_FOUND, answer
    for task in tasks.tasks:
        shown = show_task.sync_detailed(task.task_id, client=api)
        assert shown.status_code == HTTPStatus.NOT_FOUND


def read_the_rest() -> None:
    """Read the health of the API and the secret of webhooks."""
    state = health.sync(client=api)
    assert isinstance(state, Health), state
    secret = show_callback_secret.sync(client=api)
    assert isinstance(secret, CallbackSecret), secret


def main() -> None:
    """Do everything that a caller does."""
    image = os.environ["SOURCE_URL"]
    picture = httpx.get(image).content
    task = submit_and_wait(image)
    list_and_find(task)
    submit_upload(picture)
    batch = submit_batches(image, picture)
    cancel_and_retry(os.environ["HELD_URL"])
    read_the_rest()
    delete(task)
    delete_with_tasks(batch)
    print("done")


main()
