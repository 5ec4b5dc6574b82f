"""The commands `submit`, `status`, `list` and `result`."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from darkroom.cli import render, submissions
from darkroom.cli.errors import CommandError
from darkroom.cli.files import label
from darkroom.cli.submissions import Job
from darkroom.cli.target import Target
from darkroom.cli.terminal import complain, print_json
from darkroom.client import PAGE, Darkroom
from darkroom.tasks.model import Status


def submit(
    target: Target,
    sources: Sequence[str],
    *,
    name: str | None,
    output: Mapping[str, Any],
    wait: bool,
    out: Path | None,
) -> None:
    """Submit images; with `wait` or `out` follow their tasks; exit 1 if not all went well.

    Raises:
        UnusableFile: a source cannot be submitted; then none is.
    """
    jobs = submissions.jobs(sources)
    wait = wait or out is not None
    if out:
        out.mkdir(parents=True, exist_ok=True)
    with target.find().darkroom() as client:
        submissions.submit(client, jobs, name, output)
        if wait:
            _follow(client, jobs, out)
    for job in jobs:
        if not wait:
            _show(job)
        if job.problem:
            complain(f"{label(job.source)}: {job.problem}")
    if any(job.problem or (wait and job.status != Status.COMPLETED) for job in jobs):
        raise typer.Exit(1)


def show_status(
    target: Target, *, task_id: str | None, batch_id: str | None, as_json: bool
) -> None:
    """Show one task or one batch."""
    with target.find().darkroom() as client:
        if batch_id:
            found: Mapping[str, Any] = client.batches.get(batch_id)
        else:
            found = client.task(task_id or "")
    if as_json:
        print_json(found)
    elif batch_id:
        render.screen().print(render.batch_line(found), soft_wrap=True)
    else:
        render.put(render.screen(), render.task_details(found))


def show_list(
    target: Target, status: Status | None, name: str | None, limit: int, *, as_json: bool
) -> None:
    """List the newest tasks."""
    with target.find().darkroom() as client:
        found = client.all_tasks(status, name, min(limit, PAGE))
        tasks = list(itertools.islice(found, limit))
    if as_json:
        print_json(tasks)
    elif tasks:
        render.put(render.screen(), render.task_table(tasks))
    else:
        render.screen(stderr=True).print("No task matches.")


def save_result(target: Target, task_id: str, out: Path) -> None:
    """Save the result of a task.

    Raises:
        CommandError: it is not COMPLETED.
    """
    with target.find().darkroom() as client:
        task = client.task(task_id)
        if task["status"] != Status.COMPLETED:
            reason = render.clean(render.failure(task))
            raise CommandError(f"The task is {task['status']}, it has no result. {reason}".strip())
        client.download(task, out)
    render.screen().print(render.line(task["status"], str(out), render.result(task)))


def _follow(client: Darkroom, jobs: Sequence[Job], out: Path | None) -> None:
    """Wait for the tasks behind a progress bar; then show how each of them ended."""
    screen = render.screen()
    submitted = [job for job in jobs if job.task]
    try:
        with render.progress_bar(screen) as bar:
            row = bar.add_task(submissions.summary(submitted), total=len(submitted))

            def changed(_: Job) -> None:
                ended = sum(job.ended for job in submitted)
                bar.update(row, description=submissions.summary(submitted), completed=ended)

            submissions.follow(client, submitted, changed, out)
    finally:
        # Also after Ctrl-C: the user needs the ids to find the tasks later.
        for job in submitted:
            _show(job)


def _show(job: Job) -> None:
    """Print the task of a job on one line: its status, and its failure or result."""
    task = job.task
    if not task:
        return
    outcome = str(job.saved or "") or render.failure(task) or render.result(task)
    parts = [task["taskId"], label(job.source), outcome and f"→ {outcome}"]
    render.screen().print(render.line(task["status"], *parts), soft_wrap=True)
