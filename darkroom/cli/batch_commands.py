"""The command `batch`: a folder of pictures, or a manifest, becomes a folder of gray ones."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from darkroom.cli import render
from darkroom.cli.batch import checkpoint as journal
from darkroom.cli.batch import manifest
from darkroom.cli.batch import run as work
from darkroom.cli.batch.run import Picture, Tally
from darkroom.cli.common import OutputFormat, Quality, Refused, complain, output_of, say, stack_of
from darkroom.client import ApiError, Batch, Darkroom, Unreachable
from darkroom.tasks.model import Status

TRIED_AGAIN = {Status.FAILED, Status.CANCELLED}
"""Of these a retry of the batch makes new attempts."""


def batch(
    context: typer.Context,
    place: Annotated[
        Path, typer.Argument(metavar="DIR|MANIFEST", help="Pictures; or .jsonl, .csv, .txt.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Save results and a report there.")],
    *,
    name: Annotated[str | None, typer.Option(help="Your own name for the batch.")] = None,
    output: OutputFormat = None,
    quality: Quality = None,
) -> None:
    """Develop a folder, or a list, of pictures. Exits 1 if not every result was saved.

    A result has the name of its source; report.csv beside them says what became of each. The same
    command again goes on with the same batch, as long as neither sources nor options changed.
    """
    stack = stack_of(context)
    sources, left_out = manifest.read(place, out)
    out.mkdir(parents=True, exist_ok=True)
    pictures = work.pictures(sources)
    options: dict[str, Any] = {"name": name, "output": output_of(output, quality)}
    version = journal.version([stack.api_url, options, *(s.version() for s in sources)])
    if left_out:
        say(f"Files left out that are no pictures: {left_out}.")
    screen = render.screen()
    try:
        with stack.darkroom() as client, render.waiting(screen) as bar:
            row = bar.add_task("", total=len(pictures))

            def changed(tally: Tally) -> None:
                bar.update(row, description=progress(tally), completed=tally.saved + tally.failed)

            tally = Tally(changed)
            develop(client, pictures, out, tally, version=version, options=options, screen=screen)
    except (KeyboardInterrupt, ApiError, Unreachable):
        complain(interrupted(journal.read(out, version), context.obj))
        raise
    written = work.write_report(pictures, out)
    if failed := [picture for picture in pictures if not picture.file]:
        show_reasons(failed)
    say(f"{len(pictures) - len(failed)} of {len(pictures)} saved in {out}. Report: {written}")
    noted = journal.read(out, version)
    if noted and any(picture.status in TRIED_AGAIN for picture in failed):
        again = command(context.obj, f"retry --batch {noted.batch_id}")
        say(f"To try again what failed: {again}, then the same command as now.")
    if failed:
        raise typer.Exit(1)


def develop(
    client: Darkroom,
    pictures: Sequence[Picture],
    out: Path,
    tally: Tally,
    *,
    version: str,
    options: Mapping[str, Any],
    screen: Console,
) -> None:
    """Upload, submit and follow pictures; go on where the journal in `out` says they were left.

    Raises:
        ApiError, Unreachable: the API does not take them, or does not tell how they are.
        Refused: the API does not take the batch.
    """
    noted = remembered(client, out, version)
    if noted:
        work.recall(pictures, noted, tally)
    else:
        work.upload(client, pictures, tally)
        noted = work.prepare(client, pictures, version)
        if noted is None:
            return
        noted.write(out)
    if noted.batch_id is None:
        try:
            batch = submit(client, noted, out, options)
        except ApiError as error:
            raise Refused(error.message) from error
        noted.batch_id = batch["batchId"]
        noted.write(out)
    screen.print(f"Batch {render.clean(noted.batch_id)}", soft_wrap=True)
    last = work.follow(client, noted.batch_id, pictures, out, tally)
    if last["status"] != Status.COMPLETED:
        show(last)


def remembered(client: Darkroom, out: Path, version: str) -> journal.Journal | None:
    """Return what `out` remembers of this very batch, if the API still knows that."""
    noted = journal.read(out, version)
    if noted and noted.batch_id:
        try:
            client.batches.get(noted.batch_id)
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None
    return noted


def submit(
    client: Darkroom, noted: journal.Journal, out: Path, options: Mapping[str, Any]
) -> Batch:
    """Submit a batch; if one of its pictures is refused, so that only that one fails.

    Raises:
        ApiError, Unreachable: as `Batches.submit`.
    """
    try:
        return client.batches.submit(noted.source, **options, idempotency_key=noted.key)
    except ApiError as error:
        if not (error.field or "").startswith("sources."):
            raise
    # What was refused has used up no key.
    noted.source = client.batches.manifest(noted.source["sources"])
    noted.write(out)
    return client.batches.submit(noted.source, **options, idempotency_key=noted.key)


def interrupted(noted: journal.Journal | None, chosen: tuple[str | None, str | None]) -> str:
    """Return what became of a batch that was broken off, and how to go on."""
    if noted is None:
        return "Nothing was submitted."
    if noted.batch_id is None:
        return "It may have been submitted. The same command again finds out, and goes on."
    return (
        f"Batch {noted.batch_id} goes on. The same command again saves the rest; this stops it: "
        + command(chosen, f"cancel --batch {noted.batch_id}")
    )


def command(chosen: tuple[str | None, str | None], what: str) -> str:
    """Return a command for the stack that was chosen."""
    options = zip(("--stack", "--region"), chosen, strict=True)
    given = "".join(f"{option} {shlex.quote(value)} " for option, value in options if value)
    return f"darkroom {given}{what}"


def progress(tally: Tally) -> str:
    """Return how far a batch is."""
    parts = f"{tally.uploaded} uploaded  {tally.developed} developed  {tally.saved} saved"
    return f"{parts}  {tally.failed} failed" if tally.failed else parts


def show_reasons(failed: Sequence[Picture]) -> None:
    """Show how many pictures failed with which error, and what it said of one of them."""
    reasons = [{"failure": {"error": p.error or p.status, "message": p.message}} for p in failed]
    render.put(render.screen(), render.reason_table(reasons, lambda r: r["failure"]["error"]))


def show(batch: Mapping[str, Any]) -> None:
    """Print a batch on one line: its status, its id, how its tasks are, and why it failed."""
    counts = Counter(batch["counts"])
    parts = "  ".join(f"{counts[status]} {status}" for status in Status if counts[status])
    why = batch["failure"]
    told = f"{why['error']}: {why['message']}" if why else ""
    screen = render.screen()
    screen.print(render.line(batch["status"], batch["batchId"], parts, told), soft_wrap=True)
