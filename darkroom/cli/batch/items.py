"""The items of a batch: upload files, follow the tasks, save each result when it is ready."""

import hashlib
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from darkroom.cli.batch import output_names
from darkroom.cli.batch.checkpoint import Checkpoint
from darkroom.cli.batch.manifest import Source
from darkroom.cli.batch.output_names import OutputName
from darkroom.cli.files import reason
from darkroom.cli.submissions import AT_ONCE
from darkroom.client import ApiError, Batch, Darkroom, DarkroomError, Task
from darkroom.client.errors import NOT_TAKEN
from darkroom.tasks.model import Status

REFUSED = "REFUSED"
"""The status in the report of an item that could not be submitted and so has no task."""


@dataclass
class Item:
    """One source of a batch and, in the end, its result."""

    source: Source
    name: OutputName
    upload_id: str | None = None
    task: Task | None = None
    status: str = REFUSED
    error: str = ""
    message: str = ""
    file: str = ""
    """The saved result, relative to the folder of results."""

    def request(self) -> dict[str, Any]:
        """Return the item as the API takes it."""
        upload = {"uploadId": self.upload_id} if self.upload_id else {}
        return {**self.source.item, **upload}

    @property
    def location(self) -> str:
        """What identifies the source of its task."""
        return self.upload_id or _location(self.source.item)

    def set_problem(self, error: str, message: str) -> None:
        """Set the name of an error and its message; two empty strings clear them."""
        self.error, self.message = error, message


@dataclass
class Progress:
    """How many items have reached each stage. Thread-safe; `on_change` is called on each change."""

    on_change: Callable[["Progress"], None]
    uploaded: int = 0
    developed: int = 0
    saved: int = 0
    failed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, stage: str) -> None:
        """Count one more item at a stage."""
        with self._lock:
            setattr(self, stage, getattr(self, stage) + 1)
            self.on_change(self)

    def summary(self) -> str:
        """Return all counts on one line."""
        parts = f"{self.uploaded} uploaded  {self.developed} developed  {self.saved} saved"
        return f"{parts}  {self.failed} failed" if self.failed else parts


def items(sources: Sequence[Source]) -> list[Item]:
    """Return an item for each source, with a distinct name for its result."""
    names = output_names.distinct([source.wanted for source in sources])
    made = [Item(source, name) for source, name in zip(sources, names, strict=True)]
    for item in made:
        item.set_problem(*(item.source.problem or ("", "")))
    return made


def upload(client: Darkroom, batch: Sequence[Item], progress: Progress) -> None:
    """Upload all files, several at a time. An item has an `error` if its file was refused.

    Raises:
        ApiError: the API refuses every upload of this caller, or throttles it.
        Unreachable: the API does not answer.
    """

    def one(file: Path, same: Sequence[Item]) -> None:
        error, upload_id = ("", ""), None
        try:
            if file.is_file() and file.stat().st_size == 0:
                error = "EmptyFile", f"{file} is empty."
            else:
                upload_id = client.upload(file)
        except (OSError, ValueError) as problem:
            error = "UnreadableFile", f"{file}: {reason(problem)}."
        except ApiError as problem:
            if problem.status in NOT_TAKEN | {HTTPStatus.FORBIDDEN}:
                raise  # every other upload would fail the same way
            error = problem.code, problem.message
        for item in same:
            item.upload_id = upload_id
            item.set_problem(*error)
            progress.add("uploaded" if upload_id else "failed")

    by_file: dict[Path, list[Item]] = {}
    for item in batch:
        if item.error:
            progress.add("failed")
        elif item.source.file:
            by_file.setdefault(item.source.file, []).append(item)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for future in as_completed([pool.submit(one, *entry) for entry in by_file.items()]):
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def prepare(client: Darkroom, batch: Sequence[Item], version: str) -> Checkpoint | None:
    """Return the checkpoint of a batch that is ready to submit; None if all items were refused.

    Raises:
        ApiError, Unreachable: as `Batches.source`.
    """
    accepted = [item for item in batch if not item.error]
    if not accepted:
        return None
    return Checkpoint(
        version,
        client.batches.source([item.request() for item in accepted]),
        {item.source.label: item.upload_id for item in accepted if item.upload_id},
        {item.source.label: (item.error, item.message) for item in batch if item.error},
    )


def restore(batch: Sequence[Item], checkpoint: Checkpoint, progress: Progress) -> None:
    """Set the uploads and refusals of items from a checkpoint."""
    for item in batch:
        label = item.source.label
        if label in checkpoint.refused:
            item.set_problem(*checkpoint.refused[label])
            progress.add("failed")
        elif item.source.file:
            item.upload_id = checkpoint.uploads[label]
            progress.add("uploaded")


def follow(
    client: Darkroom, batch_id: str, batch: Sequence[Item], out: Path, progress: Progress
) -> Batch:
    """Wait until a batch has ended and save each result when it is ready; return the batch.

    Raises:
        ApiError, Unreachable: the API does not report the status of the batch.
    """
    submitted = [item for item in batch if not item.error]
    unmatched: defaultdict[str, deque[Item]] = defaultdict(deque)
    for item in submitted:
        unmatched[item.location].append(item)
    by_task: dict[str, Item] = {}
    last: Batch | None = None

    def changed(current: Batch) -> None:
        nonlocal last
        last = current

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for task in client.batches.as_ended(batch_id, changed):
                # Items with the same source have equal results: any of them may get the task.
                source = task["source"]
                same = unmatched[_location(source)]
                if number := source.get("lineNumber"):  # in the manifest that was submitted
                    by_task[task["taskId"]] = submitted[number - 1]
                elif task["taskId"] not in by_task and same:
                    by_task[task["taskId"]] = same.popleft()
                if found := by_task.get(task["taskId"]):
                    _set_task(found, task, progress)
                    if task["status"] == Status.COMPLETED:
                        pool.submit(_save, client, found, out, progress)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if last is None:
        raise AssertionError  # `as_ended` calls `changed` at least once
    for item in batch:
        if not item.task and not item.error:
            _set_without_task(item, last, progress)
    return last


def _set_task(item: Item, task: Task, progress: Progress) -> None:
    item.task, item.status = task, task["status"]
    failure = task["failure"]
    item.set_problem(failure["error"] if failure else "", failure["message"] if failure else "")
    progress.add("developed" if task["status"] == Status.COMPLETED else "failed")


def _set_without_task(item: Item, batch: Batch, progress: Progress) -> None:
    item.status = Status.CANCELLED
    failure = batch["failure"] or {
        "error": "NoTask",
        "message": f"The batch ended {batch['status']} before this source had a task.",
    }
    item.set_problem(failure["error"], failure["message"])
    progress.add("failed")


def _save(client: Darkroom, item: Item, out: Path, progress: Progress) -> None:
    """Save a result in the folder of its source, unless it is already there."""
    task = item.task
    result = task and task["result"]
    if not task or not result:
        item.set_problem("NotSaved", "The task has no result, or its result has expired.")
        progress.add("failed")
        return
    name = item.name.of_type(result["contentType"])
    path = out / name
    try:
        if not _has_content(path, result["sha256"]):
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download(task, path)
    except (DarkroomError, OSError, ValueError) as error:
        item.set_problem("NotSaved", f"The result could not be saved: {error}")
        progress.add("failed")
        return
    item.file = name
    progress.add("saved")


def _has_content(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _location(source: Mapping[str, Any]) -> str:
    """Return the upload or URL of a source; "" for a manifest line that the API refused."""
    return source.get("uploadId") or source.get("imageUrl") or ""
