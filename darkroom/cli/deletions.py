"""Delete tasks by id, or a batch, after showing them and asking."""

from collections.abc import Sequence

import typer

from darkroom.cli import ids, render
from darkroom.cli.render import complain, confirm, count
from darkroom.cli.retries import Result, act_on, act_on_each
from darkroom.cli.stack import Stack
from darkroom.client import Darkroom, Task


def delete_tasks(
    stack: Stack, client: Darkroom, task_ids: Sequence[str], *, yes: bool, as_json: bool
) -> None:
    """Show tasks, ask, delete them, and exit 1 if a request failed. Raises as `act_on`."""
    found: dict[str, Result] = {}
    act_on_each(list(dict.fromkeys(task_ids)), lambda one: ids.task(stack, client, one), found)
    tasks = {task_id: task for task_id, task in found.items() if isinstance(task, dict)}
    unknown = {task_id: problem for task_id, problem in found.items() if task_id not in tasks}
    for task_id, problem in unknown.items():
        complain(f"{task_id}: {problem or 'Skipped, because the API had stopped answering.'}")
    if tasks:
        if not yes:
            render.show(render.task_table([*tasks.values()]))
        files = "with its result" if len(tasks) == 1 else "with their results"
        confirm(f"Delete {count(len(tasks), 'task')} {files}? This cannot be undone.", yes=yes)

    def delete(task_id: str) -> Task:
        client.delete(task_id)
        return tasks[task_id]

    act_on(stack, client, list(tasks), delete, as_json=as_json, done="DELETED")
    if unknown:
        raise typer.Exit(1)


def delete_batch(
    stack: Stack, client: Darkroom, batch_id: str, *, yes: bool, as_json: bool
) -> None:
    """Show a batch, ask, and begin to delete it."""
    with ids.explained(stack, client, batch_id, batch=True):
        batch = client.batches.get(batch_id)
    if not yes:
        render.show(render.batch_line(batch))
    tasks = "its tasks" if batch["total"] is None else count(batch["total"], "task")
    confirm(f"Delete the batch, {tasks} and all results? This cannot be undone.", yes=yes)
    deleting = client.batches.delete(batch_id)
    if as_json:
        render.print_json(deleting)
    else:
        render.show(render.batch_line(deleting))
