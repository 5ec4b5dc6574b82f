"""With `--json`, stdout has one JSON object on each line; everything else is on stderr."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import Result

from darkroom.cli import stack
from darkroom.cli.main import app
from darkroom.cli.operator import redrive
from tests.support.batch_folders import folder
from tests.support.fakes.api import PNG, Api, darkroom

NOTHING_TO_SHOW: set[str] = set()
"""Commands without `--json`."""


def objects(done: Result) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(isinstance(entry, dict) for entry in found)
    return found


def test_every_command_can_print_json() -> None:
    without = {
        command.name
        for command in commands_of(get_command(app))
        if not any("--json" in parameter.opts for parameter in command.params)
    }

    assert without == NOTHING_TO_SHOW


def commands_of(group: Any) -> Iterator[Any]:
    for command in group.commands.values():
        if hasattr(command, "commands"):
            yield from commands_of(command)
        else:
            yield command


def test_submit_prints_the_task_of_each_image_and_where_its_result_is(
    api: Api, tmp_path: Path
) -> None:
    (tmp_path / "cat.png").write_bytes(PNG)

    now = objects(darkroom("submit", "cat.png", "https://x/refused.png", "--json"))
    done = darkroom("submit", "cat.png", "--out", "gray", "--json")

    (task,) = now
    assert (task["status"], task["input"]) == ("PENDING", "cat.png")
    (task,) = objects(done)
    assert (task["status"], task["saved"]) == ("COMPLETED", "gray/cat-gray.jpg")
    assert [body["name"] for body in api.bodies if "uploadId" in body] == ["cat.png", "cat.png"]


@pytest.mark.usefixtures("api")
def test_batch_prints_the_rows_of_its_report() -> None:
    done = darkroom("batch", folder("a.png", "broken.jpg"), "--out", "gray", "--json")

    good, bad = objects(done)
    assert (good["source"], good["status"], good["file"]) == ("a.png", "COMPLETED", "a.png")
    assert (bad["source"], bad["status"], bad["error"]) == (
        "broken.jpg",
        "FAILED",
        "SourceNotFound",
    )
    assert good["batchId"] == bad["batchId"] == "b1"
    assert "1 of 2 saved" in done.stderr
    assert done.exit_code == 1


def test_retry_and_cancel_print_the_tasks(api: Api) -> None:
    api.add("t1", "https://x/missing.png")
    api.add("t2", status="RUNNING")

    (retried,) = objects(darkroom("retry", "t1", "--json"))
    (cancelled,) = objects(darkroom("cancel", "t2", "--json"))

    assert (retried["taskId"], retried["attempt"]) == ("t1", 2)
    assert (cancelled["taskId"], cancelled["status"]) == ("t2", "CANCELLED")


def test_a_bulk_retry_prints_the_retried_tasks_and_reports_the_rest_on_stderr(api: Api) -> None:
    api.add("t1", "https://x/missing.png")
    api.add("t2", "https://x/missing.png")

    dry = darkroom("retry", "--status", "failed", "--dry-run", "--json")
    done = darkroom("retry", "--status", "failed", "--yes", "--json")
    none = darkroom("retry", "--status", "cancelled", "--yes", "--json")

    assert [task["attempt"] for task in objects(dry)] == [1, 1]
    assert [task["attempt"] for task in objects(done)] == [2, 2]
    assert done.stderr == "2 tasks retried.\n"
    assert (none.stdout, none.stderr) == ("", "No task matches.\n")


def test_result_prints_the_task_and_the_file(api: Api) -> None:
    api.add("t1")

    (found,) = objects(darkroom("result", "t1", "--out", "gray.jpg", "--json"))

    assert (found["taskId"], found["saved"]) == ("t1", "gray.jpg")


def test_doctor_prints_its_findings(api: Api) -> None:
    api.server.expect_request("/dev/health").respond_with_data("{}")

    found = objects(darkroom("doctor", "--json"))

    assert [(finding["subject"], finding["level"]) for finding in found] == [
        ("API", "ok"),
        ("key", "ok"),
        ("clock", "ok"),
        ("cloud", "warn"),
    ]
    assert all(set(finding) == {"level", "subject", "message", "advice"} for finding in found)


def test_cost_prints_the_rows_of_its_tables() -> None:
    found = objects(darkroom("cost", "--json"))

    assert len({row["table"] for row in found}) == 6
    assert all(len(row) > 1 for row in found)


@pytest.mark.usefixtures("api")
def test_the_dead_letters_are_printed_before_and_counted_after_they_move(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    letter = redrive.DeadLetter("m1", "r1", "{}", {"taskId": "t1", "attempt": 2}, "Why.", None)

    class Letters:
        def __init__(self, _: stack.Stack) -> None: ...

        def count(self) -> int:
            return 3

        def peek(self, _: int) -> list[redrive.DeadLetter]:
            return [letter]

        def redrive(self, _: int) -> redrive.Moved:
            return redrive.Moved(1, 1)

    monkeypatch.setattr(redrive, "DeadLetters", Letters)

    (shown,) = objects(darkroom("redrive-dlq", "--dry-run", "--json"))
    (moved,) = objects(darkroom("redrive-dlq", "--yes", "--json"))

    assert shown == {
        "action": "move",
        "messageId": "m1",
        "taskId": "t1",
        "attempt": 2,
        "reason": "Why.",
    }
    assert moved == {"found": 3, "moved": 1, "kept": 1, "hidden": 1}
