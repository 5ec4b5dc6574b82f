"""`make demo`: submit an existing and a missing picture to the local cloud, end to end.

It exits 0 only if one is COMPLETED with the right result and the other FAILED: see `judge`.

The picture, docs/card.png, is a test card whose gray version can be judged by eye:

* each patch is half colour, half the gray that it must become. The two halves must look the same,
  and the number below is the level of that gray;
* the strip of constant luma, a rainbow in colour, must become one flat gray;
* lines of one pixel must stay sharp, the star free of fringes, and the sky without visible steps.
"""

import contextlib
import http.server
import re
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageChops, ImageStat
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from darkroom.cli import render, submissions
from darkroom.cli.operator import history
from darkroom.cli.stack import Stack, from_description
from darkroom.client import ApiError, Darkroom, Task, Unreachable
from tools.localcloud import cloud, commands

FOLDER = cloud.PROJECT / ".local" / "demo"
CARD, MISSING = "card.png", "missing.png"
DEADLINE = 90.0
"""Seconds for the whole demo."""
TOLERANCE = 1.0
"""Average difference, in levels of gray, allowed between the result and the source's luma."""


def main() -> int:
    """Run the demo; return the exit code."""
    began = time.monotonic()
    screen = render.screen()
    FOLDER.mkdir(parents=True, exist_ok=True)
    card = FOLDER / CARD
    try:
        with screen.status("Starting the local cloud and deploying to it"):
            stack = from_description(commands.up())
        show(screen, f"The local cloud is up ({time.monotonic() - began:.1f} s).", "bold")
        shutil.copyfile(cloud.PROJECT / "docs" / CARD, card)
        with served(card) as site, stack.darkroom() as client:
            jobs = submissions.jobs([f"{site}/{CARD}", f"{site}/{MISSING}"])
            submissions.submit(client, jobs, "demo", {})
            follow(screen, client, jobs, DEADLINE - (time.monotonic() - began))
    except (cloud.LocalCloudError, ApiError, Unreachable, history.NoHistory) as error:
        show(render.screen(stderr=True), str(error), "red")
        return 1
    developed, missing = jobs
    problems = judge(developed, missing, card)
    report(screen, stack, developed, missing)
    for problem in problems:
        show(render.screen(stderr=True), problem, "bold red")
    return 1 if problems else 0


def judge(developed: submissions.Job, missing: submissions.Job, card: Path) -> list[str]:
    """Return the differences from the expected outcome of both tasks; an empty list if none."""
    problems = [f"{job.source}: {job.problem}" for job in (developed, missing) if job.problem]
    if developed.status != "COMPLETED":
        problems.append(f"{developed.source} is {developed.status} and should be COMPLETED.")
    elif developed.saved:
        problems += judge_gray(developed.saved, card)
    failure = missing.task and missing.task["failure"]
    outcome = (missing.status, failure and failure["step"], failure and failure["error"])
    if outcome != ("FAILED", "Download", "SourceNotFound"):
        problems.append(f"{missing.source} ended {outcome} and should fail with SourceNotFound.")
    return problems


def judge_gray(gray_file: Path, card: Path) -> list[str]:
    """Return the differences of a gray file from the gray version of the card."""
    with Image.open(gray_file) as gray, Image.open(card) as colour:
        if (gray.mode, gray.size) != ("L", colour.size):
            return [f"{gray_file} is {gray.mode} of {gray.size} and should be L of {colour.size}."]
        (error,) = ImageStat.Stat(ImageChops.difference(gray, colour.convert("L"))).mean
    return [f"{gray_file} is {error:.1f} levels off on average."] if error > TOLERANCE else []


@contextlib.contextmanager
def served(card: Path) -> Iterator[str]:
    """Serve only the card, on a free port of 127.0.0.1; yield the site's URL."""
    data = card.read_bytes()

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != f"/{CARD}":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Log nothing: the demo itself reports what happens."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def follow(screen: Console, client: Darkroom, jobs: list[submissions.Job], seconds: float) -> None:
    """Show each change of a task's status: on a terminal in place, otherwise as a new line."""
    seen = {job.source: [job.status or "refused"] for job in jobs}

    def trails() -> Group:
        return Group(*(trail(source, statuses) for source, statuses in seen.items()))

    if not screen.is_terminal:
        for job in jobs:
            show(screen, f"{job.status or 'refused':9}  {job.source}")
    # Without a terminal, Live would print its final state again: `transient` prevents that.
    with Live(trails(), console=screen, transient=not screen.is_terminal) as live:

        def changed(job: submissions.Job) -> None:
            if job.status and job.status != seen[job.source][-1]:
                seen[job.source].append(job.status)
                if screen.is_terminal:
                    live.update(trails())
                else:
                    show(screen, f"{job.status:9}  {job.source}")

        submissions.follow(client, jobs, changed, FOLDER, seconds)


def trail(source: str, statuses: list[str]) -> Text:
    """Return a source and all statuses of its task so far."""
    steps = Text(" → ").join(render.status(status) for status in statuses)
    return Text.assemble(f"  {source}  ", steps)


def report(
    screen: Console, stack: Stack, developed: submissions.Job, missing: submissions.Job
) -> None:
    """Show the outcome of both tasks, state by state, and the next steps for the reader."""
    for job in (developed, missing):
        task = job.task
        if not task:
            continue
        show(screen, "")
        saved = str(job.saved.relative_to(cloud.PROJECT)) if job.saved else ""
        screen.print(
            render.line(task["status"], saved or render.failure(task), render.result(task)),
            soft_wrap=True,
        )
        execution = task.get("execution")
        if execution:
            with contextlib.suppress(history.NoHistory):
                since = render.moment(task["createdAt"])
                visits = history.read(stack, execution["arn"], since)
                render.show(history.visit_table(visits))
    program = Path(sys.executable).with_name("darkroom")
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    if missing.task:
        show(screen, "")
        for line in explained(missing.task, stack.page_url(missing.task["taskId"])):
            show(screen, line)
    show(screen, "")
    show(screen, f"Compare:      {(FOLDER / CARD).relative_to(cloud.PROJECT)} and its gray version")
    show(screen, f"Web page:     {stack.page_url()} (the API key is in .local/stack.json)")
    show(screen, f"Submit yours: {shlex.quote(str(program))} submit YOUR_PICTURE --out .")
    show(screen, "Stop it all:  make down")


def explained(task: Task, page: str) -> list[str]:
    """Return why a task FAILED and what to do, in the words of its page, and the page's address."""
    failure = task["failure"]
    if failure is None:
        return []
    rows = (cloud.PROJECT / "docs" / "errors.md").read_text()
    row = re.search(rf"^\| `{re.escape(failure['error'])}` .*\| (.+) \|$", rows, re.MULTILINE)
    return [
        f"{failure['step']} failed: {failure['error']}",
        f"  {failure['message']}",
        *([f"  {row[1].replace('`', '')}"] if row else []),
        f"  See it in the browser: {page}",
    ]


def show(screen: Console, sentence: str, style: str = "") -> None:
    """Print one line."""
    screen.print(render.clean(sentence), style=style, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
