"""A batch from files to files: upload, submit, follow, save each result as it comes."""

import csv
import hashlib
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from darkroom.cli.batch import output_names as names
from darkroom.cli.batch.checkpoint import Journal
from darkroom.cli.batch.manifest import Source
from darkroom.cli.batch.output_names import Name
from darkroom.cli.files import printable, reason
from darkroom.cli.submissions import AT_ONCE
from darkroom.client import ApiError, Batch, BrokenDownload, Darkroom, Task, Unreachable
from darkroom.client.transport import NOT_TAKEN
from darkroom.tasks.model import Status

REPORT = "report.csv"
FORMULAS = frozenset("=+-@＝＋－＠")  # noqa: RUF001 - what some input methods write for them
REFUSED = "REFUSED"
"""The status, in the report, of what could not be submitted and so has no task."""


@dataclass
class Picture:
    """One source of a batch on its way to its result."""

    source: Source
    name: Name
    upload_id: str | None = None
    task: Task | None = None
    status: str = REFUSED
    error: str = ""
    message: str = ""
    file: str = ""
    """The result, relative to the folder of results, once it was saved."""

    @property
    def item(self) -> dict[str, Any]:
        """What the API is told of it."""
        upload = {"uploadId": self.upload_id} if self.upload_id else {}
        return {**self.source.item, **upload}

    @property
    def place(self) -> str:
        """What its task has as a source."""
        return self.upload_id or _place(self.source.item)

    def note(self, error: str, message: str) -> None:
        """Note what went wrong with it: an error's name and a sentence; two empty ones, nothing."""
        self.error, self.message = error, message


@dataclass
class Tally:
    """How far the pictures are. Threads add to it; `on_change` shows it."""

    on_change: Callable[["Tally"], None]
    uploaded: int = 0
    developed: int = 0
    saved: int = 0
    failed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str) -> None:
        """Count one more."""
        with self._lock:
            setattr(self, what, getattr(self, what) + 1)
            self.on_change(self)


def pictures(sources: Sequence[Source]) -> list[Picture]:
    """Return the pictures of sources, each with a name for its result."""
    distinct = names.distinct([source.wanted for source in sources])
    made = [Picture(source, name) for source, name in zip(sources, distinct, strict=True)]
    for picture in made:
        picture.note(*(picture.source.problem or ("", "")))
    return made


def upload(client: Darkroom, batch: Sequence[Picture], tally: Tally) -> None:
    """Upload all files, some at a time. One that cannot be has an `error` then.

    Raises:
        ApiError: the API takes nothing of this caller, or not now.
        Unreachable: nothing answers.
    """

    def one(file: Path, same: Sequence[Picture]) -> None:
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
                raise  # it would be the same with all the others
            error = problem.code, problem.message
        for picture in same:
            picture.upload_id = upload_id
            picture.note(*error)
            tally.add("uploaded" if upload_id else "failed")

    by_file: dict[Path, list[Picture]] = {}
    for picture in batch:
        if picture.error:
            tally.add("failed")
        elif picture.source.file:
            by_file.setdefault(picture.source.file, []).append(picture)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for future in as_completed([pool.submit(one, *entry) for entry in by_file.items()]):
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def prepare(client: Darkroom, batch: Sequence[Picture], version: str) -> Journal | None:
    """Return what is to be submitted of uploaded pictures; None if all were refused.

    Raises:
        ApiError, Unreachable: as `Batches.source`.
    """
    taken = [picture for picture in batch if not picture.error]
    if not taken:
        return None
    return Journal(
        version,
        client.batches.source([picture.item for picture in taken]),
        {p.source.label: p.upload_id for p in taken if p.upload_id},
        {p.source.label: (p.error, p.message) for p in batch if p.error},
    )


def recall(batch: Sequence[Picture], journal: Journal, tally: Tally) -> None:
    """Let pictures be where the journal says they were left."""
    for picture in batch:
        label = picture.source.label
        if label in journal.refused:
            picture.note(*journal.refused[label])
            tally.add("failed")
        elif picture.source.file:
            picture.upload_id = journal.uploads[label]
            tally.add("uploaded")


