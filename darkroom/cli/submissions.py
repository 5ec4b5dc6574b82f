"""Several images at once: submit them, follow their tasks, save the results."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkroom.cli import files, render
from darkroom.cli.files import OutputName
from darkroom.client import Darkroom, DarkroomError, Task, ended
from darkroom.tasks.model import Status

AT_ONCE = 8
"""Concurrent requests: few enough for an account with a low limit of concurrent functions."""
TIMEOUT = 30 * 60.0
"""Seconds to wait for tasks: longer than a full queue takes."""


@dataclass
class Job:
    """One image: its `task` once the API has accepted it, its `problem` if something failed."""

    source: str
    stem: str
    task: Task | None = None
    problem: str | None = None
    saved: Path | None = None

    @property
    def status(self) -> str | None:
        """The status of its task; None without a task."""
        return self.task["status"] if self.task else None

    @property
    def ended(self) -> bool:
        """Whether its task has ended."""
        return self.task is not None and ended(self.task)


def jobs(sources: Sequence[str]) -> list[Job]:
    """Return a job for each source.

    Raises:
        UnusableFile: a source cannot be submitted. This is found before any is submitted.
    """
    for source in sources:
        files.check(source)
    return [
        Job(source, stem) for source, stem in zip(sources, files.result_stems(sources), strict=True)
    ]


def submit(
    client: Darkroom, jobs: Sequence[Job], name: str | None, output: Mapping[str, Any]
) -> None:
    """Submit all jobs. Each has a `task` afterwards, or a `problem` if it was refused."""

    def one(job: Job) -> None:
        try:
            job.task = client.submit(_upload(client, job.source), name, output)
        except DarkroomError as error:
            job.problem = str(error)
        except (OSError, ValueError) as error:
            job.problem = f"The file cannot be read: {files.reason(error)}."

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, jobs))


def _upload(client: Darkroom, source: str) -> dict[str, str]:
    """Return the source of a task as the API takes it. A file is uploaded first."""
    if files.is_url(source):
        return {"imageUrl": source}
    return {"uploadId": client.upload(Path(source))}


def follow(
    client: Darkroom,
    jobs: Sequence[Job],
    on_change: Callable[[Job], None],
    folder: Path | None = None,
    timeout: float | None = None,
) -> None:
    """Wait until all tasks have ended. With a folder, save each result there when it is ready.

    A job has a `problem` if its task has not ended after `timeout` seconds (default: `TIMEOUT`),
    or if its result cannot be saved.

    Raises:
        ApiError, Unreachable: the API does not report the status of the tasks.
    """
    by_id = {job.task["taskId"]: job for job in jobs if job.task}
    timeout = TIMEOUT if timeout is None else timeout

    saving: list[Future[None]] = []

    def save_result(job: Job, task: Task, folder: Path) -> None:
        name, job.problem = save(client, task, folder, OutputName("", job.stem))
        job.saved = folder / name if name else None

    with ThreadPoolExecutor(AT_ONCE) as pool:

        def changed(task: Task) -> None:
            job = by_id[task["taskId"]]
            job.task = task
            if folder is not None and task["status"] == Status.COMPLETED:
                saving.append(pool.submit(save_result, job, task, folder))
            on_change(job)

        client.wait(by_id, timeout, changed)
        for future in saving:
            future.result()
    for job in by_id.values():
        if not job.ended:
            job.problem = (
                f"It is still {job.status} after {timeout:.0f} s. "
                "Check it later with `darkroom status`."
            )


def follow_with_bar(client: Darkroom, jobs: Sequence[Job], folder: Path | None) -> None:
    """Wait for the tasks behind a progress bar; then show how each of them ended."""
    submitted = [job for job in jobs if job.task]
    try:
        with render.progress_bar(render.screen()) as bar:
            row = bar.add_task("", total=len(submitted))

            def changed(_: Job) -> None:
                text = render.by_status(Counter(job.status for job in submitted if job.status))
                bar.update(row, description=text, completed=sum(job.ended for job in submitted))

            follow(client, submitted, changed, folder)
    finally:
        # Also after Ctrl-C: the user needs the ids to find the tasks later.
        for job in submitted:
            show(job)


def show(job: Job) -> None:
    """Print the task of a job on one line: its status, and its failure or result."""
    if task := job.task:
        outcome = str(job.saved or "") or render.failure(task) or render.result(task)
        parts = [task["taskId"], files.label(job.source), outcome and f"→ {outcome}"]
        render.show(render.line(task["status"], *parts))


def save(client: Darkroom, task: Task, folder: Path, name: OutputName) -> tuple[str, str | None]:
    """Save the result of a task in a folder, unless it is already there.

    Return the name of the file, and the problem if it could not be saved.
    """
    result = task["result"]
    if not result:
        return "", "The task has no result, or its result has expired."
    file = name.of_type(result["contentType"])
    path = folder / file
    try:
        stored = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(stored).hexdigest() != result["sha256"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download(task, path)
    except (DarkroomError, OSError, ValueError) as error:
        return "", f"The result could not be saved: {error}"
    return file, None
