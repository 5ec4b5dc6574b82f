"""Tasks that complete, and tasks that fail: the result's pixels, the reason of the failure.

The alarm `failure-rate` fires when more than half of at least ten tasks fail within five minutes.
So the tasks run in waves of two that complete and one that fails, and a wave starts when the last
one has ended. In every period of five minutes, at most half of the tasks have failed.
"""

import itertools
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from darkroom.client import Task
from tools.accept import pictures
from tools.accept.report import Broken, NotChecked, Report
from tools.accept.sites import Sites
from tools.accept.subject import Subject, data_url

OUTPUTS = {"PNG": ("auto", "jpeg", "webp", "avif"), "JPEG": ("auto", "png", "webp")}
"""The output format; for the other sources `auto` and `png`."""
FORMATS = {**pictures.MEDIA_TYPES, **pictures.READ_ONLY}
NEED_A_FAULT = ("ResultCorrupted", "ServiceUnavailable", "DeadLettered", "ExecutionLost")
"""Failures that no caller can cause."""

Outcome = Task | Exception


@dataclass(frozen=True)
class Conversion:
    """A picture of one format, converted to another."""

    source: str
    """The format, as in `FORMATS`."""
    output: str
    """`auto`, `jpeg`, `png`, `webp` or `avif`."""

    @property
    def result(self) -> str:
        """The format of the result."""
        if self.output != "auto":
            return self.output.upper()
        return "JPEG" if self.source in pictures.READ_ONLY else self.source

    def submit(self, subject: Subject) -> Task:
        """Submit it: for `auto` inside the request, otherwise as an upload."""
        data = pictures.picture(self.source)
        if self.output == "auto":
            source = data_url(data, FORMATS[self.source])
        else:
            source = subject.upload(data, f".{self.source.lower()}")
        return subject.task(source, output={"format": self.output})


@dataclass
class Tried:
    """The outcome of every task of the waves."""

    conversions: dict[Conversion, Outcome] = field(default_factory=dict)
    failures: dict[str, Outcome] = field(default_factory=dict)
    """By error."""


def conversions(*, heic: bool = False) -> list[Conversion]:
    """Return every conversion that is tried, on a stack that accepts HEIC or not."""
    return [
        Conversion(source, output)
        for source in FORMATS
        if heic or source != "HEIC"
        for output in OUTPUTS.get(source, ("auto", "png"))
    ]


def failures(subject: Subject, sites: Sites) -> dict[str, tuple[str, Callable[[], Task]]]:
    """Return for each error the step that must raise it, and a function that submits the task."""

    def fetch(name: str) -> Callable[[], Task]:
        return lambda: subject.task({"imageUrl": sites.address(name)})

    def convert(data: Callable[[], bytes]) -> Callable[[], Task]:
        return lambda: subject.task(subject.upload(data()))

    max_pixels = int(subject.parameters["MaxPixels"])
    return {
        "SourceUnavailable": ("Download", fetch("unavailable")),
        "SourceBlocked": ("Download", fetch("blocked")),
        "SourceNotFound": (
            "Download",
            lambda: subject.task({"uploadId": subject.form("image/png")["uploadId"]}),
        ),
        "SourceForbidden": ("Download", fetch("forbidden")),
        "SourceTooLarge": ("Download", fetch("too_large")),
        "InvalidImage": ("Grayscale", convert(pictures.broken_picture)),
        "UnsupportedFormat": ("Grayscale", convert(lambda: pictures.TEXT)),
        "ImageTooLarge": ("Grayscale", convert(lambda: pictures.large_picture(max_pixels))),
    }


def check_first(subject: Subject) -> str:
    """Run one task, whose trace is sampled on purpose, and keep both in `subject`.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html ("Tracing header")
    """
    trace_id = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    source = data_url(pictures.picture("PNG"), "image/png")
    header = {"X-Amzn-Trace-Id": f"Root={trace_id};Sampled=1"}
    (task,) = subject.ended([subject.submit(source, headers=header).json()])
    _require_completed(task)
    subject.first, subject.trace_id = task, trace_id
    return "COMPLETED"


