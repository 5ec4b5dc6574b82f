"""Resolve the dependencies of pyproject.toml into one lock file for each group: `make lock`.

Lock files are requirements with hashes, for any platform. Layers get the versions of `dev`, which
the tests use. The packages of Node.js have a lock file beside their package.json.
"""

import os
import subprocess
import sys
from pathlib import Path

from tools.build.packages import PROJECT

UV = str(PROJECT / ".venv" / "bin" / "uv")
NODE_TOOLS = PROJECT / ".local" / "tools" / "clients" / "bin"
NODE_PACKAGES = PROJECT / "tests" / "support" / "clients" / "typescript"
COMMON = [
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-annotate",
    "--custom-compile-command=make lock",
]
ENVIRONMENTS = ["dev", "emulator", "sam", "policy", "clients", "chaos", "bench"]
LAYERS = ["sdk", "powertools", "pillow", "decoders", "heic", "pydantic", "chalice"]

# Chalice's dependencies are needed only by its command line; pi-heif's is Pillow, in another layer.
ALONE = {"chalice", "heic"}


def main() -> None:
    """Write all lock files; exit with the status of uv at the first one that fails."""
    for group in ENVIRONMENTS:
        project = ["pyproject.toml"] if group == "dev" else []
        compile_lock(f"tools/locks/{group}.txt", *project)
    for layer in LAYERS:
        options = ["--no-deps"] if layer in ALONE else []
        compile_lock(
            f"infra/layers/layer-{layer}.txt", "--constraint=tools/locks/dev.txt", *options
        )
    lock_node_packages()


def compile_lock(output: str, *options: str) -> None:
    """Write the lock file of the group that it is named after."""
    command = [UV, "-q", "pip", "compile", *options, "--group", Path(output).stem, *COMMON]
    status = subprocess.run(  # noqa: S603 - our own tool
        [*command, "--output-file", output], cwd=PROJECT, check=False
    ).returncode
    if status:
        sys.exit(status)


def lock_node_packages() -> None:
    """Write package-lock.json, without addresses of a registry; exit as `main`."""
    options = ["--package-lock-only", "--omit-lockfile-registry-resolved", "--ignore-scripts"]
    status = subprocess.run(  # noqa: S603 - our own tool
        [NODE_TOOLS / "npm", "install", *options, "--no-audit", "--no-fund"],
        cwd=NODE_PACKAGES,
        env={**os.environ, "PATH": f"{NODE_TOOLS}{os.pathsep}{os.environ['PATH']}"},
        check=False,
    ).returncode
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
