"""The tasks of the waves: never more failures than successes, and each error once."""

import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from darkroom import errors
from tools.accept import tasks
from tools.accept.report import FAILED, NOT_CHECKED, NotChecked, Report

SITES: Any = SimpleNamespace(address=lambda name: f"https://example.com/{name}")
Task = dict[str, Any]


@pytest.fixture
def provoked(make_subject) -> dict[str, str]:
    """The errors that are provoked, each with the step that must raise it."""
    return {error: step for error, (step, _) in tasks.failures(make_subject(), SITES).items()}


@pytest.fixture
def waves(make_subject, monkeypatch, provoked):
    """A stack on which every task ends as expected, and the groups of tasks that were polled
    together."""
    waited: list[list[Task]] = []
    numbers = itertools.count()

    def submitted(status: str, failure: Task | None = None) -> Task:
        return {"taskId": str(next(numbers)), "status": status, "failure": failure}

    def failing(error: str, step: str):
        failure = {"step": step, "error": error, "message": "Why."}
        return step, lambda: submitted("FAILED", failure)

    def wait(found: list[Task]) -> list[Task]:
        waited.append(found)
        return found

    subject = make_subject()
    failures = {error: failing(error, step) for error, step in provoked.items()}
    monkeypatch.setattr(tasks, "failures", lambda *_: failures)
    monkeypatch.setattr(tasks.Conversion, "submit", lambda *_: submitted("COMPLETED"))
    monkeypatch.setattr(subject, "ended", wait)
    return subject, waited


def test_whatever_minutes_an_alarm_looks_at_at_most_half_of_their_tasks_failed(waves):
    """Within a wave the order is the worst one: the failure is the first or the last end."""
    subject, waited = waves
    tried = tasks.run_waves(subject, SITES)

    assert set(tried.conversions) == set(tasks.conversions())
    *rounds, last = waited
    assert [task["status"] for task in last] == ["FAILED"]  # it is retried in the meantime
    for firsts in itertools.product((False, True), repeat=len(rounds)):
        failed: list[bool] = []
        for wave, first in zip(rounds, firsts, strict=True):
            failed += sorted((task["status"] == "FAILED" for task in wave), reverse=first)
        for start, end in itertools.combinations(range(len(failed) + 1), 2):
            # The remaining failure may end at any time, so it counts in every period. The alarm
            # looks at ten tasks or more.
            if end - start + 1 >= 10:
                assert (sum(failed[start:end]) + 1) / (end - start + 1) <= 0.5


@pytest.mark.parametrize(("parameter", "tried"), [("true", True), ("false", False)])
def test_heic_is_tried_where_the_stack_accepts_it(waves, parameter: str, tried: bool):
    subject, _ = waves
    subject.parameters = {**subject.parameters, "Heic": parameter}
    report = Report()
    tasks.report(report, subject, SITES, tasks.run_waves(subject, SITES))
    assert ("converts HEIC" in {line.promise for line in report.lines}) is tried


def test_a_format_that_is_only_read_becomes_jpeg():
    results = {(one.source, one.output): one.result for one in tasks.conversions(heic=True)}
    assert results["JPEG2000", "auto"] == results["HEIC", "auto"] == "JPEG"
    assert results["JPEG2000", "png"] == "PNG"
    assert results["AVIF", "auto"] == "AVIF"


def test_every_error_is_provoked_or_said_to_need_a_fault(provoked):
    leaves = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception) and not kind.__subclasses__()
    }
    # In the batch, in its repair, and never the failure of a task.
    elsewhere = {"NoSource", "ExecutionAborted", "StaleAttempt"}
    assert provoked.keys() | elsewhere | set(tasks.NEED_A_FAULT) == leaves


def test_each_error_has_a_line_with_the_reason_and_a_wrong_one_is_named(waves):
    subject, _ = waves
    tried = tasks.run_waves(subject, SITES)
    tried.failures["SourceBlocked"] = {"status": "COMPLETED", "failure": None}
    tried.failures["SourceTooLarge"] = NotChecked("no server")
    report = Report()
    tasks.report(report, subject, SITES, tried)

    lines = {line.promise: line for line in report.lines}
    assert lines["fails with SourceForbidden"].detail == "Download: Why."
    assert lines["fails with SourceBlocked"].outcome == FAILED
    assert "seen: COMPLETED" in lines["fails with SourceBlocked"].detail
    assert lines["fails with SourceTooLarge"].outcome == NOT_CHECKED
    assert lines["fails with other errors"].outcome == NOT_CHECKED


def test_a_task_that_cannot_be_submitted_breaks_only_its_own_line(waves, monkeypatch):
    subject, _ = waves

    def refuse(one: tasks.Conversion, _: Any) -> Task:
        if one.source == "AVIF":
            raise ConnectionError("reset")
        return {"status": "COMPLETED", "failure": None}

    monkeypatch.setattr(tasks.Conversion, "submit", refuse)
    monkeypatch.setattr(tasks, "download", lambda *_: b"")
    monkeypatch.setattr(tasks.pictures, "difference", lambda *_: None)
    report = Report()
    tasks.report(report, subject, SITES, tasks.run_waves(subject, SITES))

    assert [line.promise for line in report.failed] == ["converts AVIF"]
    assert "reset" in report.failed[0].detail
