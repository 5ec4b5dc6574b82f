"""Tables at each width of a terminal: an id and an error are never cut."""

import io
from typing import Any

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from darkroom.cli import render
from darkroom.cli.terminal.tables import CUT, NUMBER, WORD, Details, Sheet

TASK_ID = "a322f32f-ea8d-41a9-822b-0d38dbb9797c"
ERROR = "Download: SourceNotFound: https://example.com/missing.png answered 404"


def task(**more: Any) -> dict[str, Any]:
    return {
        "taskId": TASK_ID,
        "status": "COMPLETED",
        "createdAt": "2026-11-25T01:02:03.456Z",
        "completedAt": "2026-11-25T01:02:05.456Z",
        "name": None,
        "source": {"imageUrl": "https://example.com/holiday/2026/cat.png?size=2"},
        "failure": None,
        **more,
    }


FAILURE = {
    "step": "Download",
    "error": "SourceNotFound",
    "message": "https://example.com/missing.png answered 404",
}


def lines(what: RenderableType, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as captured:
        console.print(what)
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", [80, 100, 200, 10_000])
def test_a_failed_task_shows_its_id_its_error_and_its_name(width: int) -> None:
    shown = "\n".join(lines(render.task_table([task(status="FAILED", failure=FAILURE)]), width))

    assert TASK_ID in shown
    assert ERROR in shown
    assert "cat.png" in shown


def test_a_list_of_80_columns_has_a_line_for_each_task_that_has_not_failed() -> None:
    table = render.task_table([task(name="cat.png"), task(status="FAILED", failure=FAILURE)])

    header, first, second, error = lines(table, 80)

    assert header.split() == ["task", "status", "age", "name"]
    assert first.endswith("cat.png")
    assert second.endswith("example.com/…/cat.png")
    assert error == f"  {ERROR}"


def test_a_list_without_a_terminal_has_a_line_for_each_task_and_names_its_time_zone() -> None:
    header, row = lines(render.task_table([task(status="FAILED", failure=FAILURE)]), 10_000)

    assert "created (UTC)" in header
    assert "11-25 01:02:03" in row
    assert row.endswith(ERROR)


def test_a_terminal_of_20_columns_loses_nothing() -> None:
    table = render.task_table([task(status="FAILED", failure=FAILURE), task(name="x" * 50)])

    shown = lines(table, 20)

    assert all(len(line) <= 20 for line in shown)
    whole = "".join(shown).replace(" ", "")
    assert whole.count(TASK_ID) == 2
    assert ERROR.replace(" ", "") in whole
    assert "x" * 50 in whole


def test_a_text_is_cut_before_a_word_or_a_number() -> None:
    sheet = Sheet({"id": WORD, "n": NUMBER, "text": CUT}, [["a" * 20, "1", Text("b" * 40)]])

    (_, row) = lines(sheet, 40)

    assert row == "a" * 20 + "  1  " + "b" * 14 + "…"


def test_details_that_are_empty_are_left_out() -> None:
    assert [line.split() for line in lines(Details({"name": "", "status": "FAILED"}), 80)] == [
        ["status", "FAILED"]
    ]


def test_details_on_a_narrow_terminal_use_its_whole_width() -> None:
    assert lines(Details({"task": TASK_ID}), 43)[0] == f"task {TASK_ID}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/a/b/cat.png?size=2", "example.com/…/cat.png"),
        ("https://example.com/cat.png", "example.com/cat.png"),
        ("https://example.com", "example.com/"),
        ("data:image/png;base64,AAAA", "data:image/png;base64,…"),
    ],
)
def test_a_long_url_keeps_its_host_and_its_file_name(url: str, shown: str) -> None:
    assert render.short_source({"source": {"imageUrl": url}}) == shown
