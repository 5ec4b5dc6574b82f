"""Programs with generated clients do everything that a caller does, and are checked strictly."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.generated import (
    PROGRAMS,
    compile_typescript,
    generate_python,
    generate_typescript,
    run,
)
from tests.support.cloud.stacks import Stack
from tests.support.fakes.sources import Sources
from tools.build.describe import OPENAPI_FILE

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def settings(standard: Stack, sources: Sources) -> dict[str, str]:
    """What the programs read from their environment."""
    return {
        "API_URL": standard.description["apiUrl"],
        "API_KEY": standard.description["apiKey"],
        "SOURCE_URL": sources.url("/colour.png"),
        "HELD_URL": sources.url("/held/generated"),
    }


@pytest.fixture(scope="module")
def operations() -> list[Any]:
    """The operations of the description."""
    paths = json.loads(OPENAPI_FILE.read_text("utf-8"))["paths"]
    return [one for item in paths.values() for method, one in item.items() if method in METHODS]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated package of Python."""
    return generate_python(tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generated types and functions of TypeScript, and the programs."""
    folder = tmp_path_factory.mktemp("typescript")
    generate_typescript(folder)
    compile_typescript(folder)
    return folder


def test_the_python_client_has_every_operation(operations: list[Any], package: Path):
    modules = {
        (path.parent.name, path.stem.replace("_", ""))
        for path in package.glob("api/*/*.py")
        if path.stem != "__init__"
    }
    assert modules == {(one["tags"][0].lower(), one["operationId"].lower()) for one in operations}


def test_the_typescript_clients_have_every_operation(operations: list[Any], typescript: Path):
    types = (typescript / "types.ts").read_text("utf-8")
    functions = (typescript / "functions" / "sdk.gen.ts").read_text("utf-8")
    for one in operations:
        assert f'operations["{one["operationId"]}"]' in types
        assert f"export const {one['operationId']} = " in functions


def test_a_python_program_does_everything(settings: dict[str, str], package: Path):
    folder = package.parent
    shutil.copy(PROGRAMS / "journey.py", folder)
    mypy = ["-P", "-m", "mypy", "--config-file", PROGRAMS / "mypy.ini", "--cache-dir", "cache"]

    run(sys.executable, *mypy, "journey.py", package.name, folder=folder)
    reported = run(sys.executable, "journey.py", folder=folder, **settings)

    assert reported == "done\n"


@pytest.mark.parametrize("program", ["openapi_fetch", "hey_api"])
def test_a_typescript_program_does_everything(
    settings: dict[str, str], typescript: Path, program: str
):
    reported = run("node", f"built/{program}.js", folder=typescript, **settings)
    assert reported == "done\n"