def run_waves(subject: Subject, sites: Sites) -> Tried:
    """Submit all tasks in waves; return how each ended. Raises nothing."""
    tried = Tried()
    left = failures(subject, sites)
    # Its retries take up to 14 seconds, in which the other tasks run.
    _, unavailable = left.pop("SourceUnavailable")
    first = _attempt(unavailable)
    good = iter(conversions(heic=subject.parameters.get("Heic") == "true"))
    for error, (_, submit) in [*left.items(), ("", (None, None))]:
        pair = list(itertools.islice(good, 2 if submit else None))
        outcomes = [_attempt(partial(one.submit, subject)) for one in pair]
        bad = [_attempt(submit)] if submit else []
        ended = _settled(subject, [*outcomes, *bad])
        tried.conversions.update(zip(pair, ended, strict=False))
        if submit:
            tried.failures[error] = ended[-1]
    (tried.failures["SourceUnavailable"],) = _settled(subject, [first])
    return tried


def report(report: Report, subject: Subject, sites: Sites, tried: Tried) -> None:
    """Add a line for each format and for each error."""
    for source in dict.fromkeys(one.source for one in tried.conversions):
        mine = {one: tried.conversions[one] for one in tried.conversions if one.source == source}
        report.check(f"converts {source}", partial(_check_results, subject, mine))
    for error, (step, _) in failures(subject, sites).items():
        check = partial(_check_failure, tried.failures[error], step, error)
        report.check(f"fails with {error}", check)
    report.check("fails with other errors", _other_failures)


def _other_failures() -> str:
    raise NotChecked(f"{', '.join(NEED_A_FAULT)} and errors of AWS need a fault: see `make chaos`")


def _attempt(submit: Callable[[], Task]) -> Outcome:
    try:
        return submit()
    except Exception as error:  # noqa: BLE001 - it becomes the line of this task
        return error


def _settled(subject: Subject, outcomes: list[Outcome]) -> list[Outcome]:
    """Wait for the tasks among some outcomes; return all, in the same order."""
    tasks = [task for task in outcomes if not isinstance(task, Exception)]
    if not tasks:
        return outcomes
    ended: Iterator[Outcome]
    try:
        ended = iter(subject.ended(tasks))
    except Exception as error:  # noqa: BLE001 - it becomes the line of these tasks
        ended = itertools.repeat(error)
    return [one if isinstance(one, Exception) else next(ended) for one in outcomes]


def _check_results(subject: Subject, tried: dict[Conversion, Outcome]) -> str:
    for one, task in tried.items():
        if isinstance(task, Exception):
            raise task
        _require_completed(task, f"{one.output}: ")
        # Pillow does not read HEIC.
        source = pictures.picture("PNG" if one.source == "HEIC" else one.source)
        wrong = pictures.difference(source, download(subject, task), one.result)
        if wrong:
            raise Broken(f"the gray picture as {one.result}", wrong)
    return f"to {', '.join(one.output for one in tried)}: the pixels are right"


def download(subject: Subject, task: Task) -> bytes:
    """Return the result of a task, whose checksum the client compares.

    Raises:
        ApiError, BrokenDownload, Unreachable: as `Darkroom.download`.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "result")
        subject.client.download(task, file)
        return file.read_bytes()


def _require_completed(task: Task, what: str = "") -> None:
    if task["status"] != "COMPLETED":
        raise Broken(f"{what}COMPLETED", f"{task['status']}, {reason_of(task)}")


def reason_of(task: Task) -> str:
    """Return why a task failed, in one line."""
    failure = task["failure"]
    if failure is None:
        return "without a failure"
    return f"{failure['step']}: {failure['error']}: {failure['message']}"


def _check_failure(task: Outcome, step: str, error: str) -> str:
    if isinstance(task, Exception):
        raise task
    failure = task["failure"] or {"step": "", "error": "", "message": ""}
    if (failure["step"], failure["error"]) != (step, error) or not failure["message"]:
        raise Broken(f"FAILED, {step}: {error}", f"{task['status']}, {reason_of(task)}")
    return f"{step}: {failure['message']}"
