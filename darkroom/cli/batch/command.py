"""Run a batch from files to files; resume it from the checkpoint in the folder of results."""

import csv
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import typer
from rich.progress import Progress as Bar

from darkroom.cli import render
from darkroom.cli.batch import checkpoint as checkpoints
from darkroom.cli.batch import items as batch_items
from darkroom.cli.batch import manifest
from darkroom.cli.batch.checkpoint import Checkpoint
from darkroom.cli.batch.ignored import Ignored, summary
from darkroom.cli.batch.items import Item, Progress
from darkroom.cli.errors import CommandError, Interrupted
from darkroom.cli.files import make_folder, printable
from darkroom.cli.render import complain, note
from darkroom.cli.stack import Target
from darkroom.client import ApiError, Batch, Darkroom, Unreachable
from darkroom.tasks.model import Status

REPORT = "report.csv"
COLUMNS = ("source", "status", "error", "message", "file", "taskId")
"""The columns of the report, and the fields of an item with `--json`."""
FORMULA_STARTS = frozenset("=+-@＝＋－＠")  # noqa: RUF001 - fullwidth forms of input methods
IGNORED = "IGNORED"
"""The status in the report of a file that is not an image."""
RETRYABLE = {Status.FAILED, Status.CANCELLED}
"""A retry of the batch starts a new attempt of tasks with these statuses."""


def run(
    target: Target, images: Path, out: Path, options: Mapping[str, Any], *, as_json: bool = False
) -> None:
    """Convert a folder or a list of images; exit 1 if not every result was saved.

    With `as_json` each item is an object on stdout, and what is for people is on stderr.

    Raises:
        UsageError: there are no images, or `out` cannot be used.
        ApiError, Unreachable: the API refuses every request, or does not answer.
        Interrupted: Ctrl-C. The message says what was submitted and how to continue.
    """
    sources, ignored = manifest.read(images, out)
    stack = target.find()
    make_folder(out)
    say = note if as_json else render.say
    items = batch_items.items(sources)
    version = checkpoints.version([stack.api_url, options, *(s.version() for s in sources)])
    for line in summary(ignored):
        say(line)
    try:
        with (
            stack.darkroom() as client,
            render.progress_bar(render.screen(stderr=as_json)) as bar,
        ):
            _convert(client, items, out, bar, version=version, options=options)
    except KeyboardInterrupt:
        raise Interrupted(_interrupted(checkpoints.read(out, version), target)) from None
    except (ApiError, Unreachable):
        complain(_interrupted(checkpoints.read(out, version), target))
        raise
    rows = [*map(_row, items), *map(_ignored_row, ignored)]
    report = write_report(rows, out)
    checkpoint = checkpoints.read(out, version)
    if as_json:
        for row in rows:
            cells = map(printable, row)
            batch_id = checkpoint and checkpoint.batch_id
            render.print_json({**dict(zip(COLUMNS, cells, strict=True)), "batchId": batch_id})
    if (failed := [item for item in items if not item.file]) and not as_json:
        reasons = [item.problem or (item.status, "") for item in failed]
        render.show(render.reason_table(reasons))
    say(f"{len(items) - len(failed)} of {len(items)} saved in {out}. Report: {report}")
    if checkpoint and any(item.status in RETRYABLE for item in failed):
        retry = target.command(f"retry --batch {checkpoint.batch_id}")
        say(f"To retry what failed: {retry}, then run the same command again.")
    if failed:
        raise typer.Exit(1)


def _convert(
    client: Darkroom,
    items: Sequence[Item],
    out: Path,
    bar: Bar,
    *,
    version: str,
    options: Mapping[str, Any],
) -> None:
    """Upload, submit and follow items; continue from the checkpoint in `out`, if there is one.

    Raises:
        ApiError, Unreachable: the API refuses the uploads or does not report the status.
        CommandError: the API refuses the batch.
    """
    progress = Progress(bar, len(items))
    checkpoint = _usable_checkpoint(client, out, version)
    if checkpoint:
        batch_items.restore(items, checkpoint, progress)
    else:
        batch_items.upload(client, items, progress)
        checkpoint = batch_items.prepare(client, items, version)
        if checkpoint is None:
            return
        checkpoint.write(out)
    if checkpoint.batch_id is None:
        try:
            batch = _submit(client, checkpoint, out, options)
        except ApiError as error:
            raise CommandError(error.message) from error
        checkpoint.batch_id = batch["batchId"]
        checkpoint.write(out)
    bar.console.print(f"Batch {render.clean(checkpoint.batch_id)}", soft_wrap=True)
    last = batch_items.follow(client, checkpoint.batch_id, items, out, progress)
    if last["status"] != Status.COMPLETED:
        bar.console.print(render.batch_line(last), soft_wrap=True)


def _usable_checkpoint(client: Darkroom, out: Path, version: str) -> Checkpoint | None:
    """Return the checkpoint of this batch in `out`, unless the API no longer has the batch."""
    checkpoint = checkpoints.read(out, version)
    if checkpoint and checkpoint.batch_id:
        try:
            client.batches.get(checkpoint.batch_id)
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None
    return checkpoint


def _submit(
    client: Darkroom, checkpoint: Checkpoint, out: Path, options: Mapping[str, Any]
) -> Batch:
    """Submit a batch. If the API refuses an item, submit again so that only this item fails.

    Raises:
        ApiError, Unreachable: as `Batches.submit`.
    """
    try:
        return client.batches.submit(checkpoint.source, **options, idempotency_key=checkpoint.key)
    except ApiError as error:
        if not (error.field or "").startswith("sources."):
            raise
    # The idempotency key can be used again: a refused request does not consume it.
    checkpoint.source = client.batches.manifest(checkpoint.source["sources"])
    checkpoint.write(out)
    return client.batches.submit(checkpoint.source, **options, idempotency_key=checkpoint.key)


def _interrupted(checkpoint: Checkpoint | None, target: Target) -> str:
    """Return the state of a batch whose command was interrupted, and how to continue."""
    if checkpoint is None:
        return "Nothing was submitted."
    if checkpoint.batch_id is None:
        return "The batch may have been submitted. Run the same command again to continue it."
    return (
        f"Batch {checkpoint.batch_id} continues. Run the same command again to save the rest, or "
        "stop it: " + target.command(f"cancel --batch {checkpoint.batch_id}")
    )


def write_report(found: Sequence[list[str]], out: Path) -> Path:
    """Write `report.csv` to the folder of results; return its path."""
    path = out / REPORT
    if path.is_dir():  # the results of a source folder with this name
        path = out / f"{REPORT}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, quoting=csv.QUOTE_ALL)
        rows.writerow(COLUMNS)
        for row in found:
            rows.writerow(map(cell, row))
    return path


def _row(item: Item) -> list[str]:
    task_id = item.task["taskId"] if item.task else ""
    return [item.source.label, item.status, *(item.problem or ("", "")), item.file, task_id]


def _ignored_row(one: Ignored) -> list[str]:
    return [one.label, IGNORED, *one.problem, "", ""]


def cell(text: str) -> str:
    """Return a text in a form that a spreadsheet never evaluates as a formula.

    A text that starts like a formula, or with a `'`, gets a `'` in front. To restore the text,
    remove one `'` from the start.
    https://owasp.org/www-community/attacks/CSV_Injection
    """
    shown = printable(text)
    formula = shown.startswith(("'", "\t", "\r", "\n")) or shown.lstrip()[:1] in FORMULA_STARTS
    return f"'{shown}" if shown and formula else shown
