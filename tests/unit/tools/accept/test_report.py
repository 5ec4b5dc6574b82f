"""Each check is one line of the report, whatever it does."""

from typing import NoReturn

import pytest
from rich.console import Console

from darkroom.client import ApiError
from tools.accept.report import FAILED, NOT_CHECKED, OK, Broken, Line, NotChecked, Report


def raising(error: Exception) -> NoReturn:
    raise error


@pytest.mark.parametrize(
    ("error", "outcome", "detail"),
    [
        (Broken("403", 200), FAILED, "expected 403; seen: 200"),
        (NotChecked("there is no receiver"), NOT_CHECKED, "there is no receiver"),
        (KeyError("taskId"), FAILED, "expected no error; seen: KeyError: 'taskId'"),
        (
            ApiError(503, "ServiceUnavailable", "Try again."),
            FAILED,
            "expected no error; seen: 503 ServiceUnavailable: Try again.",
        ),
    ],
    ids=["broken", "not checked", "unexpected", "refused"],
)
def test_what_a_check_raises_decides_its_line_and_the_next_is_checked(error, outcome, detail):
    reported: list[Line] = []
    report = Report(reported.append)
    report.check("first", lambda: raising(error))
    report.check("second", lambda: "seen")

    assert [(line.promise, line.outcome, line.detail) for line in report.lines] == [
        ("first", outcome, detail),
        ("second", OK, "seen"),
    ]
    assert reported == report.lines
    assert bool(report.failed) is (outcome == FAILED)


def test_the_table_has_a_row_for_each_promise_and_shows_brackets_as_they_are():
    report = Report()
    report.check("links", lambda: "of [bold]a task[/]")
    screen = Console(width=80, color_system=None)
    with screen.capture() as shown:
        screen.print(report.table())

    assert "links" in shown.get()
    assert "of [bold]a task[/]" in shown.get()
