"""Ctrl-C reports what was done, and a bug does not print a traceback."""

import json
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any
from unittest import mock

import pytest

from darkroom.cli import retries
from darkroom.cli.errors import Commands
from darkroom.cli.terminal import output
from darkroom.cli.workers import Workers
from darkroom.client import Darkroom
from tests.support.fakes.api import Api, darkroom

PROGRAM = [sys.executable, "-m", "darkroom.cli"]


def interrupts(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    monkeypatch.setattr(owner, name, mock.Mock(side_effect=KeyboardInterrupt))


def test_ctrl_c_while_waiting_names_the_tasks_and_the_command_to_go_on(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupts(monkeypatch, Darkroom, "wait")

    one = darkroom("submit", "https://x/a.png", "--wait")
    two = darkroom("submit", "https://x/a.png", "https://x/b.png", "--wait", "--json")

    assert (one.exit_code, two.exit_code) == (130, 130)
    assert one.stdout.split()[:2] == ["PENDING", "t1"]
    assert one.stderr.endswith("What was submitted continues: see `darkroom status t1`.\n")
    shown = [json.loads(line) for line in two.stdout.splitlines()]
    assert [task["input"] for task in shown] == ["https://x/a.png", "https://x/b.png"]
    assert {task["taskId"] for task in shown} == {"t2", "t3"}  # in the order in which they arrive
    assert two.stderr == (
        "2 of 2 images submitted. What was submitted continues: see `darkroom list`.\n"
    )
    assert len(api.bodies) == 3


@pytest.mark.usefixtures("api")
def test_ctrl_c_while_submitting_says_what_may_have_been_submitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interrupts(monkeypatch, Darkroom, "submit")

    done = darkroom("submit", "https://x/a.png")

    assert done.exit_code == 130
    assert done.stderr == (
        "0 of 1 image submitted. 1 may have been submitted: see `darkroom list`.\n"
    )


def test_ctrl_c_in_a_bulk_retry_says_how_many_are_done(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        api.add(f"t{number}", "https://x/missing.png")
    done = iter([api.tasks["t2"], api.tasks["t1"], KeyboardInterrupt])
    monkeypatch.setattr(retries, "AT_ONCE", 1)
    monkeypatch.setattr(retries, "retry", mock.Mock(side_effect=done))

    stopped = darkroom("retry", "--status", "failed", "--yes")

    assert stopped.exit_code == 130
    assert stopped.stderr.startswith("2 of 3 tasks done. ")
    assert stopped.stderr.endswith("To do the rest, run the same command again.\n")


def test_ctrl_c_at_a_question_does_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.add("t1", "https://x/missing.png")
    stdin = mock.Mock(readline=mock.Mock(side_effect=KeyboardInterrupt))
    monkeypatch.setattr(output, "sys", mock.Mock(stdin=stdin))

    done = darkroom("retry", "--status", "FAILED")

    assert done.exit_code == 130
    assert done.stderr.endswith("\nNothing was done.\n")
    assert api.repairs == []


@pytest.mark.usefixtures("api")
def test_ctrl_c_in_a_command_that_reads_says_how_to_run_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interrupts(monkeypatch, Darkroom, "task")

    done = darkroom("logs", "t1")

    assert done.exit_code == 130
    assert done.stderr == "Interrupted. To run it again: darkroom logs t1\n"


def test_ctrl_c_before_a_command_has_begun_is_not_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interrupts(monkeypatch, Commands, "make_context")

    done = darkroom("status", "t1")

    assert (done.exit_code, done.stderr) == (130, "Interrupted. Nothing was done.\n")


def test_workers_that_are_abandoned_begin_nothing_new() -> None:
    begun: list[int] = []
    first, never = threading.Event(), threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        first.set()
        never.wait(0.1)

    with suppress(KeyboardInterrupt), Workers(1) as pool:
        for number in range(5):
            pool.submit(work, number)
        assert first.wait(60)
        raise KeyboardInterrupt

    assert begun == [0]


def test_a_real_ctrl_c_ends_a_wait_soon(api: Api) -> None:
    polled = threading.Event()

    def wait(_: Any) -> Any:
        polled.set()
        return Api.answer({**api.tasks["t1"], "status": "RUNNING"})

    api.server.expect_oneshot_request("/dev/tasks/t1").respond_with_handler(wait)
    # If tests run in the background of a shell, every process that they start would ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [*PROGRAM, "submit", "https://x/a.png", "--wait"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert polled.wait(60)
        running.send_signal(signal.SIGINT)
        shown, reported = running.communicate(timeout=60)

    assert running.returncode == 130
    assert shown.split()[1] == "t1"
    assert "darkroom.cli status t1" in reported


@pytest.mark.usefixtures("api")
def test_a_bug_is_one_line_without_the_debug_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Darkroom, "all_tasks", mock.Mock(side_effect=KeyError("taskId")))

    usual = darkroom("list")
    monkeypatch.setenv("DARKROOM_DEBUG", "1")
    debugging = darkroom("list")

    assert usual.exit_code == debugging.exit_code == 1
    assert usual.stderr == (
        "Unexpected error (KeyError: 'taskId'). This is a bug in darkroom. Run the command again "
        "with DARKROOM_DEBUG=1 to see where it occurs, and report it.\n"
    )
    assert "Traceback" in debugging.stderr
    assert "Traceback" not in usual.stderr
