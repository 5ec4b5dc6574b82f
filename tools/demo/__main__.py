"""`make demo`: one picture developed and one that is not there, on the local cloud, end to end.

Exits 0 only if both ended as they should: see `judge`.
"""

import contextlib
import http.server
import shlex
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
from darkroom.cli.operator import history, tables
from darkroom.cli.stack import Stack, from_description
from darkroom.client import ApiError, Darkroom, Unreachable
from tools.demo import picture
from tools.localcloud import cloud, commands

FOLDER = cloud.PROJECT / ".local" / "demo"
CARD, MISSING = "card.png", "missing.png"
DEADLINE = 90.0
"""Seconds for all of it."""
TOLERANCE = 1.0
"""Levels of gray that the result may differ from the luma of the source, on average."""


def main() -> int:
    """Run the demo; return the exit code."""
    began = time.monotonic()
    screen = render.screen()
    FOLDER.mkdir(parents=True, exist_ok=True)
    card = FOLDER / CARD
    try:
        with screen.status("Starting the local cloud and deploying to it"):
            stack = from_description(commands.up())
        tell(screen, f"The local cloud is up ({time.monotonic() - began:.1f} s).", "bold")
        picture.render(card)
        with served(card) as site, stack.darkroom() as client:
            pictures = submissions.jobs([f"{site}/{CARD}", f"{site}/{MISSING}"])
            submissions.submit(client, pictures, "demo", {})
            follow(screen, client, pictures, DEADLINE - (time.monotonic() - began))
    except (cloud.LocalCloudError, ApiError, Unreachable, history.NoHistory) as error:
        tell(render.screen(stderr=True), str(error), "red")
        return 1
    developed, missing = pictures
    wrong = judge(developed, missing, card)
    report(screen, stack, developed, missing)
    for sentence in wrong:
        tell(render.screen(stderr=True), sentence, "bold red")
    return 1 if wrong else 0


def judge(developed: submissions.Job, missing: submissions.Job, card: Path) -> list[str]:
    """Return what did not end as it should; nothing if all did."""
    wrong = [f"{job.source}: {job.problem}" for job in (developed, missing) if job.problem]
    if developed.status != "COMPLETED":
        wrong.append(f"{developed.source} is {developed.status} and should be COMPLETED.")
    elif developed.saved:
        wrong += judge_gray(developed.saved, card)
    failure = missing.task and missing.task["failure"]
    ending = (missing.status, failure and failure["step"], failure and failure["error"])
    if ending != ("FAILED", "Download", "SourceNotFound"):
        wrong.append(f"{missing.source} ended {ending} and should fail with SourceNotFound.")
    return wrong


def judge_gray(gray_file: Path, card: Path) -> list[str]:
    """Return what is wrong with a gray version of a picture."""
    with Image.open(gray_file) as gray, Image.open(card) as colour:
        if (gray.mode, gray.size) != ("L", colour.size):
            return [f"{gray_file} is {gray.mode} of {gray.size} and should be L of {colour.size}."]
        (off,) = ImageStat.Stat(ImageChops.difference(gray, colour.convert("L"))).mean
    return [f"{gray_file} is {off:.1f} levels off on average."] if off > TOLERANCE else []


@contextlib.contextmanager
def served(card: Path) -> Iterator[str]:
    """Serve the picture on a free port of 127.0.0.1, and nothing else; give the site's address."""
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
            """Say nothing: the demo tells what happens."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def follow(
    screen: Console, client: Darkroom, pictures: list[submissions.Job], patience: float
) -> None:
    """Show the status of each task as it passes: on a terminal in its place, else a line each."""
    passed = {job.source: [job.status or "refused"] for job in pictures}

    def trails() -> Group:
        return Group(*(trail(source, statuses) for source, statuses in passed.items()))

    if not screen.is_terminal:
        for job in pictures:
            tell(screen, f"{job.status or 'refused':9}  {job.source}")
    # Without a terminal, Live would show its last state at the end, which was said by then.
    with Live(trails(), console=screen, transient=not screen.is_terminal) as live:

        def changed(job: submissions.Job) -> None:
            if job.status and job.status != passed[job.source][-1]:
                passed[job.source].append(job.status)
                if screen.is_terminal:
                    live.update(trails())
                else:
                    tell(screen, f"{job.status:9}  {job.source}")

        submissions.follow(client, pictures, changed, FOLDER, patience)


def trail(source: str, statuses: list[str]) -> Text:
    """Return a source and the statuses that its task has been in."""
    steps = Text(" → ").join(render.status(status) for status in statuses)
    return Text.assemble(f"  {source}  ", steps)


def report(
    screen: Console, stack: Stack, developed: submissions.Job, missing: submissions.Job
) -> None:
    """Show what came of both, state by state, and where to go from here."""
    for job in (developed, missing):
        task = job.task
        if not task:
            continue
        tell(screen, "")
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
                render.put(screen, tables.visit_table(visits))
    program = Path(sys.executable).with_name("darkroom")
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    tell(screen, "")
    tell(screen, f"Compare:      {(FOLDER / CARD).relative_to(cloud.PROJECT)} and its gray")
    tell(screen, f"The page:     {stack.api_url}/ (key in .local/stack.json)")
    tell(screen, f"Submit yours: {shlex.quote(str(program))} submit YOUR_PICTURE --out .")
    tell(screen, "Stop it all:  make down")


def tell(screen: Console, sentence: str, style: str = "") -> None:
    """Print one line."""
    screen.print(render.clean(sentence), style=style, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
