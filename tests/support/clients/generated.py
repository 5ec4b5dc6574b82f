"""Clients that common tools generate from docs/openapi.json, and linters for it.

`make test` installs the tools: openapi-python-client and Node.js from tools/locks/clients.txt, the
packages of Node.js from typescript/package-lock.json.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.project import PROJECT
from tools.build.describe import OPENAPI_FILE
from tools.localcloud.cloud import TOOLS

PROGRAMS = PROJECT / "tests" / "support" / "clients"
"""Programs that use the generated clients."""
TYPESCRIPT = PROGRAMS / "typescript"
PYTHON_TOOLS = TOOLS / "clients" / "bin"
NODE_MODULES = TOOLS / "npm" / "node_modules"
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "CI": "true"}


def run(tool: str, *arguments: str | Path, folder: Path, **environment: str) -> str:
    """Run a tool in a folder, and return what it prints.

    Raises:
        AssertionError: it fails.
    """
    programs = [NODE_MODULES / ".bin", PYTHON_TOOLS]
    if not all(path.is_dir() for path in programs):
        pytest.fail("The generators are not installed. Run: make .local/tools/npm/.ready")
    done = subprocess.run(
        [tool, *arguments],
        cwd=folder,
        env=_environment(environment, *programs),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def generate_python(folder: Path) -> Path:
    """Generate the package `darkroom_client` in a folder, and return its path.

    Raises: AssertionError: openapi-python-client failed, or warned that it left something out.
    """
    package = folder / "darkroom_client"
    options = ["--meta", "none", "--fail-on-warning", "--output-path", package]
    reported = run(
        "openapi-python-client", "generate", "--path", OPENAPI_FILE, *options, folder=folder
    )
    assert "warning" not in reported.lower(), reported
    return package


def generate_typescript(folder: Path) -> None:
    """Generate `types.ts` with openapi-typescript and `functions/` with @hey-api/openapi-ts."""
    (folder / "node_modules").symlink_to(NODE_MODULES)
    reported = run("openapi-typescript", OPENAPI_FILE, "-o", "types.ts", folder=folder)
    reported += run("openapi-ts", "-i", OPENAPI_FILE, "-o", "functions", folder=folder)
    assert "warn" not in reported.lower(), reported


def compile_typescript(folder: Path) -> None:
    """Check the programs against the generated types, strictly, and compile them to `built/`."""
    for name in ("tsconfig.json", "openapi_fetch.ts", "hey_api.ts"):
        shutil.copy(TYPESCRIPT / name, folder)
    run("tsc", folder=folder)


def _environment(more: Mapping[str, str], *programs: Path) -> dict[str, str]:
    path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
    return {**os.environ, **QUIET, **more, "PATH": path}
