"""Several pictures at once: submit them, follow their tasks, save the results."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkroom.cli import files
from darkroom.client import ApiError, BrokenDownload, Darkroom, Task, Unreachable
from darkroom.tasks.model import OPEN, Status

AT_ONCE = 8
"""Requests under way at a time: an API with few concurrent functions answers them all."""
PATIENCE = 30 * 60.0
"""Seconds to wait for tasks: more than a full queue takes. Then something is wrong with it."""


@dataclass
class Job:
    """One picture on its way: `task` once it was taken, `problem` when something went wrong."""

    source: str
    stem: str
    task: Task | None = None
    problem: str | None = None
    saved: Path | None = None

    @property
    def status(self) -> str | None:
        """The status of its task; None while there is none."""
        return self.task["status"] if self.task else None


def jobs(sources: Sequence[str]) -> list[Job]:
    """Return a job for each source.

    Raises:
        UnusableFile: one of them cannot be submitted. It is better to know before half of them are.
    """
    for source in sources:
        files.check(source)
    return [
        Job(source, stem) for source, stem in zip(sources, files.result_stems(sources), strict=True)
    ]


def submit(
    client: Darkroom, pictures: Sequence[Job], name: str | None, output: Mapping[str, Any]
) -> None:
    """Submit all. What was refused has a `problem` then, the others a `task`."""

    def one(job: Job) -> None:
        try:
            job.task = client.submit(_send(client, job.source), name, output)
        except (ApiError, Unreachable) as error:
            job.problem = str(error)
        except (OSError, ValueError) as error:
            job.problem = f"It cannot be read: {files.reason(error)}."

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, pictures))


def _send(client: Darkroom, source: str) -> dict[str, str]:
    """Return the source of a task as the API takes it; a file is uploaded for that."""
    if files.is_url(source):
        return {"imageUrl": source}
    return {"uploadId": client.upload(Path(source))}


def follow(
    client: Darkroom,
    pictures: Sequence[Job],
    on_change: Callable[[Job], None],
    folder: Path | None = None,
    patience: float | None = None,
) -> None:
    """Wait until all tasks have ended; save results into a folder, if there is one, as they come.

    A task that has not ended after `patience` seconds (`PATIENCE` by default), and a
    result that could not be saved, is the job's `problem`.

    Raises:
        ApiError, Unreachable: the API does not tell how the tasks are.
    """
    by_id = {job.task["taskId"]: job for job in pictures if job.task}
    patience = PATIENCE if patience is None else patience
    saving: list[tuple[Job, Future[Path]]] = []

    with ThreadPoolExecutor(AT_ONCE) as pool:

        def changed(task: Task) -> None:
            job = by_id[task["taskId"]]
            job.task = task
            if folder is not None and task["status"] == "COMPLETED":
                saving.append((job, pool.submit(save, client, task, folder, job.stem)))
            on_change(job)

        client.wait(by_id, patience, changed)
        for job, future in saving:
            try:
                job.saved = future.result()
            except (ApiError, Unreachable, BrokenDownload, OSError, ValueError) as error:
                job.problem = f"The result could not be saved: {error}"
    for job in by_id.values():
        if job.status in OPEN:
            job.problem = f"It is still {job.status} after {patience:.0f} s."


def save(client: Darkroom, task: Task, folder: Path, stem: str) -> Path:
    """Save the result of a task into a folder; return its path. Raises as `Darkroom.download`."""
    result = task["result"]
    if result is None:
        raise BrokenDownload(f"{task['taskId']} is {task['status']} and has no result.")
    path = folder / f"{stem}.{files.extension(result['contentType'])}"
    client.download(task, path)
    return path


def summary(pictures: Sequence[Job]) -> str:
    """Return how many jobs are in which status, in the order of a task's life."""
    counts = Counter(job.status for job in pictures if job.status)
    known = [*Status, *(status for status in counts if status not in set(Status))]
    return "  ".join(f"{counts[status]} {status}" for status in known if counts[status])
