"""Where the output of a command goes: a terminal, a pipe, a device, a full disk, nobody."""

import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.main import get_command

from darkroom.cli.main import app
from darkroom.cli.terminal import output
from tests.support.fakes.api import GRAY, Api, darkroom

PROGRAM = [sys.executable, "-m", "darkroom.cli"]


@pytest.mark.parametrize(
    ("redirection", "code", "reported"),
    [
        ("| true; exit ${PIPESTATUS[0]}", {0, 141}, ""),
        (">/dev/full", {1}, "The output: No space left on device.\n"),
        (">&-", {0}, ""),
        ("<&- --json", {0}, ""),
    ],
    ids=["reader leaves", "disk full", "stdout closed", "stdin closed"],
)
def test_a_closed_output_does_not_print_a_traceback(
    api: Api, redirection: str, code: set[int], reported: str
) -> None:
    for number in range(300):
        api.tasks[f"t{number}"] = {**api.add("t"), "taskId": f"t{number}"}
    command = f"{shlex.join([*PROGRAM, 'list', '--limit', '300'])} {redirection}"

    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode in code
    assert done.stderr == reported


def test_text_that_the_terminal_cannot_show_is_not_an_error(api: Api) -> None:
    api.add("t1", name="gr\u00fcn \ud800")
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}

    done = subprocess.run(
        [*PROGRAM, "status", "t1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environment,
    )

    assert "gr\\xfcn \\ufffd" in done.stdout
    assert done.stderr == ""


def test_json_with_text_that_is_not_valid_unicode_is_escaped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.print_json({"name": "gr\u00fcn"})
    output.print_json({"name": "\ud800"})

    assert capsys.readouterr().out == '{"name": "gr\u00fcn"}\n{"name": "\\ud800"}\n'


@pytest.mark.parametrize("command", ["", *get_command(app).commands])  # type: ignore[attr-defined]
def test_the_help_has_no_types_of_python(command: str) -> None:
    done = darkroom(*command.split(), "--help")

    assert done.exit_code == 0
    assert "<" not in done.stdout
    assert "list[" not in done.stdout


def test_a_pipe_or_a_device_receives_the_result_and_is_not_replaced(
    api: Api, tmp_path: Path
) -> None:
    api.add("t1")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with ThreadPoolExecutor(1) as reader:
        received = reader.submit(pipe.read_bytes)
        done = darkroom("result", "t1", "--out", pipe)
        assert received.result(60) == GRAY

    assert done.exit_code == 0
    assert pipe.is_fifo()
