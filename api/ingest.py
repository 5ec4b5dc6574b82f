"""Ingest (state Enter): create tasks from some items of a batch and enqueue them.

In:     `{"batchId": "7d1c…", "run": 1, "reader": "lines",
        "items": [{"index": 0, "item": {"line": 1, "text": "{…the item, as JSON…}"}}]}`, each
        an entry of `darkroom.batches.manifests`; with the reader "objects" the items are S3's
        list entries, `[{"index": 0, "item": {"Key": "imports/…", …}}]`
Out:    `{"entered": 50}`: how many of these items have a task now
Raises: ServiceUnavailable

It belongs to `api/` because a manifest line is validated by the model of `POST /tasks`. A task's id
is made from the batch and the item, so an item that is ingested twice is still one task.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chalicelib.batch_models import NewItem
from chalicelib.errors import Problem
from chalicelib.models import parse_line
from darkroom.aws.dynamodb import Table
from darkroom.aws.s3 import upload_key
from darkroom.aws.sqs import Queue
from darkroom.batches.groups import AT_ONCE
from darkroom.batches.manifests import MAX_KEPT_TEXT, Entry
from darkroom.batches.model import BatchStatus, task_id
from darkroom.batches.store import BatchStore
from darkroom.runtime.settings import Settings, required
from darkroom.runtime.step import step
from darkroom.tasks.commands import enqueue
from darkroom.tasks.model import Status
from darkroom.tasks.store import Item, TaskStore
from darkroom.tasks.upload_uses import UploadUses

MAX_NAME_LENGTH = 200

settings = Settings.from_environment()
table = Table(settings.table_name)
store = TaskStore(table, settings.retention_days)
uses = UploadUses(table)
batches = BatchStore(Table(required("BATCH_TABLE_NAME")), settings.retention_days)
queue = Queue(required("QUEUE_URL"))


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Ingest some items, unless the batch has ended in the meantime."""
    batch = batches.get(event["batchId"])
    running = batch and batch["run"] == event["run"] and batch["status"] == BatchStatus.RUNNING
    if batch is None or not running:
        return {"entered": 0}
    # At the same time, so that slow writes do not use up the time of the function.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = pool.map(lambda entry: _task_of(batch, event["reader"], entry), event["items"])
        tasks = [task for task in made if task is not None]
    # Tasks of an earlier call may be RUNNING, have ended, or be deleted by now.
    pending = [task for task in tasks if task.get("status") == Status.PENDING]
    enqueue(queue, pending)
    return {"entered": len(tasks)}


def _task_of(batch: Item, reader: str, entry: dict[str, Any]) -> Item | None:
    """Return the task of an item, which is created unless it exists; None: it is a folder."""
    index: int = entry["index"]
    if reader == "objects":
        key: str = entry["item"]["Key"]
        if key.endswith("/"):
            return None  # the S3 console stores a folder as an empty object
        return _create(batch, key, index, _from_object(key))
    return _create(batch, str(index), index, _from_line(batch["owner"], entry["item"]))


def _create(batch: Item, item: str, index: int, attributes: Item) -> Item:
    """Store one task, unless it exists already, and return it; {} if its caller deleted it."""
    own_id = task_id(batch["batchId"], item)
    # A deleted task counts in the total of its batch; views subtract the number of deleted ones.
    if batch.get("deleted") and store.was_deleted(own_id):
        return {}
    membership = {"batchId": batch["batchId"], "batchIndex": index, "batchRun": batch["run"]}
    attributes = {"output": batch["output"], **attributes, **membership}
    uses.add(attributes["source"])
    task, created = store.create(own_id, batch["owner"], attributes)
    if not created:
        uses.take_back(attributes["source"])
    return task


def _from_object(key: str) -> Item:
    """Return a task's attributes from an object. The name is the key without prefix and owner."""
    return {"source": {"object": key}, "name": key.split("/", 2)[2][-MAX_NAME_LENGTH:]}


def _from_line(owner: str, entry: Entry) -> Item:
    """Return a task's attributes from a manifest line. The source of an invalid line says why."""
    where = f"Line {entry['line']}"
    if "problem" in entry:
        return _from_invalid_line(entry, f"{where} {entry['problem']}.")
    try:
        new = parse_line(NewItem, entry["text"], where)
    except Problem as problem:
        return _from_invalid_line(entry, str(problem))
    fields = new.model_dump(exclude_none=True)
    if "uploadId" in fields:
        source = {"object": upload_key(owner, fields["uploadId"])}
    else:
        source = {"imageUrl": fields["imageUrl"]}
    attributes: Item = {"source": source}
    if "output" in new.model_fields_set:
        attributes["output"] = fields["output"]
    return attributes | {name: fields[name] for name in ("name", "callbackUrl") if name in fields}


def _from_invalid_line(entry: Entry, problem: str) -> Item:
    line = {"line": entry["text"][:MAX_KEPT_TEXT], "lineNumber": entry["line"]}
    return {"source": {**line, "problem": problem}}
