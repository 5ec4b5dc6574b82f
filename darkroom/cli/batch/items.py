"""The items of a batch: upload files, follow the tasks, save each result when it is ready."""

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rich.progress import Progress as Bar

from darkroom.cli.batch.checkpoint import Checkpoint
from darkroom.cli.batch.manifest import Source
from darkroom.cli.files import OutputName, distinct, reason
from darkroom.cli.submissions import AT_ONCE, save
from darkroom.cli.workers import Workers
from darkroom.client import ApiError, Batch, Darkroom, Task
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
    problem: tuple[str, str] | None = None
    """The name of an error and a message, if something failed."""
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


class Progress:
    """Shows on a progress bar how many items have reached each stage. Thread-safe."""

    def __init__(self, bar: Bar, total: int) -> None:
        self._bar, self._row = bar, bar.add_task("", total=total)
        self._lock = threading.Lock()
        self._counts = Counter[str]()

    def add(self, stage: str) -> None:
        """Count one more item that was `uploaded`, `developed` or `saved`, or has `failed`."""
        with self._lock:
            counts = self._counts
            counts[stage] += 1
            stages = ["uploaded", "developed", "saved", *(["failed"] if counts["failed"] else [])]
            text = "  ".join(f"{counts[stage]} {stage}" for stage in stages)
            ended = counts["saved"] + counts["failed"]
            self._bar.update(self._row, description=text, completed=ended)


def items(sources: Sequence[Source]) -> list[Item]:
    """Return an item for each source, with a distinct name for its result."""
    names = distinct([source.wanted for source in sources])
    return [
        Item(source, name, problem=source.problem)
        for source, name in zip(sources, names, strict=True)
    ]


def upload(client: Darkroom, batch: Sequence[Item], progress: Progress) -> None:
    """Upload all files, several at a time. An item has a `problem` if its file was refused.

    Raises:
        ApiError: the API refuses every upload of this caller, or throttles it.
        Unreachable: the API does not answer.
    """

    def one(file: Path, same: Sequence[Item]) -> None:
        problem, upload_id = None, None
        try:
            if file.is_file() and file.stat().st_size == 0:
                problem = "EmptyFile", f"{file} is empty."
            else:
                upload_id = client.upload(file)
        except (OSError, ValueError) as error:
            problem = "UnreadableFile", f"{file}: {reason(error)}."
        except ApiError as error:
            if error.status in NOT_TAKEN | {HTTPStatus.FORBIDDEN}:
                raise  # every other upload would fail the same way
            problem = error.code, error.message
        for item in same:
            item.upload_id, item.problem = upload_id, problem
            progress.add("uploaded" if upload_id else "failed")

    by_file: dict[Path, list[Item]] = {}
    for item in batch:
        if item.problem:
            progress.add("failed")
        elif item.source.file:
            by_file.setdefault(item.source.file, []).append(item)
    with Workers(AT_ONCE) as pool:
        for future in as_completed([pool.submit(one, *entry) for entry in by_file.items()]):
            future.result()


def prepare(client: Darkroom, batch: Sequence[Item], version: str) -> Checkpoint | None:
    """Return the checkpoint of a batch that is ready to submit; None if all items were refused.

    Raises:
        ApiError, Unreachable: as `Batches.source`.
    """
    accepted = [item for item in batch if not item.problem]
    if not accepted:
        return None
    return Checkpoint(
        version,
        client.batches.source([item.request() for item in accepted]),
        {item.source.label: item.upload_id for item in accepted if item.upload_id},
        {item.source.label: item.problem for item in batch if item.problem},
    )


def restore(batch: Sequence[Item], checkpoint: Checkpoint, progress: Progress) -> None:
    """Set the uploads and refusals of items from a checkpoint."""
    for item in batch:
        label = item.source.label
        if label in checkpoint.refused:
            item.problem = checkpoint.refused[label]
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
    submitted = [item for item in batch if not item.problem]
    unmatched: defaultdict[str, deque[Item]] = defaultdict(deque)
    for item in submitted:
        unmatched[item.location].append(item)
    by_task: dict[str, Item] = {}
    states: deque[Batch] = deque(maxlen=1)
    with Workers(AT_ONCE) as pool:
        for task in client.batches.as_ended(batch_id, states.append):
            # Items with the same source have equal results: any of them may get the task.
            source = task["source"]
            same = unmatched[_location(source)]
            if number := source.get("lineNumber"):  # in the manifest that was submitted
                by_task[task["taskId"]] = submitted[number - 1]
            elif task["taskId"] not in by_task and same:
                by_task[task["taskId"]] = same.popleft()
            if not (found := by_task.get(task["taskId"])):
                continue
            found.task, found.status, failure = task, task["status"], task["failure"]
            found.problem = (failure["error"], failure["message"]) if failure else None
            if task["status"] == Status.COMPLETED:
                progress.add("developed")
                pool.submit(_save, client, found, task, out, progress)
            else:
                progress.add("failed")
    (last,) = states
    for item in batch:
        if not item.task and not item.problem:
            item.status = Status.CANCELLED
            message = f"The batch ended {last['status']} before this source had a task."
            of_batch = last["failure"] or {"error": "NoTask", "message": message}
            item.problem = of_batch["error"], of_batch["message"]
            progress.add("failed")
    return last


def _save(client: Darkroom, item: Item, task: Task, out: Path, progress: Progress) -> None:
    item.file, problem = save(client, task, out, item.name)
    item.problem = ("NotSaved", problem) if problem else None
    progress.add("failed" if problem else "saved")


def _location(source: Mapping[str, Any]) -> str:
    """Return the upload or URL of a source; "" for a manifest line that the API refused."""
    return source.get("uploadId") or source.get("imageUrl") or ""
