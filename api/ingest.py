"""Enter: make tasks of some items of a batch's manifest, and queue them.

In:     `{"batchId": "7d1c…", "run": 1, "reader": "lines",
        "items": [{"index": 0, "item": {"line": 1, "text": "{…the item, as JSON…}"}}]}`, each
        an entry of `darkroom.batches.manifests`; or of the reader "objects", as S3 lists them,
        `[{"index": 0, "item": {"Key": "imports/…", …}}]`
Out:    `{"entered": 25}`: how many tasks of these items there are now
Raises: ServiceUnavailable

Here and not among the steps, since a line is held to the very model that `POST /tasks` has. A task
has its id from the batch and the item, so to enter an item twice is to enter it once.
"""

from typing import Any

from chalicelib.batch_models import NewItem
from chalicelib.errors import Problem
from chalicelib.models import parse_line
from darkroom.aws.dynamodb import Table
from darkroom.aws.s3 import upload_key
from darkroom.aws.sqs import Queue
from darkroom.batches.manifests import MAX_KEPT_TEXT, Entry
from darkroom.batches.model import BatchStatus, task_id
from darkroom.batches.store import BatchStore
from darkroom.runtime.settings import Settings, required
from darkroom.runtime.step import step
from darkroom.tasks.commands import enqueue
from darkroom.tasks.model import Status
from darkroom.tasks.store import Item, TaskExists, TaskStore

LONGEST_NAME = 200

settings = Settings.from_environment()
store = TaskStore(Table(settings.table_name), settings.retention_days)
batches = BatchStore(Table(required("BATCH_TABLE_NAME")), settings.retention_days)
queue = Queue(required("QUEUE_URL"))


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Enter some items, unless the batch has been ended meanwhile."""
    batch = batches.get(event["batchId"])
    running = batch and batch["run"] == event["run"] and batch["status"] == BatchStatus.RUNNING
    if batch is None or not running:
        return {"entered": 0}
    entered = []
    for entry in event["items"]:
        if event["reader"] == "objects":
            key: str = entry["item"]["Key"]
            if key.endswith("/"):
                continue  # a folder, as the console makes it: an object without a byte
            entered.append(_enter(batch, key, entry["index"], _of_object(key)))
        else:
            index: int = entry["index"]
            entered.append(
                _enter(batch, str(index), index, _of_line(batch["owner"], entry["item"]))
            )
    # One that an earlier call has entered may have got far.
    waiting = [task for task in entered if task["status"] == Status.PENDING]
    enqueue(queue, waiting)
    return {"entered": len(entered)}


def _enter(batch: Item, item: str, index: int, attributes: Item) -> Item:
    """Store one task, if it is not there yet, and return it."""
    place = {"batchId": batch["batchId"], "batchIndex": index, "batchRun": batch["run"]}
    try:
        return store.create(
            task_id(batch["batchId"], item),
            batch["owner"],
            {"output": batch["output"], **attributes, **place},
        )
    except TaskExists as exists:
        return exists.item


def _of_object(key: str) -> Item:
    """Return what a task has of an object: its name is the key as its owner knows it."""
    return {"source": {"object": key}, "name": key.split("/", 2)[2][-LONGEST_NAME:]}


def _of_line(owner: str, entry: Entry) -> Item:
    """Return what a task has of a line. Of one that is no source it will say why."""
    where = f"Line {entry['line']}"
    if "problem" in entry:
        return _of_no_source(entry, f"{where} {entry['problem']}.")
    try:
        new = parse_line(NewItem, entry["text"], where)
    except Problem as problem:
        return _of_no_source(entry, str(problem))
    given = new.model_dump(exclude_none=True)
    if "uploadId" in given:
        source = {"object": upload_key(owner, given["uploadId"])}
    else:
        source = {"imageUrl": given["imageUrl"]}
    attributes: Item = {"source": source}
    if "output" in new.model_fields_set:
        attributes["output"] = given["output"]
    return attributes | {name: given[name] for name in ("name", "callbackUrl") if name in given}


def _of_no_source(entry: Entry, problem: str) -> Item:
    line = {"line": entry["text"][:MAX_KEPT_TEXT], "lineNumber": entry["line"]}
    return {"source": {**line, "problem": problem}}