def follow(
    client: Darkroom, batch_id: str, batch: Sequence[Picture], out: Path, tally: Tally
) -> Batch:
    """Follow a batch to its end; save the results as they come. Returns the batch.

    Raises:
        ApiError, Unreachable: the API does not tell how the batch is.
    """
    submitted = [picture for picture in batch if not picture.error]
    waiting: defaultdict[str, deque[Picture]] = defaultdict(deque)
    for one in submitted:
        waiting[one.place].append(one)
    by_task: dict[str, Picture] = {}
    last: Batch | None = None

    def changed(now: Batch) -> None:
        nonlocal last
        last = now

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for task in client.batches.as_ended(batch_id, changed):
                # The same source twice is two tasks with the same result: whose is which is one.
                source = task["source"]
                same = waiting[_place(source)]
                if number := source.get("lineNumber"):  # of the manifest that was sent
                    by_task[task["taskId"]] = submitted[number - 1]
                elif task["taskId"] not in by_task and same:
                    by_task[task["taskId"]] = same.popleft()
                if its := by_task.get(task["taskId"]):
                    _ended(its, task, tally)
                    if task["status"] == Status.COMPLETED:
                        pool.submit(_save, client, its, out, tally)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if last is None:
        raise AssertionError  # a batch is seen at least once
    for picture in batch:
        if not picture.task and not picture.error:
            _never_entered(picture, last, tally)
    return last


def write_report(batch: Sequence[Picture], out: Path) -> Path:
    """Write a line about each picture to `report.csv` in the folder of results; return its path."""
    path = out / REPORT
    if path.is_dir():  # results of a folder that is called so
        path = out / f"{REPORT}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, quoting=csv.QUOTE_ALL)
        rows.writerow(["source", "status", "error", "message", "file", "taskId"])
        for picture in batch:
            task_id = picture.task["taskId"] if picture.task else ""
            told = [picture.error, picture.message, picture.file, task_id]
            rows.writerow(map(cell, [picture.source.label, picture.status, *told]))
    return path


def cell(text: str) -> str:
    """Return a text as a spreadsheet takes it for text, and never for a formula.

    A `'` goes before what begins like a formula, and before a `'`: so to take one away at the
    beginning gives the text back.
    https://owasp.org/www-community/attacks/CSV_Injection
    """
    shown = printable(text)
    formula = shown.startswith(("'", "\t", "\r", "\n")) or shown.lstrip()[:1] in FORMULAS
    return f"'{shown}" if shown and formula else shown


def _ended(picture: Picture, task: Task, tally: Tally) -> None:
    picture.task, picture.status = task, task["status"]
    failure = task["failure"]
    picture.note(failure["error"] if failure else "", failure["message"] if failure else "")
    tally.add("developed" if task["status"] == Status.COMPLETED else "failed")


def _never_entered(picture: Picture, batch: Batch, tally: Tally) -> None:
    picture.status = Status.CANCELLED
    why = batch["failure"] or {
        "error": "NoTask",
        "message": f"The batch is {batch['status']} and has no task of it.",
    }
    picture.note(why["error"], why["message"])
    tally.add("failed")


def _save(client: Darkroom, picture: Picture, out: Path, tally: Tally) -> None:
    """Save a result, unless it is there already; its folder is made."""
    task = picture.task
    result = task and task["result"]
    if not task or not result:
        picture.note("NotSaved", "The task has no result (any more).")
        tally.add("failed")
        return
    name = picture.name.of_type(result["contentType"])
    path = out / name
    try:
        if not _is(path, result["sha256"]):
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download(task, path)
    except (ApiError, Unreachable, BrokenDownload, OSError, ValueError) as error:
        picture.note("NotSaved", f"The result could not be saved: {error}")
        tally.add("failed")
        return
    picture.file = name
    tally.add("saved")


def _is(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _place(source: Mapping[str, Any]) -> str:
    """Return where a source is; "" of a line that the API refused."""
    return source.get("uploadId") or source.get("imageUrl") or ""
