"""What `pip install .` installs: the package `darkroom`, its data files and its command."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.project import PROJECT

METADATA = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
DISTRIBUTIONS = {"botocore": "boto3"}
"""The distribution of a module, where it has another name or comes with another one."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=PROJECT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_only_the_package_is_installed(wheel: zipfile.ZipFile) -> None:
    folders = {name.partition("/")[0] for name in wheel.namelist()}

    assert folders == {"darkroom", f"darkroom-{METADATA['version']}.dist-info"}


def test_the_package_has_all_modules_and_data_files(wheel: zipfile.ZipFile) -> None:
    installed = {name for name in wheel.namelist() if name.startswith("darkroom/")}

    source = {
        path.relative_to(PROJECT).as_posix()
        for path in (PROJECT / "darkroom").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert installed == source
    data = {name for name in installed if not name.endswith(".py")}
    assert data == {
        "darkroom/cost/counts.json",
        "darkroom/cost/prices.toml",
        "darkroom/py.typed",
    }


def test_the_command_is_darkroom(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))

    assert wheel.read(name).decode().split("\n")[:2] == [
        "[console_scripts]",
        "darkroom = darkroom.cli.__main__:main",
    ]


def test_client_and_command_import_only_declared_dependencies() -> None:
    imported = {
        DISTRIBUTIONS.get(module, module)
        for folder in ("client", "cli")
        for module in third_party(PROJECT / "darkroom" / folder)
    }

    assert imported == set(METADATA["dependencies"])


def third_party(folder: Path) -> set[str]:
    """The third-party modules that a folder imports, directly or through other modules of ours."""
    found: set[str] = set()
    seen: set[Path] = set()
    waiting = list(folder.rglob("*.py"))
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for module in imports(path):
            top = module.partition(".")[0]
            if top == "darkroom":
                place = PROJECT.joinpath(*module.split("."))
                files = [place.with_suffix(".py"), place / "__init__.py"]
                waiting += filter(Path.is_file, files)
            elif top not in sys.stdlib_module_names:
                found.add(top)
    return found


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            # `from darkroom.cli import tasks` also imports a module.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_help_imports_no_slow_library() -> None:
    program = (
        "import sys\n"
        "from darkroom.cli.main import app\n"
        "try:\n"
        "    app(['--help'])\n"
        "finally:\n"
        "    slow = {'boto3', 'botocore', 'httpx', 'rich'} & sys.modules.keys()\n"
        "    print(*slow, file=sys.stderr)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "Usage: " in done.stdout
    assert done.stderr.strip() == ""


def test_the_command_prints_its_version() -> None:
    program = Path(sys.executable).with_name("darkroom")

    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)

    assert done.stdout == f"darkroom {METADATA['version']}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_the_commands(shell: str) -> None:
    program = Path(sys.executable).with_name("darkroom")
    words = {"COMP_WORDS": "darkroom re", "COMP_CWORD": "1", "_TYPER_COMPLETE_ARGS": "darkroom re"}
    action = {"_TYPER_COMPLETE_FISH_ACTION": "get-args", "_DARKROOM_COMPLETE": f"complete_{shell}"}

    done = subprocess.run(
        [program], capture_output=True, text=True, check=False, env=os.environ | words | action
    )

    assert {"result", "retry", "redrive-dlq"} <= set(re.findall(r"[a-z-]+", done.stdout))
