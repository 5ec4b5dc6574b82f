"""Several images at once: submit them, follow their tasks, save the results."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from darkroom.cli import files, render
from darkroom.cli.errors import Interrupted
from darkroom.cli.files import OutputName
from darkroom.cli.stack import Stack
from darkroom.cli.terminal import program
from darkroom.cli.workers import Workers
from darkroom.client import ApiError, Darkroom, DarkroomError, Task, Unreachable, ended
from darkroom.client.errors import NOT_TAKEN
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
    name: str | None = None
    """The name of its task, unless the user gives another one: that of a file, none for a URL."""
    sent: bool = False
    """Whether the API may have accepted it, although there is no `task`."""

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
    stems = files.result_stems(sources)
    return [
        Job(source, stem, name=files.task_name(source))
        for source, stem in zip(sources, stems, strict=True)
    ]


def run(
    stack: Stack,
    jobs: Sequence[Job],
    name: str | None,
    output: Mapping[str, Any],
    *,
    wait: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Submit all jobs, wait for them if asked to, and show them; exit 1 if one has a problem.

    Raises:
        ApiError, Unreachable: the API refuses every request, or does not answer.
        Interrupted: Ctrl-C. What was submitted is shown before that.
    """
    try:
        with stack.darkroom() as client:
            submit(client, jobs, name, output)
            if wait:
                follow_with_bar(client, jobs, out, stack.command)
    except KeyboardInterrupt:
        raise Interrupted(_state(jobs, stack.command)) from None
    except (ApiError, Unreachable):
        if len(jobs) > 1 and (unsent := sum(not job.task and not job.problem for job in jobs)):
            render.complain(f"{unsent} of {len(jobs)} images were not submitted.")
        raise
    finally:
        # Also after an error: the user needs the ids to find the tasks later.
        for job in jobs:
            show(job, as_json=as_json)
        for job in jobs:
            if job.problem:
                render.complain(f"{files.label(job.source)}: {job.problem}")
    if any(job.problem or (wait and job.status != Status.COMPLETED) for job in jobs):
        raise typer.Exit(1)


def _state(jobs: Sequence[Job], command: Callable[[str], str]) -> str:
    """Return what was submitted before an interruption, and how to continue."""
    ids = [job.task["taskId"] for job in jobs if job.task]
    unknown = sum(job.sent and not job.task and not job.problem for job in jobs)
    parts = [f"{len(ids)} of {render.count(len(jobs), 'image')} submitted."]
    if unknown:
        parts.append(f"{unknown} may have been submitted: see `{command('list')}`.")
    if ids:
        check = f"status {ids[0]}" if len(ids) == 1 else "list"
        parts.append(f"What was submitted continues: see `{command(check)}`.")
    return " ".join(parts)


def submit(
    client: Darkroom, jobs: Sequence[Job], name: str | None, output: Mapping[str, Any]
) -> None:
    """Submit all jobs. Each has a `task` afterwards, or a `problem` if it was refused.

    Raises:
        ApiError, Unreachable: the API refuses every request, throttles even after retries, or does
            not answer. What was not sent by then has neither a `task` nor a `problem`.
    """
    stop = threading.Event()

    def one(job: Job) -> None:
        if stop.is_set():
            return
        try:
            source = _upload(client, job.source)
            job.sent = True
            job.task = client.submit(source, name or job.name, output)
        except DarkroomError as error:
            if concerns_all(error):
                stop.set()
                raise
            job.problem = str(error)
        except (OSError, ValueError) as error:
            job.problem = f"The file cannot be read: {files.reason(error)}."

    with Workers(AT_ONCE) as pool:
        for future in [pool.submit(one, job) for job in jobs]:
            future.result()


def concerns_all(error: DarkroomError) -> bool:
    """Whether every other request would fail the same way, after waiting as long."""
    if isinstance(error, ApiError):
        return error.status in NOT_TAKEN or error.code == "Forbidden"
    return isinstance(error, Unreachable)


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
    *,
    command: Callable[[str], str] = program.command,
) -> None:
    """Wait until all tasks have ended. With a folder, save each result there when it is ready.

    A job has a `problem` if its task has not ended after `timeout` seconds (default: `TIMEOUT`),
    or if its result cannot be saved.

    Raises:
        ApiError, Unreachable: the API does not report the status of the tasks.
    """
    by_id = {job.task["taskId"]: job for job in jobs if job.task}
    timeout = TIMEOUT if timeout is None else timeout

    saving = []

    def save_result(job: Job, task: Task, folder: Path) -> None:
        name, job.problem = save(client, task, folder, OutputName("", job.stem))
        job.saved = folder / name if name else None

    with Workers(AT_ONCE) as pool:

        def changed(task: Task) -> None:
            job = by_id[task["taskId"]]
            job.task = task
            if folder is not None and task["status"] == Status.COMPLETED:
                saving.append(pool.submit(save_result, job, task, folder))
            on_change(job)

        client.wait(by_id, timeout, changed)
        for future in saving:
            future.result()
    for task_id, job in by_id.items():
        if not job.ended:
            job.problem = (
                f"It is still {job.status} after {timeout:.0f} s. "
                f"Check it later with `{command(f'status {task_id}')}`."
            )


def follow_with_bar(
    client: Darkroom, jobs: Sequence[Job], folder: Path | None, command: Callable[[str], str]
) -> None:
    """Wait for the tasks behind a progress bar on stderr. Raises as `follow`."""
    submitted = [job for job in jobs if job.task]
    with render.progress_bar(render.screen(stderr=True)) as bar:
        row = bar.add_task("", total=len(submitted))

        def changed(_: Job) -> None:
            text = render.by_status(Counter(job.status for job in submitted if job.status))
            bar.update(row, description=text, completed=sum(job.ended for job in submitted))

        follow(client, submitted, changed, folder, command=command)


def show(job: Job, *, as_json: bool = False) -> None:
    """Print the task of a job on one line: its status, and its failure or result."""
    if not job.task:
        return
    if as_json:
        saved = {"saved": str(job.saved)} if job.saved else {}
        render.print_json({**job.task, "input": files.printable(files.label(job.source)), **saved})
    else:
        task = job.task
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
        reason = files.reason(error) if isinstance(error, OSError) else error
        return "", f"The result could not be saved as {path}: {reason}"
    return file, None
