"""Delete tasks by id, or a batch, after showing them and asking."""

from collections.abc import Sequence

import typer

from darkroom.cli import render
from darkroom.cli.render import complain, confirm, count
from darkroom.cli.retries import act_on_each
from darkroom.client import Darkroom, Task


def delete_tasks(client: Darkroom, task_ids: Sequence[str], *, yes: bool) -> None:
    """Show tasks, ask, delete them, and exit 1 if a request failed."""
    found = act_on_each(list(dict.fromkeys(task_ids)), client.task)
    tasks = {task_id: task for task_id, task in found.items() if isinstance(task, dict)}
    problems = [f"{task_id}: {each}" for task_id, each in found.items() if task_id not in tasks]
    if tasks:
        render.show(render.task_table(tasks.values()))
        files = "with its result" if len(tasks) == 1 else "with their results"
        confirm(f"Delete {count(len(tasks), 'task')} {files}? This cannot be undone.", yes=yes)

    def delete(task_id: str) -> Task:
        client.delete(task_id)
        return tasks[task_id]

    for task_id, result in act_on_each(list(tasks), delete).items():
        if isinstance(result, dict):
            render.show(render.line("DELETED", task_id))
        else:
            reason = result or "Skipped, because the API had stopped answering."
            problems.append(f"{task_id}: {reason}")
    for problem in problems:
        complain(problem)
    if problems:
        raise typer.Exit(1)


def delete_batch(client: Darkroom, batch_id: str, *, yes: bool) -> None:
    """Show a batch, ask, and begin to delete it."""
    batch = client.batches.get(batch_id)
    render.show(render.batch_line(batch))
    tasks = "its tasks" if batch["total"] is None else count(batch["total"], "task")
    confirm(f"Delete the batch, {tasks} and all results? This cannot be undone.", yes=yes)
    render.show(render.batch_line(client.batches.delete(batch_id)))
