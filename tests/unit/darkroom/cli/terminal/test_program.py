import os
import sys
from pathlib import Path

import pytest

from darkroom.cli.terminal import program


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the program, which the PATH does not have; the current folder is above it."""
    path = tmp_path / ".venv" / "bin" / "darkroom"
    path.parent.mkdir(parents=True)
    path.touch(0o755)
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.chdir(tmp_path)
    return path


def test_a_program_on_the_path_is_called_by_its_name(
    called: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(called.parent))

    assert program.name(called) == "darkroom"
    assert program.name(Path(".venv/bin/darkroom")) == "darkroom"


def test_another_program_on_the_path_does_not_count(
    called: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "elsewhere" / "darkroom"
    other.parent.mkdir()
    other.touch(0o755)
    monkeypatch.setenv("PATH", str(other.parent))

    assert program.name(called) == ".venv/bin/darkroom"


def test_a_program_that_is_not_on_the_path_is_called_by_its_path(
    called: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert program.name(called) == ".venv/bin/darkroom"
    (tmp_path / "with space").mkdir()
    monkeypatch.chdir(tmp_path / "with space")
    assert program.name(called) == str(called)
    monkeypatch.chdir(tmp_path)
    assert program.name(tmp_path / "with space" / "darkroom").startswith("'")


def test_a_module_is_called_with_its_interpreter() -> None:
    called = Path(program.__file__).parents[1] / "__main__.py"

    assert program.name(called) == f"{sys.executable} -m darkroom.cli"


def test_a_command_has_its_options_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "name", lambda: "darkroom")

    assert program.command("list", ["--stack", "my stack"]) == "darkroom --stack 'my stack' list"
